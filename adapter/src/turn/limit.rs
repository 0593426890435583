//! The client's own limit of tokens, kept here where a site cannot be told of it.
//!
//! It makes a gateway's test of a channel quick, which asks for 16 tokens and switches off who takes longer than 5 s
//! (new-api, read 2026-08). Only answers without tools are limited: half a call is worth nothing.

use latchkey_shared::site::Site;
use serde_json::value::RawValue;

use crate::{
    capability,
    openai::request::InvalidRequest,
    prompt::{CallMode, Prompt},
    stream::delta::Delta,
    tokens,
};

/// OpenAI's names of the limit, the newer one first.
const NAMES: [&str; 2] = ["max_completion_tokens", "max_tokens"];

/// What an answer may still say.
#[derive(Debug)]
pub(super) struct AnswerLimit {
    /// In tokens, at least one until it is reached.
    left: u64,
    /// Not counted yet: what is shorter than `left` in bytes is so in tokens.
    pending: String,
}

impl AnswerLimit {
    /// The limit of the answer to a prompt; none if the client has none, or the site itself is told.
    ///
    /// # Errors
    /// When it is no number above 0.
    pub(super) fn of(prompt: &Prompt, site: &Site) -> Result<Option<Self>, InvalidRequest> {
        if capability::takes_fields(site) {
            return Ok(None);
        }
        let mut limit = None;
        for name in NAMES {
            let raw = prompt.rest.get(name).map(|raw| RawValue::get(raw)).filter(|raw| *raw != "null");
            let Some(raw) = raw else { continue };
            let tokens: u64 = serde_json::from_str(raw).unwrap_or_default();
            if tokens == 0 {
                return Err(InvalidRequest::expected(name, "a number above 0"));
            }
            limit = limit.or(Some(tokens));
        }
        let limits = matches!(prompt.calls, CallMode::Untouched);
        Ok(limit.filter(|_| limits).map(|left| Self { left, pending: String::new() }))
    }

    /// Takes one delta; whether the answer has now said all it may.
    pub(super) fn takes(&mut self, delta: &Delta) -> bool {
        let (Delta::Text(text) | Delta::Reasoning(text)) = delta else { return self.left == 0 };
        self.pending.push_str(text);
        if self.pending.len() as u64 >= self.left {
            self.left = self.left.saturating_sub(tokens::count(&self.pending));
            self.pending.clear();
        }
        self.left == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pieces until the limit is reached.
    fn pieces(limit: u64, piece: &str) -> usize {
        let mut limit = AnswerLimit { left: limit, pending: String::new() };
        (1..).find(|_| limit.takes(&Delta::Text(piece.to_owned()))).unwrap()
    }

    #[test]
    fn an_answer_ends_with_the_token_that_reaches_the_limit() {
        assert_eq!(pieces(1, " word"), 1);
        assert_eq!(pieces(16, " word"), 16);
        assert_eq!(pieces(1_000, " word"), 1_000);
        // Four tokens each.
        assert_eq!(pieces(16, " one two three four"), 4);
        let calls = Delta::Finish(crate::stream::delta::FinishReason::Stop);
        assert!(!AnswerLimit { left: 1, pending: String::new() }.takes(&calls));
    }
}
