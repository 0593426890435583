//! `accept`: the acceptance run of a migration, against an adapter or a gateway before it.
//!
//! Each line takes its turns one after the other, as one user would; what a line must show is in a file.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context, ensure};
use clap::{Args, ValueEnum};
use reqwest::Url;

use crate::{output, secret};

mod chat;
mod clients;
mod end_marks;
mod line;
mod messages;
mod nudges;
mod numbers;
mod report;
mod responses;
mod scenario;
mod series;
mod sse;
mod tasks;
mod thresholds;
mod turn;

use clients::Clients;
use end_marks::EndMarkStats;
use line::Scenario;
use nudges::NudgeStats;
use numbers::Stats;
use scenario::{ScenarioRequest, ScenarioResult};
use thresholds::Thresholds;
use turn::Turn;

/// What to accept, and how hard.
#[derive(Args)]
pub(crate) struct Options {
    /// The base URL of an adapter, or of a gateway before it, without /v1.
    #[arg(long)]
    url: Url,
    /// A file whose first line is the key; asked for without it.
    #[arg(long)]
    key_file: Option<PathBuf>,
    /// The model to ask.
    #[arg(long)]
    model: String,
    /// Turns of each line.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000))]
    turns: u16,
    /// Only these lines.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Scenario>,
    /// Has the real `OpenCode`, Claude Code and Codex take the turns of tools, endings, claude and codex.
    #[arg(long)]
    clients: bool,
    /// What each line must show; scripts/ops/accept.toml has the defaults.
    #[arg(long)]
    thresholds: Option<PathBuf>,
    /// The longest that one turn may take.
    #[arg(long, default_value = "180", value_parser = seconds)]
    deadline: Duration,
    /// Where the report goes.
    #[arg(long, default_value = "accept.html")]
    report: PathBuf,
    /// The numbers as JSON, in place of the table.
    #[arg(long)]
    json: bool,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let secs: u64 = text.parse().map_err(|_| "expected seconds".to_owned())?;
    Ok(Duration::from_secs(secs.max(1)))
}

/// Runs, reports and judges.
///
/// # Errors
/// When the run cannot begin, or its report cannot be written.
pub(crate) async fn run(options: Options) -> anyhow::Result<ExitCode> {
    let thresholds = Thresholds::read(options.thresholds.as_deref())?;
    let key = match &options.key_file {
        Some(file) => secret::from_file(file)?,
        None => secret::asked_for("key")?,
    };
    let http = reqwest::Client::builder().timeout(options.deadline).no_proxy().build()?;
    let asked =
        ScenarioRequest { url: options.url, key, model: options.model, deadline: options.deadline, http };
    ensure!(asked.url.has_host(), "--url: expected an address like http://127.0.0.1:7802");
    let clients = match options.clients {
        true => Some(Clients::install().await?),
        false => None,
    };
    let mut shown = Vec::new();
    for line in Scenario::value_variants() {
        if !options.only.is_empty() && !options.only.contains(line) {
            continue;
        }
        let mut turns = Vec::new();
        for number in 0..options.turns {
            output::progress(&format!("{} {}/{}", line.as_str(), number + 1, options.turns));
            turns.push(asked.turn(*line, number.into(), clients.as_ref()).await?);
        }
        output::progress("");
        let numbers = Stats::of(&turns);
        let failures = thresholds.failures(*line, &numbers);
        shown.push(ScenarioResult { scenario: *line, turns, stats: numbers, failures });
    }
    let page = report::page(&asked, &shown, &thresholds, options.clients);
    std::fs::write(&options.report, page)
        .with_context(|| format!("cannot write {}", options.report.display()))?;
    let metrics = series::metrics(&asked.http, &asked.url).await;
    let learned = LearnedStats { nudges: nudges::read(&metrics), end_marks: end_marks::read(&metrics) };
    tell(&shown, &learned, &options.report, options.json)
}

impl ScenarioRequest {
    /// Takes one turn. What goes wrong in it is a number, not an error.
    async fn turn(
        &self,
        scenario: Scenario,
        number: usize,
        clients: Option<&Clients>,
    ) -> anyhow::Result<Turn> {
        match (scenario, clients) {
            (Scenario::Chat, _) => Ok(chat::whole(self, &tasks::question(self, number)).await),
            (Scenario::Stream, _) => Ok(chat::stream(self, &tasks::question(self, number), false).await),
            (Scenario::Tools | Scenario::Endings, Some(clients)) => clients.opencode(self, number).await,
            (Scenario::Tools, None) => Ok(chat::stream(self, &tasks::with_a_tool(self, number), true).await),
            (Scenario::Endings, None) => Ok(chat::stream(self, &tasks::ending(self, number), true).await),
            (Scenario::Claude, Some(clients)) => clients.claude(self, number).await,
            (Scenario::Claude, None) => {
                Ok(messages::stream(self, &tasks::of_claude_code(self, number)).await)
            }
            (Scenario::Codex, Some(clients)) => clients.codex(self, number).await,
            (Scenario::Codex, None) => Ok(responses::stream(self, &tasks::of_codex(self, number)).await),
        }
    }
}

/// What the adapter has learned, where it is one.
struct LearnedStats {
    nudges: Vec<NudgeStats>,
    end_marks: Vec<EndMarkStats>,
}

fn tell(
    shown: &[ScenarioResult],
    LearnedStats { nudges, end_marks }: &LearnedStats,
    report: &std::path::Path,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let failures: Vec<&String> = shown.iter().flat_map(|shown| &shown.failures).collect();
    let passed = failures.is_empty();
    if json {
        let lines: serde_json::Map<String, serde_json::Value> = shown
            .iter()
            .map(|shown| (shown.scenario.as_str().to_owned(), serde_json::json!(shown.stats)))
            .collect();
        let told = serde_json::json!({"passed": passed, "failures": failures, "lines": lines, "nudges": nudges, "end_marks": end_marks});
        output::print_json(&told)?;
    } else {
        let rows: Vec<[String; 8]> = shown.iter().map(|shown| shown.stats.row(shown.scenario)).collect();
        let mut text = output::table(numbers::HEAD, &rows);
        for shown in shown {
            for (why, count) in turn::causes(&shown.turns) {
                text += &format!("{}: {count} x {why}\n", shown.scenario.as_str());
            }
        }
        nudges.iter().for_each(|band| text += &band.line());
        end_marks.iter().for_each(|model| text += &model.line());
        for failure in &failures {
            text += &format!("FAILED  {failure}\n");
        }
        let verdict = if passed { "accepted" } else { "not accepted" };
        output::print(&format!("{text}\n{verdict}; the report is {}", report.display()))?;
    }
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
