//! What the user asked for, as far as it speaks against an action: a plan, words, or a look at code.

use super::{
    tail::{first, last},
    words::simplified,
};

/// Bytes looked at on either end of what the user said; between them is what was pasted.
const END_BYTES: usize = 600;

/// Said by the clients' own reminders while plan mode is on: OpenCode, then Claude Code (2026-11).
const PLAN_MODE: &[&str] = &["Plan mode ACTIVE", "Plan mode is active", "Plan mode still active"];

/// Opens and closes what a client adds to the user's words.
const REMINDER: (&str, &str) = ("<system-reminder>", "</system-reminder>");

const PLAN: &[&str] = &[
    "only make a plan",
    "just make a plan",
    "only plan",
    "just plan",
    "a plan for",
    "don't change anything",
    "no code yet",
    "do not edit",
    "don't edit",
    "do not change",
    "don't write any code",
    "do not write any code",
    "without changing",
    "不要修改",
    "不要改",
    "先别",
    "先不要",
    "只给出计划",
    "只给出方案",
    "不要写代码",
    "不用修改",
    "不要动代码",
];

const WORDS: &[&str] = &[
    "explain",
    "what does",
    "what is",
    "what's",
    "what happens",
    "why ",
    "how does",
    "how do",
    "how would",
    "how can",
    "describe",
    "解释",
    "是什么",
    "为什么",
    "怎么",
    "做什么",
    "干什么",
    "是干",
    "说明",
    "发生什么",
];

/// With one of these the question only introduces the work.
const WORK: &[&str] =
    &["fix ", "fix it", "implement ", "please add", "修复", "修一下", "改一下", "帮我改", "帮我修", "实现"];

const SIGHT: &[&str] = &[
    "show me",
    "example",
    "review",
    "what did",
    "give me a snippet",
    "示例",
    "例子",
    "给我看",
    "看看",
    "审查",
    "怎么样",
];

/// By what a plan is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plan {
    /// The user's words.
    Asked,
    /// The client's mode, in which reading is allowed.
    Mode,
}

/// What the user wants instead of an action.
#[derive(Debug, Clone, Copy)]
pub(super) struct UserRequest {
    /// A plan.
    pub(super) plan: Option<Plan>,
    /// An explanation.
    pub(super) words: bool,
    /// Code to look at.
    pub(super) sight: bool,
}

impl UserRequest {
    /// Reads it from the user's last message and the system prompt.
    pub(super) fn of(user: &str, system: &str) -> Self {
        let in_plan_mode = PLAN_MODE.iter().any(|mark| user.contains(mark) || system.contains(mark));
        let mut said = ends(&without_reminders(user)).to_lowercase();
        simplified::write(&mut said);
        let has = |phrases: &[&str]| phrases.iter().any(|phrase| said.contains(phrase));
        let plan = if in_plan_mode { Some(Plan::Mode) } else { has(PLAN).then_some(Plan::Asked) };
        Self { plan, words: has(WORDS) && !has(WORK), sight: has(SIGHT) }
    }
}

fn without_reminders(user: &str) -> String {
    let mut kept = String::new();
    let mut rest = user;
    while let Some((before, reminder)) = rest.split_once(REMINDER.0) {
        kept.push_str(before);
        rest = reminder.split_once(REMINDER.1).map_or("", |(_, after)| after);
    }
    kept + rest
}

/// Both ends of a long message.
fn ends(said: &str) -> String {
    if said.len() <= 2 * END_BYTES {
        return said.to_owned();
    }
    format!("{} {}", first(said, END_BYTES), last(said, END_BYTES))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plan_mode_is_told_by_reminders_and_by_words() {
        assert!(
            UserRequest::of("<system-reminder>\nPlan mode is active. The user</system-reminder>Add it", "")
                .plan
                .is_some()
        );
        assert!(UserRequest::of("只给出计划", "").plan.is_some());
        assert!(UserRequest::of("Add a plan mode", "You may use plan mode.").plan.is_none());
    }

    #[test]
    fn reminders_and_pasted_text_are_not_the_users_words() {
        let pasted = format!("{}explain{}", "x ".repeat(400), "字".repeat(400));

        assert!(!UserRequest::of("<system-reminder>explain</system-reminder>Add it", "").words);
        assert!(!UserRequest::of(&pasted, "").words);
        assert!(!UserRequest::of("Why is it red? Fix it", "").words);
    }
}
