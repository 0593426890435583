//! What gives the word to the user: lists of questions, steps that come before the model's own, "message me". In
//! fourteen languages, each with announcements that look alike.
//!
//! A judge without these kinds nudged 49 of the 73 of round 9's tuning half that are to be left alone. At first sight,
//! before any table had seen them, 30 of 72 were nudged in round 10 and 4 of 42 in round 11: that is what to expect of new
//! wordings.

use super::*;

const HANDED: &str = include_str!("../handed.jsonl");

#[test]
fn what_hands_the_work_to_the_user_is_left_alone() {
    let rows = table(read(HANDED), true);
    for class in ["questions", "order", "message"] {
        let row = rows[&format!("class {class}")];
        assert!(row.alarm * 20 <= row.alarm + row.quiet, "{class}");
    }
    assert!(rows["class announce"].recall() >= 0.9);
}
