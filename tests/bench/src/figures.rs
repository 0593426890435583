//! What one target showed in one scenario, and the median of several rounds.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// More cores than this in use by others, and no figure is to be trusted.
pub(crate) const TOO_BUSY: f64 = 0.15;

/// What a scenario showed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Measured {
    /// Whole answers a second.
    pub requests_per_second: f64,
    /// Chunks a second.
    pub chunks_per_second: f64,
    /// CPU milliseconds of the target per request.
    pub cpu_ms_per_request: f64,
    /// CPU seconds of the target per million chunks.
    pub cpu_s_per_million_chunks: f64,
    /// Milliseconds to the first stamp.
    pub first_p50_ms: f64,
    /// The same, of the slowest hundredth.
    pub first_p99_ms: f64,
    /// Milliseconds from the stamp of a chunk to its arrival.
    pub chunk_p50_ms: f64,
    /// The same, of the slowest hundredth.
    pub chunk_p99_ms: f64,
    /// KiB of the target's memory per connection at its peak, over what it had when it was started.
    pub kib_per_stream: f64,
    /// Bytes of a chunk as the client gets it, frames and heads included.
    pub bytes_per_chunk: f64,
    /// Answers that failed or lacked a chunk.
    pub errors: f64,
    /// Cores that others used meanwhile.
    pub others: f64,
}

/// What all connections of one round saw together. Times in nanoseconds.
#[derive(Debug, Default)]
pub(crate) struct Sum {
    /// Whole answers.
    pub requests: usize,
    /// Others.
    pub errors: usize,
    /// Bytes read.
    pub bytes: u64,
    /// To the first stamp of each answer.
    pub firsts: Vec<u64>,
    /// From each stamp to its arrival.
    pub delays: Vec<u64>,
    /// Why the first of the errors failed.
    pub trouble: Option<String>,
}

impl Sum {
    /// Counts an error.
    pub(crate) fn fail(&mut self, trouble: String) {
        self.errors += 1;
        self.trouble.get_or_insert(trouble);
    }

    /// Takes in what another connection saw.
    pub(crate) fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.errors += other.errors;
        self.bytes += other.bytes;
        self.firsts.extend(other.firsts);
        self.delays.extend(other.delays);
        self.trouble = self.trouble.take().or(other.trouble);
    }

    /// Figures out of it, of a target that used so much CPU time.
    pub(crate) fn measured(mut self, elapsed: Duration, cpu: Duration) -> Measured {
        self.firsts.sort_unstable();
        self.delays.sort_unstable();
        let requests = self.requests as f64;
        let chunks = self.delays.len() as f64;
        Measured {
            requests_per_second: requests / elapsed.as_secs_f64(),
            chunks_per_second: chunks / elapsed.as_secs_f64(),
            cpu_ms_per_request: cpu.as_secs_f64() * 1e3 / requests.max(1.0),
            cpu_s_per_million_chunks: cpu.as_secs_f64() * 1e6 / chunks.max(1.0),
            first_p50_ms: percentile(&self.firsts, 0.50),
            first_p99_ms: percentile(&self.firsts, 0.99),
            chunk_p50_ms: percentile(&self.delays, 0.50),
            chunk_p99_ms: percentile(&self.delays, 0.99),
            bytes_per_chunk: self.bytes as f64 / chunks.max(1.0),
            errors: self.errors as f64,
            ..Measured::default()
        }
    }
}

impl Measured {
    /// The median of several rounds, each figure by itself. Rounds on a busy machine count only where there is no other.
    pub(crate) fn median(rounds: &[Self]) -> Self {
        let quiet: Vec<Self> = rounds.iter().copied().filter(Self::is_trusted).collect();
        let used = if quiet.is_empty() { rounds } else { &quiet };
        let of = |field: fn(&Self) -> f64| median(used.iter().map(field).collect());
        Self {
            requests_per_second: of(|m| m.requests_per_second),
            chunks_per_second: of(|m| m.chunks_per_second),
            cpu_ms_per_request: of(|m| m.cpu_ms_per_request),
            cpu_s_per_million_chunks: of(|m| m.cpu_s_per_million_chunks),
            first_p50_ms: of(|m| m.first_p50_ms),
            first_p99_ms: of(|m| m.first_p99_ms),
            chunk_p50_ms: of(|m| m.chunk_p50_ms),
            chunk_p99_ms: of(|m| m.chunk_p99_ms),
            kib_per_stream: of(|m| m.kib_per_stream),
            bytes_per_chunk: of(|m| m.bytes_per_chunk),
            // An error in one round is an error.
            errors: rounds.iter().map(|m| m.errors).fold(0.0, f64::max),
            others: of(|m| m.others),
        }
    }

    /// Whether nobody else kept the machine busy.
    pub(crate) fn is_trusted(&self) -> bool {
        self.others <= TOO_BUSY
    }
}

/// The middle one; of an even number the upper one of the two, which is the worse of most figures.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// In milliseconds, of sorted nanoseconds.
fn percentile(sorted: &[u64], part: f64) -> f64 {
    let last = sorted.len().saturating_sub(1) as f64;
    sorted.get((last * part).round() as usize).map_or(0.0, |&nanos| nanos as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(requests_per_second: f64, others: f64, errors: f64) -> Measured {
        Measured { requests_per_second, others, errors, ..Measured::default() }
    }

    #[test]
    fn the_median_is_of_the_quiet_rounds() {
        let rounds = [round(900.0, 0.0, 0.0), round(100.0, 1.2, 0.0), round(950.0, 0.1, 0.0)];

        let median = Measured::median(&rounds);

        assert_eq!(median.requests_per_second, 950.0);
        assert!(median.is_trusted());
    }

    #[test]
    fn busy_rounds_count_when_there_are_no_others_and_are_not_trusted() {
        let median = Measured::median(&[round(3.0, 1.0, 0.0), round(1.0, 0.5, 0.0), round(2.0, 0.7, 0.0)]);

        assert_eq!(median.requests_per_second, 2.0);
        assert!(!median.is_trusted());
    }

    #[test]
    fn an_error_in_one_round_is_an_error_even_on_a_busy_machine() {
        let median = Measured::median(&[round(1.0, 0.0, 0.0), round(1.0, 0.9, 7.0), round(1.0, 0.0, 0.0)]);

        assert_eq!(median.errors, 7.0);
    }

    #[test]
    fn percentiles_are_of_what_was_seen_by_all_connections() {
        let mut all = Sum::default();
        all.add(Sum { requests: 1, delays: (51..=100).map(|ms| ms * 1_000_000).collect(), ..Sum::default() });
        all.add(Sum { requests: 1, delays: (1..=50).map(|ms| ms * 1_000_000).collect(), ..Sum::default() });

        let measured = all.measured(Duration::from_secs(2), Duration::from_millis(10));

        assert_eq!((measured.chunk_p50_ms, measured.chunk_p99_ms), (51.0, 99.0));
        assert_eq!((measured.requests_per_second, measured.cpu_ms_per_request), (1.0, 5.0));
        assert_eq!(measured.cpu_s_per_million_chunks, 100.0);
    }
}
