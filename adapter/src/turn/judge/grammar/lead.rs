//! English: what leads over to what a sentence says, and what stands in it and changes nothing.

use super::super::english;

/// Words after an announcement in which its verb is sought.
pub(super) const REACH_WORDS: usize = 8;
/// Words that lead over to what is done: "sure thing", "got it".
const CONSENT_WORDS: usize = 3;

pub(in super::super) fn is_adverb(word: &str) -> bool {
    english::ADVERBS.contains(&word) || (word.len() > 4 && word.ends_with("ly"))
}

/// What follows "sure thing, " and the like.
pub(super) fn behind_consent(words: &str) -> Option<&str> {
    let (first, rest) = words.split_once(',')?;
    let is_short = first.split_ascii_whitespace().count() <= CONSENT_WORDS && !first.contains(" i ");
    let consents = || english::CONSENT.iter().any(|phrase| first.starts_with(phrase));
    (is_short || consents()).then_some(rest)
}

/// The words behind those that lead over.
pub(super) fn content(words: &str) -> &str {
    let mut rest = words;
    loop {
        let bare = rest.trim_start();
        let end = bare.find(' ').unwrap_or(bare.len());
        if end == 0 || !is_lead(&bare[..end]) {
            return rest;
        }
        rest = &bare[end..];
    }
}

pub(super) fn is_lead(word: &str) -> bool {
    english::LEADS.contains(&word) || word.bytes().all(|byte| byte.is_ascii_digit())
}
