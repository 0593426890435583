//! What holds for every input.

use latchkey_bridge::{
    dialect::{CallFormat, WrittenCall},
    sieve::{
        AnswerEnd, SieveLimits,
        event::{AnswerSummary, InvalidKind, SieveEvent},
    },
};
use proptest::{prelude::*, sample::select};
use serde_json::{Map, Value, json};

use crate::bridge::support::{Piece, calls, dialect, sift, split, text, whole};

const FORMS: [CallFormat; 3] = [CallFormat::Xml, CallFormat::Json, CallFormat::Fence];

fn form() -> impl Strategy<Value = CallFormat> {
    select(FORMS.to_vec())
}

/// Bits of markup, code and prose; `_N` stands for the nonce.
const BITS: &[&str] = &[
    "<tool_calls_N>",
    "</tool_calls_N>",
    "<invoke_N name=\"bash\">",
    "</invoke_N>",
    "<parameter_N name=\"command\">",
    "</parameter_N>",
    "<tool_call_N>",
    "</tool_call_N>",
    "[tool_calls_N]",
    "[invoke_N name=\"bash\"]",
    "[/invoke_N]",
    "[parameter_N name=\"command\"]",
    "[/parameter_N]",
    "[/tool_calls_N]",
    "<tool_calls>",
    "</tool_calls>",
    "<invoke name=\"bash\">",
    "</invoke>",
    "<parameter name=\"command\">",
    "</parameter>",
    "<tool_call>",
    "</tool_call>",
    "<function=bash>",
    "</function>",
    "<parameter=command>",
    "{\"name\":\"bash\",",
    "\"arguments\":{\"command\":\"ls\"}}",
    "<|tool_calls_section_begin|>",
    "<|tool_call_begin|>functions.bash:0",
    "<|tool_call_argument_begin|>",
    "<|tool_call_end|>",
    "<|tool_calls_section_end|>",
    "[TOOL_CALLS]",
    "bash",
    "<think>",
    "</think>",
    "```",
    "```json\n",
    "`",
    "~~~\n",
    "\n",
    "\n\n",
    "  ",
    "court\n",
    "call",
    "ls",
    "<",
    "[",
    "é🚀",
    "<div>",
    "Let me look.",
    "<tool_response>",
    "<arg_key>command</arg_key>",
    "<arg_value>ls</arg_value>",
    "\r\n",
    "\\",
];

fn soup() -> impl Strategy<Value = String> {
    let nonce = dialect(CallFormat::Xml).nonce;
    prop::collection::vec(select(BITS.to_vec()), 0..14)
        .prop_map(move |bits| bits.concat().replace("_N", &format!("_{nonce}")))
}

fn block(form: CallFormat, arguments: &[Value]) -> String {
    let maps: Vec<Map<String, Value>> =
        arguments.iter().map(|value| value.as_object().unwrap().clone()).collect();
    let written: Vec<WrittenCall<'_>> =
        maps.iter().map(|arguments| WrittenCall { name: "write", arguments }).collect();
    dialect(form).calls(&written)
}

fn comparable((events, summary): (Vec<SieveEvent>, AnswerSummary)) -> (Vec<SieveEvent>, AnswerSummary) {
    (events, AnswerSummary { scanned: 0, ..summary })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_split_gives_the_same_events(form in form(), soup in soup(), seed in 0_u64..1000, cut: bool, thought: bool) {
        let end = if cut { AnswerEnd::Cut } else { AnswerEnd::Complete };
        let piece = if thought { Piece::Reasoning } else { Piece::Text };
        let pieces: Vec<Piece> = split(&soup, seed).into_iter().map(piece).collect();
        let letters: Vec<Piece> = soup.chars().map(|c| piece(c.to_string())).collect();

        let at_once = comparable(sift(form, SieveLimits::default(), end, &[piece(soup)]));

        prop_assert_eq!(&comparable(sift(form, SieveLimits::default(), end, &pieces)), &at_once);
        prop_assert_eq!(&comparable(sift(form, SieveLimits::default(), end, &letters)), &at_once);
    }

    #[test]
    fn without_brackets_all_is_text(form in form(), prose in "[a-zA-Z0-9 .,:;!?'\"`~\n\\-_(){}/*]{0,200}") {
        let prose = format!("So {prose}");

        let (events, summary) = whole(form, &prose);

        prop_assert_eq!(text(&events), prose);
        prop_assert_eq!(summary.calls, 0);
    }
}

