//! What a model does, right and wrong, and what befalls its site.

use std::time::Duration;

use support::model::Reply;

use super::{
    asked::{ModelRequest, pieces},
    file,
};
use crate::opencode::situations::STEPS;

pub(super) const DONE: &str = "Done: the files are written.";
/// A file's content that every wrong quoting spoils.
const CONTENT: &str = "fn main() {\n    println!(\"<b>{}</b>\\t'x' & `y`\", 1);\n}\n";
const GREETING: (&str, &str) = ("greeting.txt", "Hello, world!\n");
const ONE: &[(&str, &str)] = &[("a.rs", CONTENT), GREETING];
const THREE: &[(&str, &str)] = &[("a.rs", CONTENT), ("b.rs", CONTENT), ("c.rs", CONTENT), GREETING];
const EDITED: &[(&str, &str)] = &[("greeting.txt", "Hello, \"Oslo\"!\n")];

const EACH_STEP: &[(&str, &str)] = &[
    ("step0.rs", CONTENT),
    ("step1.rs", CONTENT),
    ("step2.rs", CONTENT),
    ("step3.rs", CONTENT),
    ("step4.rs", CONTENT),
    ("step5.rs", CONTENT),
    ("step6.rs", CONTENT),
    ("step7.rs", CONTENT),
    ("step8.rs", CONTENT),
    ("step9.rs", CONTENT),
    GREETING,
];

/// One situation.
pub(super) struct ClaudeSituation {
    pub(super) name: &'static str,
    /// Whether it is one of models that write their calls into the text.
    pub(super) of_text: bool,
    pub(super) trouble: ClaudeTrouble,
    /// What the project holds after.
    pub(super) after: &'static [(&'static str, &'static str)],
    pub(super) answer: fn(&ModelRequest) -> Reply,
}

/// What befalls the site.
pub(super) enum ClaudeTrouble {
    No,
    /// The first answer is this one.
    First(fn() -> Reply),
    /// The account's session ends after the first answer.
    Expiry,
}

pub(super) fn all() -> Vec<ClaudeSituation> {
    let one = |name, answer| ClaudeSituation {
        name,
        of_text: false,
        trouble: ClaudeTrouble::No,
        after: ONE,
        answer,
    };
    let of_text = |name, answer| ClaudeSituation { of_text: true, ..one(name, answer) };
    let first = |name, reply| ClaudeSituation { trouble: ClaudeTrouble::First(reply), ..one(name, right) };
    vec![
        one("one call", right),
        ClaudeSituation { after: THREE, ..one("three parallel calls", three) },
        ClaudeSituation { after: EDITED, ..one("read, then edit", read_and_edit) },
        one("thinking, then a call", thinking),
        one("a silence in the middle", silence),
        of_text("announced, then stopped", announced),
        ClaudeSituation { after: EACH_STEP, ..of_text("each of ten steps announced", announced_steps) },
        of_text("an empty turn", empty),
        of_text("a call cut in the middle", cut_call),
        of_text("a foreign dialect", foreign),
        first("a stream that is cut once", || Reply::pieces(&["I will ", "write"]).cut()),
        first("429 with Retry-After", || Reply::rate_limited(1)),
        ClaudeSituation { trouble: ClaudeTrouble::Expiry, ..one("an account that expires", right) },
    ]
}

fn right(asked: &ModelRequest) -> Reply {
    match asked.results {
        0 => asked.call(&[("Write", file("a.rs", CONTENT))]),
        _ => Reply::text(DONE),
    }
}

fn three(asked: &ModelRequest) -> Reply {
    match asked.results {
        0 => asked.call(&["a.rs", "b.rs", "c.rs"].map(|name| ("Write", file(name, CONTENT)))),
        3 => Reply::text(DONE),
        results => Reply::text(&format!("There are {results} results.")),
    }
}

fn read_and_edit(asked: &ModelRequest) -> Reply {
    let path = serde_json::json!({"file_path": "greeting.txt"});
    let mut edit = path.clone();
    edit["old_string"] = "Hello, world!".into();
    edit["new_string"] = "Hello, \"Oslo\"!".into();
    match asked.results {
        0 => asked.call(&[("Read", path)]),
        1 => asked.call(&[("Edit", edit)]),
        _ => Reply::text(DONE),
    }
}

fn thinking(asked: &ModelRequest) -> Reply {
    match asked.results {
        0 if asked.is_native() => Reply::new().reasoning("They want ").reasoning("a file.").tool_call(
            0,
            "call_1",
            "Write",
            &file("a.rs", CONTENT).to_string(),
        ),
        0 => Reply::new()
            .reasoning("They want a file.")
            .piece(&asked.written(&[("Write", file("a.rs", CONTENT))])),
        _ => Reply::new().reasoning("Good.").piece(DONE),
    }
}

/// Longer than the client waits for a delta.
fn silence(asked: &ModelRequest) -> Reply {
    if asked.results > 0 {
        return Reply::text(DONE);
    }
    let begun = Reply::new().reasoning("Hm.").wait(Duration::from_secs(6));
    let call = [("Write", file("a.rs", CONTENT))];
    if asked.is_native() {
        begun.tool_call(0, "call_1", "Write", &call[0].1.to_string())
    } else {
        begun.piece(&asked.written(&call))
    }
}

fn announced(asked: &ModelRequest) -> Reply {
    if asked.results == 0 && !asked.again {
        return pieces("Now I will write the file a.rs:");
    }
    right(asked)
}

fn announced_steps(asked: &ModelRequest) -> Reply {
    let Some((name, announcement)) = STEPS.get(asked.results) else { return Reply::text(DONE) };
    if asked.again { pieces(&asked.written(&[("Write", file(name, CONTENT))])) } else { pieces(announcement) }
}

fn empty(asked: &ModelRequest) -> Reply {
    if asked.results == 0 && !asked.again { Reply::new() } else { right(asked) }
}

fn cut_call(asked: &ModelRequest) -> Reply {
    if asked.results > 0 {
        return right(asked);
    }
    let block = asked.written(&[("Write", file("a.rs", CONTENT))]);
    let (half, rest) = block.split_at(block.find("println").unwrap() + 3);
    if asked.again {
        pieces(&format!("{}{rest}", &half[half.len() - 60..]))
    } else {
        pieces(half).finish("length")
    }
}

fn foreign(asked: &ModelRequest) -> Reply {
    if asked.results > 0 {
        return right(asked);
    }
    let call = serde_json::json!({"name": "Write", "arguments": file("a.rs", CONTENT)});
    pieces(&format!("<tool_call>\n{call}\n</tool_call>"))
}
