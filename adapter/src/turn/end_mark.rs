//! Whether a site's model keeps to the mark of the end that it is asked for.

use super::shares::{CLIENTS, ENOUGH, shares};

/// Begins the names of what is counted of it in Redis.
const ROW: &str = "end_mark";

/// How one answer kept to the mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MarkOutcome {
    /// The work is finished, and it stands at the end.
    Kept,
    /// The work is finished as far as the judge can tell, and it is not there.
    Missed,
    /// It came twice, or words behind it.
    Repeated,
    /// It stands beside a call, or behind an announcement of one.
    Misplaced,
}

/// How often each was, by client.
#[derive(Debug, Clone, Default)]
pub(super) struct MarkCounts([[u64; 4]; CLIENTS as usize]);

impl MarkOutcome {
    const ALL: [Self; 4] = [Self::Kept, Self::Missed, Self::Repeated, Self::Misplaced];

    /// The word for metrics and Redis.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Missed => "missed",
            Self::Repeated => "repeated",
            Self::Misplaced => "misplaced",
        }
    }
}

impl MarkCounts {
    /// Takes what stands in Redis under this name; whether it is one of these.
    pub(super) fn add(&mut self, row: &str, outcome: &str, count: u64) -> bool {
        let Some(client) = row.strip_prefix(ROW).and_then(|rest| rest.strip_prefix('/')) else {
            return false;
        };
        let client =
            u8::from_str_radix(client, 16).ok().and_then(|client| self.0.get_mut(usize::from(client)));
        let at = MarkOutcome::ALL.iter().position(|kind| kind.as_str() == outcome);
        if let Some((counts, at)) = client.zip(at) {
            counts[at] = counts[at].saturating_add(count);
        }
        true
    }

    /// Whether nine of ten answers kept to it, of enough and of several clients.
    pub(super) fn are_kept_to(&self) -> bool {
        let ([kept, ..], all) = shares(self.0.iter());
        all >= ENOUGH && kept * 10 >= all * 9
    }

    /// Whether more than one of ten had it where it does not belong.
    pub(super) fn are_misused(&self) -> bool {
        let ([_, _, repeated, misplaced], all) = shares(self.0.iter());
        all >= ENOUGH && (repeated + misplaced) * 10 > all
    }
}

/// The name of an outcome in Redis.
pub(super) fn name(client: u8, outcome: MarkOutcome) -> String {
    format!("{ROW}/{client:x}/{}", outcome.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of each client: kept, missed, repeated, misplaced.
    fn counts(clients: &[[u64; 4]]) -> MarkCounts {
        let mut counts = MarkCounts::default();
        for (client, of_client) in clients.iter().enumerate() {
            for (outcome, count) in MarkOutcome::ALL.into_iter().zip(of_client) {
                let name = name(client.try_into().unwrap(), outcome);
                let (row, word) = name.rsplit_once('/').unwrap();
                assert!(counts.add(row, word, *count));
            }
        }
        assert!(!counts.add("en/50/0", "called", 1000) && counts.add("end_mark/zz", "kept", 1000));
        counts
    }

    #[test]
    fn nine_of_ten_of_several_clients_are_relied_on() {
        assert!(counts(&[[18, 2, 0, 0], [20, 0, 0, 0]]).are_kept_to());
        assert!(!counts(&[[12, 3, 0, 0], [13, 2, 0, 0]]).are_kept_to());
        assert!(!counts(&[[1000, 0, 0, 0]]).are_kept_to(), "one client");
        assert!(!counts(&[[14, 0, 0, 0], [14, 0, 0, 0]]).are_kept_to(), "few");
        assert!(!counts(&[]).are_kept_to());
    }

    #[test]
    fn a_model_that_misuses_it_is_known() {
        assert!(counts(&[[10, 0, 3, 2], [15, 0, 0, 0]]).are_misused());
        assert!(!counts(&[[12, 0, 2, 1], [15, 0, 0, 0]]).are_misused());
        assert!(!counts(&[[0, 40, 0, 0], [0, 40, 0, 0]]).are_misused(), "forgotten is not misused");
        assert!(!counts(&[[0, 0, 1000, 0]]).are_misused(), "one client");
    }
}
