//! English: the grammar of what a sentence says the model does next. The words are in `english`.
//!
//! Forms rather than sentences: a future or an intention in the first person, whatever adverbs stand in it; the
//! present where nothing else comes first; a passive that says what must happen; a gerund or a title in the place of a
//! sentence; work named as left.

mod gerund;
mod lead;

use super::{
    announcement::IntentKind,
    english,
    words::{CODE, Sentence, SentenceEnd},
};
pub(super) use gerund::is_gerund;
use gerund::{is_gerund_sentence, is_short_gerund, is_stem, opens_with_led_gerund};
pub(super) use lead::is_adverb;
use lead::{REACH_WORDS, behind_consent, content, is_lead};

/// "Next: the integration tests." is an announcement, a longer sentence may tell of anything.
const TITLE_WORDS: usize = 5;

/// What the first person says of itself, and where.
pub(super) fn own(sentence: &Sentence) -> Vec<(IntentKind, usize)> {
    let words = sentence.words.as_str();
    let mut found = Vec::new();
    for (at, word) in each_word(words) {
        if !english::FIRST_WORDS.contains(&word) {
            continue;
        }
        let rests = english::OWN.iter().filter_map(|phrase| after(&words[at..], phrase));
        found.extend(rests.map(|rest| (verb_after(rest), at)));
    }
    for phrase in english::PROGRESSIVE {
        let Some(at) = words.find(phrase) else { continue };
        let next = words[at + phrase.len()..].split_ascii_whitespace().take(3);
        if next.take_while(|word| !english::NOT.contains(word)).any(is_gerund) {
            found.push((IntentKind::Own, at));
        }
    }
    let openings = [Some(words), behind_consent(words)].into_iter().flatten().map(content);
    for opening in openings {
        let rests = english::OWN_BARE.iter().filter_map(|phrase| after(opening, phrase));
        found.extend(rests.map(|rest| (verb_after(rest), 0)));
    }
    for (clause, at) in later_clauses(words) {
        let rests = english::LATER.iter().filter_map(|phrase| after(clause, phrase));
        found.extend(rests.map(|rest| (verb_after(rest), at)));
    }
    found.extend(is_ready(words).then_some((IntentKind::Own, 0)));
    found.extend(sentence.first_of(english::NEGATED).map(|at| (IntentKind::Negated, at)));
    found
}

/// "I have one more file to convert", "I can start on it now", "I see it and will make the edits".
fn is_ready(words: &str) -> bool {
    let opening = content(words);
    let subject = ["i", "we", "i'm"].into_iter().find_map(|subject| after(opening, subject));
    let had = after(opening, "i've");
    let Some(rest) = subject.or(had) else { return false };
    if english::NOTHING.iter().any(|nothing| words.contains(nothing)) || words.contains(" you ") {
        return false;
    }
    let acts = |rest: &str| verb_after(rest) == IntentKind::Own;
    let mut verbs = rest.split_ascii_whitespace().filter(|word| !is_adverb(word));
    match had.map(|_| "have").or_else(|| verbs.next()) {
        Some("can") if verbs.next().is_some_and(|verb| english::BEGINNINGS.contains(&verb)) => true,
        Some("have")
            if verbs.find(|word| *word != "got").is_some_and(|next| english::HAD.contains(&next)) =>
        {
            rest.split_once(" to ").is_some_and(|(_, rest)| acts(rest)) || is_joined(rest)
        }
        _ => is_joined(rest),
    }
}

/// "..., and will make the edits".
fn is_joined(rest: &str) -> bool {
    [" and will ", " and can now ", " and can ", " and i'll "]
        .iter()
        .filter_map(|phrase| rest.split_once(phrase))
        .any(|(_, rest)| verb_after(rest) == IntentKind::Own)
}

/// The clauses behind the first, each with where it begins.
fn later_clauses(words: &str) -> impl Iterator<Item = (&str, usize)> {
    words.match_indices(',').map(|(at, _)| {
        let rest = &words[at + 1..];
        (&rest[..rest.find(',').unwrap_or(rest.len())], at + 1)
    })
}

