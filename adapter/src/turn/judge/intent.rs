//! What a sentence says the model does next.

use super::{
    chinese, english, language,
    words::{End, Sentence},
};

/// Words or characters after an announcement in which its verb is sought.
const REACH_WORDS: usize = 8;
const REACH_CHARS: usize = 40;

/// "Next: the integration tests." is an announcement, a longer sentence may tell of anything.
const TITLE_WORDS: usize = 5;
const TITLE_CHARS: usize = 8;
/// Words that lead over to what is done: "sure thing", "got it".
const CONSENT_WORDS: usize = 3;
/// Bytes between a Chinese lead and an action of one character, which may mean anything further on.
const NEAR_BYTES: usize = 4 * '字'.len_utf8();

/// An announcement and where it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Intent {
    pub(super) kind: Kind,
    pub(super) at: usize,
}

/// Strongest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Something is announced that needs no tool.
    Talk,
    /// Something unknown is announced.
    Vague,
    /// An action, without saying who takes it.
    Loose,
    /// The action will not be taken.
    Negated,
    /// The model takes an action.
    Own,
}

/// The strongest announcement of a sentence.
pub(super) fn find(sentence: &Sentence) -> Option<Intent> {
    let mut best = None;
    own_english(sentence, &mut best);
    loose_english(sentence, &mut best);
    own_chinese(sentence, &mut best);
    loose_chinese(sentence, &mut best);
    if let Some(Intent { kind, at }) = language::find(sentence) {
        offer(&mut best, kind, at);
    }
    best
}

fn offer(best: &mut Option<Intent>, kind: Kind, at: usize) {
    if best.is_none_or(|intent| intent.kind < kind) {
        *best = Some(Intent { kind, at });
    }
}

fn own_english(sentence: &Sentence, best: &mut Option<Intent>) {
    for phrase in english::OWN {
        for (at, _) in sentence.words.match_indices(phrase) {
            offer(best, verb_after(&sentence.words[at + phrase.len()..]), at);
        }
    }
    for phrase in english::PROGRESSIVE {
        let Some(at) = sentence.words.find(phrase) else { continue };
        let next = sentence.words[at + phrase.len()..].split_ascii_whitespace().take(2);
        if next.take_while(|word| !english::NOT.contains(word)).any(is_gerund) {
            offer(best, Kind::Own, at);
        }
    }
    if let Some(at) = sentence.first_of(english::NEGATED) {
        offer(best, Kind::Negated, at);
    }
}

fn verb_after(rest: &str) -> Kind {
    let mut words = rest.split_ascii_whitespace().take(REACH_WORDS).peekable();
    while let Some(word) = words.next() {
        match word {
            "add" if words.peek() == Some(&"that") => return Kind::Talk,
            "," => break,
            _ if english::NOT.contains(&word) => return Kind::Negated,
            "be" => return Kind::Talk, // unless a gerund follows, which is found elsewhere
            _ if english::TALK.contains(&word) => return Kind::Talk,
            _ if english::ACTIONS.contains(&word) => return Kind::Own,
            _ => {}
        }
    }
    Kind::Vague
}

fn loose_english(sentence: &Sentence, best: &mut Option<Intent>) {
    let words = &sentence.words;
    let starts = |phrase: &&str| words.starts_with(*phrase);
    if english::TRANSITIONS.iter().any(starts) {
        offer(best, Kind::Loose, 0);
    }
    if sentence.has_any(english::REMAINS) {
        offer(best, Kind::Loose, 0);
    }
    if words.starts_with(" will ") && opens_with_verb(&words[" will".len()..]) {
        offer(best, Kind::Own, 0);
    }
    let is_short = words.split_ascii_whitespace().count() <= TITLE_WORDS;
    let is_open = sentence.end == End::Colon;
    if (english::ORDINALS.iter().any(starts) && (is_open || is_short)) || (is_open && opens_with_verb(words))
    {
        offer(best, Kind::Loose, 0);
    }
    // "Sure thing, starting with the loader"; a gerund in the middle of a sentence says how something came about.
    let clauses =
        words.split_once(',').filter(|(first, _)| first.split_ascii_whitespace().count() <= CONSENT_WORDS);
    if opens_with_gerund(words, sentence.end)
        || clauses.is_some_and(|(_, rest)| opens_with_gerund(rest, sentence.end))
    {
        offer(best, Kind::Loose, 0);
    }
    if is_short && words.ends_with(" next ") || is_step(words) {
        offer(best, Kind::Loose, 0);
    }
}

/// "Step 2: update the schema".
fn is_step(words: &str) -> bool {
    let Some(rest) = words.strip_prefix(" step ") else { return false };
    let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    rest.strip_prefix(" ,").is_some_and(opens_with_verb)
}

fn content(words: &str) -> impl Iterator<Item = &str> {
    words.split_ascii_whitespace().skip_while(|word| english::LEADS.contains(word))
}

pub(super) fn opens_with_verb(words: &str) -> bool {
    content(words).next().is_some_and(|word| english::ACTIONS.contains(&word))
}

fn opens_with_gerund(words: &str, end: End) -> bool {
    let mut content = content(words);
    let opens = content.next().is_some_and(is_gerund);
    opens && (end == End::Colon || !content.take(REACH_WORDS).any(|word| english::FINITE.contains(&word)))
}

fn is_gerund(word: &str) -> bool {
    word.strip_suffix("ing").is_some_and(is_stem)
}

