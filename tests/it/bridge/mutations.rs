//! Calls drawn from the repository's own sources, written in every form, and each single mutation of what was written:
//! what is read then are calls that were written, or none. A call that nobody wrote is the one thing that must not be.

use std::{fs, path::Path};

use latchkey_bridge::dialect::{CallFormat, WrittenCall};
use proptest::{prelude::*, sample::Index, test_runner::TestRunner};
use serde_json::{Map, Value, json};

use crate::bridge::support::{calls, dialect, whole};

/// Calls of one form in the gate; `PROPTEST_CASES` asks for more.
const CALLS: u32 = 1000;

/// How calls are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Own(CallFormat),
    Invoke,
    Hermes,
    Qwen,
    Glm,
    Kimi,
    DeepSeek,
    Mistral,
    Wrapped,
    Bare,
}

impl Shape {
    /// Whether quotes of a value are escaped.
    fn is_json(self) -> bool {
        !matches!(
            self,
            Self::Own(CallFormat::Xml | CallFormat::Fence) | Self::Invoke | Self::Qwen | Self::Glm
        )
    }
}

/// What is done to a block.
#[derive(Clone, Copy, Debug)]
enum Mutation {
    Deleted(Index),
    Doubled(Index),
    Cut(Index, Index),
    WithoutNonce(Index),
    Text(Index),
    Unescaped,
    OneTag,
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let at = any::<Index>;
    prop_oneof![
        at().prop_map(Mutation::Deleted),
        at().prop_map(Mutation::Doubled),
        (at(), at()).prop_map(|(at, cut)| Mutation::Cut(at, cut)),
        at().prop_map(Mutation::WithoutNonce),
        at().prop_map(Mutation::Text),
        Just(Mutation::Unescaped),
        Just(Mutation::OneTag),
    ]
}

/// The sources that calls are drawn from.
fn sources() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .find(|path| path.join("Cargo.lock").exists())
        .unwrap();
    let mut files = Vec::new();
    for folder in ["adapter/bridge/src", "adapter/src", "tests/it", "shared/src"] {
        gather(&root.join(folder), &mut files);
    }
    files.sort();
    files
}

fn gather(folder: &Path, files: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(&path, files);
        } else if path.extension().is_some_and(|kind| kind == "rs" || kind == "md" || kind == "json") {
            files.push(fs::read_to_string(path).unwrap());
        }
    }
}

/// Some lines of a source.
fn excerpt(sources: &[String], (file, line, lines): (Index, Index, usize)) -> String {
    let all: Vec<&str> = file.get(sources).lines().collect();
    if all.is_empty() {
        return String::new();
    }
    let from = line.index(all.len());
    all[from..(from + lines).min(all.len())].join("\n")
}

fn call(sources: &[String], kind: usize, drawn: [(Index, Index, usize); 2]) -> (String, Map<String, Value>) {
    let [one, two] = drawn.map(|place| excerpt(sources, place));
    let (name, arguments) = match kind {
        0 => ("bash", json!({"command": one})),
        1 => (
            "bash",
            json!({"command": one, "timeout": 5000, "description": two.lines().next().unwrap_or("-")}),
        ),
        2 => ("write", json!({"filePath": "src/a.rs", "content": one})),
        3 => ("edit", json!({"filePath": "src/a.rs", "oldString": one, "newString": two})),
        _ => ("read", json!({"filePath": "src/a.rs", "offset": 1, "limit": 20})),
    };
    (name.to_owned(), arguments.as_object().unwrap().clone())
}