/// What is announced without saying who does it.
pub(super) fn loose(sentence: &Sentence) -> Option<(IntentKind, usize)> {
    let words = sentence.words.as_str();
    let mut at = 0;
    for clause in words.split(',') {
        let padded = clause.starts_with(' ');
        let is_led = padded
            && english::TRANSITIONS.iter().any(|phrase| clause.starts_with(phrase))
            && ![" if you ", " to note ", " to know ", " to mention "].iter().any(|end| clause.contains(end));
        let is_last = at > 0 && at + clause.len() == words.len();
        if is_led
            || (at > 0 && opens_with_led_gerund(clause))
            || (is_last && (is_short_gerund(clause, &words[..at]) || is_just(clause)))
            || (at == 0 && is_told_to_oneself(words, words))
            || (clause.starts_with(" now ") && is_told_to_oneself(clause, words))
        {
            return Some((IntentKind::Loose, at));
        }
        at += clause.len() + 1;
    }
    let holds = remains(words)
        || is_demanded(words)
        || is_deed(words)
        || is_title(sentence)
        || is_present(words)
        || is_gerund_sentence(sentence)
        || (sentence.end == SentenceEnd::Colon && opens_with_verb(words));
    holds.then_some((IntentKind::Loose, 0))
}

/// The rest behind a phrase with which the text begins, adverbs between its words left out.
fn after<'a>(text: &'a str, phrase: &str) -> Option<&'a str> {
    let mut rest = text;
    let mut is_first = true;
    for wanted in phrase.split_ascii_whitespace() {
        loop {
            let bare = rest.trim_start();
            let end = bare.find(' ').unwrap_or(bare.len());
            let (word, behind) = bare.split_at(end);
            rest = behind;
            if word == wanted {
                break;
            }
            if is_first || !is_adverb(word) {
                return None;
            }
        }
        is_first = false;
    }
    Some(rest)
}

fn verb_after(rest: &str) -> IntentKind {
    let mut words = rest.split_ascii_whitespace().take(REACH_WORDS).peekable();
    while let Some(word) = words.next() {
        match word {
            "add"
                if words.peek() == Some(&"that")
                    && words.clone().nth(1).is_some_and(|word| english::SUBJECTS.contains(&word)) =>
            {
                return IntentKind::Talk;
            }
            "be" if words
                .clone()
                .skip_while(|word| *word != "and")
                .any(|word| english::ACTIONS.contains(&word)) =>
            {
                return IntentKind::Own;
            }
            "stop"
                if words
                    .peek()
                    .is_none_or(|next| matches!(*next, "here" | "there" | "now" | "at" | "for")) =>
            {
                return IntentKind::Talk;
            }
            "," => break,
            _ if english::NOT.contains(&word) => return IntentKind::Negated,
            "be" => return IntentKind::Talk, // unless a gerund follows, which is found elsewhere
            _ if english::TALK.contains(&word) => return IntentKind::Talk,
            _ if english::ACTIONS.contains(&word) => return IntentKind::Own,
            _ => {}
        }
    }
    IntentKind::Vague
}

/// "The docs are next", "that leaves the exporter"; not where they are said to be done.
fn remains(words: &str) -> bool {
    if (words.ends_with(" to go ") && !words.contains(" good "))
        || words.ends_with(" remains ")
        || words.ends_with(" remain ")
        || words.ends_with(" left ")
    {
        return true;
    }
    let at = english::REMAINS.iter().filter_map(|phrase| words.find(phrase)).min();
    let is_nothing = |at: usize| english::NOTHING.iter().any(|nothing| words[..at + 1].contains(nothing));
    at.is_some_and(|at| {
        !is_nothing(at)
            && !words[at..].contains(" by the ")
            && !english::LEFT_NOTHING.iter().any(|done| words[at..].contains(done))
    })
}

