//! What an end gives to the user: a question, an offer, a step that comes before the model's own.

use super::{
    chinese, english, grammar, intent, language, tail,
    words::{Sentence, SentenceEnd, sentences},
};

/// Whether a sentence asks, with its mark or without.
pub(super) fn asks(sentence: &Sentence) -> bool {
    sentence.end == SentenceEnd::Question || sentence.has_any(chinese::ASKS) || language::asks(sentence)
}

/// Whether it offers more.
pub(super) fn offers(sentence: &Sentence) -> bool {
    has(sentence, english::OFFERS, chinese::OFFERS) || language::has(sentence, |language| &language.offers)
}

/// Whether the user has to act, answer or agree first.
pub(super) fn waits(sentence: &Sentence) -> bool {
    has(sentence, english::WAITS, chinese::WAITS)
        || language::has(sentence, |language| &language.waits)
        || sentence.words.starts_with(" please ")
}

/// "Why does it fail there? Let me look."
pub(super) fn is_to_oneself(question: &Sentence) -> bool {
    let chinese = question.words.contains(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
    (chinese || wonders(question)) && !has(question, english::SPOKEN_TO, chinese::SPOKEN_TO)
}

fn wonders(question: &Sentence) -> bool {
    english::WONDERS.iter().any(|opening| question.words.starts_with(opening))
}

/// Whether more than half of a list's items ask the user; `looks` says that the model is about to look something up,
/// and what it wonders then it asks itself.
pub(super) fn is_list_of_questions(list: &str, looks: bool) -> bool {
    let items = tail::items(list);
    let asks_user = |item: &&String| {
        let mut asked = sentences(item).into_iter().filter(asks);
        asked.any(|question| !(looks && wonders(&question) && !question.has_any(english::SPOKEN_TO)))
    };
    2 * items.iter().filter(asks_user).count() > items.len()
}

/// Whether a sentence gives the user something to do for the model: "send me the log".
pub(super) fn orders(sentence: &Sentence) -> bool {
    sentence.words.split(',').any(is_order) || language::orders(sentence)
}

/// Whether what is announced at `intent` hangs on the user.
pub(super) fn depends(sentence: &Sentence, intent: usize) -> bool {
    let before = &sentence.words[..intent];
    let has = |phrases: &[&str]| phrases.iter().any(|phrase| before.contains(phrase));
    // "Send me the log and I'll look": an order to the user comes first.
    let is_joined = before.trim_end_matches([' ', ',']).ends_with(" and") && grammar::opens_with_verb(before);
    let after_user = (has(&["你", "您"]) && before.contains('后')) || has(chinese::USERS_FIRST);
    is_joined
        || after_user
        || before.split(',').any(|clause| is_order(clause) || intent::is_users(clause))
        || has(english::CONDITIONS)
        || has(english::USERS_FIRST)
        || has(chinese::CONDITIONS)
        || language::depends(sentence, intent)
}

/// An order in English or Chinese.
fn is_order(clause: &str) -> bool {
    let has = |phrases: &[&str]| phrases.iter().any(|phrase| clause.contains(phrase));
    if has(chinese::ORDERS) {
        return !has(chinese::NO_ORDER) && !clause.trim_start().starts_with('我');
    }
    let is_patience = || has(english::PATIENCE);
    (grammar::opens_with(clause, english::ORDERS) && !is_patience()) || grammar::is_users(clause)
}

fn has(sentence: &Sentence, english: &[&str], chinese: &[&str]) -> bool {
    sentence.has_any(english) || sentence.has_any(chinese)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_asks_where_most_of_its_items_do() {
        for list in [
            "1. CSV or JSON?\n2. One file?\n",
            "- A?\n  - yes\n  - no\n- B?\n",
            "- 用 Redis 吗？\n- 要分页吗\n- 其他",
            "* ما الصيغة؟\n* من يصدّر؟",
            "- Which one (the default is CSV)? Both work.\n\n- How long?\n  A day is usual.",
        ] {
            assert!(is_list_of_questions(list, false), "{list}");
        }
        for list in ["- A?\n- b\n", "- a\n- b", "", "1. read it\n2. does it pass? then write\n3. run"] {
            assert!(!is_list_of_questions(list, false), "{list}");
        }
        assert!(!is_list_of_questions("- where is it read?\n- who calls it?", true), "asked of oneself");
        assert!(is_list_of_questions("- Should I keep it?\n- do you need it?", true));
    }

    #[test]
    fn orders_are_told_from_talk() {
        let is_order = |text: &str| orders(&sentences(text)[0]);
        for text in [
            "Send me the log",
            "Just paste the output here",
            "You run the migration",
            "把日志发我",
            "Schick mir das Log",
        ] {
            assert!(is_order(text), "{text}");
        }
        for text in [
            "You're right",
            "You see the error above",
            "Give me a moment",
            "我把日志发给你",
            "给我一点时间",
            "Gib mir eine Minute",
        ] {
            assert!(!is_order(text), "{text}");
        }
    }
}
