//! What came of nudges, by model, language and score, and whether a model keeps to the mark of the end: the replicas learn
//! together where a site's model is left alone, and where its mark can be relied on.
//!
//! Kept are names and numbers, for two weeks at most, and no word of an answer. Clients are told apart by a sixteenth of
//! them all, so that none of them can be known again and there is a bound to what is kept.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use latchkey_shared::{store::AdapterStore, time::Timestamp};
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use super::{
    end_mark::{self, MarkCounts, MarkOutcome},
    shares::{CLIENTS, ENOUGH, shares},
};
use crate::{
    conversation::{add, digest},
    metrics::ModelLabels,
};

/// Outcomes count in the period in which they come, and in the next.
const PERIOD: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// How long a replica believes what it has read.
const FRESH: Duration = Duration::from_secs(60);
/// What a nudge brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NudgeOutcome {
    /// A call.
    Called,
    /// The word that there is nothing to do.
    Declined,
    /// Words.
    Repeated,
}

/// What nudges are alike in: the language of the announcement, and the score from which the band begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NudgeBand {
    /// As ISO 639-1 names it.
    pub language: &'static str,
    /// The lowest score of the band.
    pub score: &'static str,
}

/// What this replica knows, by digest of site and model.
#[derive(Debug, Default)]
pub(crate) struct LearnedOutcomes(Mutex<HashMap<String, LearnedAt>>);

#[derive(Debug, Clone)]
struct LearnedAt {
    at: Instant,
    counts: OutcomeCounts,
}

/// What was counted.
#[derive(Debug, Clone, Default)]
pub(super) struct OutcomeCounts {
    /// Called, declined and repeated, by language, score and client.
    nudges: BTreeMap<String, [u64; 3]>,
    marks: MarkCounts,
}

/// What one turn teaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lesson {
    /// What a nudge brought.
    Nudge(NudgeBand, NudgeOutcome),
    /// How the model kept to the mark of the end.
    EndMark(MarkOutcome),
}

/// What one turn goes by, and where its own outcome goes.
#[derive(Debug, Clone, Default)]
pub(super) struct TurnLessons {
    /// Empty where nothing is learned.
    digest: String,
    client: u8,
    counts: OutcomeCounts,
}

impl NudgeOutcome {
    const ALL: [Self; 3] = [Self::Called, Self::Declined, Self::Repeated];

    /// What is learned from a nudge by what it brought, as metrics name that.
    pub(super) fn of(outcome: &str) -> Option<Self> {
        match outcome {
            "call" => Some(Self::Called),
            "declined" => Some(Self::Declined),
            "text" => Some(Self::Repeated),
            _ => None,
        }
    }

    /// The word for metrics and Redis.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Called => "called",
            Self::Declined => "declined",
            Self::Repeated => "repeated",
        }
    }
}

impl NudgeBand {
    /// The band of a score that is nudged.
    pub(super) fn of(language: &'static str, score: i32) -> Self {
        let score = match score {
            ..65 => "50",
            65..85 => "65",
            85.. => "85",
        };
        Self { language, score }
    }
}

impl OutcomeCounts {
    fn read(names: BTreeMap<String, u64>) -> Self {
        let mut counts = Self::default();
        for (name, count) in names {
            counts.add(&name, count);
        }
        counts
    }

    fn add(&mut self, name: &str, count: u64) {
        let Some((row, outcome)) = name.rsplit_once('/') else { return };
        if self.marks.add(row, outcome, count) {
            return;
        }
        let Some(at) = NudgeOutcome::ALL.iter().position(|kind| kind.as_str() == outcome) else { return };
        self.nudges.entry(row.to_owned()).or_default()[at] += count;
    }

    /// Whether enough nudges of a band, of several clients, were declined more often than they brought a call.
    pub(super) fn leaves_alone(&self, band: NudgeBand) -> bool {
        let NudgeBand { language, score } = band;
        let rows = (0..CLIENTS).filter_map(|client| self.nudges.get(&row(language, score, client)));
        let ([called, declined, _], all) = shares(rows);
        all >= ENOUGH && declined > called
    }
}

impl Lesson {
    /// Its name in Redis.
    fn name(self, client: u8) -> String {
        match self {
            Self::Nudge(band, outcome) => {
                format!("{}/{}", row(band.language, band.score, client), outcome.as_str())
            }
            Self::EndMark(outcome) => end_mark::name(client, outcome),
        }
    }
}

impl TurnLessons {
    /// Whether a band is left alone.
    pub(super) fn leaves_alone(&self, band: NudgeBand) -> bool {
        self.counts.leaves_alone(band)
    }

    /// Whether the model keeps to the mark of the end.
    pub(super) fn keeps_to_end_mark(&self) -> bool {
        self.counts.marks.are_kept_to()
    }
}