/// Whether `stem` is an action less its `ing`: "updat", "runn", "fix".
fn is_stem(stem: &str) -> bool {
    let known = |verb: &&str| {
        let rest = verb.strip_prefix(stem);
        rest == Some("") || rest == Some("e") || doubled(stem).is_some_and(|single| single == *verb)
    };
    english::ACTIONS.iter().any(known)
}

fn doubled(stem: &str) -> Option<&str> {
    let [.., a, b] = stem.as_bytes() else { return None };
    (a == b).then(|| &stem[..stem.len() - 1])
}

fn own_chinese(sentence: &Sentence, best: &mut Option<Intent>) {
    for phrase in chinese::OWN {
        for (at, _) in sentence.words.match_indices(phrase) {
            let unknown = chinese::PLAINLY_OWN.contains(phrase).then_some(Kind::Vague);
            if let Some(kind) = action_after(&sentence.words[at + phrase.len()..]).or(unknown) {
                offer(best, kind, at);
            }
        }
    }
    for (at, me) in sentence.words.match_indices('我') {
        let rest = sentence.words[at + me.len()..].trim_start();
        if opens_with_action(rest) {
            offer(best, if is_softened(rest) { Kind::Own } else { Kind::Loose }, at);
        }
    }
}

/// Judges what follows 我来 and the like by what comes first.
fn action_after(rest: &str) -> Option<Kind> {
    let end = rest.char_indices().nth(REACH_CHARS).map_or(rest.len(), |(at, _)| at);
    let rest = &rest[..end];
    let first =
        |phrases: &[&str]| phrases.iter().filter_map(|phrase| rest.find(phrase)).min().unwrap_or(usize::MAX);
    let (action, talk, not) = (first(chinese::ACTIONS), first(chinese::TALK), first(chinese::NOT));
    match action.min(talk).min(not) {
        usize::MAX => None,
        at if at == not => Some(Kind::Negated),
        at if at == talk => Some(Kind::Talk),
        at => opens_with_action(&rest[at..]).then_some(Kind::Own),
    }
}

/// Whether an action comes at once and is not said to have happened.
fn opens_with_action(rest: &str) -> bool {
    let action =
        chinese::ACTIONS.iter().filter(|action| rest.starts_with(**action)).max_by_key(|action| action.len());
    action.is_some_and(|action| !chinese::PAST.iter().any(|past| rest[action.len()..].starts_with(past)))
}

fn loose_chinese(sentence: &Sentence, best: &mut Option<Intent>) {
    if sentence.has_any(chinese::REMAINS) {
        offer(best, Kind::Loose, 0);
    }
    if sentence.has_any(chinese::NARRATED) && !sentence.has_any(&["我", "最后一步"]) {
        return;
    }
    let mut at = 0;
    let mut is_led = false;
    for clause in sentence.words.split(',') {
        let bare = clause.trim();
        if leads_over(bare, sentence.end) || (is_led && (opens_with_action(bare) || is_title(bare))) {
            offer(best, Kind::Loose, at);
        }
        is_led = chinese::LEADS.contains(&bare); // "下一步：修改"
        at += clause.len() + 1;
    }
}

/// "接下来：集成测试": after a lead of its own, a few characters without a verb.
fn is_title(clause: &str) -> bool {
    (1..=TITLE_CHARS).contains(&clause.chars().count())
        && !clause.contains(['是', '会', '有', '你', '您', '已', '了'])
}

fn is_softened(clause: &str) -> bool {
    chinese::SOFTENED.iter().any(|soft| clause.contains(soft))
}

fn leads_over(clause: &str, end: End) -> bool {
    if chinese::OTHERS.iter().any(|other| clause.contains(other)) {
        return false;
    }
    let lead = chinese::LEADS.iter().filter(|lead| clause.starts_with(**lead)).max_by_key(|lead| lead.len());
    let Some(lead) = lead else {
        return (end == End::Colon || is_softened(clause)) && opens_with_action(clause);
    };
    let rest = &clause[lead.len()..];
    let is_near = |action: &str, at: usize| action.chars().count() > 1 || at <= NEAR_BYTES;
    let acts = |action: &&str| {
        rest.find(*action).is_some_and(|at| is_near(action, at) && opens_with_action(&rest[at..]))
    };
    end == End::Colon || chinese::GOING_ON.contains(lead) || chinese::ACTIONS.iter().any(acts)
}

#[cfg(test)]
mod tests {
    use super::super::words::sentences;
    use super::*;

    fn kind(text: &str) -> Option<Kind> {
        find(&sentences(text)[0]).map(|intent| intent.kind)
    }

    #[test]
    fn own_actions_are_found() {
        for text in ["Let me read it", "OK so I'm going to quickly run them", "我来修复它", "让我先看一下"]
        {
            assert_eq!(kind(text), Some(Kind::Own), "{text}");
        }
    }

    #[test]
    fn talk_and_negation_are_not_actions() {
        assert_eq!(kind("Let me explain how to run it"), Some(Kind::Talk));
        assert_eq!(kind("I will not change it"), Some(Kind::Negated));
        assert_eq!(kind("我不会修改它"), None);
        assert_eq!(kind("我会保持不变"), Some(Kind::Talk));
    }

    #[test]
    fn gerund_as_subject_is_no_announcement() {
        assert_eq!(kind("Now updating the callers"), Some(Kind::Loose));
        assert_eq!(kind("Running it twice is slow"), None);
    }

    #[test]
    fn reported_action_is_no_announcement() {
        assert_eq!(kind("我查看了目录"), None);
        assert_eq!(kind("接下来读取配置"), Some(Kind::Loose));
    }
}
