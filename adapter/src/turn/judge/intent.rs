//! What a sentence says the model does next.

mod clause;

use super::{
    announcement::{Intent, offer},
    chinese, grammar, language,
    words::Sentence,
};

/// The strongest announcement of a sentence.
pub(super) fn find(sentence: &Sentence) -> Option<Intent> {
    let mut best = None;
    for (kind, at) in grammar::own(sentence).into_iter().chain(grammar::loose(sentence)) {
        offer(&mut best, kind, at);
    }
    if let Some(Intent { kind, at }) = clause::find(sentence) {
        offer(&mut best, kind, at);
    }
    if let Some(Intent { kind, at }) = language::find(sentence) {
        offer(&mut best, kind, at);
    }
    best
}

/// Whether a clause before an announcement gives the user something to do: "你把日志发我".
pub(super) fn is_users(clause: &str) -> bool {
    let clause = clause.trim();
    let greets = clause.starts_with("你好") || clause.starts_with("您好");
    // "你把测试机的地址给一下": what is acted on may have an attribute.
    let tells = if clause.contains('把') {
        clause.contains(['了', '过'])
    } else {
        clause.contains(chinese::OF_USERS)
    };
    clause.starts_with(['你', '您']) && !greets && !tells
}

#[cfg(test)]
mod tests {
    use super::super::{announcement::IntentKind, words::sentences};
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
