//! `site check`: every mistake of every file, before anything is started with it.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use latchkey_shared::site::{self, ParsedSite, SiteFileDiagnostic, SiteUrls};
use serde::Serialize;

use crate::cli::output::Output;

/// What is told of all files.
#[derive(Serialize)]
struct CheckReport {
    right: bool,
    files: Vec<FileReport>,
}

/// What is told of one file.
#[derive(Default, Serialize)]
struct FileReport {
    file: String,
    /// The site that it describes, if it is right.
    site: Option<String>,
    /// Where that is, if the file says so.
    base_url: Option<String>,
    /// What is right and still not safe.
    advice: Vec<String>,
    /// Why it cannot be read.
    unreadable: Option<String>,
    mistakes: Vec<SiteFileDiagnostic>,
}

pub(super) fn run(files: &[PathBuf], output: &Output) -> anyhow::Result<ExitCode> {
    let files: Vec<FileReport> = files.iter().map(|file| check(file)).collect();
    let right = files.iter().all(FileReport::is_right);
    let report = CheckReport { right, files };
    output.answer(&report, || text(&report))?;
    Ok(if right { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn check(path: &Path) -> FileReport {
    let file = path.display().to_string();
    let mut report = FileReport { file, ..FileReport::default() };
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(cause) => {
            report.unreadable = Some(cause.to_string());
            return report;
        }
    };
    match site::check(&report.file, &text, &SiteUrls::new()) {
        Ok(ParsedSite { name, site }) => {
            report.site = Some(name.to_string());
            report.advice = site.as_ref().map(site::advice).unwrap_or_default();
            report.base_url = site.map(|site| site.base_url.to_string());
        }
        Err(mistakes) => report.mistakes = mistakes,
    }
    report
}

impl FileReport {
    fn is_right(&self) -> bool {
        self.site.is_some()
    }

    fn lines(&self) -> String {
        let advice: String = self.advice.iter().map(|advice| format!("{}: {advice}\n", self.file)).collect();
        self.verdict() + &advice
    }

    fn verdict(&self) -> String {
        let Self { file, site, base_url, unreadable, mistakes, .. } = self;
        if let Some(cause) = unreadable {
            return format!("{file}: cannot read it: {cause}; name a site file\n");
        }
        match (site, base_url) {
            (Some(site), Some(url)) => format!("{file}: right; it describes {site} at {url}\n"),
            (Some(site), None) => {
                format!(
                    "{file}: right; it describes {site}, whose address LATCHKEY_SITE_URLS={site}=https://... gives\n"
                )
            }
            (None, _) => mistakes.iter().map(|mistake| format!("{mistake}\n")).collect(),
        }
    }
}

fn text(report: &CheckReport) -> String {
    let mut text: String = report.files.iter().map(FileReport::lines).collect();
    let mistakes: usize = report.files.iter().map(|file| file.mistakes.len()).sum();
    if mistakes > 0 {
        let count = if mistakes == 1 { "1 mistake".to_owned() } else { format!("{mistakes} mistakes") };
        text += &format!("\n{count}; `latchkey-broker site schema` tells what each key means\n");
    }
    text
}
