//! What is written in a dialect is read back as it was.

use std::{fs, path::Path};

use latchkey_bridge::{
    dialect::{CallFormat, WrittenCall},
    sieve::{AnswerEnd, SieveLimits, event::SieveEvent},
};
use proptest::{prelude::*, sample::select};
use serde_json::{Map, Value, json};

use crate::bridge::support::{Piece, calls, dialect, sift, split, text};

const FORMS: [CallFormat; 3] = [CallFormat::Xml, CallFormat::Json, CallFormat::Fence];

/// Sources of the bridge and of these tests: full of quotes, backslashes and markup.
fn sources() -> Vec<String> {
    let mut sources = Vec::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("../adapter/bridge/src"), root.join("it/bridge")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => sources.push(fs::read_to_string(path).unwrap()),
            }
        }
    }
    sources.sort();
    sources
}

fn come_back(form: CallFormat, given: &[(&str, Value)], seed: u64) {
    let maps: Vec<(&str, Map<String, Value>)> =
        given.iter().map(|(name, arguments)| (*name, arguments.as_object().unwrap().clone())).collect();
    let written: Vec<WrittenCall<'_>> =
        maps.iter().map(|(name, arguments)| WrittenCall { name, arguments }).collect();
    let said = format!("I change it.\n\n{}\n", dialect(form).calls(&written));
    let pieces: Vec<Piece> = split(&said, seed).into_iter().map(Piece::Text).collect();

    let (events, _) = sift(form, SieveLimits::default(), AnswerEnd::Complete, &pieces);

    let expected: Vec<(String, Value)> =
        given.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    assert_eq!(calls(&events), expected, "{form:?}");
    assert_eq!(text(&events), "I change it.\n\n");
    assert!(events.iter().all(|event| !matches!(event, SieveEvent::Call(call) if call.repaired)));
}

#[test]
fn files_come_back_as_they_were() {
    for form in FORMS {
        for source in sources() {
            come_back(form, &[("write", json!({"filePath": "src/a.rs", "content": source}))], 60);
        }
    }
}

fn piece_of_source() -> impl Strategy<Value = String> {
    (select(sources()), any::<prop::sample::Index>(), 0..600_usize).prop_map(|(source, at, size)| {
        let letters: Vec<(usize, char)> = source.char_indices().collect();
        let at = at.index(letters.len());
        letters[at..(at + size).min(letters.len())].iter().map(|(_, c)| c).collect()
    })
}

fn nasty() -> impl Strategy<Value = String> {
    let nonce = dialect(CallFormat::Xml).nonce;
    let bits = [
        "\n",
        "\r\n",
        " ",
        "<![CDATA[",
        "]]>",
        "```",
        "~~~~",
        "`",
        "\"",
        "\\",
        "<·invoke",
        "·",
        "</parameter>",
        "</invoke_N>",
        "[/parameter_N]",
        "</tool_call_N>",
        "<tool_calls_N>",
        "<parameter_N name=\"x\">",
        "{",
        "}",
        "[TOOL_CALLS]",
        "é",
        "\u{0}",
        "null",
        "10",
        "<|tool_call_end|>",
        "<result_N>",
        "&lt;",
        "<",
        "[",
    ];
    let bits: Vec<String> = bits.iter().map(|bit| bit.replace("_N", &format!("_{nonce}"))).collect();
    prop::collection::vec(select(bits), 0..10).prop_map(|bits| bits.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn edits_come_back_as_they_were(
        form in select(FORMS.to_vec()),
        old in prop_oneof![piece_of_source(), nasty()],
        new in prop_oneof![piece_of_source(), nasty()],
        all: bool,
        line in 0..100_000_u32,
        seed in 0_u64..1000,
    ) {
        let edit = json!({"filePath": "a b.rs", "oldString": old, "newString": new, "replaceAll": all});
        let read = json!({"filePath": old, "offset": line});

        come_back(form, &[("edit", edit), ("read", read)], seed);
    }
}
