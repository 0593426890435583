//! Where libFuzzer begins: the project's cases and one block of every dialect, and the words that blocks are made of.

use std::fmt::Write;

use latchkey_bridge::dialect::WrittenCall;
use serde_json::{Map, Value, json};

use crate::sieve::{FORMS, TURN, dialect};

/// The cases of tool calls: what sites were seen to say.
const CASES: &str = include_str!("../../../../tests/it/bridge/cases/tool_calls.jsonl");

/// Longer ones only slow libFuzzer down.
const LONGEST: usize = 2 << 10;

/// Words of all dialects but ours.
const WORDS: &[&str] = &[
    "<tool_calls>",
    "</tool_calls>",
    "<function_calls>",
    "</function_calls>",
    "<invoke name=\"bash\">",
    "</invoke>",
    "<parameter name=\"command\">",
    "</parameter>",
    "<tool_call>",
    "</tool_call>",
    "<function=bash>",
    "</function>",
    "<parameter=command>",
    "<arg_key>",
    "</arg_key>",
    "<arg_value>",
    "</arg_value>",
    "<think>",
    "</think>",
    "<details type=\"reasoning\">",
    "</details>",
    "<tool_response>",
    "<|tool_calls_section_begin|>",
    "<|tool_calls_section_end|>",
    "<|tool_call_begin|>",
    "<|tool_call_argument_begin|>",
    "<|tool_call_end|>",
    "<｜tool▁calls▁begin｜>",
    "<｜tool▁sep｜>",
    "<|python_tag|>",
    "<|eom_id|>",
    "[TOOL_CALLS]",
    "[ARGS]",
    "```json\n",
    "```\n",
    "~~~\n",
    "<![CDATA[",
    "]]>",
    "{\"name\":\"bash\",\"arguments\":{\"command\":\"ls\"}}",
    "bash",
    "write",
    "plan",
    "command",
    "filePath",
    "content",
    "steps",
    "\\ud83d",
    "\\u0000",
    "\r\n",
    "\u{feff}",
    "\u{200b}",
    "court\n",
];

/// Inputs of the sieve's check.
pub fn sieve() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for said in cases().into_iter().chain(blocks()) {
        for form in 0..3_u8 {
            let mut seed = vec![form, 7, 200, 0];
            seed.extend(&said);
            seeds.push(seed);
        }
    }
    seeds
}

/// Inputs of the repair's check.
pub fn repair() -> Vec<Vec<u8>> {
    let json = cases().into_iter().filter_map(|said| {
        let from = said.iter().position(|byte| *byte == b'{')?;
        let to = said.iter().rposition(|byte| *byte == b'}')?;
        (from < to).then(|| [&[1], &said[from..=to]].concat())
    });
    // Repeated, to see what is not linear.
    let again = ["\"a\", ", "{\"command\": ", "\\\" \\"].map(|value| [b"\x05", value.as_bytes()].concat());
    let values = [
        "[1,\"2\",True]",
        "{'a': None}",
        "\"\\ud83d\\ude80\"",
        "{\"steps\":[{\"done\":\"yes\",}]",
        "-1e5",
        "{“a”:“b”}",
    ];
    json.chain(values.map(|value| [b"\0", value.as_bytes()].concat())).chain(again).collect()
}

/// The words of all dialects, in libFuzzer's form.
pub fn dictionary() -> String {
    let mut lines = String::new();
    for word in own_words().iter().map(String::as_str).chain(WORDS.iter().copied()) {
        let escaped: String = word.bytes().fold(String::new(), |mut escaped, byte| {
            let _ = write!(escaped, "\\x{byte:02x}");
            escaped
        });
        lines.push_str(&format!("\"{escaped}\"\n"));
    }
    lines
}

/// Our own tags, taken from blocks.
fn own_words() -> Vec<String> {
    let mut words = Vec::new();
    for block in FORMS.map(|form| written(form, &json!({"command": "ls"}))) {
        for (at, _) in block.match_indices(['<', '[']) {
            let end = block[at..].find(['>', ']']).map_or(block.len(), |end| at + end + 1);
            words.push(block[at..end].to_owned());
        }
    }
    words
}

/// What the cases say; a case of thinking as thinking.
fn cases() -> Vec<Vec<u8>> {
    let case = |line: &str| {
        let case: Value = serde_json::from_str(line).expect("a case is JSON");
        let texts = case["upstream"].as_array().into_iter().flatten();
        let said: String = texts.filter_map(Value::as_str).filter(|text| !text.starts_with("{{")).collect();
        let thinks = case["channel"] == "reasoning";
        if thinks { [&[TURN], said.as_bytes()].concat() } else { said.into_bytes() }
    };
    CASES.lines().map(case).filter(|said| !said.is_empty() && said.len() <= LONGEST).collect()
}

fn blocks() -> Vec<Vec<u8>> {
    let forms = FORMS.map(|form| written(form, &json!({"command": "ls"})));
    let typed = FORMS.map(|form| written(form, &json!({"command": "a</b>\n```\n\"c\" [d] \\"})));
    forms.into_iter().chain(typed).map(String::into_bytes).collect()
}

fn written(form: latchkey_bridge::dialect::CallFormat, arguments: &Value) -> String {
    let arguments: &Map<String, Value> = arguments.as_object().expect("arguments are an object");
    dialect(form).calls(&[WrittenCall { name: "bash", arguments }, WrittenCall { name: "bash", arguments }])
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    /// What libFuzzer found, or a person who read the code.
    fn found(target: &str) -> Vec<Vec<u8>> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(target);
        let entries = fs::read_dir(folder).unwrap();
        let inputs: Vec<Vec<u8>> = entries.map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect();
        assert!(!inputs.is_empty(), "there are no fixtures of {target}");
        inputs
    }

    #[test]
    fn the_checks_hold_for_what_once_disproved_them() {
        found("sieve").iter().for_each(|input| crate::sieve::check(input));
        found("repair").iter().for_each(|input| crate::repair::check(input));
    }

    #[test]
    fn the_checks_hold_for_the_seeds() {
        let of_sieve = sieve();
        let of_repair = repair();
        assert!(of_sieve.len() > 100 && of_repair.len() > 10, "{} {}", of_sieve.len(), of_repair.len());

        of_sieve.iter().for_each(|seed| crate::sieve::check(seed));
        of_repair.iter().for_each(|seed| crate::repair::check(seed));
    }
}
