//! What a model is asked to do, and what befalls its site.

use std::time::Duration;

use serde_json::{Value, json};
use support::model::Reply;

use super::Hands;
use crate::claude::asked::ModelRequest;

pub(super) const DONE: &str = "Done: the files are written.";
/// A file's content that every wrong quoting spoils.
const CONTENT: &str = "fn main() {\n    println!(\"<b>{}</b>\\t'x' & `y`\", 1);\n}\n";
const GREETING: (&str, &str) = ("greeting.txt", "Hello, world!\n");
const ONE: &[(&str, &str)] = &[("a.rs", CONTENT), GREETING];
const THREE: &[(&str, &str)] = &[("a.rs", CONTENT), ("b.rs", CONTENT), ("c.rs", CONTENT), GREETING];
const EDITED: &[(&str, &str)] = &[("greeting.txt", "Hello, \"Oslo\"!\n")];

/// One situation.
pub(super) struct ChainSituation {
    pub(super) name: &'static str,
    pub(super) trouble: ChainTrouble,
    /// Whether the model is silent for longer than the client waits.
    pub(super) is_silent: bool,
    /// How often the site must be asked, where it is known.
    pub(super) asked: Option<usize>,
    /// What the project holds after.
    pub(super) after: &'static [(&'static str, &'static str)],
    pub(super) answer: fn(&ModelRequest, &Hands) -> Reply,
}

/// What befalls the site.
#[derive(Clone, Copy)]
pub(super) enum ChainTrouble {
    No,
    /// The first answer is this one.
    First(fn() -> Reply),
    /// The account's session ends while the first answer is on its way.
    Expiry,
}

pub(super) fn all() -> [ChainSituation; 6] {
    let one = |name, answer| ChainSituation {
        name,
        trouble: ChainTrouble::No,
        is_silent: false,
        asked: Some(2),
        after: ONE,
        answer,
    };
    let first = |name, reply| ChainSituation {
        trouble: ChainTrouble::First(reply),
        asked: Some(3),
        ..one(name, write)
    };
    [
        ChainSituation { after: EDITED, asked: Some(3), ..one("read, then edit", read_and_edit) },
        ChainSituation { after: THREE, ..one("three parallel calls", three) },
        ChainSituation { is_silent: true, ..one("a long silence", silence) },
        first("a stream that is cut once", || Reply::pieces(&["I will ", "write"]).cut()),
        first("429 with Retry-After", || Reply::rate_limited(1)),
        ChainSituation { trouble: ChainTrouble::Expiry, asked: None, ..one("a session that ends", held) },
    ]
}

impl Hands {
    fn writes(&self, name: &str) -> (&'static str, Value) {
        (self.write, json!({self.path: name, "content": CONTENT}))
    }
}

fn write(asked: &ModelRequest, hands: &Hands) -> Reply {
    match asked.results {
        0 => asked.call(&[hands.writes("a.rs")]),
        _ => Reply::text(DONE),
    }
}

fn three(asked: &ModelRequest, hands: &Hands) -> Reply {
    match asked.results {
        0 => asked.call(&["a.rs", "b.rs", "c.rs"].map(|name| hands.writes(name))),
        3 => Reply::text(DONE),
        results => Reply::text(&format!("There are {results} results.")),
    }
}

fn read_and_edit(asked: &ModelRequest, hands: &Hands) -> Reply {
    let path = json!({hands.path: "greeting.txt"});
    let mut edit = path.clone();
    edit[hands.old] = "Hello, world!".into();
    edit[hands.new] = "Hello, \"Oslo\"!".into();
    match asked.results {
        0 => asked.call(&[(hands.read, path)]),
        1 => asked.call(&[(hands.edit, edit)]),
        _ => Reply::text(DONE),
    }
}

fn silence(asked: &ModelRequest, hands: &Hands) -> Reply {
    after(asked, hands, Reply::text("I write.\n\n").wait(Duration::from_secs(6)))
}

fn held(asked: &ModelRequest, hands: &Hands) -> Reply {
    after(asked, hands, Reply::text("I write.\n\n").hold())
}

/// A call after a beginning.
fn after(asked: &ModelRequest, hands: &Hands, begun: Reply) -> Reply {
    let calls = [hands.writes("a.rs")];
    match asked.results {
        0 if asked.is_native() => begun.tool_call(0, "call_0", calls[0].0, &calls[0].1.to_string()),
        0 => begun.piece(&asked.written(&calls)),
        _ => Reply::text(DONE),
    }
}
