//! Chinese: the grammar of what a clause says the model does next. The words are in `chinese`.
//!
//! Openings are taken off one by one, each with a part to play: who acts, when, whether at all. What is left begins
//! with the verb, or with what is done to it; a mark of aspect behind the verb says that it has happened.

mod opening;

use super::super::{
    announcement::{Intent, IntentKind},
    chinese, english, tail,
    words::{CODE, Sentence, SentenceEnd},
};
use opening::{Head, Opening};

/// Characters after an announcement in which its verb is sought.
const REACH_CHARS: usize = 40;
/// The last mentions of itself that are looked at.
const MENTIONS: usize = 8;
/// Bytes of a sentence that are looked at from 我 on.
const REACH_BYTES: usize = 300;
/// Bytes at the end of a sentence whose clauses are looked at.
const END_BYTES: usize = 600;
/// "接下来：集成测试" is an announcement, a longer clause may tell of anything.
const TITLE_CHARS: usize = 8;
/// Bytes between a lead and an action of one character, which may mean anything further on.
const NEAR_BYTES: usize = 4 * '字'.len_utf8();

/// The strongest announcement of a sentence.
pub(super) fn find(sentence: &Sentence) -> Option<Intent> {
    let words = sentence.words.as_str();
    let is_han = |c: char| ('\u{4e00}'..='\u{9fff}').contains(&c);
    let is_kana = |c: char| ('\u{3040}'..='\u{30ff}').contains(&c);
    if !words.contains(is_han) || words.contains(is_kana) {
        return None;
    }
    let mut best: Option<Intent> = None;
    let mut offer = |kind, at| {
        if best.is_none_or(|intent| intent.kind < kind) {
            best = Some(Intent { kind, at });
        }
    };
    let said = words.matches(['我', '咱']).count();
    for (at, _) in words.match_indices(['我', '咱']).skip(said.saturating_sub(MENTIONS)) {
        let before = words[..at].trim_end();
        let at = if before.ends_with('让') { before.len() - '让'.len_utf8() } else { at };
        let is_object = chinese::BEFORE_OBJECT.iter().any(|word| before.ends_with(word));
        let reach = tail::first(&words[at..], REACH_BYTES);
        let (clause, behind) = reach.split_once(',').unwrap_or((reach, ""));
        if !is_object && let Some(kind) = own(clause, behind) {
            offer(kind, at);
        }
    }
    if remains(sentence) {
        offer(IntentKind::Loose, 0);
    }
    if let Some(at) = loose(sentence) {
        offer(IntentKind::Loose, at);
    }
    best
}

/// What the model says of itself.
fn own(clause: &str, behind: &str) -> Option<IntentKind> {
    let head = Head::of(clause);
    if head.bar.is_some() {
        return None; // "我不会…", "我已…"
    }
    if head.is_complete() {
        return Some(IntentKind::Own);
    }
    if head.can && !head.begins && !head.can_now {
        return makes(&head).then_some(IntentKind::Own); // else an offer
    }
    let rest = head.rest;
    let is_soft = chinese::SOFTENED.iter().any(|soft| clause.contains(soft));
    let is_meant = head.is_led() || is_soft || clause.starts_with("让我");
    if !is_meant && (is_over(rest) || is_over(behind)) {
        return None;
    }
    let will = head.will || (head.is_now && !is_over(rest));
    match action_after(rest) {
        Some(IntentKind::Own) if is_meant || head.can => Some(IntentKind::Own),
        Some(IntentKind::Own) if opens_with_action(rest) || is_fronted(rest) => Some(IntentKind::Loose),
        Some(IntentKind::Own) => None,
        None if rest.starts_with(['把', '将']) && !is_over(rest) => Some(IntentKind::Own),
        None if is_fronted(rest) && will => Some(IntentKind::Own),
        None if (will || is_soft) && !is_over(rest) && !rest.contains(['你', '您']) => {
            Some(IntentKind::Vague)
        }
        kind => kind,
    }
}

/// Judges what follows 我来 and the like by what comes first.
fn action_after(rest: &str) -> Option<IntentKind> {
    let end = rest.char_indices().nth(REACH_CHARS).map_or(rest.len(), |(at, _)| at);
    let rest = &rest[..end];
    let first =
        |phrases: &[&str]| phrases.iter().filter_map(|phrase| rest.find(phrase)).min().unwrap_or(usize::MAX);
    let verb = english_action(rest).map_or(usize::MAX, |_| 0);
    let action = first(chinese::ACTIONS).min(verb);
    let talk = first(chinese::TALK);
    let not = first(chinese::NOT);
    let action = if opens_with_action(rest) { 0 } else { action };
    match action.min(talk).min(not) {
        usize::MAX => None,
        at if at == not => Some(IntentKind::Negated),
        at if at == talk => Some(IntentKind::Talk),
        at => opens_with_action(&rest[at..]).then_some(IntentKind::Own),
    }
}