impl LearnedOutcomes {
    /// Whether a model may be asked for the mark of the end: not where it is known to repeat or misplace it.
    pub(super) fn lets_ask_for_end_mark(&self, labels: &ModelLabels) -> bool {
        self.known(&digest_of(labels)).is_none_or(|known| !known.counts.marks.are_misused())
    }

    /// What is known of a model. Where Redis does not say, what was known before.
    pub(super) async fn recall(
        &self,
        store: &AdapterStore,
        labels: &ModelLabels,
        client: [u8; 32],
    ) -> TurnLessons {
        let client = client[31] % CLIENTS;
        let digest = digest_of(labels);
        let known = self.known(&digest);
        if let Some(LearnedAt { at, counts }) = &known
            && at.elapsed() < FRESH
        {
            return TurnLessons { digest, client, counts: counts.clone() };
        }
        let now = period();
        let counts = match store.outcomes(&digest, [now.saturating_sub(1), now]).await {
            Ok(names) => OutcomeCounts::read(names),
            Err(error) => {
                tracing::warn!(%error, "cannot read what came of turns");
                known.map(|known| known.counts).unwrap_or_default()
            }
        };
        self.keep(&digest, |_| LearnedAt { at: Instant::now(), counts: counts.clone() });
        TurnLessons { digest, client, counts }
    }

    /// Notes what a turn teaches, here and for the other replicas.
    pub(super) async fn note(&self, store: &AdapterStore, lessons: &TurnLessons, lesson: Lesson) {
        let TurnLessons { digest, client, .. } = lessons;
        if digest.is_empty() {
            return;
        }
        let name = lesson.name(*client);
        self.keep(digest, |known| {
            let mut known =
                known.unwrap_or(LearnedAt { at: Instant::now(), counts: OutcomeCounts::default() });
            known.counts.add(&name, 1);
            known
        });
        if let Err(error) = store.count_outcome(digest, period(), &name, 2 * PERIOD).await {
            tracing::warn!(%error, "cannot note what came of a turn");
        }
    }

    fn known(&self, digest: &str) -> Option<LearnedAt> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(digest).cloned()
    }

    fn keep(&self, digest: &str, change: impl FnOnce(Option<LearnedAt>) -> LearnedAt) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = all.remove(digest);
        all.insert(digest.to_owned(), change(before));
    }
}

fn digest_of(labels: &ModelLabels) -> String {
    let mut all = Sha256::new();
    add(&mut all, &labels.site);
    add(&mut all, &labels.model);
    digest(all)
}

fn row(language: &str, score: &str, client: u8) -> String {
    format!("{language}/{score}/{client:x}")
}

/// The number of this period since 1970.
fn period() -> u64 {
    Timestamp::now().millis() / u64::try_from(PERIOD.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BAND: NudgeBand = NudgeBand { language: "en", score: "50" };

    /// Of each client: called, declined, repeated.
    fn leaves_alone(clients: &[[u64; 3]]) -> bool {
        let mut names = BTreeMap::new();
        for (client, counts) in clients.iter().enumerate() {
            for (outcome, count) in NudgeOutcome::ALL.iter().zip(counts) {
                names.insert(format!("en/50/{client:x}/{}", outcome.as_str()), *count);
            }
        }
        names.insert("en/65/0/declined".to_owned(), 1000);
        names.insert("not/a name".to_owned(), 1);
        OutcomeCounts::read(names).leaves_alone(BAND)
    }

    #[test]
    fn a_band_is_left_alone_where_it_declines_more_than_it_calls() {
        assert!(leaves_alone(&[[7, 8, 0], [7, 8, 0]]));
        assert!(!leaves_alone(&[[8, 7, 0], [7, 8, 0]]));
        assert!(leaves_alone(&[[0, 5, 5]; 3]));
        assert!(!leaves_alone(&[[0, 0, 10]; 5]), "words are no refusal");
        assert!(!leaves_alone(&[]));
    }

    #[test]
    fn neither_few_outcomes_nor_one_client_teach_it() {
        assert!(!leaves_alone(&[[0, 15, 0], [0, 14, 0]]));
        assert!(!leaves_alone(&[[0, 1_000_000, 0]]));
        assert!(!leaves_alone(&[[0, 1000, 0], [14, 0, 0]]));
        // Nor is one of many heard above the rest.
        assert!(!leaves_alone(&[[0, 1000, 0], [15, 0, 0], [15, 0, 0]]));
    }

    #[test]
    fn a_score_has_its_band() {
        let bands = [50, 64, 65, 84, 85, 300].map(|score| NudgeBand::of("en", score).score);
        assert_eq!(bands, ["50", "50", "65", "65", "85", "85"]);
    }
}