/// The tags of a block, so that one can be taken; JSON and the values are what stands between.
fn write(shape: Shape, written: &[(String, Map<String, Value>)]) -> Option<String> {
    let calls: Vec<WrittenCall<'_>> =
        written.iter().map(|(name, arguments)| WrittenCall { name, arguments }).collect();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let json_of = |name: &str, arguments: &Map<String, Value>| {
        json!({"name": name, "arguments": arguments}).to_string()
    };
    let each = |one: &dyn Fn(&str, &Map<String, Value>) -> String| -> String {
        written.iter().map(|(name, arguments)| one(name, arguments)).collect::<Vec<_>>().join("\n")
    };
    let fields = |arguments: &Map<String, Value>, one: &dyn Fn(&str, String) -> String| -> String {
        arguments.iter().map(|(key, value)| one(key, text(value))).collect()
    };
    let block = match shape {
        Shape::Own(form) => dialect(form).calls(&calls),
        Shape::Invoke => format!(
            "<function_calls>\n{}\n</function_calls>",
            each(&|name, arguments| {
                let inner = fields(arguments, &|key, value| {
                    format!("<parameter name=\"{key}\">{value}</parameter>\n")
                });
                format!("<invoke name=\"{name}\">\n{inner}</invoke>")
            })
        ),
        Shape::Hermes => {
            each(&|name, arguments| format!("<tool_call>\n{}\n</tool_call>", json_of(name, arguments)))
        }
        Shape::Qwen => each(&|name, arguments| {
            let inner =
                fields(arguments, &|key, value| format!("<parameter={key}>\n{value}\n</parameter>\n"));
            format!("<tool_call>\n<function={name}>\n{inner}</function>\n</tool_call>")
        }),
        Shape::Glm => each(&|name, arguments| {
            let inner = fields(arguments, &|key, value| {
                format!("<arg_key>{key}</arg_key>\n<arg_value>{value}</arg_value>\n")
            });
            format!("<tool_call>{name}\n{inner}</tool_call>")
        }),
        Shape::Kimi => format!(
            "<|tool_calls_section_begin|>{}<|tool_calls_section_end|>",
            each(&|name, arguments| {
                let json = Value::Object(arguments.clone());
                format!(
                    "<|tool_call_begin|>functions.{name}:0<|tool_call_argument_begin|>{json}<|tool_call_end|>"
                )
            })
        ),
        Shape::DeepSeek => format!(
            "<｜tool▁calls▁begin｜>{}<｜tool▁calls▁end｜>",
            each(&|name, arguments| {
                let json = Value::Object(arguments.clone());
                format!("<｜tool▁call▁begin｜>{name}<｜tool▁sep｜>{json}<｜tool▁call▁end｜>")
            })
        ),
        Shape::Mistral => format!("[TOOL_CALLS][{}]", list(written)),
        Shape::Wrapped => format!("<function_calls>[{}]</function_calls>", list(written)),
        Shape::Bare => format!("```json\n[{}]\n```", list(written)),
    };
    has_one_meaning(shape, written).then_some(block)
}

/// Whether a block of these calls has one meaning as it is written.
fn has_one_meaning(shape: Shape, written: &[(String, Map<String, Value>)]) -> bool {
    // Where nothing marks a file's own tags, a value that holds some has no one meaning, mutated or not.
    let is_marked = matches!(shape, Shape::Own(_));
    let tags = ["invoke", "parameter", "tool_call", "function", "arg_", "TOOL_CALLS", "tool▁", "think"];
    // A line break at an edge belongs to the tags.
    let holds = |value: &Value| {
        value.as_str().is_some_and(|value| {
            value.trim_matches('\n').len() < value.len() || tags.iter().any(|tag| value.contains(tag))
        })
    };
    is_marked || !written.iter().any(|(_, arguments)| arguments.values().any(holds))
}

fn list(written: &[(String, Map<String, Value>)]) -> String {
    let one =
        |(name, arguments): &(String, Map<String, Value>)| json!({"name": name, "arguments": arguments});
    written.iter().map(|call| one(call).to_string()).collect::<Vec<_>>().join(",")
}

/// Where the tags of a block stand: what a model gets wrong.
fn tags(block: &str, nonce: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for (at, _) in block.match_indices(['<', '[']) {
        let rest = &block[at..];
        let close = if rest.starts_with('<') { '>' } else { ']' };
        let Some(size) = rest.find([close, '\n']).filter(|size| rest[*size..].starts_with(close)) else {
            continue;
        };
        let tag = &rest[..=size];
        let word = tag.trim_start_matches(['<', '[', '/', '|', '｜']);
        let known = ["invoke", "parameter", "tool_call", "tool▁", "function", "arg_", "TOOL_CALLS"];
        let is_ours = !nonce.is_empty() && tag.contains(&format!("_{nonce}")) && !word.starts_with('·');
        if is_ours || (nonce.is_empty() && known.iter().any(|known| word.starts_with(known))) {
            found.push((at, at + tag.len()));
        }
    }
    found
}

