//! What the turns of a line come to.

use std::time::Duration;

use serde::Serialize;

use super::{
    line::Scenario,
    turn::{Call, Turn},
};

/// The head of the table of numbers.
pub(super) const HEAD: [&str; 8] =
    ["LINE", "TURNS", "ERRORS", "MEAN", "P95", "FIRST TOKEN P95", "TOOL SUCCESS", "ENDED BY ITSELF"];

/// The numbers of one line. Times in seconds; what the line does not have is none.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Stats {
    /// How many turns there were.
    pub turns: usize,
    /// Of them, those that failed.
    pub error_rate: f64,
    /// From the request to the end.
    pub mean: f64,
    /// The same, of the slowest but one in twenty.
    pub p95: f64,
    /// From the request to the first token, of the slowest but one in twenty.
    pub first_token: Option<f64>,
    /// Of the turns that had to call a tool, those that did well.
    pub tool_success: Option<f64>,
    /// Of them, those that ended in words.
    pub ended_by_itself: Option<f64>,
}

impl Stats {
    /// The numbers of these turns.
    pub(super) fn of(turns: &[Turn]) -> Self {
        let took: Vec<f64> = turns.iter().map(|turn| turn.took.as_secs_f64()).collect();
        let first: Vec<f64> =
            turns.iter().filter_map(|turn| turn.first_token).map(|d| d.as_secs_f64()).collect();
        let calls: Vec<&Call> = turns.iter().filter_map(|turn| turn.call.as_ref()).collect();
        let rate = |count: usize, all: usize| if all == 0 { 0.0 } else { count as f64 / all as f64 };
        let part = |wanted: &Call| {
            let count = calls.iter().filter(|call| **call == wanted).count();
            (!calls.is_empty()).then(|| rate(count, calls.len()))
        };
        Self {
            turns: turns.len(),
            error_rate: rate(turns.iter().filter(|turn| turn.error.is_some()).count(), turns.len()),
            mean: took.iter().sum::<f64>() / took.len().max(1) as f64,
            p95: p95(&took).unwrap_or(0.0),
            first_token: p95(&first),
            tool_success: part(&Call::Made),
            ended_by_itself: part(&Call::Ended),
        }
    }

    /// Its row in the table.
    pub(super) fn row(&self, scenario: Scenario) -> [String; 8] {
        let optional =
            |value: Option<f64>, show: fn(f64) -> String| value.map_or_else(|| "-".to_owned(), show);
        [
            scenario.as_str().to_owned(),
            self.turns.to_string(),
            percent(self.error_rate),
            secs(self.mean),
            secs(self.p95),
            optional(self.first_token, secs),
            optional(self.tool_success, percent),
            optional(self.ended_by_itself, percent),
        ]
    }
}

/// A part of all, in hundredths.
pub(super) fn percent(part: f64) -> String {
    format!("{:.1} %", part * 100.0)
}

/// Seconds.
pub(super) fn secs(secs: f64) -> String {
    if secs < 0.1 { format!("{:.1} ms", secs * 1000.0) } else { format!("{secs:.2} s") }
}

/// The nearest rank.
fn p95(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (sorted.len() * 95).div_ceil(100);
    rank.checked_sub(1).map(|index| sorted[index])
}

/// A time for the plots.
pub(super) fn of(duration: Duration) -> f64 {
    duration.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_turns_are_parts_and_percentiles() {
        let turn = |ms, error: Option<&str>, call| Turn {
            error: error.map(str::to_owned),
            took: Duration::from_millis(ms),
            first_token: error.is_none().then(|| Duration::from_millis(ms / 2)),
            call,
        };
        let turns = [
            turn(1000, None, Some(Call::Made)),
            turn(2000, None, Some(Call::Ended)),
            turn(3000, None, Some(Call::Wrong(String::new()))),
            turn(4000, Some("status 500"), Some(Call::Ended)),
        ];

        let numbers = Stats::of(&turns);

        assert_eq!((numbers.mean, numbers.p95, numbers.first_token), (2.5, 4.0, Some(1.5)));
        assert_eq!((numbers.error_rate, numbers.tool_success), (0.25, Some(0.25)));
        assert_eq!(numbers.ended_by_itself, Some(0.5));
        assert_eq!(Stats::of(&[]).first_token, None);
    }
}
