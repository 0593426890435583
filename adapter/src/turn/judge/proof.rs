//! Measures the judge on the labelled set, one half of which it was never tuned on.
//!
//! Tables and cases have one author, so even the held-out half flatters. The set grew in rounds, each written before
//! the tables had seen it; at first sight (precision, recall) were .87 .63 in round 2, .92 .75 in round 3, .85 .61 in
//! round 4 and 1.0 .70 in round 5. That is what to expect of new wordings: shadow first.

mod handed;
mod modes;
mod sets;
mod wordings;

use std::{collections::BTreeMap, sync::LazyLock};

use latchkey_bridge::sieve::quoted::QuotedTexts;
use serde::Deserialize;
use serde_json::Value;

use super::*;

const LABELLED: &str = include_str!("labelled.jsonl");
const MARK: &str = "Plan mode ACTIVE";

/// The tools of most cases.
pub(super) static TOOLS: LazyLock<Vec<JudgedTool<'static>>> = LazyLock::new(|| {
    [
        ("read", &["filePath", "offset", "limit"][..], 1),
        ("write", &["filePath", "content"], 2),
        ("edit", &["filePath", "oldString", "newString", "replaceAll"], 3),
        ("bash", &["command", "timeout"], 1),
    ]
    .map(|(name, parameters, required)| JudgedTool {
        name,
        parameters: parameters.to_vec(),
        required: parameters[..required].to_vec(),
    })
    .to_vec()
});

#[derive(Deserialize, Clone)]
struct ProofCase {
    id: String,
    class: String,
    /// Which batch of cases it came with.
    round: u32,
    lang: String,
    expect: ExpectedVerdict,
    text: String,
    after_tool_result: bool,
    tools: Vec<String>,
    #[serde(default)]
    user: String,
    #[serde(default)]
    plan: bool,
    #[serde(default)]
    denied: bool,
    #[serde(default)]
    spent: bool,
}

#[derive(Deserialize, PartialEq, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum ExpectedVerdict {
    Nudge,
    Leave,
}

#[derive(Default, Clone, Copy)]
struct ProofTally {
    hit: u32,
    miss: u32,
    alarm: u32,
    quiet: u32,
}

impl ProofTally {
    fn add(&mut self, expect: ExpectedVerdict, nudge: bool) {
        match (expect, nudge) {
            (ExpectedVerdict::Nudge, true) => self.hit += 1,
            (ExpectedVerdict::Nudge, false) => self.miss += 1,
            (ExpectedVerdict::Leave, true) => self.alarm += 1,
            (ExpectedVerdict::Leave, false) => self.quiet += 1,
        }
    }

    fn precision(self) -> f64 {
        share(self.hit, self.alarm)
    }

    fn recall(self) -> f64 {
        share(self.hit, self.miss)
    }

    fn line(self, name: &str) -> String {
        let count = self.hit + self.miss + self.alarm + self.quiet;
        let precision = self.precision();
        let recall = self.recall();
        let Self { miss, alarm, .. } = self;
        format!("{name:<22} {count:>5} {precision:>10.3} {recall:>7.3} {miss:>5} {alarm:>6}\n")
    }
}

/// One where there was nothing to get wrong.
fn share(good: u32, bad: u32) -> f64 {
    if good + bad == 0 { 1.0 } else { f64::from(good) / f64::from(good + bad) }
}

fn cases() -> Vec<ProofCase> {
    read(LABELLED)
}

fn read(set: &str) -> Vec<ProofCase> {
    set.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn verdict(case: &ProofCase) -> Verdict {
    let known = |name: &String| TOOLS.iter().find(|tool| tool.name == name).cloned();
    let unknown = |name| JudgedTool { name, parameters: Vec::new(), required: Vec::new() };
    let tools: Vec<JudgedTool<'_>> =
        case.tools.iter().map(|name| known(name).unwrap_or_else(|| unknown(name.as_str()))).collect();
    judge(&JudgedTurn {
        text: &case.text,
        answers: if case.after_tool_result { PrecedingMessage::ToolResult } else { PrecedingMessage::User },
        required: false,
        tools: &tools,
        shown: None,
        user: &case.user,
        system: if case.plan { MARK } else { "" },
        edited: true,
        refused: case.denied,
        unmarked: false,
        nudges: NudgeCount { this_turn: u32::from(case.spent), last_ten_turns: u32::from(case.spent) },
    })
}

/// FNV-1a of the text: the halves depend on nothing but the words.
fn is_held_out(case: &ProofCase) -> bool {
    let hash = case.text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash >> 20) & 1 == 1
}

