//! How models stray from what they were told, and what must come of it.

use latchkey_bridge::{
    dialect::CallFormat,
    render::reask,
    sieve::{
        AnswerEnd, Expectation, Sieve, SieveLimits,
        event::{CallOrigin, InvalidKind, SieveEvent},
        join,
    },
};
use serde_json::json;

use crate::bridge::support::{Piece, calls, catalog, dialect, reasoning, sift, text, whole};

/// With our nonce for `_N`.
fn own(text: &str) -> String {
    text.replace("_N", &format!("_{}", dialect(CallFormat::Xml).nonce))
}

fn kinds(said: &str) -> (usize, Vec<InvalidKind>, String) {
    let (events, _) = whole(CallFormat::Xml, &own(said));
    let kind =
        |event: &SieveEvent| if let SieveEvent::Invalid(invalid) = event { Some(invalid.kind) } else { None };
    (calls(&events).len(), events.iter().filter_map(kind).collect(), text(&events))
}

fn fault(said: &str) -> String {
    let (events, _) = whole(CallFormat::Xml, &own(said));
    let Some(SieveEvent::Invalid(invalid)) =
        events.iter().find(|event| matches!(event, SieveEvent::Invalid(_)))
    else {
        panic!("{events:?}")
    };
    reask::correction(invalid, &catalog(), &dialect(CallFormat::Xml))
}

const CALL: &str = "<invoke_N name=\"bash\"><parameter_N name=\"command\">ls</parameter_N></invoke_N>";

#[test]
fn small_drift_in_our_own_dialect_is_a_call() {
    let said = [
        format!("text <tool_calls_N>{CALL}</tool_calls_N>"),
        format!("text {CALL}"),
        format!("text <TOOL_CALLS_N >\n{CALL}\n</tool_calls>"),
        format!("text \n<tool_calls>\n{CALL}\n</tool_calls>"),
        format!("text <tool_calls_N>\nNow:\n{CALL}"),
        "text <tool_calls_N><invoke_N name='bash'>{\"command\": \"ls\"}</invoke_N></tool_calls_N>".to_owned(),
        "text <invoke_N name=\"bash\"><parameter_N name=\"command\">ls</parameter></invoke_N>".to_owned(),
        "text <invoke_N name=\"bash\"><parameter name=\"command\">ls</parameter></invoke_N>".to_owned(),
        "text <tool_call_N>{\"name\": \"bash\", \"arguments\": {\"command\": \"ls\"}}</tool_call_N>".to_owned(),
        "text <tool_calls_N>[{\"name\": \"bash\", \"arguments\": {\"command\": \"ls\"}}]</tool_calls_N>".to_owned(),
        "text <tool_calls_N><invoke name=\"bash\"><parameter name=\"command\">ls</parameter></invoke></tool_calls_N>".to_owned(),
        "text [invoke_N name=\"bash\"][parameter_N name=\"command\"]\n```sh\nls\n```\n[/parameter_N][/invoke_N]".to_owned(),
        format!("<think>hm</think>text {CALL}<|im_end|>"),
    ];

    for said in said {
        let (events, _) = whole(CallFormat::Xml, &own(&said));
        assert_eq!(calls(&events), [("bash".to_owned(), json!({"command": "ls"}))], "{said}");
        assert!(text(&events).starts_with("text "), "{said}");
    }
}

#[test]
fn what_is_wrong_with_a_call_is_told() {
    let invoke = |name: &str, body: &str| format!("<invoke_N name=\"{name}\">{body}</invoke_N>");
    let one = "<parameter_N name=\"filePath\">a</parameter_N>";

    assert_eq!(kinds(&invoke("grep", one)).1, [InvalidKind::UnknownTool]);
    assert_eq!(kinds(&invoke("", one)).1, [InvalidKind::NoName]);
    assert_eq!(kinds(&invoke("write", one)).1, [InvalidKind::Arguments]);
    assert_eq!(kinds(&invoke("read", &[one, one].concat())).1, [InvalidKind::Arguments]);
    assert_eq!(kinds(&invoke("read", "{\"filePath\": a b}")).1, [InvalidKind::Json]);
    assert_eq!(kinds(&invoke("read", "the file a")).1, [InvalidKind::Malformed]);
    assert_eq!(
        kinds("<invoke_N name=\"read\"><parameter_N name=\"filePath\">a</invoke></tool_calls>").1,
        [InvalidKind::Malformed]
    );
    let mixed = format!("{}{}{}", invoke("read", one), invoke("grep", one), invoke("read", one));
    assert_eq!((kinds(&mixed).0, kinds(&mixed).1), (2, vec![InvalidKind::UnknownTool]));

    assert!(
        fault(&invoke("write", one))
            .contains("\"content\" is a required property.\nThe parameters of write: {")
    );
    assert!(fault(&invoke("grep", one)).contains("there is no tool \"grep\"; the nearest are: read, "));
    assert!(!fault(&invoke("", one)).contains("bash"));
}

