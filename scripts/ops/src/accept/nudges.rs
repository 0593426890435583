//! What nudges have brought at an adapter, as its metrics say: how the judge of announcements does at each model.

use std::collections::BTreeMap;

use serde::Serialize;

use super::series;

/// The metric that counts them.
const METRIC: &str = "latchkey_adapter_toolcall_learned_total{";

/// What came of the nudges of one kind.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct NudgeStats {
    site: String,
    model: String,
    /// The language of the announcements, as ISO 639-1 names it.
    language: String,
    /// The lowest score of the band.
    score: String,
    called: u64,
    declined: u64,
    repeated: u64,
    /// Announcements without a nudge, because others were declined.
    left_alone: u64,
}

/// Reads them from an adapter's metrics.
pub(super) fn read(metrics: &str) -> Vec<NudgeStats> {
    let mut bands: BTreeMap<[String; 4], NudgeStats> = BTreeMap::new();
    for series in series::of(metrics, METRIC) {
        let key = ["site", "model", "language", "score"].map(|name| series.label(name));
        let [site, model, language, score] = key.clone();
        let empty = NudgeStats { site, model, language, score, ..NudgeStats::default() };
        let band = bands.entry(key).or_insert(empty);
        let outcome = match series.label("outcome").as_str() {
            "called" => &mut band.called,
            "declined" => &mut band.declined,
            "repeated" => &mut band.repeated,
            "left_alone" => &mut band.left_alone,
            _ => continue,
        };
        *outcome += series.count;
    }
    bands.into_values().collect()
}

impl NudgeStats {
    /// One line of the table.
    pub(super) fn line(&self) -> String {
        let Self { site, model, language, score, called, declined, repeated, left_alone } = self;
        format!(
            "nudges  {site}/{model} {language} from {score}: {called} called, {declined} declined, {repeated} repeated, \
             {left_alone} left alone\n"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outcomes_of_a_band_are_one_line() {
        let series = |outcome: &str, count: u64| {
            format!(
                "{METRIC}site=\"s\",model=\"m\",language=\"en\",score=\"65\",outcome=\"{outcome}\"}} {count}\n"
            )
        };
        let metrics = format!("{}# a comment\nother 1\n{}", series("called", 3), series("declined", 1));

        let told: Vec<String> = read(&metrics).iter().map(NudgeStats::line).collect();

        assert_eq!(told, ["nudges  s/m en from 65: 3 called, 1 declined, 0 repeated, 0 left alone\n"]);
    }
}