#[test]
fn no_prefix_of_a_block_yields_a_call_before_its_closer() {
    let content = "\n <a>é</parameter></invoke>\n</tool_calls> {\"x\": [1]}\n```\n";
    let arguments = json!({"filePath": "a\"b\\.xml", "content": content});
    for form in FORMS {
        let block = block(form, std::slice::from_ref(&arguments));
        let closer = dialect(form).opener().replace(['<', '['], "/").replace("tool_calls", "invoke");
        let closed = block.find(closer.trim_end_matches(['>', ']'])).unwrap() + closer.len();
        for end in [AnswerEnd::Complete, AnswerEnd::Cut] {
            for at in (0..block.len()).filter(|at| block.is_char_boundary(*at)) {
                let cut = &block[..at];
                let (events, _) = sift(form, SieveLimits::default(), end, &[Piece::Text(cut.to_owned())]);
                assert_eq!(calls(&events).len(), usize::from(at >= closed), "{form:?} {cut}");
                let told = events
                    .iter()
                    .any(|event| matches!(event, SieveEvent::Truncated(_) | SieveEvent::Invalid(_)));
                assert!(told || !(20..closed).contains(&at), "{form:?} {cut}");
            }
        }
    }
}

/// One whole block in each foreign dialect; `NS:` stands for a name space.
const FOREIGN: &[&str] = &[
    "<tool_calls>\n<invoke name=\"bash\">\n<parameter name=\"command\">ls -la</parameter>\n</invoke>\n</tool_calls>",
    "<NS:function_calls>\n<NS:invoke name=\"bash\">\n<NS:parameter name=\"command\">ls -la</NS:parameter>\n\
     </NS:invoke>\n</NS:function_calls>",
    "<function_calls>[{\"name\": \"bash\", \"arguments\": {\"command\": \"ls -la\"}}]</function_calls>",
    "<tool_call>\n{\"name\": \"bash\", \"arguments\": {\"command\": \"ls -la\"}}\n</tool_call>",
    "<tool_call>\n{\"name\": \"bash\", \"arguments\": \"{\\\"command\\\": \\\"ls -la\\\"}\"}\n</tool_call>",
    "<tool_call>\n<function=bash>\n<parameter=command>\nls -la\n</parameter>\n</function>\n</tool_call>",
    "<tool_call>bash\n<arg_key>command</arg_key>\n<arg_value>ls -la</arg_value>\n</tool_call>",
    "<function=bash>{\"command\": \"ls -la\"}</function>",
    "<|tool_calls_section_begin|><|tool_call_begin|>functions.bash:3<|tool_call_argument_begin|>\
     {\"command\":\"ls -la\"}<|tool_call_end|><|tool_calls_section_end|>",
    "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>bash\n```json\n{\"command\":\"ls -la\"}\n```\
     <｜tool▁call▁end｜><｜tool▁calls▁end｜>",
    "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>bash<｜tool▁sep｜>{\"command\":\"ls -la\"}<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
    "[TOOL_CALLS][{\"name\": \"bash\", \"arguments\": {\"command\": \"ls -la\"}}]",
    "[TOOL_CALLS]bash[ARGS]{\"command\": \"ls -la\"}",
    "<|python_tag|>{\"name\": \"bash\", \"parameters\": {\"command\": \"ls -la\"}}",
    "{\"name\": \"bash\", \"parameters\": {\"command\": \"ls -la\"}}",
    "```json\n{\"tool_calls\": [{\"function\": {\"name\": \"bash\", \"arguments\": {\"command\": \"ls -la\"}}}]}\n```",
    "```xml\n<invoke name=\"bash\">\n<parameter name=\"command\">ls -la</parameter>\n</invoke>\n```",
];

pub(crate) fn foreign() -> impl Iterator<Item = String> {
    FOREIGN.iter().map(|block| block.replace("NS:", &format!("{}:", "antml")))
}

#[test]
fn a_whole_foreign_block_at_the_end_is_a_call_and_no_prefix_of_it_is() {
    let expected = vec![("bash".to_owned(), json!({"command": "ls -la"}))];
    for block in foreign() {
        for form in FORMS {
            let (events, _) = whole(form, &block);
            assert_eq!(calls(&events), expected, "{block}");
            assert_eq!(text(&events), "", "{block}");
        }
        for at in (0..block.len()).filter(|at| block.is_char_boundary(*at)) {
            let (events, _) = whole(CallFormat::Xml, &block[..at]);
            assert!(calls(&events).is_empty(), "{}", &block[..at]);
        }
        let cut =
            sift(CallFormat::Xml, SieveLimits::default(), AnswerEnd::Cut, &[Piece::Text(block.clone())]).0;
        assert!(calls(&cut).is_empty(), "{block}");
    }
}

