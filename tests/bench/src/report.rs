//! All figures of one run, and the four things that are made of them.

use std::path::Path;

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};

use crate::{
    accounts::Accounts,
    figures::{Measured, TOO_BUSY},
    lengths::{Argument, Streams},
    size::Size,
    world::Start,
};

mod goals;
mod moved;
mod plan;
mod plot;
mod table;

/// Changes whenever figures of before cannot be read or compared any more.
const VERSION: u32 = 1;

/// All figures of one run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    version: u32,
    /// How much was measured.
    pub size: Size,
    /// Processors of the machine.
    pub cores: usize,
    /// How long it took.
    pub seconds: f64,
    /// Cores that others used meanwhile.
    pub others: f64,
    /// How each target started.
    pub starts: Vec<Start>,
    /// What each target showed in each scenario, in the order of the table.
    pub figures: Vec<Figure>,
    /// What many accounts cost.
    pub accounts: Vec<Accounts>,
    /// What long streams cost.
    pub streams: Vec<Streams>,
    /// What long arguments cost.
    pub arguments: Vec<Argument>,
}

/// What one target showed in one scenario.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Figure {
    /// The scenario.
    pub scenario: String,
    /// The target.
    pub target: String,
    /// The medians.
    pub measured: Measured,
}

impl Report {
    /// One without figures.
    pub(crate) fn new(size: Size) -> Self {
        Self {
            version: VERSION,
            size,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            seconds: 0.0,
            others: 0.0,
            starts: Vec::new(),
            figures: Vec::new(),
            accounts: Vec::new(),
            streams: Vec::new(),
            arguments: Vec::new(),
        }
    }

    /// Reads one that was kept.
    ///
    /// # Errors
    /// When it is of another version, among others.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let version = serde_json::from_slice::<serde_json::Value>(&text)?["version"].as_u64();
        ensure!(
            version == Some(u64::from(VERSION)),
            "{} is of version {version:?} and this is version {VERSION}: write it anew with --keep",
            path.display()
        );
        serde_json::from_slice(&text).with_context(|| format!("cannot read {}", path.display()))
    }

    /// What a target showed in a scenario, if it was measured.
    fn figure(&self, scenario: &str, target: &str) -> Option<&Measured> {
        let found = |figure: &&Figure| figure.scenario == scenario && figure.target == target;
        Some(&self.figures.iter().find(found)?.measured)
    }

    /// Everything for people, as Markdown that can be read as it is.
    pub(crate) fn markdown(&self) -> String {
        let mut text = format!(
            "A {} run of {:.0} s on {} cores.\n",
            format!("{:?}", self.size).to_lowercase(),
            self.seconds,
            self.cores
        );
        if TOO_BUSY < self.others {
            text += &format!(
                "\nThe machine was too busy with other things ({:.2} cores): do not trust figures marked with `!`.\n",
                self.others
            );
        }
        text += &format!("\n### Targets\n\n{}", goals::markdown(self));
        text += &table::markdown(self);
        text += &plan::markdown(self);
        text
    }

    /// What moved since a run that was kept.
    pub(crate) fn moved(&self, kept: &Self) -> String {
        moved::text(self, kept)
    }

    /// Writes `bench.json`, `bench.md` and `bench.svg`.
    pub(crate) fn write(&self, directory: &Path) -> anyhow::Result<()> {
        std::fs::create_dir_all(directory)?;
        let json = serde_json::to_string_pretty(self)? + "\n";
        for (name, text) in
            [("bench.json", json), ("bench.md", self.markdown()), ("bench.svg", plot::svg(self))]
        {
            let path = directory.join(name);
            std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A report in which each figure is the same.
    pub(super) fn flat(targets: &[&str]) -> Report {
        let mut report = Report::new(Size::Full);
        for scenario in Size::Full.scenarios() {
            for target in targets {
                let measured = Measured {
                    requests_per_second: 1000.0,
                    cpu_s_per_million_chunks: 10.0,
                    chunk_p50_ms: 1.0,
                    chunk_p99_ms: 3.0,
                    first_p50_ms: 21.0,
                    first_p99_ms: 25.0,
                    kib_per_stream: 30.0,
                    ..Measured::default()
                };
                report.figures.push(Figure {
                    scenario: scenario.name.to_owned(),
                    target: (*target).to_owned(),
                    measured,
                });
            }
        }
        report
    }

    #[test]
    fn a_report_is_read_as_it_was_written() {
        let directory = tempfile::tempdir().unwrap();
        let report = flat(&["floor", "native"]);

        report.write(directory.path()).unwrap();
        let read = Report::read(&directory.path().join("bench.json")).unwrap();

        assert_eq!(read.markdown(), report.markdown());
    }

    #[test]
    fn a_report_of_another_version_is_not_compared() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("kept.json");
        std::fs::write(&path, "{\"version\": 0}").unwrap();

        let error = Report::read(&path).unwrap_err().to_string();

        assert!(error.contains("--keep"), "{error}");
    }

    #[test]
    fn a_busy_machine_is_told() {
        let quiet = flat(&["floor"]);
        let busy = Report { others: 0.8, ..flat(&["floor"]) };

        assert!(!quiet.markdown().contains("too busy"));
        assert!(busy.markdown().contains("too busy with other things (0.80 cores)"));
    }
}
