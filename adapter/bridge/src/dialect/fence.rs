//! The bracket dialect: no `<`, and values in fences, for sites that clean up Markdown or HTML.

use serde_json::Value;

use super::{
    nonce::Nonce,
    written::{WrittenCall, are_plain, defused, value_text},
};

/// Writes a block of calls.
pub(super) fn calls(nonce: &Nonce, calls: &[WrittenCall<'_>]) -> String {
    let mut out = format!("[tool_calls_{nonce}]\n");
    for call in calls {
        out.push_str(&format!("[invoke_{nonce} name=\"{}\"]\n", call.name));
        if !are_plain(call.arguments) {
            out.push_str(&format!("{}\n[/invoke_{nonce}]\n", Value::Object(defused(nonce, call.arguments))));
            continue;
        }
        for (name, value) in call.arguments {
            let value = value_text(nonce, value);
            let fence = fence(&value);
            out.push_str(&format!(
                "[parameter_{nonce} name=\"{name}\"]\n{fence}\n{value}\n{fence}\n[/parameter_{nonce}]\n"
            ));
        }
        out.push_str(&format!("[/invoke_{nonce}]\n"));
    }
    out.push_str(&format!("[/tool_calls_{nonce}]"));
    out
}

/// The rules of writing.
pub(super) fn rules(nonce: &Nonce) -> String {
    format!(
        "To call tools, end your answer with one block of this form and write nothing after it:\n\
         [tool_calls_{nonce}]\n[invoke_{nonce} name=\"TOOL\"]\n[parameter_{nonce} name=\"PARAMETER\"]\n\
         ```\nVALUE\n```\n[/parameter_{nonce}]\n[/invoke_{nonce}]\n[/tool_calls_{nonce}]\n\
         Every tag, opening and closing, ends in _{nonce}. A VALUE stands exactly as it is in a fence of its own; \
         if it contains a fence, use a longer one around it; lists and objects as JSON. Never put the whole block \
         in a fence."
    )
}

/// A fence longer than any in the value.
fn fence(value: &str) -> String {
    let mut longest = 0;
    let mut run = 0;
    for byte in value.bytes() {
        run = if byte == b'`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    "`".repeat(longest.max(2) + 1)
}
