//! `context_management`: what a client wants to have cleared from its conversation, and what was.
//!
//! Facts: Anthropic's documentation of context editing (2026-11), with its defaults; Claude Code 2.1 asks for it with each
//! message. What is not carried out here, as `compact_20260112`, is not among what was applied.

use std::collections::{HashMap, HashSet};

use serde::Serialize;
use serde_json::{Value, json};

use crate::openai::request::InvalidRequest;

/// Stands where a result was, in Anthropic's words.
const CLEARED: &str = "[Old tool result content cleared]";
/// A token of code and prose, as long as it is estimated.
const TOKEN_BYTES: usize = 4;
/// Anthropic's defaults: from which length on results are cleared, how many are kept, and of how many turns thoughts are.
const TRIGGER_TOKENS: u64 = 100_000;
const KEPT_TOOL_USES: u64 = 3;
const KEPT_THINKING: u64 = 1;

/// What was cleared, as an answer tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct AppliedEdits {
    applied_edits: Vec<AppliedEdit>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type")]
enum AppliedEdit {
    #[serde(rename = "clear_tool_uses_20250919")]
    ToolUses { cleared_tool_uses: usize, cleared_input_tokens: usize },
    #[serde(rename = "clear_thinking_20251015")]
    Thinking { cleared_thinking_turns: usize, cleared_input_tokens: usize },
}

/// Carries out what is wanted; `None` where nothing is.
///
/// # Errors
/// When it is not said as Anthropic has it.
pub(super) fn apply(
    messages: &mut [Value],
    wanted: Option<&Value>,
) -> Result<Option<AppliedEdits>, InvalidRequest> {
    let edits = match wanted.map(|wanted| &wanted["edits"]) {
        None => return Ok(None),
        Some(Value::Null) => return Ok(Some(AppliedEdits::default())),
        Some(Value::Array(edits)) => edits,
        Some(_) => return Err(InvalidRequest::expected("context_management.edits", "an array")),
    };
    let applied = edits.iter().filter_map(|edit| match edit["type"].as_str() {
        Some("clear_tool_uses_20250919") => clear_tool_uses(messages, edit),
        Some("clear_thinking_20251015") => clear_thinking(messages, edit),
        kind => {
            tracing::debug!(edit.kind = kind, "an edit of the conversation is not carried out");
            None
        }
    });
    Ok(Some(AppliedEdits { applied_edits: applied.collect() }))
}

/// Takes the thoughts of all turns away but the last ones.
fn clear_thinking(messages: &mut [Value], edit: &Value) -> Option<AppliedEdit> {
    if edit["keep"] == "all" {
        return None;
    }
    let kept = number(&edit["keep"]["value"], KEPT_THINKING);
    let thinks = |message: &&mut Value| blocks(message).iter().any(is_thought);
    let turns = messages.iter_mut().filter(|message| message["role"] == "assistant").filter(thinks);
    let mut turns: Vec<&mut Value> = turns.collect();
    let cleared = turns.len().saturating_sub(kept);
    let mut bytes = 0;
    for turn in turns.drain(..cleared) {
        let Some(blocks) = turn["content"].as_array_mut() else { continue };
        bytes += blocks
            .iter()
            .filter(|block| is_thought(block))
            .map(|block| block.to_string().len())
            .sum::<usize>();
        blocks.retain(|block| !is_thought(block));
    }
    (cleared > 0).then_some(AppliedEdit::Thinking {
        cleared_thinking_turns: cleared,
        cleared_input_tokens: bytes / TOKEN_BYTES,
    })
}

/// Takes the results of all calls away but the last ones, where the conversation is long.
fn clear_tool_uses(messages: &mut [Value], edit: &Value) -> Option<AppliedEdit> {
    let calls: HashMap<String, String> = messages.iter().flat_map(blocks).filter_map(call).collect();
    let is_triggered = match edit["trigger"]["type"].as_str() {
        Some("tool_uses") => number(&edit["trigger"]["value"], u64::MAX) < calls.len(),
        _ => {
            let bytes: usize = messages.iter().map(|message| message.to_string().len()).sum();
            number(&edit["trigger"]["value"], TRIGGER_TOKENS) < bytes / TOKEN_BYTES
        }
    };
    if !is_triggered {
        return None;
    }
    let excluded = edit["exclude_tools"].as_array().map(Vec::as_slice).unwrap_or_default();
    let excluded: HashSet<&str> = excluded.iter().filter_map(Value::as_str).collect();
    let is_cleared = |block: &&mut Value| {
        let name = block["tool_use_id"].as_str().and_then(|id| calls.get(id));
        let is_excluded = name.is_some_and(|name| excluded.contains(name.as_str()));
        block["type"] == "tool_result" && block["content"] != CLEARED && !is_excluded
    };
    let all = messages.iter_mut().filter_map(|message| message["content"].as_array_mut()).flatten();
    let mut results: Vec<&mut Value> = all.filter(is_cleared).collect();
    results.truncate(results.len().saturating_sub(number(&edit["keep"]["value"], KEPT_TOOL_USES)));
    let length = |result: &Value| result["content"].to_string().len().saturating_sub(CLEARED.len());
    let tokens = results.iter().map(|result| length(result)).sum::<usize>() / TOKEN_BYTES;
    if results.is_empty() || tokens < number(&edit["clear_at_least"]["value"], 0) {
        return None;
    }
    let cleared = results.len();
    let mut ids = HashSet::new();
    for result in results {
        ids.extend(result["tool_use_id"].as_str().map(str::to_owned));
        result["content"] = CLEARED.into();
    }
    if edit["clear_tool_inputs"] == true {
        let blocks = messages.iter_mut().filter_map(|message| message["content"].as_array_mut()).flatten();
        for call in blocks.filter(|block| block["type"] == "tool_use") {
            if call["id"].as_str().is_some_and(|id| ids.contains(id)) {
                call["input"] = json!({});
            }
        }
    }
    Some(AppliedEdit::ToolUses { cleared_tool_uses: cleared, cleared_input_tokens: tokens })
}