fn mutate(block: &str, shape: Shape, mutation: Mutation, nonce: &str) -> String {
    let own = if matches!(shape, Shape::Own(_)) { nonce } else { "" };
    let tags = tags(block, own);
    let replaced = |(from, to): (usize, usize), with: &str| [&block[..from], with, &block[to..]].concat();
    let pick = |at: Index| (!tags.is_empty()).then(|| *at.get(&tags));
    match mutation {
        Mutation::Deleted(at) => pick(at).map(|tag| replaced(tag, "")),
        Mutation::Doubled(at) => pick(at).map(|tag| replaced(tag, &block[tag.0..tag.1].repeat(2))),
        Mutation::Cut(at, cut) => pick(at).map(|(from, to)| {
            let mut cut = from + 1 + cut.index(to - from - 1);
            while !block.is_char_boundary(cut) {
                cut -= 1;
            }
            replaced((cut, to), "")
        }),
        Mutation::WithoutNonce(at) => pick(at)
            .map(|(from, to)| replaced((from, to), &block[from..to].replace(&format!("_{nonce}"), ""))),
        // Behind the opener of a value it would be a part of the value.
        Mutation::Text(at) => pick(at)
            .filter(|&(from, to)| {
                !["<parameter", "[parameter", "<arg_value"].iter().any(|tag| block[from..to].starts_with(tag))
            })
            .map(|(_, to)| replaced((to, to), " and then ")),
        Mutation::Unescaped => shape.is_json().then(|| block.replace("\\\"", "\"")),
        // All calls in the first one's tag.
        Mutation::OneTag => {
            let json = [
                "}\n</tool_call>\n<tool_call>\n{",
                &format!("}}\n</tool_call_{nonce}>\n<tool_call_{nonce}>\n{{"),
            ]
            .iter()
            .fold(block.to_owned(), |block, between| block.replace(between, "}{"));
            Some(
                [
                    &format!("</invoke_{nonce}>\n<invoke_{nonce} name=\"bash\">\n"),
                    "</invoke>\n<invoke name=\"bash\">\n",
                ]
                .iter()
                .fold(json, |block, between| block.replace(between, "")),
            )
        }
    }
    .unwrap_or_else(|| block.to_owned())
}

/// Whether all that was read was written, in this order.
fn were_written(read: &[(String, Value)], written: &[(String, Value)]) -> bool {
    let mut left = written.iter();
    read.iter().all(|call| left.any(|written| written == call))
}

fn holds(shape: Shape) {
    let sources = sources();
    let place = || (any::<Index>(), any::<Index>(), 1_usize..12);
    let drawn = prop::collection::vec((0_usize..5, place(), place()), 1..4);
    let nonce = dialect(CallFormat::Xml).nonce;
    let given = ProptestConfig::default();
    let config = ProptestConfig { cases: CALLS.max(given.cases), failure_persistence: None, ..given };
    let mut runner = TestRunner::new_with_rng(
        config,
        prop::test_runner::TestRng::deterministic_rng(prop::test_runner::RngAlgorithm::ChaCha),
    );
    let form = if let Shape::Own(form) = shape { form } else { CallFormat::Xml };
    let run = runner.run(&(drawn, mutation()), |(drawn, mutation)| {
        let made: Vec<_> =
            drawn.into_iter().map(|(kind, one, two)| call(&sources, kind, [one, two])).collect();
        let Some(block) = write(shape, &made) else { return Ok(()) };
        let written: Vec<(String, Value)> =
            made.iter().map(|(name, arguments)| (name.clone(), Value::Object(arguments.clone()))).collect();
        let mutated = mutate(&block, shape, mutation, nonce.as_str());

        let read = calls(&whole(form, &mutated).0);

        prop_assert!(were_written(&read, &written), "{mutation:?}\n{mutated}\nread as {read:#?}");
        Ok(())
    });
    run.unwrap_or_else(|error| panic!("{shape:?}: {error}"));
}

#[test]
fn no_mutation_of_our_tags_makes_another_call() {
    holds(Shape::Own(CallFormat::Xml));
}

#[test]
fn no_mutation_of_our_json_makes_another_call() {
    holds(Shape::Own(CallFormat::Json));
}

#[test]
fn no_mutation_of_our_fences_makes_another_call() {
    holds(Shape::Own(CallFormat::Fence));
}

#[test]
fn no_mutation_of_a_foreign_form_makes_another_call() {
    for shape in [Shape::Invoke, Shape::Hermes, Shape::Qwen, Shape::Glm] {
        holds(shape);
    }
}

#[test]
fn no_mutation_of_special_tokens_or_json_makes_another_call() {
    for shape in [Shape::Kimi, Shape::DeepSeek, Shape::Mistral, Shape::Wrapped, Shape::Bare] {
        holds(shape);
    }
}
