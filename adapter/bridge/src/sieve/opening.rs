//! The beginning of an answer in which no calls are looked for: only folded thinking is told from text.

use std::sync::Arc;

use super::{End, Limits, Sieve, event::Event};
use crate::{
    catalog::Catalog,
    dialect::{Dialect, Form, Nonce},
};

/// With what folded thinking begins.
const FOLDED: &str = "<details";
/// Behind more blanks than this nothing folded begins.
const BLANK_BYTES: usize = 64;

/// Reads the beginning. What follows text that is none costs nothing.
#[derive(Debug, Default)]
pub struct Opening(State);

#[derive(Debug, Default)]
enum State {
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
        matches!(self.0, State::Text)
    }

    /// Takes text.
    pub fn push(&mut self, text: &str, out: &mut Vec<Event>) {
        match &mut self.0 {
            State::Text => out.push(Event::Text(text.to_owned())),
            State::Folded(sieve) => sieve.push_text(text, out),
            State::Blank => self.decide(text.to_owned(), out),
            State::Held(held) => {
                let held = std::mem::take(held) + text;
                self.decide(held, out);
            }
        }
    }

    /// Ends the answer, or what of it is text.
    pub fn finish(&mut self, out: &mut Vec<Event>) {
        match std::mem::replace(&mut self.0, State::Text) {
            State::Blank | State::Text => {}
            State::Held(held) => out.push(Event::Text(held)),
            State::Folded(sieve) => drop(sieve.finish(End::Complete, out)),
        }
    }

    fn decide(&mut self, held: String, out: &mut Vec<Event>) {
        let begin = held.trim_start();
        if begin.starts_with(FOLDED) {
            // No text has this nonce, and so none is a call.
            let dialect = Dialect { form: Form::Xml, nonce: Nonce::derive(&[], "") };
            let limits = Limits { turn_bytes: u64::MAX, ..Limits::default() };
            let mut sieve = Sieve::new(Arc::new(Catalog::default()), &dialect, limits).shown(None);
            sieve.push_text(&held, out);
            self.0 = State::Folded(Box::new(sieve));
        } else if FOLDED.starts_with(begin) && held.len() - begin.len() <= BLANK_BYTES {
            self.0 = State::Held(held);
        } else {
            out.push(Event::Text(held));
            self.0 = State::Text;
        }
    }
}