#[test]
#[expect(clippy::print_stdout, reason = "the table is what the test is for")]
fn labelled_set_is_judged_well() {
    let mut halves = [ProofTally::default(); 2];
    let mut rows: BTreeMap<String, ProofTally> = BTreeMap::new();
    for case in cases() {
        let Verdict { nudge, score, reason, signals, .. } = verdict(&case);
        halves[usize::from(is_held_out(&case))].add(case.expect, nudge);
        rows.entry(format!("round {}", case.round)).or_default().add(case.expect, nudge);
        rows.entry(format!("language {}", case.lang)).or_default().add(case.expect, nudge);
        rows.entry(format!("{} {}", case.class, case.lang)).or_default().add(case.expect, nudge);
        if !is_held_out(&case) && nudge != (case.expect == ExpectedVerdict::Nudge) {
            println!("wrong: {} {score} {reason:?} {signals:?}\n  {:?}", case.id, case.text);
        }
    }

    let mut table = format!(
        "{:<22} {:>5} {:>10} {:>7} {:>5} {:>6}\n",
        "", "cases", "precision", "recall", "miss", "alarm"
    );
    rows.iter().for_each(|(name, tally)| table.push_str(&tally.line(name)));
    table.push_str(&halves[0].line("TUNING HALF"));
    table.push_str(&halves[1].line("HELD-OUT HALF"));
    println!("{table}");

    for half in halves {
        assert!(half.precision() >= 0.96 && half.recall() >= 0.95, "{table}");
    }
}

#[test]
fn labelled_set_is_large_and_balanced() {
    let cases = cases();
    let count = |is: fn(&ProofCase) -> bool| cases.iter().filter(|case| is(case)).count();
    let quarter = cases.len() / 4;

    assert!(cases.len() >= 340);
    assert!(count(|case| case.lang == "zh") > quarter && count(|case| case.lang == "en") > quarter);
    assert!(count(is_held_out) > quarter && count(|case| !is_held_out(case)) > quarter);
}

/// Group G of the shared cases, as far as it is the judge's.
#[test]
fn shared_cases_are_judged_as_expected() {
    for line in include_str!("shared.jsonl").lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let said = &case["upstream"][0];
        let text = said.as_str().or_else(|| said["content"].as_str()).unwrap();
        let expected = match case["expect"]["action"].as_str().unwrap() {
            "nudge_once_same_stream" | "continue_with_new_user_message" => true,
            "none" => false,
            action => panic!("unknown action {action}"),
        };

        let verdict = judge(&JudgedTurn { text, ..after_tool_result() });

        assert_eq!(verdict.nudge, expected, "{case} {verdict:?}");
        if case["expect"]["label"] == "tool_denial" {
            assert_eq!(verdict.reason, VerdictReason::Denial);
        }
    }
}

#[test]
fn required_call_is_demanded_unless_nudges_are_spent() {
    let demanded = JudgedTurn { text: "Done.", required: true, ..after_tool_result() };
    let spent = JudgedTurn { nudges: NudgeCount { this_turn: 0, last_ten_turns: 2 }, ..demanded };

    assert_eq!(judge(&demanded).reason, VerdictReason::RequiredMissing);
    assert_eq!((judge(&spent).nudge, judge(&spent).reason), (false, VerdictReason::Spent));
}

#[test]
fn reasons_to_leave_are_told_apart() {
    let reason = |text| judge(&JudgedTurn { text, ..after_tool_result() }).reason;

    assert_eq!(reason("Which one?"), VerdictReason::Asked);
    assert_eq!(reason("Let me know."), VerdictReason::Offered);
    assert_eq!(reason("Done."), VerdictReason::Finished);
    assert_eq!(reason("I will not change it."), VerdictReason::Negated);
    assert_eq!(reason("It is red."), VerdictReason::Unclear);
}