/// Whether an action comes at once and is not said to have happened.
fn opens_with_action(rest: &str) -> bool {
    if chinese::NOUNS.iter().any(|noun| rest.starts_with(noun)) {
        return false;
    }
    let action = longest_action(rest);
    let behind = if action.is_empty() { english_action(rest) } else { Some(&rest[action.len()..]) };
    behind.is_some_and(|rest| !chinese::PAST.iter().any(|past| rest.trim_start().starts_with(past)))
}

/// What stands behind an English verb: "run 一下".
fn english_action(rest: &str) -> Option<&str> {
    let rest = rest.trim_start();
    let word = rest.split(' ').next().unwrap_or(rest);
    english::ACTIONS.contains(&word).then(|| &rest[word.len()..])
}

/// "把 ...", "用 ...": the verb comes later.
fn is_fronted(rest: &str) -> bool {
    chinese::FRONTS.iter().any(|front| rest.starts_with(front))
}

/// Whether a mark of aspect says that it has happened.
fn is_over(rest: &str) -> bool {
    let bare = rest.trim_end();
    let has_le = rest.match_indices('了').any(|(at, le)| {
        !rest[..at].ends_with(['为', '除', '不']) && !rest[at + le.len()..].starts_with('解')
    });
    has_le || bare.ends_with(['过', '完', '好'])
}

/// "还差 README 没更新", "`b.py` 同样处理".
fn remains(sentence: &Sentence) -> bool {
    let words = sentence.words.as_str();
    let still = words.split_once("还有").map_or("", |(_, rest)| rest);
    let is_number = |c: char| c.is_ascii_digit() || "一两二三四五六几些".contains(c);
    let counted =
        || still.trim_start().starts_with(is_number) && still.contains(['没', '未', '待', '要', '旧']);
    let few = || words.split_once("剩下").is_some_and(|(_, rest)| rest.trim_start().starts_with(is_number));
    let named = chinese::REMAINS.iter().filter_map(|phrase| words.find(phrase)).min();
    let left = || {
        chinese::LEFT.iter().find_map(|left| {
            let at = words.find(left)?;
            let is_theirs = ["你", "您", "用户"].iter().any(|you| words[..at].contains(you));
            let rest = Head::of(&words[at + left.len()..]).rest;
            (!is_theirs && (opens_with_action(rest) || is_fronted(rest))).then_some(at)
        })
    };
    let Some(at) =
        named.or_else(left).or_else(|| (counted() || few()).then(|| words.find("还有").unwrap_or(0)))
    else {
        return false;
    };
    !chinese::NOT.iter().any(|not| words.contains(not))
        && !words[..at].ends_with(['有', '无'])
        && !chinese::LEFT_NOTHING.iter().any(|done| words[at..].contains(done))
}

/// Where something is announced without saying who does it.
fn loose(sentence: &Sentence) -> Option<usize> {
    let words = sentence.words.as_str();
    let last = sentence.first_of(chinese::NARRATED).map_or("", |at| &words[..at]);
    let is_told = last.contains(['了', '先', '再', '后']);
    let mut at = 0;
    let mut is_led = false;
    let mut is_theirs = false;
    let mut is_story = false;
    let mut is_summary = false;
    for clause in words.split(',') {
        if at + END_BYTES < words.len() {
            at += clause.len() + 1;
            continue;
        }
        let head = Head::of(clause);
        let bare = clause.trim();
        is_theirs |= matches!(head.bar, Some(Opening::You | Opening::If)) || addresses(bare);
        is_theirs |= at == 0 && chinese::TITLES.iter().any(|title| bare.ends_with(title));
        let came_out = || chinese::OUTCOMES.iter().any(|outcome| words[at..].contains(outcome));
        let is_title = is_led && (is_title(bare) || opens_with_action(bare));
        let follows = is_title
            || leads_over(&head, clause, &words[at..], sentence.end, is_story, is_summary || is_told);
        if !is_theirs && follows && (sentence.end == SentenceEnd::Colon || !came_out()) {
            return Some(at);
        }
        is_led = head.is_led() && head.rest.is_empty(); // "下一步：修改"
        is_story |= !bare.contains('我') && tells(bare, head.rest);
        is_summary |= chinese::SUMMARIES.iter().any(|summary| bare.contains(summary));
        at += clause.len() + 1;
    }
    None
}

