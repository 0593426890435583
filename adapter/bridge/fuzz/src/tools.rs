//! The tools of the checks: an editor's, and one with every kind of schema that arguments are brought towards.

use std::sync::{Arc, OnceLock};

use latchkey_bridge::catalog::Catalog;
use serde_json::json;

/// The same for all inputs: schemas are compiled once.
pub(crate) fn catalog() -> Arc<Catalog> {
    static CATALOG: OnceLock<Arc<Catalog>> = OnceLock::new();
    Arc::clone(CATALOG.get_or_init(|| {
        let text = json!({"type": "string"});
        let tool = |name: &str, parameters| json!({"function": {"name": name, "parameters": parameters}});
        Arc::new(Catalog::new(&[
            tool("bash", json!({"type": "object", "properties": {"command": text}, "required": ["command"]})),
            tool(
                "write",
                json!({"type": "object", "properties": {"filePath": text, "content": text},
                    "required": ["filePath", "content"]}),
            ),
            tool("list", json!({"type": "object"})),
            tool(
                "plan",
                json!({"type": "object", "additionalProperties": false, "properties": {
                    "steps": {"type": "array", "items": {"$ref": "#/$defs/step"}},
                    "count": {"type": ["integer", "null"]},
                    "mode": {"enum": ["fast", "slow"]},
                    "limit": {"anyOf": [{"type": "number"}, {"type": "boolean"}]}},
                    "$defs": {"step": {"type": "object", "properties": {
                        "done": {"type": "boolean"}, "of": {"$ref": "#/$defs/step"}}}}}),
            ),
        ]))
    }))
}