#[test]
fn a_call_as_text_that_a_file_holds_is_a_quotation() {
    let call = "Action: bash\nAction Input: {\"command\": \"ls\"}";
    let text = format!("The notes say:\n\n{call}");
    let numbered = "1: # Tools and functions\n2: Action: bash\n3: Action Input: {\"command\": \"ls\"}\n";
    let shown = QuotedTexts::new([numbered].into_iter());

    let turn = JudgedTurn { text: &text, ..after_tool_result() };

    assert!(judge(&turn).nudge);
    assert!(!judge(&JudgedTurn { shown: Some(&shown), ..turn }).nudge);
}

#[test]
fn no_prefix_of_a_text_panics() {
    for case in cases() {
        // Every seventh: all of them take half a minute, and none is like the one before.
        for (at, _) in case.text.char_indices().step_by(7) {
            judge(&JudgedTurn { text: &case.text[..at], ..after_tool_result() });
        }
    }
}

/// Texts that would take minutes if any part of the judge were quadratic.
#[test]
fn hostile_texts_are_judged_in_time() {
    for unit in [
        "\"",
        "`",
        "```\n",
        "我",
        "let me ",
        "- a\n\n",
        "<<<<<<<\n",
        "Here is `a.rs`:\n```\n1\n```\n",
        "...",
        "\n",
    ] {
        let text = unit.repeat(400_000 / unit.len());

        judge(&JudgedTurn { text: &text, user: &text, ..after_tool_result() });
    }
}

fn after_tool_result() -> JudgedTurn<'static> {
    JudgedTurn {
        text: "",
        answers: PrecedingMessage::ToolResult,
        required: false,
        tools: &TOOLS,
        shown: None,
        user: "",
        system: "",
        edited: true,
        refused: false,
        unmarked: false,
        nudges: NudgeCount::default(),
    }
}

/// Stands behind a text and says nothing.
const TAILS: &[&str] = &[
    "\n\n---",
    "\n***\n",
    "\n\n🚀",
    "\n\n✅ ✨",
    "</response>",
    "\n</assistant>\n",
    "<|im_end|>",
    "\n<｜end▁of▁sentence｜>",
    "\n\n[DONE]",
    "\n\nsrc/app/main.rs",
    "\n\n`src/app/main.rs`",
    "\n\n— Claude",
    "\n\nCheers!",
    "\n\n> Quoted: All done.",
    "\n\n<!-- end of message -->",
    "\n\n---\n\n— Assistant\n🚀\n</s>",
];

#[test]
#[expect(clippy::print_stdout, reason = "the differences are what one looks for")]
fn what_says_nothing_changes_no_verdict() {
    let mut tried = 0;
    let mut changed = 0;
    for case in cases().into_iter().filter(|case| case.class != "empty") {
        let before = verdict(&case).nudge;
        for tail in TAILS {
            let text = format!("{}{tail}", case.text);
            let after = verdict(&ProofCase { text, ..case.clone() });
            tried += 1;
            if after.nudge != before {
                changed += 1;
                println!(
                    "{} {tail:?}: {before} -> {} {:?}\n  {:?}",
                    case.id, after.nudge, after.signals, case.text
                );
            }
        }
    }
    assert!(changed * 200 <= tried, "{changed} of {tried} verdicts changed");
}

/// Judges a set and prints how well, by language and by class.
#[expect(clippy::print_stdout, reason = "the table is what the test is for")]
fn table(cases: Vec<ProofCase>, shows_wrong: bool) -> BTreeMap<String, ProofTally> {
    let mut rows: BTreeMap<String, ProofTally> = BTreeMap::new();
    for case in cases {
        let Verdict { nudge, score, reason, signals, .. } = verdict(&case);
        for row in [format!("language {}", case.lang), format!("class {}", case.class), "all".to_owned()] {
            rows.entry(row).or_default().add(case.expect, nudge);
        }
        if shows_wrong && nudge != (case.expect == ExpectedVerdict::Nudge) {
            println!("wrong: {} {score} {reason:?} {signals:?}\n  {:?}", case.id, case.text);
        }
    }
    let table: String = rows.iter().map(|(name, tally)| tally.line(name)).collect();
    println!("{table}");
    rows
}
