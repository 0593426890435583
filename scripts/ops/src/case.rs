//! A case: one recorded turn as a file, without secrets, that can be played again at any time.
//!
//! `scripts/record` makes one of a live turn, `scripts/replay` plays it, and `tests/cases` keeps those that once failed.

use std::{fs, path::Path};

use latchkey_shared::recording::{RecordedEvent, TurnEvent, TurnRecord};

pub mod clean;
mod kept;
mod told;

pub use kept::{ReplayCase, SiteAnswer};
pub use told::ClientAnswer;

/// Why a recording makes no case, or a file is none.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// Masked contents cannot be played.
    #[error("turn {0} was recorded without its contents: set LATCHKEY_RECORDER=full, and have it fail again")]
    Masked(String),
    /// Not all of it is there.
    #[error("turn {0} was longer than a recording: what is missing cannot be played")]
    Cut(String),
    /// It is of no API that can be played.
    #[error("a turn of {0} cannot be played: only those of /chat/completions, /messages and /responses")]
    Path(String),
    /// What the site sent can be read with its site file only, and a case has none.
    #[error("the site {0} has a chat protocol of its own: only turns of sites like OpenAI can be played")]
    Protocol(String),
    /// The request cannot be read.
    #[error("the request of turn {0} is no JSON")]
    Request(String),
    /// The file is none.
    #[error("{path} is no case: {cause}")]
    File {
        /// The file.
        path: String,
        /// Why.
        cause: String,
    },
}

impl ReplayCase {
    /// Makes a case of a recording, and takes the secrets out of it.
    ///
    /// # Errors
    /// When it cannot be played.
    pub fn of(record: &TurnRecord, about: &str) -> Result<Self, CaseError> {
        let id = || record.id.clone();
        if !record.is_whole {
            return Err(CaseError::Masked(id()));
        }
        if record.is_cut {
            return Err(CaseError::Cut(id()));
        }
        if !["/chat/completions", "/messages", "/responses"].iter().any(|end| record.path.ends_with(end)) {
            return Err(CaseError::Path(record.path.clone()));
        }
        let said = record.moments.iter().any(|moment| matches!(moment.event, TurnEvent::Delta { .. }));
        let is_read = |moment: &RecordedEvent| matches!(&moment.event, TurnEvent::Site { text } if text.contains("\"choices\""));
        if said && !record.moments.iter().any(is_read) {
            return Err(CaseError::Protocol(record.site.clone()));
        }
        let bodies = record.moments.iter().find_map(|moment| match &moment.event {
            TurnEvent::Request { body } => Some(body),
            _ => None,
        });
        let body = bodies.and_then(|body| serde_json::from_str(body).ok());
        let got = ClientAnswer::of_flight(record);
        let mut case = Self {
            about: about.to_owned(),
            path: record.path.clone(),
            calls: record.calls.clone(),
            nonce: record.nonce.clone(),
            request: body.ok_or_else(|| CaseError::Request(id()))?,
            answers: answers(record),
            expected: got.clone(),
            got,
        };
        clean::clean(&mut case);
        Ok(case)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// When it is no case.
    pub fn read(path: &Path) -> Result<Self, CaseError> {
        let wrong = |cause: String| CaseError::File { path: path.display().to_string(), cause };
        let text = fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))
    }

    /// The case as a file holds it.
    ///
    /// # Panics
    /// Never: texts and JSON always serialize.
    #[must_use]
    pub fn to_text(&self) -> String {
        serde_json::to_string_pretty(self).expect("texts and JSON always serialize") + "\n"
    }
}

/// What the site answered, out of the moments of a turn.
fn answers(record: &TurnRecord) -> Vec<SiteAnswer> {
    let mut answers = Vec::new();
    let mut is_open = false;
    let mut text = String::new();
    let mut over = "ended".to_owned();
    let stream = |text: &mut String, over: &mut String| {
        let lines = std::mem::take(text).split('\n').map(str::to_owned).collect();
        SiteAnswer::Stream { lines, how: std::mem::replace(over, "ended".to_owned()) }
    };
    for moment in &record.moments {
        match &moment.event {
            TurnEvent::Answer | TurnEvent::Again { .. } => {
                if is_open {
                    answers.push(stream(&mut text, &mut over));
                }
                is_open = moment.event == TurnEvent::Answer;
            }
            TurnEvent::Site { text: more } => text.push_str(more),
            TurnEvent::Over { how } => how.clone_into(&mut over),
            // The end of a stream is told by the stream.
            TurnEvent::Fault { fault } if !is_open => answers.push(SiteAnswer::Fault(fault.clone())),
            TurnEvent::Request { .. }
            | TurnEvent::Fault { .. }
            | TurnEvent::Delta { .. }
            | TurnEvent::Chunk { .. } => {}
        }
    }
    if is_open {
        answers.push(stream(&mut text, &mut over));
    }
    answers
}