/// "Three sites need to be renamed", "the fixture needs updating", "the path will be corrected next".
fn is_demanded(words: &str) -> bool {
    if words.starts_with(" now that ") && words.contains(" can ") {
        return true;
    }
    let is_advice = english::ADVICE.iter().any(|opening| words.starts_with(opening));
    let is_nothing = english::NOTHING.iter().any(|nothing| words.contains(nothing));
    if is_advice || is_nothing || english::REPEATED.iter().any(|often| words.contains(often)) {
        return false;
    }
    let next = |rest: &str| rest.split_ascii_whitespace().find(|word| !is_adverb(word)).map(str::to_owned);
    let after = |phrase: &&str| words.find(*phrase).and_then(|at| next(&words[at + phrase.len()..]));
    let passive = english::MUST_BE.iter().filter_map(after).any(|word| is_participle(&word));
    let needs = [" needs ", " need "].iter().filter_map(after).any(|word| is_gerund(&word));
    let is_soon = words.ends_with(" next ") || words.ends_with(" now ");
    let future = || after(&" will be ").is_some_and(|word| is_participle(&word));
    passive || needs || (is_soon && future())
}

fn is_participle(word: &str) -> bool {
    english::PARTICIPLES.contains(&word) || word.strip_suffix("ed").is_some_and(is_stem)
}

/// "Next: the handler.", "File 2 of 5: a.go", "Now `b.ts`.", "Step 3: update the schema".
fn is_title(sentence: &Sentence) -> bool {
    let words = sentence.words.as_str();
    let is_short = words.split_ascii_whitespace().count() <= TITLE_WORDS;
    let is_statement = || {
        words.split_ascii_whitespace().any(|word| english::FINITE.contains(&word))
            || sentence.has_any(english::DONE)
    };
    let is_ordinal = english::ORDINALS.iter().any(|phrase| words.starts_with(phrase));
    if is_ordinal && (sentence.end == SentenceEnd::Colon || (is_short && !is_statement())) {
        return true;
    }
    let is_turn = words.ends_with(" next ") || words.ends_with(" first ");
    (is_short && is_turn && !is_statement()) || is_counted(words) || is_lone_code(words)
}

/// "A quick look at the schema": an action as a noun, with nothing before it and no verb behind.
fn is_deed(words: &str) -> bool {
    let mut content =
        content(words).split_ascii_whitespace().skip_while(|word| *word == "a" || *word == "another");
    content.next().is_some_and(|word| english::QUICK.contains(&word))
        && content.next().is_some_and(|word| english::ACTIONS.contains(&word))
        && !content.any(|word| english::FINITE.contains(&word) || english::DONE.contains(&word))
}

/// "Step 2, ...", "2 of 5, ...", "file 2 of 5, ...".
fn is_counted(words: &str) -> bool {
    let mut opening = words.split_ascii_whitespace().take(5).peekable();
    let is_step = opening.next_if(|word| matches!(*word, "step" | "file" | "part" | "item")) == Some("step");
    let is_number = |word: &&str| word.bytes().all(|byte| byte.is_ascii_digit());
    if opening.next_if(is_number).is_none() {
        return false;
    }
    opening.next_if_eq(&"of");
    let is_fraction = opening.next_if(is_number).is_some();
    let Some((_, behind)) = words.split_once(',').filter(|_| opening.next() == Some(",")) else {
        return false;
    };
    is_fraction || (is_step && (opens_with_verb(behind) || behind.starts_with(" the ")))
}

/// "Now `b.ts`."
fn is_lone_code(words: &str) -> bool {
    let is_lead = ["now", "next", "then", "finally", "also"]
        .iter()
        .any(|lead| content_leads(words).any(|word| word == *lead));
    is_lead && content(words).trim() == CODE.to_string()
}

/// "First I check the lockfile": present, and nothing but leads before it. A verb whose past looks the same is none.
fn is_present(words: &str) -> bool {
    let opening = content(words).trim_start();
    let Some(rest) = opening.strip_prefix("i ").or_else(|| opening.strip_prefix("we ")) else { return false };
    let verb = rest.split_ascii_whitespace().find(|word| !is_adverb(word));
    verb.is_some_and(|verb| english::ACTIONS.contains(&verb) && !english::LIKE_PAST.contains(&verb))
}

