//! An adapter's metrics, as far as they say what it has learned.

use reqwest::Url;

/// One counter.
pub(super) struct CounterSeries<'a> {
    labels: &'a str,
    pub(super) count: u64,
}

/// Asks an adapter for its metrics; a gateway has no such page, and none are told.
pub(super) async fn metrics(http: &reqwest::Client, url: &Url) -> String {
    let address = format!("{}/metrics", url.as_str().trim_end_matches('/'));
    let Ok(answer) = http.get(address).send().await else { return String::new() };
    match answer.error_for_status() {
        Ok(answer) => answer.text().await.unwrap_or_default(),
        Err(_) => String::new(),
    }
}

/// The counters whose lines begin so.
pub(super) fn of<'a>(metrics: &'a str, begin: &'static str) -> impl Iterator<Item = CounterSeries<'a>> {
    metrics.lines().filter_map(move |line| {
        let (labels, count) = line.strip_prefix(begin)?.rsplit_once("} ")?;
        Some(CounterSeries { labels, count: count.parse().unwrap_or_default() })
    })
}

impl CounterSeries<'_> {
    /// What a label says; nothing where it is not there.
    pub(super) fn label(&self, name: &str) -> String {
        let value = self.labels.split_once(&format!("{name}=\"")).and_then(|(_, rest)| rest.split_once('"'));
        value.map(|(value, _)| value.to_owned()).unwrap_or_default()
    }
}
