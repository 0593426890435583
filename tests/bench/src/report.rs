//! The figures as a table for people and as JSON for the next run.

use std::{collections::BTreeMap, path::Path, time::Duration};

use serde::{Deserialize, Serialize};

use crate::scenario::Measured;

/// More CPU time taken by others than this part of one core, and no figure is to be trusted.
const TOO_BUSY: f64 = 0.15;

/// All figures of one run, by scenario and target.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Report {
    cold_start_ms: f64,
    idle_mib: f64,
    /// Cores that others used meanwhile.
    others: f64,
    figures: BTreeMap<String, BTreeMap<String, Measured>>,
}

impl Report {
    /// A report with what is known of the adapter's start.
    pub(crate) fn new(cold_start: Duration, idle_bytes: u64) -> Self {
        Self {
            cold_start_ms: cold_start.as_secs_f64() * 1e3,
            idle_mib: idle_bytes as f64 / 1024.0 / 1024.0,
            ..Self::default()
        }
    }

    /// Adds what one target showed in one scenario.
    pub(crate) fn add(&mut self, scenario: &str, target: &str, measured: Measured) {
        self.figures.entry(scenario.to_owned()).or_default().insert(target.to_owned(), measured);
    }

    /// What others took of the machine.
    pub(crate) fn others(&mut self, cpu: Duration, elapsed: Duration) {
        self.others = cpu.as_secs_f64() / elapsed.as_secs_f64();
    }

    /// Prints the tables and writes the JSON.
    #[expect(clippy::print_stdout, reason = "the result of the run")]
    pub(crate) fn finish(&self, json: Option<&Path>) -> anyhow::Result<()> {
        println!();
        for (scenario, targets) in &self.figures {
            println!("\n{scenario}");
            println!(
                "  {:<8}{:>10}{:>12}{:>11}{:>11}{:>10}{:>10}{:>10}{:>10}{:>9}{:>7}",
                "",
                "req/s",
                "chunks/s",
                "ms/req",
                "s/Mchunk",
                "ttft p50",
                "ttft p99",
                "chunk p50",
                "p99",
                "KiB/str",
                "errors"
            );
            for (name, m) in targets {
                println!(
                    "  {:<8}{:>10.0}{:>12.0}{:>11.3}{:>11.2}{:>10.2}{:>10.2}{:>10.2}{:>10.2}{:>9.1}{:>7.0}",
                    name,
                    m.requests_per_second,
                    m.chunks_per_second,
                    m.cpu_ms_per_request,
                    m.cpu_s_per_million_chunks,
                    m.first_p50_ms,
                    m.first_p99_ms,
                    m.chunk_p50_ms,
                    m.chunk_p99_ms,
                    m.kib_per_stream,
                    m.errors
                );
            }
        }
        println!("\ncold start {:.0} ms, idle {:.1} MiB", self.cold_start_ms, self.idle_mib);
        if self.others > TOO_BUSY {
            println!(
                "The machine was busy with other things ({:.2} cores): do not trust these figures.",
                self.others
            );
        }
        if let Some(path) = json {
            std::fs::write(path, serde_json::to_vec_pretty(self)?)?;
        }
        Ok(())
    }
}