#[test]
fn a_foreign_block_with_text_after_it_is_no_call_and_an_invented_result_is_dropped() {
    for block in foreign() {
        let (events, _) = whole(CallFormat::Xml, &format!("{block}\nThat was an example."));
        assert!(calls(&events).is_empty(), "{block}");

        if block.starts_with('<') && !block.contains("python") {
            let (events, summary) =
                whole(CallFormat::Xml, &format!("{block}\n<tool_response>a b</tool_response>"));
            assert_eq!(calls(&events).len(), 1, "{block}");
            assert!(summary.account.dropped > 0 && text(&events).is_empty(), "{block}");
        }
    }
}

#[test]
fn nothing_after_our_block_is_given() {
    for form in FORMS {
        let block = block(form, &[json!({"filePath": "a", "content": "b"})]);

        let (events, summary) = whole(form, &format!("I write.{block}\n\nResult: done. {block}"));

        assert_eq!(calls(&events).len(), 1);
        assert_eq!(text(&events), "I write.");
        assert_eq!(summary.account.dropped as usize, "Result: done. ".len() + block.len());
    }
}

#[test]
fn limits_are_faults_and_never_text() {
    let call = json!({"filePath": "a", "content": "x".repeat(5000)});
    let block = block(CallFormat::Xml, &[call.clone(), call.clone(), call]);
    let kinds = |limits: SieveLimits| {
        let (events, _) = sift(CallFormat::Xml, limits, AnswerEnd::Complete, &[Piece::Text(block.clone())]);
        assert_eq!(text(&events), "");
        let kind = |event: &SieveEvent| {
            if let SieveEvent::Invalid(invalid) = event { Some(invalid.kind) } else { None }
        };
        (calls(&events).len(), events.iter().find_map(kind))
    };

    assert_eq!(kinds(SieveLimits { calls: 2, ..SieveLimits::default() }), (2, Some(InvalidKind::TooMany)));
    assert_eq!(kinds(SieveLimits { calls: 1, ..SieveLimits::default() }), (1, None));
    assert_eq!(
        kinds(SieveLimits { turn_bytes: 1000, ..SieveLimits::default() }),
        (0, Some(InvalidKind::TooLong))
    );
    let halves: Vec<Piece> = split(&block, 60).into_iter().map(Piece::Text).collect();
    let (events, _) = sift(
        CallFormat::Xml,
        SieveLimits { call_bytes: 1000, ..SieveLimits::default() },
        AnswerEnd::Complete,
        &halves,
    );
    assert!(
        matches!(&events[..], [SieveEvent::Invalid(invalid), SieveEvent::Dropped(_)] if invalid.kind == InvalidKind::TooLong)
    );
}

#[test]
fn the_cost_of_a_byte_does_not_grow() {
    let cost = |form: CallFormat, size: usize, lines: &str| {
        let content = lines.repeat(size / lines.len());
        let block = block(form, &[json!({"filePath": "a", "content": content})]);
        let letters: Vec<Piece> = block.chars().map(|c| Piece::Text(c.to_string())).collect();
        let (events, summary) = sift(form, SieveLimits::default(), AnswerEnd::Complete, &letters);
        assert_eq!(calls(&events).len(), 1);
        summary.scanned / block.len() as u64
    };

    for form in FORMS {
        for lines in ["x", "if a < b { </p> [1] }\n", "</invoke>"] {
            let small = cost(form, 1 << 16, lines);
            assert!(small <= 64, "{form:?} {lines}: {small}");
            assert!(cost(form, 1 << 18, lines) <= small + small / 3 + 1, "{form:?} {lines}");
        }
    }
}

#[test]
fn a_name_space_before_a_word_is_waited_for() {
    for said in ["><|DSML|par", "so </think> it", "so </thi", "so <|DSML|tool_ca", "<dsm", "so <d"] {
        let letters: Vec<Piece> = said.chars().map(|letter| Piece::Text(letter.to_string())).collect();
        for form in FORMS {
            let (given, _) = sift(form, SieveLimits::default(), AnswerEnd::Complete, &letters);
            assert_eq!(given, whole(form, said).0, "{said}");
        }
    }
}
