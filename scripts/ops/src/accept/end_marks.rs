//! How models keep to the mark of the end, as an adapter's metrics say.

use std::collections::BTreeMap;

use serde::Serialize;

use super::series;

/// The metric that counts it.
const METRIC: &str = "latchkey_adapter_toolcall_end_mark_total{";

/// How one model keeps to it.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct EndMarkStats {
    site: String,
    model: String,
    kept: u64,
    missed: u64,
    repeated: u64,
    misplaced: u64,
}

/// Reads it from an adapter's metrics.
pub(super) fn read(metrics: &str) -> Vec<EndMarkStats> {
    let mut models: BTreeMap<[String; 2], EndMarkStats> = BTreeMap::new();
    for series in series::of(metrics, METRIC) {
        let key = ["site", "model"].map(|name| series.label(name));
        let [site, model] = key.clone();
        let of_model = models.entry(key).or_insert(EndMarkStats { site, model, ..EndMarkStats::default() });
        let outcome = match series.label("outcome").as_str() {
            "kept" => &mut of_model.kept,
            "missed" => &mut of_model.missed,
            "repeated" => &mut of_model.repeated,
            "misplaced" => &mut of_model.misplaced,
            _ => continue,
        };
        *outcome += series.count;
    }
    models.into_values().collect()
}

impl EndMarkStats {
    /// One line of the table.
    pub(super) fn line(&self) -> String {
        let Self { site, model, kept, missed, repeated, misplaced } = self;
        format!(
            "end mark  {site}/{model}: {kept} kept, {missed} missed, {repeated} repeated, {misplaced} misplaced\n"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outcomes_of_a_model_are_one_line() {
        let series = |outcome: &str, count: u64| {
            format!("{METRIC}site=\"s\",model=\"m\",outcome=\"{outcome}\"}} {count}\n")
        };
        let metrics = format!("{}other 1\n{}", series("kept", 27), series("missed", 3));

        let told: Vec<String> = read(&metrics).iter().map(EndMarkStats::line).collect();

        assert_eq!(told, ["end mark  s/m: 27 kept, 3 missed, 0 repeated, 0 misplaced\n"]);
    }
}