#[test]
fn markup_in_code_is_text() {
    for said in [
        format!("So: `{CALL}` it is"),
        format!("So:\n```\n{CALL}\n```\nIt is."),
        format!("~~~~\n{CALL}\n~~~\n"),
    ] {
        let (count, kinds, text) = kinds(&said);
        assert_eq!((count, kinds, text), (0, vec![], own(&said)));
    }
    let (events, summary) = whole(CallFormat::Xml, &own(&format!("```\n{CALL}\n```")));
    assert_eq!((calls(&events).len(), text(&events).as_str(), summary.leaked), (1, "", false));
    assert!(whole(CallFormat::Xml, &own(&format!("So `{CALL}`"))).1.leaked);
}

#[test]
fn thinking_is_kept_apart() {
    let of = |said: &str| {
        let (events, _) = whole(CallFormat::Xml, &own(said));
        (reasoning(&events), text(&events), calls(&events).len())
    };
    let call = own(CALL);

    assert_eq!(of("<think>a<b</think>\nc"), ("a<b".to_owned(), "\nc".to_owned(), 0));
    assert_eq!(
        of("<details type=\"reasoning\" done=\"true\">a</details>b"),
        ("a".to_owned(), "b".to_owned(), 0)
    );
    assert_eq!(of("a <think> b"), (String::new(), "a <think> b".to_owned(), 0));
    assert_eq!(of(&format!("plan</think>{CALL}")), (String::new(), "plan".to_owned(), 1));
    assert_eq!(of(&format!("<think>{CALL}</think>done")), (call.clone(), "done".to_owned(), 0));
    assert_eq!(of(&format!("<think>x {CALL}</think>\n")).2, 1);
    assert_eq!(of(&format!("<think>x {CALL} but no</think>\n")).2, 0);
}

#[test]
fn a_call_in_thinking_counts_only_if_nothing_else_was_said_and_all_of_it_fits() {
    let thought = Piece::Reasoning(own(&format!("First {CALL} no, rather {CALL}")));
    let sift = |pieces: &[Piece], end| {
        let (events, summary) = sift(CallFormat::Xml, SieveLimits::default(), end, pieces);
        let reading = events
            .iter()
            .find_map(|event| if let SieveEvent::Call(call) = event { Some(call.reading) } else { None });
        (reading, summary.calls)
    };
    let said = |text: &str| Piece::Text(text.to_owned());

    assert_eq!(sift(&[thought.clone(), said(" \n")], AnswerEnd::Complete), (Some(CallOrigin::Reasoning), 1));
    assert_eq!(sift(&[thought.clone(), said("Hi")], AnswerEnd::Complete), (None, 0));
    assert_eq!(sift(std::slice::from_ref(&thought), AnswerEnd::Cut), (None, 0));
    let unknown = Piece::Reasoning(own(CALL).replace("bash", "sh"));
    assert_eq!(sift(&[unknown], AnswerEnd::Complete), (None, 0));
    let real = Piece::Text(own(CALL));
    assert_eq!(sift(&[thought, real], AnswerEnd::Complete), (Some(CallOrigin::Own), 1));
}