fn blocks(message: &Value) -> &[Value] {
    message["content"].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// The id of a call, and its tool.
fn call(block: &Value) -> Option<(String, String)> {
    let id = block["id"].as_str().filter(|_| block["type"] == "tool_use")?;
    Some((id.to_owned(), block["name"].as_str().unwrap_or_default().to_owned()))
}

fn is_thought(block: &Value) -> bool {
    block["type"] == "thinking" || block["type"] == "redacted_thinking"
}

fn number(value: &Value, default: u64) -> usize {
    usize::try_from(value.as_u64().unwrap_or(default)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conversation() -> Vec<Value> {
        let turn = |number: usize| {
            let thought = json!({"type": "thinking", "thinking": "x".repeat(400), "signature": "s"});
            let name = if number == 1 { "Memory" } else { "Read" };
            let call =
                json!({"type": "tool_use", "id": format!("call_{number}"), "name": name, "input": {"a": 1}});
            let result = json!({"type": "tool_result", "tool_use_id": format!("call_{number}"), "content": "y".repeat(4000)});
            [
                json!({"role": "assistant", "content": [thought, call]}),
                json!({"role": "user", "content": [result]}),
            ]
        };
        let first = json!({"role": "user", "content": "Go"});
        std::iter::once(first).chain((0..6).flat_map(turn)).collect()
    }

    fn applied(edit: &Value) -> (Vec<Value>, Value) {
        let mut messages = conversation();
        let applied = apply(&mut messages, Some(&json!({"edits": [edit]}))).unwrap();
        (messages, serde_json::to_value(applied).unwrap()["applied_edits"].take())
    }

    fn cleared(messages: &[Value]) -> usize {
        messages.iter().flat_map(blocks).filter(|block| block["content"] == CLEARED).count()
    }

    #[test]
    fn old_results_are_cleared_as_the_client_says() {
        let kind = "clear_tool_uses_20250919";
        let trigger = json!({"type": "input_tokens", "value": 100});

        let (messages, told) = applied(&json!({"type": kind, "trigger": trigger}));
        assert_eq!(cleared(&messages), 3);
        assert_eq!((&told[0]["type"], &told[0]["cleared_tool_uses"]), (&json!(kind), &json!(3)));
        assert!(told[0]["cleared_input_tokens"].as_u64().unwrap() > 2900, "{told}");

        let keep = json!({"type": "tool_uses", "value": 1});
        let rest = json!({"type": kind, "trigger": {"type": "tool_uses", "value": 5}, "keep": keep,
            "exclude_tools": ["Memory"], "clear_tool_inputs": true});
        let (messages, told) = applied(&rest);
        assert_eq!((cleared(&messages), &told[0]["cleared_tool_uses"]), (4, &json!(4)));
        let inputs: Vec<&Value> =
            messages.iter().flat_map(blocks).filter_map(|block| block.get("input")).collect();
        assert_eq!(inputs.iter().filter(|input| ***input == json!({})).count(), 4);

        for nothing in [
            json!({"type": kind}),
            json!({"type": kind, "trigger": {"type": "tool_uses", "value": 6}}),
            json!({"type": kind, "trigger": trigger, "clear_at_least": {"type": "input_tokens", "value": 100_000}}),
            json!({"type": kind, "trigger": trigger, "keep": {"type": "tool_uses", "value": 6}}),
            json!({"type": "compact_20260112"}),
            json!({"type": "clear_thinking_20251015", "keep": "all"}),
        ] {
            assert_eq!(applied(&nothing), (conversation(), json!([])), "{nothing}");
        }
    }

    #[test]
    fn old_thoughts_are_cleared_as_the_client_says() {
        let thoughts =
            |messages: &[Value]| messages.iter().flat_map(blocks).filter(|block| is_thought(block)).count();
        let kind = "clear_thinking_20251015";

        let (messages, told) = applied(&json!({"type": kind}));
        assert_eq!((thoughts(&messages), &told[0]["cleared_thinking_turns"]), (1, &json!(5)));
        let (messages, told) =
            applied(&json!({"type": kind, "keep": {"type": "thinking_turns", "value": 4}}));
        assert_eq!((thoughts(&messages), &told[0]["cleared_thinking_turns"]), (4, &json!(2)));
    }

    /// A body has room for a million of them.
    #[test]
    fn edits_without_end_are_carried_out_in_one_pass() {
        let of = |number: usize| {
            let id = format!("call_{number}");
            [
                json!({"role": "assistant", "content": [{"type": "tool_use", "id": id, "name": "Read", "input": {"a": 1}}]}),
                json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": id, "content": "y"}]}),
            ]
        };
        let mut messages: Vec<Value> = (0..50_000).flat_map(of).collect();
        let excluded: Vec<String> = (0..50_000).map(|number| format!("tool_{number}")).collect();
        let edit = json!({"type": "clear_tool_uses_20250919", "trigger": {"type": "tool_uses", "value": 1},
            "exclude_tools": excluded, "clear_tool_inputs": true});

        apply(&mut messages, Some(&json!({"edits": [edit]}))).unwrap();

        assert_eq!(cleared(&messages), 49_997);
    }

    #[test]
    fn nothing_is_told_where_nothing_is_wanted() {
        assert_eq!(apply(&mut conversation(), None).unwrap(), None);
        let refusal = apply(&mut [], Some(&json!({"edits": 1}))).unwrap_err();
        assert_eq!(refusal.0, "context_management.edits: expected an array");
    }
}
