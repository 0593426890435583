//! English: a gerund in the place of a sentence, "Updating the callers".
//!
//! In the middle of a sentence it says how something came about, and as the subject of one it states something.

use super::{
    super::{
        english,
        words::{Sentence, SentenceEnd},
    },
    lead::{REACH_WORDS, behind_consent, content, is_adverb},
};

/// Words of a sentence that may be a gerund whatever the verb.
const GERUND_WORDS: usize = 8;
/// "Fixing", not "king".
const GERUND_BYTES: usize = 6;

/// "Updating the callers"; a gerund in the middle of a sentence says how something came about.
pub(super) fn is_gerund_sentence(sentence: &Sentence) -> bool {
    let words = sentence.words.as_str();
    opens_with_gerund(words, sentence.end)
        || behind_consent(words).is_some_and(|rest| opens_with_gerund(rest, sentence.end))
        || is_unknown_gerund(sentence)
}

/// "Spinning up the server now."
fn is_unknown_gerund(sentence: &Sentence) -> bool {
    let words = sentence.words.as_str();
    let mut content = content(words).split_ascii_whitespace();
    let opens = content.next().is_some_and(|word| {
        word.len() >= GERUND_BYTES && word.ends_with("ing") && !english::NO_GERUND.contains(&word)
    });
    let goes_with = content.clone().next().is_some_and(|word| english::PARTICLES.contains(&word));
    let is_soon = goes_with
        || sentence.end == SentenceEnd::Colon
        || words.contains(" now ")
        || words.contains(" to see ");
    opens && is_soon && !content.take(GERUND_WORDS).any(|word| english::FINITE.contains(&word))
}

fn opens_with_gerund(words: &str, end: SentenceEnd) -> bool {
    let mut content = content(words).split_ascii_whitespace();
    let opens = content.next().is_some_and(is_gerund);
    opens
        && !content.clone().next().is_some_and(|word| english::HOW.contains(&word))
        && (end == SentenceEnd::Colon
            || !content
                .take(REACH_WORDS)
                .take_while(|word| !english::RELATIVE.contains(word))
                .any(|word| english::FINITE.contains(&word)))
}

/// "..., so updating the file".
pub(super) fn opens_with_led_gerund(clause: &str) -> bool {
    let mut words = clause.split_ascii_whitespace();
    let is_led = words.next().is_some_and(|word| matches!(word, "so" | "now" | "then" | "next"));
    is_led
        && words.find(|word| !is_adverb(word)).is_some_and(is_gerund)
        && !words.take(REACH_WORDS).any(|word| english::FINITE.contains(&word))
}

/// "..., checking that file now", "it is redundant; trimming it down".
pub(super) fn is_short_gerund(clause: &str, before: &str) -> bool {
    let mut words = clause.split_ascii_whitespace();
    let Some(first) = words.next() else { return false };
    let goes_with = words.clone().next().is_some_and(|word| english::PARTICLES.contains(&word));
    let is_state = || [" is ", " are ", " looks ", " isn't "].iter().any(|verb| before.contains(verb));
    let count = words.count();
    (is_gerund(first) && (clause.ends_with(" now ") || count < 2))
        || (first.len() >= GERUND_BYTES && first.ends_with("ing") && goes_with && count < 3 && is_state())
}

pub(in super::super) fn is_gerund(word: &str) -> bool {
    word.strip_suffix("ing").is_some_and(is_stem)
}

/// Whether `stem` is an action less its `ing` or `ed`: "updat", "runn", "fix", "modifi".
pub(super) fn is_stem(stem: &str) -> bool {
    let doubled = doubled(stem);
    let known = |verb: &&str| {
        let rest = verb.strip_prefix(stem);
        rest == Some("")
            || rest == Some("e")
            || doubled.is_some_and(|single| single == *verb)
            || stem.strip_suffix('i').is_some_and(|stem| verb.strip_suffix('y') == Some(stem))
    };
    english::ACTIONS.iter().any(known)
}

fn doubled(stem: &str) -> Option<&str> {
    let [.., a, b] = stem.as_bytes() else { return None };
    (a == b).then(|| &stem[..stem.len() - 1])
}
