//! The report: one page that needs nothing beside it, to be shown to others.

use std::fmt::Write;

use latchkey_shared::time::Timestamp;

use super::{
    numbers::{percent, secs},
    scenario::{ScenarioRequest, ScenarioResult},
    thresholds::Thresholds,
    turn,
};

mod markup;
mod plot;

use markup::escaped;

const STYLE: &str = include_str!("report/style.css");

/// The whole page.
pub(super) fn page(
    request: &ScenarioRequest,
    shown: &[ScenarioResult],
    thresholds: &Thresholds,
    clients: bool,
) -> String {
    let failures: Vec<&String> = shown.iter().flat_map(|shown| &shown.failures).collect();
    let (class, verdict) = match failures.is_empty() {
        true => ("good", "Accepted"),
        false => ("bad", "Not accepted"),
    };
    let turns: usize = shown.iter().map(|shown| shown.turns.len()).sum();
    let by = if clients { "OpenCode and Claude Code" } else { "plain protocol" };
    let model = escaped(&request.model);
    let url = escaped(request.url.as_str());
    let when = utc(Timestamp::now());
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>Acceptance: {verdict}</title>\
         <style>{STYLE}</style></head><body><main>\n<header class=\"{class}\"><p class=\"eyebrow\">Acceptance run</p>\
         <h1>{verdict}</h1><p>{model} at {url}</p><p class=\"quiet\">{when} · {turns} turns · {by}</p></header>\n"
    );
    if !failures.is_empty() {
        page += "<section class=\"failures\"><h2>What is not as it must be</h2><ul>";
        for failure in &failures {
            write!(page, "<li>{}</li>", escaped(failure)).expect("a String takes all");
        }
        page += "</ul></section>\n";
    }
    for one in shown {
        page += &line(one, thresholds);
    }
    page + "</main></body></html>\n"
}

fn line(result: &ScenarioResult, thresholds: &Thresholds) -> String {
    let numbers = &result.stats;
    let limits = thresholds.of(result.scenario);
    let class = if result.failures.is_empty() { "good" } else { "bad" };
    let most = |value: Option<f64>, limit: Option<f64>| Some(value? <= limit?);
    let least = |value: Option<f64>, limit: Option<f64>| Some(value? >= limit?);
    let rate = |limit: Option<f64>, word: &str| limit.map(|limit| format!("{word} {}", percent(limit)));
    let time = |limit: Option<f64>| limit.map(|limit| format!("at most {}", secs(limit)));
    let tiles = [
        Tile::new("Errors", Some(percent(numbers.error_rate)), rate(limits.error_rate, "at most"))
            .judged(most(Some(numbers.error_rate), limits.error_rate)),
        Tile::new("Mean", Some(secs(numbers.mean)), time(limits.mean))
            .judged(most(Some(numbers.mean), limits.mean)),
        Tile::new("95 % within", Some(secs(numbers.p95)), time(limits.p95))
            .judged(most(Some(numbers.p95), limits.p95)),
        Tile::new("First token, 95 %", numbers.first_token.map(secs), time(limits.first_token))
            .judged(most(numbers.first_token, limits.first_token)),
        Tile::new(
            "Tool calls that fit",
            numbers.tool_success.map(percent),
            rate(limits.tool_success, "at least"),
        )
        .judged(least(numbers.tool_success, limits.tool_success)),
        Tile::new(
            "Ended by itself",
            numbers.ended_by_itself.map(percent),
            rate(limits.ended_by_itself, "at most"),
        )
        .judged(most(numbers.ended_by_itself, limits.ended_by_itself)),
    ];
    let tiles: String = tiles.iter().map(Tile::html).collect();
    let title = result.scenario.title();
    let name = result.scenario.as_str();
    let mut html = format!(
        "<section class=\"line {class}\"><h2>{title} <code>{name}</code></h2><div class=\"tiles\">{tiles}</div>{}",
        plot::turns(&result.turns, limits.p95)
    );
    let causes = turn::causes(&result.turns);
    if !causes.is_empty() {
        html += "<table>";
        for (cause, count) in causes {
            write!(html, "<tr><td>{count} ×</td><td>{}</td></tr>", escaped(&cause))
                .expect("a String takes all");
        }
        html += "</table>";
    }
    html + "</section>\n"
}

/// One number with what it must be.
struct Tile {
    name: &'static str,
    value: Option<String>,
    limit: Option<String>,
    class: &'static str,
}

impl Tile {
    fn new(name: &'static str, value: Option<String>, limit: Option<String>) -> Self {
        Self { name, value, limit, class: "" }
    }

    fn judged(self, good: Option<bool>) -> Self {
        let class = match good {
            None => "",
            Some(true) => "good",
            Some(false) => "bad",
        };
        Self { class, ..self }
    }

    /// Nothing where the line has no such number.
    fn html(&self) -> String {
        let Some(value) = &self.value else { return String::new() };
        let limit = self.limit.as_deref().unwrap_or("no threshold");
        let name = self.name;
        let class = self.class;
        format!(
            "<div class=\"tile {class}\"><span>{name}</span><strong>{value}</strong><small>{limit}</small></div>"
        )
    }
}

/// A time without its fraction.
fn utc(time: Timestamp) -> String {
    let text = time.to_string();
    text.split_once('.').map_or(text.clone(), |(before, _)| before.replace('T', " ") + " UTC")
}