/// Whether a clause tells what something does: "路由先匹配路径".
fn tells(clause: &str, rest: &str) -> bool {
    let is_thing = !rest.is_empty() && !opens_with_action(rest) && !is_fronted(rest) && !is_over(rest);
    is_thing && (rest.contains('先') || chinese::HABITS.iter().any(|habit| clause.contains(habit)))
}

/// "你可以先…": the user's step.
fn addresses(clause: &str) -> bool {
    let steps = [chinese::USERS_FIRST, chinese::USERS_STEP];
    steps.iter().any(|phrases| phrases.iter().any(|phrase| clause.contains(phrase)))
}

/// "接下来：集成测试": after a lead of its own, a few characters without a verb.
fn is_title(clause: &str) -> bool {
    (1..=TITLE_CHARS).contains(&clause.chars().count())
        && !clause.contains(['是', '会', '有', '你', '您', '已', '了'])
}

/// Whether a clause announces an action of nobody who is named.
fn leads_over(
    head: &Head<'_>,
    clause: &str,
    behind: &str,
    end: SentenceEnd,
    is_story: bool,
    is_summary: bool,
) -> bool {
    if head.bar.is_some() || head.is_mine || chinese::OTHERS.iter().any(|other| clause.contains(other)) {
        return false;
    }
    let rest = head.rest;
    let is_soft = chinese::SOFTENED.iter().any(|soft| clause.contains(soft));
    if head.is_complete() || is_due(clause) || (head.can && makes(head)) {
        return true;
    }
    if (head.can && !head.begins)
        || opens_with_past(rest)
        || chinese::INSTRUCTS.iter().any(|word| behind.contains(word))
    {
        return false;
    }
    if !head.is_led() {
        return (end == SentenceEnd::Colon || is_soft || !is_summary) && is_bare_action(rest, is_soft);
    }
    if (is_story || is_summary) && !head.is_now {
        return false;
    }
    let is_near = |action: &str, at: usize| action.chars().count() > 1 || at <= NEAR_BYTES;
    let acts = |action: &&str| {
        rest.find(*action).is_some_and(|at| is_near(action, at) && opens_with_action(&rest[at..]))
    };
    let talks = chinese::TALK.iter().any(|talk| rest.starts_with(talk));
    let states = is_statement(rest);
    end == SentenceEnd::Colon
        || (is_soft && !talks)
        || ((head.is_now || !states)
            && (head.goes_on || (is_fronted(rest) && !is_over(rest)) || opens_with_action(rest)))
        || (!states && chinese::ACTIONS.iter().any(acts))
}

/// "添加索引可以加快查询", not "检查是否需要".
fn is_statement(rest: &str) -> bool {
    chinese::PREDICATES.iter().any(|word| rest.contains(word))
        && !chinese::WONDERS.iter().any(|word| rest.contains(word))
}

/// "重写了查询".
fn opens_with_past(rest: &str) -> bool {
    let action = longest_action(rest);
    !action.is_empty() && rest[action.len()..].starts_with(['了', '过', '完'])
}

/// "可以写测试了".
fn makes(head: &Head<'_>) -> bool {
    chinese::MAKES.iter().any(|verb| head.rest.starts_with(verb)) && head.rest.trim_end().ends_with('了')
}

/// "该更新文档了".
fn is_due(clause: &str) -> bool {
    let due = clause.trim().strip_prefix('该').and_then(|due| due.strip_suffix('了'));
    due.is_some_and(opens_with_action)
}

/// "改一下", "清掉缓存后重新构建": a verb, and nothing that makes advice or a report of it.
fn is_bare_action(rest: &str, is_soft: bool) -> bool {
    if is_soft || rest.starts_with('把') {
        let talks = chinese::TALK.iter().any(|talk| rest.starts_with(talk));
        return !talks && (is_soft || !is_statement(rest)) && (opens_with_action(rest) || !is_over(rest));
    }
    let action = longest_action(rest);
    let behind = &rest[action.len()..];
    let is_part = chinese::DEEDS.contains(&action) && !behind.starts_with(chinese::COMPLEMENTS);
    let is_thing = chinese::THINGS.contains(&action) && !rest.contains(CODE);
    let is_noun = !action.is_empty() && chinese::OF_NOUN.iter().any(|word| behind.starts_with(word));
    let is_none = is_part || is_thing || is_noun || chinese::NO_DEED.iter().any(|word| rest.contains(word));
    opens_with_action(rest) && !is_none && !is_statement(rest) && !is_over(rest)
}

/// The action with which a text begins.
fn longest_action(rest: &str) -> &'static str {
    let actions = chinese::ACTIONS.iter().chain(chinese::DEEDS);
    actions
        .filter(|action| rest.starts_with(**action))
        .max_by_key(|action| action.len())
        .copied()
        .unwrap_or("")
}
