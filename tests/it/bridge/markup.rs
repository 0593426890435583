//! Other models' own markup, as it drifted: a call, or held back to be asked for again; never shown, and text is text.

use latchkey_bridge::{
    dialect::CallFormat,
    sieve::{
        AnswerEnd, SieveLimits,
        event::{InvalidKind, SieveEvent},
    },
};
use serde_json::json;

use crate::bridge::support::{Piece, calls, dialect, reasoning, sift, split, text, whole};

const FORMS: [CallFormat; 3] = [CallFormat::Xml, CallFormat::Json, CallFormat::Fence];

/// The same in any split, for all forms: how many calls, what is wrong, and the text.
fn read(said: &str) -> (usize, Vec<InvalidKind>, String) {
    let mut first = None;
    for form in FORMS {
        for seed in 0..20 {
            let pieces = if seed == 0 { vec![said.to_owned()] } else { split(said, seed) };
            let pieces: Vec<Piece> = pieces.into_iter().map(Piece::Text).collect();
            let (events, _) = sift(form, SieveLimits::default(), AnswerEnd::Complete, &pieces);
            let kind = |event: &SieveEvent| {
                if let SieveEvent::Invalid(invalid) = event { Some(invalid.kind) } else { None }
            };
            let made = calls(&events);
            assert!(
                made.iter().all(|call| *call == ("bash".to_owned(), json!({"command": "ls -la"}))),
                "{made:?}"
            );
            let outcome = (made.len(), events.iter().filter_map(kind).collect(), text(&events));
            let first = first.get_or_insert_with(|| outcome.clone());
            assert_eq!(*first, outcome, "{said} split by {seed}");
        }
    }
    first.unwrap()
}

#[test]
fn drifted_markup_is_a_call() {
    for said in [
        "<｜｜DSML｜｜ calls>\n<｜｜DSML｜｜ invoke name=\"bash\">\n<｜｜DSML｜｜ parameter name=\"command\" string=\"true\">ls -la</｜｜DSML｜｜ parameter>\n</｜｜DSML｜｜ invoke>\n</｜｜DSML｜｜ calls>",
        "<｜DSML｜calls><｜DSML｜invoke name=\"bash\"><｜DSML｜parameter\nname=\"command\">ls -la</｜DSML｜parameter></｜DSML｜invoke></｜DSML｜calls>",
        "<|DSML|\ntool_calls><|DSML| invoke name=\"bash\"><|DSML| parameter name=\"command\">ls -la</|DSML| parameter></|DSML| invoke></|DSML| tool_calls>",
        "<minimax:tool_call>\n<invoke name=\"bash\">\n<parameter name=\"command\">ls -la</parameter>\n</invoke>\n</minimax:tool_call>",
        "<xai:function_call name=\"bash\"><parameter name=\"command\">ls -la</parameter></xai:function_call>",
        "<longcat_tool_call>{\"name\": \"bash\", \"arguments\": {\"command\": \"ls -la\"}}</longcat_tool_call>",
        "<seed:tool_call><function=bash><parameter=command>ls -la</parameter></function></seed:tool_call>",
    ] {
        assert_eq!(read(said), (1, vec![], String::new()), "{said}");
        let behind = format!("I look.\n{said}");
        assert_eq!(read(&behind), (1, vec![], "I look.\n".to_owned()), "{said}");
    }
}

#[test]
fn a_call_that_nobody_reads_is_held_back() {
    for said in [
        "<｜｜DSML｜｜ name=\"bash\">\n<｜｜DSML｜｜ parameter name=\"command\">ls -la</｜｜DSML｜｜ parameter>",
        "<|channel|>commentary to=functions.bash <|constrain|>json<|message|>{\"command\": \"ls -la\"}<|call|>",
        "<|start|>assistant<|channel|>commentary to=bash<|message|>{\"command\": \"ls -la\"}<|call|>",
        "<|tool_call>call:bash{command:<|\"|>ls -la<|\"|>}<tool_call|>",
        "<start_function_call>call:bash{command:ls -la}<end_function_call>",
        "<|FunctionCallBegin|>[{\"name\": \"bash\", \"parameters\": {\"command\": \"ls -la\"}}]<|FunctionCallEnd|>",
        "<|action_start|><|plugin|>{\"name\": \"bash\", \"parameters\": {\"command\": \"ls -la\"}}<|action_end|>",
        "<TOOLCALL>[{\"name\": \"bash\", \"arguments\": {\"command\": \"ls -la\"}}]</TOOLCALL>",
        "<tool_use>\n<name>bash</name>\n<arguments>{\"command\": \"ls -la\"}</arguments>\n</tool_use>",
        "[TOOL_REQUEST]\n{\"name\": \"bash\", \"arguments\": {\"command\": \"ls -la\"}}\n[END_TOOL_REQUEST]",
    ] {
        assert_eq!(read(said), (0, vec![InvalidKind::Doubtful], String::new()), "{said}");
        let behind = format!("I look.\n{said}");
        assert_eq!(read(&behind), (0, vec![InvalidKind::Doubtful], "I look.\n".to_owned()), "{said}");
    }
    // Without a tool's name it is no call of one, and in a fence it is shown.
    for said in ["<|channel|>final<|message|>Hello.", "<tool_use> is a tag.", "```\n<|DSML|calls>\n```\n"] {
        assert_eq!(read(said), (0, vec![], said.to_owned()), "{said}");
    }
}

