//! What a sentence says the model does next.

use super::{
    announcement::{Intent, IntentKind},
    chinese, grammar, language,
    words::{Sentence, SentenceEnd},
};

/// Characters after an announcement in which its verb is sought.
const REACH_CHARS: usize = 40;

/// "接下来：集成测试" is an announcement, a longer clause may tell of anything.
const TITLE_CHARS: usize = 8;
/// Bytes between a Chinese lead and an action of one character, which may mean anything further on.
const NEAR_BYTES: usize = 4 * '字'.len_utf8();

/// The strongest announcement of a sentence.
pub(super) fn find(sentence: &Sentence) -> Option<Intent> {
    let mut best = None;
    for (kind, at) in grammar::own(sentence).into_iter().chain(grammar::loose(sentence)) {
        offer(&mut best, kind, at);
    }
    own_chinese(sentence, &mut best);
    loose_chinese(sentence, &mut best);
    if let Some(Intent { kind, at }) = language::find(sentence) {
        offer(&mut best, kind, at);
    }
    best
}

fn offer(best: &mut Option<Intent>, kind: IntentKind, at: usize) {
    if best.is_none_or(|intent| intent.kind < kind) {
        *best = Some(Intent { kind, at });
    }
}

fn own_chinese(sentence: &Sentence, best: &mut Option<Intent>) {
    for phrase in chinese::OWN {
        for (at, _) in sentence.words.match_indices(phrase) {
            let unknown = chinese::PLAINLY_OWN.contains(phrase).then_some(IntentKind::Vague);
            if let Some(kind) = action_after(&sentence.words[at + phrase.len()..]).or(unknown) {
                offer(best, kind, at);
            }
        }
    }
    for (at, me) in sentence.words.match_indices('我') {
        let rest = sentence.words[at + me.len()..].trim_start();
        let goes = rest.strip_prefix('去'); // "我去翻", not "我去年"
        if opens_with_action(goes.unwrap_or(rest)) {
            offer(
                best,
                if goes.is_some() || is_softened(rest) { IntentKind::Own } else { IntentKind::Loose },
                at,
            );
        }
    }
}

/// Judges what follows 我来 and the like by what comes first.
fn action_after(rest: &str) -> Option<IntentKind> {
    let end = rest.char_indices().nth(REACH_CHARS).map_or(rest.len(), |(at, _)| at);
    let rest = &rest[..end];
    let first =
        |phrases: &[&str]| phrases.iter().filter_map(|phrase| rest.find(phrase)).min().unwrap_or(usize::MAX);
    let (action, talk, not) = (first(chinese::ACTIONS), first(chinese::TALK), first(chinese::NOT));
    match action.min(talk).min(not) {
        usize::MAX => None,
        at if at == not => Some(IntentKind::Negated),
        at if at == talk => Some(IntentKind::Talk),
        at => opens_with_action(&rest[at..]).then_some(IntentKind::Own),
    }
}

/// Whether an action comes at once and is not said to have happened.
fn opens_with_action(rest: &str) -> bool {
    let action =
        chinese::ACTIONS.iter().filter(|action| rest.starts_with(**action)).max_by_key(|action| action.len());
    action.is_some_and(|action| !chinese::PAST.iter().any(|past| rest[action.len()..].starts_with(past)))
}

fn loose_chinese(sentence: &Sentence, best: &mut Option<Intent>) {
    let still = sentence.words.split_once("还有").map_or("", |(_, rest)| rest);
    let is_counted = still.starts_with(|c: char| c.is_ascii_digit() || "一两二三四五六几些".contains(c));
    let is_left = sentence.has_any(chinese::REMAINS) || (is_counted && still.contains(['没', '未']));
    if is_left && !sentence.has_any(chinese::NOT) && !sentence.has_any(chinese::LEFT_NOTHING) {
        offer(best, IntentKind::Loose, 0);
    }
    if sentence.has_any(chinese::NARRATED) && !sentence.has_any(&["我", "最后一步"]) {
        return;
    }
    let mut at = 0;
    let mut is_led = false;
    for clause in sentence.words.split(',') {
        let bare = clause.trim();
        let came_out = || chinese::OUTCOMES.iter().any(|outcome| sentence.words[at..].contains(outcome));
        let acts = leads_over(bare, sentence.end) || (is_led && (opens_with_action(bare) || is_title(bare)));
        if acts && (sentence.end == SentenceEnd::Colon || !came_out()) {
            offer(best, IntentKind::Loose, at);
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

fn leads_over(clause: &str, end: SentenceEnd) -> bool {
    if chinese::OTHERS.iter().any(|other| clause.contains(other)) {
        return false;
    }
    let lead = chinese::LEADS.iter().filter(|lead| clause.starts_with(**lead)).max_by_key(|lead| lead.len());
    let Some(lead) = lead else {
        return (end == SentenceEnd::Colon || is_softened(clause)) && opens_with_action(clause);
    };
    let rest = &clause[lead.len()..];
    let is_near = |action: &str, at: usize| action.chars().count() > 1 || at <= NEAR_BYTES;
    let acts = |action: &&str| {
        rest.find(*action).is_some_and(|at| is_near(action, at) && opens_with_action(&rest[at..]))
    };
    end == SentenceEnd::Colon || chinese::GOING_ON.contains(lead) || chinese::ACTIONS.iter().any(acts)
}

#[cfg(test)]
mod tests {
    use super::super::words::sentences;
    use super::*;

    fn kind(text: &str) -> Option<IntentKind> {
        find(&sentences(text)[0]).map(|intent| intent.kind)
    }

    #[test]
    fn own_actions_are_found() {
        for text in ["Let me read it", "OK so I'm going to quickly run them", "我来修复它", "让我先看一下"]
        {
            assert_eq!(kind(text), Some(IntentKind::Own), "{text}");
        }
    }

    #[test]
    fn talk_and_negation_are_not_actions() {
        assert_eq!(kind("Let me explain how to run it"), Some(IntentKind::Talk));
        assert_eq!(kind("I will not change it"), Some(IntentKind::Negated));
        assert_eq!(kind("我不会修改它"), None);
        assert_eq!(kind("我会保持不变"), Some(IntentKind::Talk));
    }

    #[test]
    fn gerund_as_subject_is_no_announcement() {
        assert_eq!(kind("Now updating the callers"), Some(IntentKind::Loose));
        assert_eq!(kind("Running it twice is slow"), None);
    }

    #[test]
    fn reported_action_is_no_announcement() {
        assert_eq!(kind("我查看了目录"), None);
        assert_eq!(kind("接下来读取配置"), Some(IntentKind::Loose));
    }
}
