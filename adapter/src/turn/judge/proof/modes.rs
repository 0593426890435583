//! What is right in plan mode, and what is believed without a call.

use super::*;

#[test]
fn plan_mode_reads_and_does_nothing_else() {
    let nudge = |text| {
        judge(&JudgedTurn { text, system: MARK, answers: PrecedingMessage::User, ..after_tool_result() })
            .nudge
    };

    for reads in
        ["Let me read `src/main.rs` first.", "我先看一下现有的实现。", "I'll start by exploring the code."]
    {
        assert!(nudge(reads), "{reads}");
    }
    for plans in [
        "I'll add the field and then update the callers.",
        "The plan:\n\n1. Read the loader\n2. Fix it",
        "Let me check the plan with you before I start.",
        "我先给出修改方案。",
        "I'll rename it once the plan is approved.",
    ] {
        assert!(!nudge(plans), "{plans}");
    }
}

#[test]
fn a_missing_mark_of_the_end_says_that_work_is_not_finished() {
    let unmarked = JudgedTurn { unmarked: true, ..after_tool_result() };
    let judged = |text| judge(&JudgedTurn { text, ..unmarked });

    let unclear = judged("The loader reads the file twice.");
    assert_eq!((unclear.nudge, unclear.reason), (true, VerdictReason::Unmarked));
    assert!(!judge(&JudgedTurn { text: "The loader reads the file twice.", ..after_tool_result() }).nudge);
    assert_eq!(judged("Let me read `src/main.rs`.").reason, VerdictReason::Announced);
    for ends in
        ["Which one?", "Let me know.", "Done.", "I will not change it.", "Send me the log and I'll look."]
    {
        assert!(!judged(ends).nudge, "{ends}");
    }
    assert!(
        !judge(&JudgedTurn { system: MARK, text: "The plan has two steps.", ..unmarked }).nudge,
        "plan mode"
    );
}

#[test]
fn a_change_without_a_call_is_asked_about() {
    let claimed = JudgedTurn { text: "I've updated `src/main.rs`.", edited: false, ..after_tool_result() };
    let asked = JudgedTurn { user: "What did you change? Explain it.", ..claimed };

    assert_eq!((judge(&claimed).nudge, judge(&claimed).reason), (true, VerdictReason::Claimed));
    assert!(!judge(&asked).nudge && !judge(&JudgedTurn { edited: true, ..claimed }).nudge);
    assert!(!judge(&JudgedTurn { system: MARK, ..claimed }).nudge, "plan mode");
}
