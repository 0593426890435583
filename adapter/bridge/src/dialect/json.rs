//! The JSON dialect: one object in a tag with our nonce, for models that know this best.

use serde_json::Value;

use super::{
    nonce::Nonce,
    written::{WrittenCall, defused},
};

/// Writes calls, each in its own tag.
pub(super) fn calls(nonce: &Nonce, calls: &[WrittenCall<'_>]) -> String {
    let lines: Vec<String> = calls.iter().map(|call| one(nonce, call)).collect();
    lines.join("\n")
}

fn one(nonce: &Nonce, call: &WrittenCall<'_>) -> String {
    let name = Value::from(call.name);
    let arguments = Value::Object(defused(nonce, call.arguments));
    format!("<tool_call_{nonce}>\n{{\"name\": {name}, \"arguments\": {arguments}}}\n</tool_call_{nonce}>")
}

/// The rules of writing.
pub(super) fn rules(nonce: &Nonce) -> String {
    format!(
        "To call tools, end your answer with one block of this form for each call and write nothing after them:\n\
         <tool_call_{nonce}>\n{{\"name\": \"TOOL\", \"arguments\": {{\"PARAMETER\": VALUE}}}}\n</tool_call_{nonce}>\n\
         Both tags end in _{nonce}. Between them stands one valid JSON object: in texts write line breaks as \\n, \
         quotes as \\\" and backslashes as \\\\. Never put the block in a code fence."
    )
}
