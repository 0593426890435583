//! A case: one recorded turn as a file, without secrets, that can be played again at any time.
//!
//! `scripts/record` makes one of a live turn, `scripts/replay` plays it, and `tests/cases` keeps those that once failed.

use latchkey_shared::recording::{RecordedEvent, TurnEvent, TurnRecord};
pub mod clean;
mod error;
mod file;
mod told;

pub use error::CaseError;
pub use file::{ReplayCase, SiteAnswer};
pub use told::ClientAnswer;

impl ReplayCase {
    /// Makes a case of a recording, and takes the secrets out of it.
    ///
    /// # Errors
    /// When it cannot be played.
    pub fn of(flight: &TurnRecord, about: &str) -> Result<Self, CaseError> {
        let id = || flight.id.clone();
        if !flight.is_whole {
            return Err(CaseError::Masked(id()));
        }
        if flight.is_cut {
            return Err(CaseError::Cut(id()));
        }
        if !["/chat/completions", "/messages", "/responses"].iter().any(|end| flight.path.ends_with(end)) {
            return Err(CaseError::Path(flight.path.clone()));
        }
        let said = flight.moments.iter().any(|moment| matches!(moment.event, TurnEvent::Delta { .. }));
        let is_read = |moment: &RecordedEvent| matches!(&moment.event, TurnEvent::Site { text } if text.contains("\"choices\""));
        if said && !flight.moments.iter().any(is_read) {
            return Err(CaseError::Protocol(flight.site.clone()));
        }
        let bodies = flight.moments.iter().find_map(|moment| match &moment.event {
            TurnEvent::Request { body } => Some(body),
            _ => None,
        });
        let body = bodies.and_then(|body| serde_json::from_str(body).ok());
        let got = ClientAnswer::of_flight(flight);
        let mut case = Self {
            about: about.to_owned(),
            path: flight.path.clone(),
            calls: flight.calls.clone(),
            nonce: flight.nonce.clone(),
            request: body.ok_or_else(|| CaseError::Request(id()))?,
            answers: answers(flight),
            expected: got.clone(),
            got,
        };
        clean::clean(&mut case);
        Ok(case)
    }
}

/// What the site answered, out of the moments of a turn.
fn answers(flight: &TurnRecord) -> Vec<SiteAnswer> {
    let mut answers = Vec::new();
    let mut is_open = false;
    let mut text = String::new();
    let mut over = "ended".to_owned();
    let stream = |text: &mut String, over: &mut String| {
        let lines = std::mem::take(text).split('\n').map(str::to_owned).collect();
        SiteAnswer::Stream { lines, how: std::mem::replace(over, "ended".to_owned()) }
    };
    for moment in &flight.moments {
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
