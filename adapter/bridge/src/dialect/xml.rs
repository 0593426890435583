//! The default dialect: tags with our nonce, values as they are.

use serde_json::Value;

use super::{
    nonce::Nonce,
    written::{WrittenCall, are_plain, defused, value_text},
};

/// Writes a block of calls.
pub(super) fn calls(nonce: &Nonce, calls: &[WrittenCall<'_>]) -> String {
    let mut out = format!("<tool_calls_{nonce}>\n");
    for call in calls {
        out.push_str(&format!("<invoke_{nonce} name=\"{}\">\n", call.name));
        if !are_plain(call.arguments) {
            out.push_str(&format!("{}\n</invoke_{nonce}>\n", Value::Object(defused(nonce, call.arguments))));
            continue;
        }
        for (name, value) in call.arguments {
            let value = enclosed(value_text(nonce, value));
            out.push_str(&format!("<parameter_{nonce} name=\"{name}\">{value}</parameter_{nonce}>\n"));
        }
        out.push_str(&format!("</invoke_{nonce}>\n"));
    }
    out.push_str(&format!("</tool_calls_{nonce}>"));
    out
}

/// The rules of writing.
pub(super) fn rules(nonce: &Nonce) -> String {
    format!(
        "To call tools, end your answer with one block of this form and write nothing after it:\n\
         <tool_calls_{nonce}>\n<invoke_{nonce} name=\"TOOL\">\n\
         <parameter_{nonce} name=\"PARAMETER\">VALUE</parameter_{nonce}>\n</invoke_{nonce}>\n</tool_calls_{nonce}>\n\
         Every tag, opening and closing, ends in _{nonce}. A VALUE stands exactly as it is between its tags: no \
         escaping, no quotes, no fence, line breaks and indentation as they must be; lists and objects as JSON. \
         Never put the block in a code fence."
    )
}

/// A value that looks as if it were enclosed is enclosed once more, so that reading takes only our pair away.
fn enclosed(value: String) -> String {
    if value.trim_start().starts_with("<![CDATA[") {
        return format!("<![CDATA[{value}]]>");
    }
    if value.len() > 1 && value.starts_with('\n') && value.ends_with('\n') {
        return format!("\n{value}\n");
    }
    value
}
