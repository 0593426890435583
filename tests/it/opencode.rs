//! A real OpenCode edits files through the adapter, whatever the site's model makes of its tool calls.
//!
//! The model answers by looking at the request, never by its order: OpenCode asks for a title at the same time.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use support::{model::Reply, opencode::Project};

pub(crate) mod ask;
pub(crate) mod dialect;
mod matrix;
mod native;
pub(crate) mod situations;
mod written;

/// A file's content that every wrong quoting spoils.
const CONTENT: &str = "fn main() {\n    println!(\"<b>{}</b>\\t'x' & `y`\", 1);\n}\n";

/// What a project holds after a prompt.
type Files = BTreeMap<String, String>;

fn files(files: &[(&str, &str)]) -> Files {
    files.iter().map(|&(name, content)| (name.to_owned(), content.to_owned())).collect()
}

/// What a model gets that writes one file.
fn write(path: &str, content: &str) -> (&'static str, Value) {
    ("write", json!({"filePath": path, "content": content}))
}

/// What the model says once its calls have been made.
fn done() -> Reply {
    Reply::text("Done: the files are written.")
}

fn assert_files(project: &Project, expected: &Files) {
    assert_eq!(&project.files(), expected);
}