#[test]
fn the_stream_may_end_when_only_another_call_would_matter() {
    let mut sieve = Sieve::new(catalog(), &dialect(CallFormat::Xml), SieveLimits::default());
    let mut push = |text: &str| {
        sieve.push_text(&own(text), &mut Vec::new());
        (sieve.expectation(), sieve.is_holding())
    };

    assert_eq!(push("Hi <tool_calls_N>\n"), (Expectation::Open, true));
    assert_eq!(push(CALL), (Expectation::Open, true));
    assert_eq!(push("</tool_calls_N>\n").0, Expectation::OnlyCalls);
    assert_eq!(push("<tool_calls_N>").0, Expectation::Open);
    assert_eq!(push("</tool_calls_N>").0, Expectation::OnlyCalls);
    assert_eq!(push("The").0, Expectation::Nothing);
}

#[test]
fn a_cut_call_is_joined_with_its_continuation() {
    let whole_block = own(&format!("<tool_calls_N>{CALL}</tool_calls_N>"))
        .replace("ls<", "grep -rn 'some long pattern' src<");
    for at in 60..whole_block.len() - 40 {
        let (events, _) = whole(CallFormat::Xml, &whole_block[..at]);
        let Some(SieveEvent::Truncated(truncated)) = events.last() else { panic!("{events:?}") };
        let prompt = reask::continuation(truncated);
        let tail = prompt.split_once("were:\n").unwrap().1;
        let answer = format!("{}{}", &tail[tail.len() - 20..], &whole_block[at..]);

        let joined = join::join(&truncated.raw, &answer).unwrap();

        assert_eq!(
            calls(&whole(CallFormat::Xml, &joined).0),
            [("bash".to_owned(), json!({"command": "grep -rn 'some long pattern' src"}))]
        );
    }
}

#[test]
fn a_decline_is_understood() {
    let dialect = dialect(CallFormat::Xml);
    let word = dialect.no_call();

    assert!(reask::declines(&format!(" `{word}`.\n"), &dialect));
    assert!(!reask::declines(&format!("{word}, but then"), &dialect));
}

#[test]
fn closers_inside_a_value_are_content() {
    // Nothing tells these from markup that went wrong.
    let doubtful = [
        "x </parameter>\n</invoke>\n</tool_calls> y",
        "x </invoke><parameter name=\"z\"> y",
        "</parameter> </invoke> z </tool_call>",
        "x</parameter>\n<parameter name",
    ];
    let contents =
        ["x </invoke> y", "a </parameter> b </tool_calls> c", "<parameter name=\"a\">b</parameter>"];
    for content in contents.iter().chain(&doubtful) {
        let foreign = format!(
            "<tool_calls>\n<invoke name=\"write\">\n<parameter name=\"filePath\">a</parameter>\n<parameter name=\"content\">\
             {content}</parameter>\n</invoke>\n</tool_calls>"
        );
        let hermes = format!(
            "<tool_call>{}</tool_call>",
            json!({"name": "write", "arguments": {"filePath": "a", "content": format!("{content} </tool_call> q")}})
        );
        let written = |said: &str| {
            let call = calls(&whole(CallFormat::Xml, said).0).into_iter().next();
            call.map(|(_, arguments)| arguments["content"].as_str().unwrap().to_owned())
        };
        let read = (!doubtful.contains(content)).then(|| (*content).to_owned());
        assert_eq!(written(&foreign), read);
        assert_eq!(written(&[foreign.clone(), foreign].join("\n")), read);
        assert_eq!(written(&hermes), Some(format!("{content} </tool_call> q")));
    }
    let ours = own(
        "<invoke_N name=\"write\"><parameter_N name=\"filePath\">a</parameter_N><parameter_N name=\"content\">\
        x</parameter>\n<parameter name=\"filePath\">b</parameter></invoke></parameter_N></invoke_N>",
    );
    let written = calls(&whole(CallFormat::Xml, &ours).0)[0].1["content"].clone();
    assert_eq!(written, "x</parameter>\n<parameter name=\"filePath\">b</parameter></invoke>");
}

#[test]
fn json_in_an_answer_with_words_is_no_call() {
    let call = "{\"name\": \"bash\", \"arguments\": {\"command\": \"ls\"}}";

    assert_eq!(kinds(call), (1, vec![], String::new()));
    for said in
        [format!("For example:\n{call}"), format!("{call}\nis a call."), format!("So:\n```json\n{call}\n```")]
    {
        assert_eq!(kinds(&said), (0, vec![], said));
    }
    let undeclared = call.replace("bash", "sh");
    assert_eq!(kinds(&undeclared), (0, vec![], undeclared));
}
