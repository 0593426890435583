//! Reads the cases strictly.

use serde::Deserialize;
use serde_json::Value;

use super::expect::Expect;
use crate::bridge::support::Piece;

/// One case of groups A to G.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BridgeCase {
    pub(crate) id: String,
    #[serde(rename = "cls")]
    _class: String,
    channel: CaseChannel,
    tools: Vec<String>,
    upstream: Vec<Value>,
    pub(crate) expect: Expect,
    #[serde(rename = "src")]
    _source: String,
    #[serde(rename = "note")]
    _note: String,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum CaseChannel {
    Content,
    Reasoning,
}

/// What the site says in a case.
pub(crate) struct CaseUpstream {
    pub(crate) channel: fn(String) -> Piece,
    pub(crate) text: String,
    /// The answer that follows thinking.
    pub(crate) after: Option<String>,
}

/// All cases. A line that is not understood fails; none is passed over.
pub(crate) fn cases() -> Vec<BridgeCase> {
    let lines = include_str!("tool_calls.jsonl").lines();
    lines.map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"))).collect()
}

impl BridgeCase {
    /// What the site says; none if the case is about the prompt or about two turns.
    pub(crate) fn upstream(&self) -> Option<CaseUpstream> {
        assert_eq!(self.tools, ["read", "write", "edit", "bash"], "{}", self.id);
        if let [Value::Object(scene)] = &self.upstream[..] {
            return self.scene(scene);
        }
        let bytes: Vec<u8> = self.upstream.iter().flat_map(|piece| bytes(piece.as_str().unwrap())).collect();
        let text = String::from_utf8(bytes).unwrap();
        Some(match self.channel {
            CaseChannel::Content => CaseUpstream { channel: Piece::Text, text, after: None },
            // "a normal answer follows in content"
            CaseChannel::Reasoning => {
                CaseUpstream { channel: Piece::Reasoning, text, after: Some("Done.".to_owned()) }
            }
        })
    }

    /// The pieces in which the site says it.
    pub(crate) fn pieces(&self) -> Vec<Vec<u8>> {
        self.upstream.iter().filter_map(Value::as_str).map(bytes).collect()
    }

    /// What a prompt's history holds in a case.
    pub(crate) fn history(&self) -> Option<&Value> {
        let [Value::Object(scene)] = &self.upstream[..] else { return None };
        scene.values().next().filter(|_| self.expect.is_for_the_prompt())
    }

    fn scene(&self, scene: &serde_json::Map<String, Value>) -> Option<CaseUpstream> {
        let keys: Vec<&str> = scene.keys().map(String::as_str).collect();
        match keys[..] {
            ["content", "reasoning"] => {
                assert_eq!(scene["content"], "");
                let text = scene["reasoning"].as_str().unwrap().to_owned();
                Some(CaseUpstream { channel: Piece::Reasoning, text, after: None })
            }
            ["history" | "history_tool_result" | "history_assistant_text" | "two_turns"] => None,
            _ => panic!("{}: unknown scene {keys:?}", self.id),
        }
    }
}

/// A piece with its macros written out.
fn bytes(piece: &str) -> Vec<u8> {
    let Some(inner) = piece.strip_prefix("{{").and_then(|inner| inner.strip_suffix("}}")) else {
        assert!(!piece.contains("{{"), "unknown macro in {piece}");
        return piece.as_bytes().to_vec();
    };
    let parts: Vec<&str> = inner.split(':').collect();
    match parts[..] {
        ["REPEAT", text, count] => text.repeat(count.parse().unwrap()).into_bytes(),
        ["BYTES", hex] => {
            (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect()
        }
        _ => panic!("unknown macro {piece}"),
    }
}
