//! What a sentence gives to the user, in the languages of the tables.

use super::{LANGUAGES, Language, Verb, any, of};
use crate::turn::judge::words::Sentence;

/// Words behind "you" or "give me" in which it shows that nothing is given to do.
const TOLD_WORDS: usize = 3;

/// Whether a sentence asks without a question mark.
pub(in super::super) fn asks(sentence: &Sentence) -> bool {
    let words = sentence.words.as_str();
    of(sentence).any(|language| {
        !any(&language.wonders, words)
            && language
                .asks
                .iter()
                .any(|ending| words.trim_end().ends_with(ending.trim_end()) && !words.is_empty())
    })
}

/// Whether what is announced at `at` hangs on something.
pub(in super::super) fn depends(sentence: &Sentence, at: usize) -> bool {
    // Where a whole sentence announces, its first clause may still be the user's.
    let first = sentence.words.split_once(',').map_or("", |(first, _)| first);
    // The space before an announcement ends the word before it.
    let before = &sentence.words[..at + usize::from(sentence.words[at..].starts_with(' '))];
    of(sentence).any(|language| {
        // A verb at the end: what it hangs on stands anywhere before it.
        let seen = if language.script.has_words() { before } else { &sentence.words };
        any(&language.conditions, seen)
            || any(&language.users, before)
            || language.orders(seen)
            || (at == 0 && language.orders(first))
    })
}

/// Whether a sentence gives the user something to do for the model.
pub(in super::super) fn orders(sentence: &Sentence) -> bool {
    let words = sentence.words.as_str();
    let short = |language: &Language| language.orders.iter().any(|order| language.opens(words, order));
    let mut spoken = of(sentence).peekable();
    // The orders of one language are words of another.
    if spoken.peek().is_none() {
        LANGUAGES.iter().any(short)
    } else {
        spoken.any(|language| language.orders(words))
    }
}

impl Language {
    /// Whether a clause gives the user something to do for the model.
    fn orders(&self, words: &str) -> bool {
        words.split(',').any(|clause| {
            if self.verb == Verb::Anywhere {
                return self.orders.iter().any(|order| self.ends_with(clause, order))
                    && !any(&self.tells, clause);
            }
            let led =
                self.leads.iter().filter(|lead| clause.starts_with(lead.as_str())).map(String::len).max();
            let opening = &clause[led.unwrap_or(1).min(clause.len()).saturating_sub(1)..];
            let opening: Vec<&str> = opening.split_ascii_whitespace().collect();
            self.orders.iter().any(|order| opens_with(&opening, order) && !self.is_told(&opening, order))
        })
    }

    /// Whether a sentence that may be too short to show its language opens with an order of this one.
    fn opens(&self, words: &str, order: &str) -> bool {
        let opening: Vec<&str> = words.split_ascii_whitespace().collect();
        let is_plain = self.verb != Verb::Anywhere && !order.contains('*');
        is_plain && opens_with(&opening, order) && !self.is_told(&opening, order)
    }

    /// A verb in the imperative at the end of a clause; where words have no spaces, its ending.
    fn ends_with(&self, clause: &str, order: &str) -> bool {
        if self.script.has_words() { clause.ends_with(order) } else { clause.trim_end().ends_with(order) }
    }

    /// Whether an opening gives nothing to do after all, or is the model's own: "let me".
    fn is_told(&self, opening: &[&str], order: &str) -> bool {
        let size = order.split_ascii_whitespace().count() + TOLD_WORDS;
        let near = format!(" {} ", opening[..size.min(opening.len())].join(" "));
        any(&self.tells, &near) || self.own.iter().any(|own| near.starts_with(own.as_str()))
    }
}

/// Whether words open with a phrase, in which `*` stands for a word, or for its beginning: "du *st".
fn opens_with(words: &[&str], phrase: &str) -> bool {
    let mut words = words.iter();
    phrase.split_ascii_whitespace().all(|wanted| {
        words.next().is_some_and(|word| match wanted.strip_prefix('*') {
            Some(ending) => word.len() > ending.len() && word.ends_with(ending),
            None => *word == wanted,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_a_word_or_its_beginning() {
        let opens = |words: &str, phrase| opens_with(&words.split(' ').collect::<Vec<_>>(), phrase);

        assert!(opens("du startest den server", "du *st") && opens("gib mir das", "* mir"));
        assert!(!opens("du gehst", "du *est") && !opens("ez", "*ez") && !opens("du", "du *st"));
    }
}
