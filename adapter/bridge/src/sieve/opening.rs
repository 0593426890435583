//! The beginning of an answer in which no calls are looked for: only folded thinking is told from text.

use std::sync::Arc;

use super::{AnswerEnd, Sieve, SieveLimits, event::SieveEvent};
use crate::{
    catalog::Catalog,
    dialect::{CallFormat, Dialect, Nonce},
};

/// With what folded thinking begins.
const FOLDED: &str = "<details";
/// Behind more blanks than this nothing folded begins.
const BLANK_BYTES: usize = 64;

/// Reads the beginning. What follows text that is none costs nothing.
#[derive(Debug, Default)]
pub struct Opening(OpeningState);

#[derive(Debug, Default)]
enum OpeningState {
    /// Text may still begin with what is folded.
    #[default]
    Blank,
    Held(String),
    Folded(Box<Sieve>),
    Text,
}

impl Opening {
    /// Whether text may go on as it is.
    pub fn is_text(&self) -> bool {
        matches!(self.0, OpeningState::Text)
    }

    /// Takes text.
    pub fn push(&mut self, text: &str, out: &mut Vec<SieveEvent>) {
        match &mut self.0 {
            OpeningState::Text => out.push(SieveEvent::Text(text.to_owned())),
            OpeningState::Folded(sieve) => sieve.push_text(text, out),
            OpeningState::Blank => self.decide(text.to_owned(), out),
            OpeningState::Held(held) => {
                let held = std::mem::take(held) + text;
                self.decide(held, out);
            }
        }
    }

    /// Ends the answer, or what of it is text.
    pub fn finish(&mut self, out: &mut Vec<SieveEvent>) {
        match std::mem::replace(&mut self.0, OpeningState::Text) {
            OpeningState::Blank | OpeningState::Text => {}
            OpeningState::Held(held) => out.push(SieveEvent::Text(held)),
            OpeningState::Folded(sieve) => drop(sieve.finish(AnswerEnd::Complete, out)),
        }
    }

    fn decide(&mut self, held: String, out: &mut Vec<SieveEvent>) {
        let begin = held.trim_start();
        if begin.starts_with(FOLDED) {
            // No text has this nonce, and so none is a call.
            let dialect = Dialect { form: CallFormat::Xml, nonce: Nonce::derive(&[], "") };
            let limits = SieveLimits { turn_bytes: u64::MAX, ..SieveLimits::default() };
            let mut sieve = Sieve::new(Arc::new(Catalog::default()), &dialect, limits).shown(None);
            sieve.push_text(&held, out);
            self.0 = OpeningState::Folded(Box::new(sieve));
        } else if FOLDED.starts_with(begin) && held.len() - begin.len() <= BLANK_BYTES {
            self.0 = OpeningState::Held(held);
        } else {
            out.push(SieveEvent::Text(held));
            self.0 = OpeningState::Text;
        }
    }
}