fn content_leads(words: &str) -> impl Iterator<Item = &str> {
    words.split_ascii_whitespace().take_while(|word| is_lead(word))
}

pub(super) fn opens_with_verb(words: &str) -> bool {
    content(words).split_ascii_whitespace().next().is_some_and(|word| english::ACTIONS.contains(&word))
}

/// Whether the first words of a clause, but for those that lead over, are one of the phrases.
pub(super) fn opens_with(clause: &str, phrases: &[&str]) -> bool {
    let opening = without_please(clause);
    phrases.iter().any(|phrase| opening.starts_with(phrase.trim_start()))
}

/// "You run the migration": the user's step, and not what the user did, has or is.
pub(super) fn is_users(clause: &str) -> bool {
    let Some(rest) = without_please(clause).strip_prefix("you ") else { return false };
    let verb = rest.split_ascii_whitespace().find(|word| !is_adverb(word));
    verb.is_some_and(|verb| english::ACTIONS.contains(&verb) && !english::LIKE_PAST.contains(&verb))
}

fn without_please(clause: &str) -> &str {
    let opening = content(clause).trim_start();
    let opening = opening.strip_prefix("please ").unwrap_or(opening);
    opening.strip_prefix("just ").unwrap_or(opening)
}

/// "..., just the docs".
fn is_just(clause: &str) -> bool {
    let is_led = clause.starts_with(" just the ") || clause.starts_with(" only the ");
    is_led && clause.split_ascii_whitespace().count() < TITLE_WORDS
}

/// "Now run the tests": to oneself rather than to the user, whom one gives commands and reasons.
fn is_told_to_oneself(clause: &str, words: &str) -> bool {
    let rests = ["now", "next", "then", "finally", "lastly"].iter().filter_map(|lead| after(clause, lead));
    let verb = rests.filter_map(|rest| rest.split_ascii_whitespace().find(|word| *word != ",")).next();
    let runs = verb == Some("run") && words.contains(CODE);
    let is_verb = |verb: &str| english::ACTIONS.contains(&verb) && !english::HANDS.contains(&verb);
    verb.is_some_and(is_verb) && !runs && !english::DIRECTED.iter().any(|phrase| words.contains(phrase))
}

/// Whether a word in the third person is an action: "opens", "searches".
pub(super) fn is_third_person(word: &str) -> bool {
    let stems = [word.strip_suffix("s"), word.strip_suffix("es")];
    stems.into_iter().flatten().any(|stem| english::ACTIONS.contains(&stem))
}

fn each_word(words: &str) -> impl Iterator<Item = (usize, &str)> {
    words.split(' ').scan(0, |at, word| {
        let start = *at;
        *at += word.len() + 1;
        Some((start, word))
    })
}

#[cfg(test)]
mod tests {
    use super::super::words::sentences;
    use super::*;

    fn is_announced(text: &str) -> bool {
        let sentence = &sentences(text)[0];
        let own = own(sentence).into_iter().map(|(kind, _)| kind).max();
        own.max(loose(sentence).map(|(kind, _)| kind))
            .is_some_and(|kind| matches!(kind, IntentKind::Own | IntentKind::Loose))
    }

    #[test]
    fn adverbs_may_stand_anywhere_in_an_intention() {
        for text in
            ["I'm now finally going to read it", "I will just quickly run it", "I still need to fix it"]
        {
            assert!(is_announced(text), "{text}");
        }
    }

    #[test]
    fn what_is_left_and_what_must_happen_is_announced() {
        for text in
            ["The docs are next", "It needs to be renamed", "File 2 of 5: a.go", "Now I add the import"]
        {
            assert!(is_announced(text), "{text}");
        }
    }

    #[test]
    fn a_report_is_no_announcement() {
        for text in [
            "Now the tests pass",
            "The last step is done",
            "Nothing needs to be changed",
            "I moved it, adding a cap",
            "I read the file",
        ] {
            assert!(!is_announced(text), "{text}");
        }
    }
}
