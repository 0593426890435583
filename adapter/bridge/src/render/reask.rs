//! What the site is asked when its answer cannot be used as it is. Who asks, and how often, is the turn's matter.

use serde_json::Value;

use super::choice::ToolChoice;
use crate::{
    catalog::Catalog,
    dialect::{Dialect, look_alike},
    sieve::event::{InvalidCall, InvalidKind, TruncatedCall},
    text::tail,
};

/// How much of a cut answer is shown, so that the continuation can be joined to it.
const SHOWN_BYTES: usize = 200;

/// Asks for a corrected call: the fault, and the schema of that one tool.
pub fn correction(invalid: &InvalidCall, catalog: &Catalog, dialect: &Dialect) -> String {
    let schema = match (invalid.kind, catalog.resolve(&invalid.name)) {
        (InvalidKind::Arguments | InvalidKind::Json | InvalidKind::Malformed, Some(tool)) => {
            format!("\nThe parameters of {}: {}", tool.name, tool.schema)
        }
        _ => String::new(),
    };
    let no_call = match invalid.kind {
        InvalidKind::Doubtful => {
            format!(" If it was not meant as a call, reply exactly {}.", dialect.no_call())
        }
        _ => String::new(),
    };
    format!(
        "Your call was not carried out: {}.{schema}\nSend only the corrected block now, beginning with {}, and \
         nothing else.{no_call}",
        look_alike::defuse(&invalid.detail, &dialect.nonce),
        dialect.opener(),
    )
}

/// Asks for the rest of a cut answer.
pub fn continuation(truncated: &TruncatedCall) -> String {
    let tail = tail(&truncated.raw, SHOWN_BYTES);
    format!(
        "Your answer was cut off. Continue it exactly: first repeat these last characters, then go on from there. \
         No introduction, no fence. The last characters were:\n{tail}"
    )
}

/// Asks for a smaller call, where a cut one cannot be joined.
pub fn smaller(truncated: &TruncatedCall, dialect: &Dialect) -> String {
    let tool = truncated.name.as_deref().unwrap_or("the tool");
    format!(
        "Your call of {tool} was cut off and was not carried out. Send it again as one block beginning with {}, and \
         nothing else. If it was long, do a smaller part of the work first: write a file in parts.",
        dialect.opener(),
    )
}

/// Asks for the call that was announced and did not come.
pub fn nudge(dialect: &Dialect) -> String {
    format!(
        "You described an action but sent no tool call. If a tool is needed, send the block beginning with {} now \
         and nothing else. If the task is finished or you need the user's answer, reply exactly {}.",
        dialect.opener(),
        dialect.no_call(),
    )
}

/// Asks for the call that the client requires.
pub fn requirement(choice: &ToolChoice, dialect: &Dialect) -> String {
    let tool = match choice {
        ToolChoice::Named(name) => format!("the tool {name}"),
        ToolChoice::Auto | ToolChoice::None | ToolChoice::Required => "a tool".to_owned(),
    };
    format!("You must call {tool} now. Send the block beginning with {} and nothing else.", dialect.opener())
}

/// Asks again where nothing was said at all; sending the same once more would be useless.
pub fn resumption(dialect: &Dialect) -> String {
    format!(
        "Your last answer was empty. Go on with the task: answer in text, or call a tool with a block beginning \
         with {}.",
        dialect.opener(),
    )
}

/// Asks for an answer as JSON, at the very end of the prompt; `tools` says whether calls may come before it.
pub fn format(schema: &Value, tools: bool) -> String {
    let when = if tools { "An answer that calls no tool must be" } else { "Your answer must be" };
    format!(
        "({when} one JSON value that fits the schema below, and nothing else: no words around it, no code fence.\n\
         {schema})"
    )
}

/// Asks again for an answer as JSON.
pub fn reshape(detail: &str, schema: &Value) -> String {
    format!(
        "Your answer cannot be used: {detail}. Send one JSON value that fits this schema now, and nothing else:\n{schema}"
    )
}

/// Asks again where nothing was said at all and no tools are offered.
pub fn silence() -> String {
    "Your last answer was empty. Send the answer now.".to_owned()
}

/// Whether an answer to a nudge says that no call is needed, or that the work is finished.
pub fn declines(answer: &str, dialect: &Dialect) -> bool {
    let word = answer.trim().trim_matches(['`', '*', '.', '"']);
    [dialect.no_call(), dialect.end()].iter().any(|says| word.eq_ignore_ascii_case(says))
}