#[test]
fn what_a_fence_shows_is_text_unless_it_fits_or_is_ours() {
    for said in [
        "~~~\n<tool_calls><invoke name=\"bash\"></invoke></tool_calls>\n~~~",
        "```xml\n<tool_call>{\"name\": \"bash\", \"arguments\": {}}</tool_call>\n```",
        "```\n<invoke name=\"shell\"><parameter name=\"command\">ls</parameter></invoke>\n```",
        "```json\n{\"name\": \"bash\", \"arguments\": {\"cmd\": \"ls\"}}\n```",
    ] {
        assert_eq!(read(said), (0, vec![], said.to_owned()), "{said}");
    }
    let fits =
        "```xml\n<tool_call>{\"name\": \"bash\", \"arguments\": {\"command\": \"ls -la\"}}</tool_call>\n```";
    assert_eq!(read(fits).0, 1);
    let ours = "```\n<invoke_N name=\"bash\"><parameter_N name=\"cmd\">ls</parameter_N></invoke_N>\n```";
    let ours = ours.replace("_N", &format!("_{}", dialect(CallFormat::Xml).nonce));
    assert_eq!(read(&ours).1, [InvalidKind::Arguments]);
}

#[test]
fn our_own_mark_named_in_a_sentence_is_text() {
    let nonce = dialect(CallFormat::Xml).nonce;
    for said in [
        "I write a block that begins with <tool_calls_N> and ends with its closer. That is all.",
        "<tool_calls_N> is how a block begins.",
        "It begins with <tool_call_N>, and ends with </tool_call_N>.",
        "Blocks begin with [tool_calls_N] and each call with \"<invoke_N>\".",
        "Each (<tool_calls_N>) has calls.\nThen there is more.",
    ] {
        let said = said.replace("_N", &format!("_{nonce}"));
        assert_eq!(read(&said), (0, vec![], said.clone()), "{said}");
        let call = format!(
            "{said}\n<tool_calls_{nonce}>\n<invoke_{nonce} name=\"bash\">\n<parameter_{nonce} name=\"command\">ls -la</parameter_{nonce}>\n</invoke_{nonce}>\n</tool_calls_{nonce}>"
        );
        assert_eq!(read(&call), (1, vec![], format!("{said}\n")), "{said}");
    }
}

#[test]
fn folded_thinking_is_told_without_what_the_page_put_around_it() {
    let said = "<details type=\"reasoning\" done=\"true\" duration=\"3\">\n<summary>Thought for 3 seconds</summary>\n&gt; plan &lt;b&gt;\n&gt; \n&gt; and more\n</details>\n\nAnswer";
    for seed in 0..50 {
        let pieces = if seed == 0 { vec![said.to_owned()] } else { split(said, seed) };
        let pieces: Vec<Piece> = pieces.into_iter().map(Piece::Text).collect();
        let (events, _) = sift(CallFormat::Xml, SieveLimits::default(), AnswerEnd::Complete, &pieces);
        assert_eq!(reasoning(&events), "plan <b>\n\nand more", "split by {seed}");
        assert_eq!(text(&events), "Answer", "split by {seed}");
    }
    for (said, thought, answer) in [
        ("<details type=\"reasoning\">\n<summary>a</summary>\nplan\n", "plan", ""),
        ("<details type=\"reasoning\">plan</details>Answer", "plan", "Answer"),
        (
            "<details>\n<summary>a</summary>\nplan\n</details>",
            "",
            "<details>\n<summary>a</summary>\nplan\n</details>",
        ),
    ] {
        let (events, _) = whole(CallFormat::Xml, said);
        assert_eq!((reasoning(&events).as_str(), text(&events).as_str()), (thought, answer), "{said}");
    }
}
