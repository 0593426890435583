//! What no model in its right mind writes: megabytes that once took minutes, or a stack as deep as they were long.

use std::sync::Arc;

use latchkey_bridge::{
    catalog::Catalog,
    dialect::CallFormat,
    render::{PromptBudget, RenderRequest, choice::ToolChoice, render},
    sieve::{
        AnswerEnd, SieveLimits,
        event::{InvalidKind, SieveEvent},
    },
};
use serde_json::json;

use crate::bridge::support::{Piece, calls, dialect, sift, whole};

/// So often that anything quadratic does not end.
const MANY: usize = 200_000;

fn nonce() -> String {
    dialect(CallFormat::Xml).nonce.as_str().to_owned()
}

#[test]
fn closers_that_are_followed_by_text_are_looked_at_once() {
    for (open, close) in [("<tool_call>{", "</tool_call>"), ("<tool_calls>[", "</tool_calls>\n")] {
        let said = format!("{open}{}x", close.repeat(MANY));

        let (events, _) = whole(CallFormat::Xml, &said);

        assert!(calls(&events).is_empty());
    }
}

#[test]
fn parameters_without_our_closers_are_searched_for_them_once() {
    let nonce = nonce();
    let parameter = format!("<parameter_{nonce} name=\"command\">x</parameter>");
    let said = format!("<invoke_{nonce} name=\"bash\">{}</invoke_{nonce}>", parameter.repeat(MANY / 2));

    let (events, _) = whole(CallFormat::Xml, &said);

    assert!(
        matches!(&events[..], [SieveEvent::Invalid(invalid)] if invalid.kind == InvalidKind::Arguments),
        "{}",
        events.len()
    );
}

#[test]
fn fences_in_fences_are_not_followed_down() {
    let nonce = nonce();
    let said = format!("<tool_calls_{nonce}>{}</tool_calls_{nonce}>", "```\n".repeat(MANY));

    let (events, _) = whole(CallFormat::Xml, &said);

    assert!(matches!(&events[..], [SieveEvent::Invalid(invalid)] if invalid.kind == InvalidKind::Malformed));
}

#[test]
fn a_tag_without_an_end_is_not_read_to_the_end() {
    for opener in ["<function=", "<invoke name='", "<invoke "] {
        let said = format!("{}{}", opener.repeat(MANY / 4), " ".repeat(MANY));

        let (events, summary) = whole(CallFormat::Fence, &said);

        assert!(calls(&events).is_empty() && summary.account.text > 0);
    }
}

#[test]
fn thousands_of_calls_are_cut_off_at_the_limit() {
    let nonce = nonce();
    let call = format!(
        "<invoke_{nonce} name=\"bash\">\n<parameter_{nonce} name=\"command\">ls</parameter_{nonce}>\n</invoke_{nonce}>\n"
    );
    let said = format!("<tool_calls_{nonce}>\n{}</tool_calls_{nonce}>", call.repeat(10_000));

    let (events, summary) = whole(CallFormat::Xml, &said);

    assert_eq!(calls(&events).len(), SieveLimits::default().calls);
    assert!(
        events.iter().any(
            |event| matches!(event, SieveEvent::Invalid(invalid) if invalid.kind == InvalidKind::TooMany)
        )
    );
    assert!(summary.account.dropped > 9000 * call.len() as u64);
}

/// A limit cuts at the same byte, however the bytes came.
#[test]
fn limits_hold_alike_for_any_split() {
    let nonce = nonce();
    let block = format!(
        "So.\n<tool_calls_{nonce}>\n<invoke_{nonce} name=\"bash\">\n<parameter_{nonce} name=\"command\">lsé</parameter_{nonce}>\n\
         </invoke_{nonce}>\n</tool_calls_{nonce}>\n"
    );
    let letters: Vec<Piece> = block.chars().map(|letter| Piece::Text(letter.to_string())).collect();
    for bytes in 0..block.len() + 2 {
        for limits in [
            SieveLimits { call_bytes: bytes, ..SieveLimits::default() },
            SieveLimits { turn_bytes: bytes as u64, ..SieveLimits::default() },
        ] {
            let at_once = sift(CallFormat::Xml, limits, AnswerEnd::Complete, &[Piece::Text(block.clone())]);
            let split = sift(CallFormat::Xml, limits, AnswerEnd::Complete, &letters);
            assert_eq!(at_once.0, split.0, "{limits:?}");
            assert_eq!(at_once.1.account, split.1.account, "{limits:?}");
        }
    }
}

/// Each node of a tree of thirty children would be told thirty times as often as its parent.
#[test]
fn a_tool_whose_schema_names_itself_is_told_in_bounds() {
    let children: serde_json::Map<_, _> =
        (0..30).map(|at| (format!("child_{at}"), json!({"$ref": "#/$defs/node"}))).collect();
    let required: Vec<_> = children.keys().cloned().collect();
    let node = json!({"type": "object", "properties": children, "required": required});
    let parameters = json!({"type": "object", "properties": {"root": {"$ref": "#/$defs/node"}}, "required": ["root"], "$defs": {"node": node}});
    let catalog = Arc::new(Catalog::new(&[json!({"function": {"name": "tree", "parameters": parameters}})]));
    let messages = [json!({"role": "user", "content": "Draw a tree."})];
    let request = RenderRequest {
        messages: &[&messages[0]],
        catalog: &catalog,
        choice: &ToolChoice::Auto,
        parallel: true,
        end_mark: false,
    };

    let rendered = render(&request, &dialect(CallFormat::Xml), PromptBudget::default()).unwrap();

    let size: usize = rendered.messages.iter().map(|message| message.text.len()).sum();
    assert!(size < 64 << 10, "{size}");
    assert!(rendered.messages[0].text.contains("tree(root: {child_0: "), "{}", rendered.messages[0].text);
}

#[test]
fn a_huge_name_is_not_sent_back_whole() {
    let nonce = nonce();
    let call = json!({"name": "x".repeat(5 << 20), "arguments": {}});
    let said = format!("<tool_call_{nonce}>{call}</tool_call_{nonce}>");

    let (events, _) = whole(CallFormat::Json, &said);

    let [SieveEvent::Invalid(invalid)] = &events[..] else { panic!("{}", events.len()) };
    assert!(invalid.name.len() < 200 && invalid.detail.len() < 1100, "{}", invalid.detail);
}

#[test]
fn a_mark_of_order_or_of_no_width_hides_no_call() {
    let call = "<tool_call>\n{\"name\": \"bash\", \"arguments\": {\"command\": \"ls\"}}\n</tool_call>";
    for mark in ["\u{feff}", "\u{200b}\u{200b}", "\u{2060}"] {
        let (events, summary) = whole(CallFormat::Xml, &format!("{mark}{call}"));

        assert_eq!((calls(&events).len(), summary.said), (1, false), "{mark:?}");
        assert_eq!(whole(CallFormat::Xml, &format!("So.\n{mark}is text")).1.account.markup, 0);
    }
}
