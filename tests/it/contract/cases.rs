//! What sites send: a case for each row of the tables.

use std::time::Duration;

use serde_json::{Value, json};
use support::model::Reply;

/// One case.
pub(super) struct ContractCase {
    pub(super) name: &'static str,
    /// What the row is about.
    pub(super) row: &'static str,
    pub(super) reply: Reply,
}

/// Long enough for two pieces to be two reads.
const APART: Duration = Duration::from_millis(50);

const DONE: &str = "data: [DONE]\n\n";

/// How answers end.
pub(super) fn ends() -> Vec<ContractCase> {
    [framings(), usages(), finishes(), deltas()].into_iter().flatten().collect()
}

/// How calls come.
pub(super) fn calls() -> Vec<ContractCase> {
    [single(), parallel()].into_iter().flatten().collect()
}

/// A site that says nothing for a while.
pub(super) fn pause() -> ContractCase {
    let reply = Reply::text("Good ").wait(Duration::from_secs(1)).piece("day.").usage(3, 2);
    case("long_pause", "comments in a pause, an Anthropic client needs deltas", reply)
}

fn case(name: &'static str, row: &'static str, reply: Reply) -> ContractCase {
    ContractCase { name, row, reply }
}

/// A stream of these events, as they are.
fn raw(name: &'static str, row: &'static str, events: &[String]) -> ContractCase {
    case(name, row, Reply::raw(events.concat()))
}

/// A chunk with one choice.
fn chunk(delta: &Value, finish: &Value) -> String {
    event(&json!({"id": "x", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}))
}

fn said(delta: &Value) -> String {
    chunk(delta, &Value::Null)
}

fn text(text: &str) -> String {
    said(&json!({"content": text}))
}

fn finish(reason: &str) -> String {
    chunk(&json!({}), &reason.into())
}

fn usage(prompt: u64, completion: u64) -> String {
    event(
        &json!({"id": "x", "choices": [], "usage": {"prompt_tokens": prompt, "completion_tokens": completion}}),
    )
}

fn event(data: &Value) -> String {
    format!("data: {data}\n\n")
}

fn tool(index: u64, id: &str, arguments: &str) -> Value {
    let function = json!({"name": "read", "arguments": arguments});
    json!({"index": index, "id": id, "type": "function", "function": function})
}

fn tools(calls: &[Value]) -> String {
    said(&json!({"tool_calls": calls}))
}

/// What opens, divides and ends a stream.
fn framings() -> Vec<ContractCase> {
    let one = json!({"id": "x", "choices": [{"index": 0, "delta": {"role": "assistant", "content": "All."}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 3, "completion_tokens": 1}});
    vec![
        raw(
            "normal",
            "role, deltas, finish, usage, end mark",
            &[
                said(&json!({"role": "assistant"})),
                text("Good "),
                text("day."),
                finish("stop"),
                usage(3, 2),
                DONE.to_owned(),
            ],
        ),
        raw(
            "one_chunk",
            "one chunk in all: a message would have no beginning",
            &[event(&one), DONE.to_owned()],
        ),
        raw(
            "no_choices",
            "chunks without choices or usage mean nothing",
            &[event(&json!({"id": "x", "choices": []})), text("Good day."), finish("stop"), DONE.to_owned()],
        ),
        raw(
            "empty_first_delta",
            "an empty first delta begins a message",
            &[said(&json!({"content": ""})), text("Good day."), finish("stop"), DONE.to_owned()],
        ),
        raw(
            "no_end_mark",
            "the end of the body ends an answer that was finished",
            &[text("Good day."), finish("stop")],
        ),
        raw(
            "bare_end_mark",
            "an end mark that is no data line",
            &[text("Good day."), finish("stop"), "[DONE]\n\n".to_owned()],
        ),
    ]
}

/// What tells the cost.
fn usages() -> Vec<ContractCase> {
    let both = json!({"id": "x", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 3, "completion_tokens": 2}});
    vec![
        raw(
            "no_usage",
            "no usage at all: a message would never be closed",
            &[text("Good day."), finish("stop"), DONE.to_owned()],
        ),
        raw(
            "usage_of_zero",
            "a usage of zero counts as none",
            &[text("Good day."), finish("stop"), usage(0, 0), DONE.to_owned()],
        ),
        raw(
            "finish_with_usage",
            "finish and usage in one last chunk",
            &[text("Good day."), event(&both), DONE.to_owned()],
        ),
        raw(
            "usage_twice",
            "a usage on the finish hides the better one behind it",
            &[text("Good day."), event(&both), usage(30, 20), DONE.to_owned()],
        ),
        raw(
            "usage_first",
            "a usage before the end closes the stream",
            &[usage(3, 0), text("Good day."), finish("stop"), usage(3, 2), DONE.to_owned()],
        ),
    ]
}

/// Why answers end.
fn finishes() -> Vec<ContractCase> {
    vec![
        raw(
            "finish_with_text",
            "a finish beside text: the text would vanish",
            &[
                text("Good "),
                chunk(&json!({"content": "day."}), &"stop".into()),
                usage(3, 2),
                DONE.to_owned(),
            ],
        ),
        raw(
            "finish_with_arguments",
            "a finish beside arguments: they would vanish",
            &[
                tools(&[tool(0, "a", "{\"path\":")]),
                chunk(
                    &json!({"tool_calls": [{"index": 0, "function": {"arguments": "\"b\"}"}}]}),
                    &"tool_calls".into(),
                ),
                usage(3, 2),
                DONE.to_owned(),
            ],
        ),
        raw(
            "unknown_finish",
            "an unknown reason is passed on and sends agents into a loop",
            &[text("Good day."), finish("end_of_turn"), DONE.to_owned()],
        ),
        raw(
            "tool_calls_without_a_call",
            "the word without a call sends agents into a loop",
            &[text("Good day."), finish("tool_calls"), DONE.to_owned()],
        ),
        raw("length", "a token limit", &[text("Good"), finish("length"), DONE.to_owned()]),
        raw(
            "content_filter",
            "a refusal is an answer",
            &[text("I"), finish("content_filter"), DONE.to_owned()],
        ),
    ]
}

/// A stream of calls, ended well.
fn ended(calls: &[String]) -> Vec<String> {
    [calls, &[finish("tool_calls"), usage(3, 2), DONE.to_owned()]].concat()
}

/// More of a call's arguments.
fn piece(index: u64, more: &str) -> Value {
    json!({"index": index, "function": {"arguments": more}})
}

/// How a call comes.
fn single() -> Vec<ContractCase> {
    let whole = tool(0, "a", "{\"path\":\"a\"}");
    let object = json!({"index": 0, "id": "a", "type": "function", "function": {"name": "read", "arguments": {"path": "a"}}});
    vec![
        raw(
            "one_call",
            "a call whose arguments come in pieces",
            &ended(&[
                tools(&[tool(0, "a", "")]),
                tools(&[piece(0, "{\"path\":")]),
                tools(&[piece(0, "\"a\"}")]),
            ]),
        ),
        raw(
            "name_repeated",
            "a repeated name empties the arguments",
            &ended(&[tools(&[tool(0, "a", "{\"path\":")]), tools(&[tool(0, "a", "\"a\"}")])]),
        ),
        raw(
            "arguments_as_an_object",
            "arguments that are no text break the chunk",
            &ended(&[tools(&[object])]),
        ),
        raw(
            "stop_after_calls",
            "stop after calls: they would not be carried out",
            &[tools(std::slice::from_ref(&whole)), finish("stop"), DONE.to_owned()],
        ),
        raw(
            "text_beside_a_call",
            "text beside a call in one chunk is lost",
            &ended(&[said(&json!({"content": "I read.", "tool_calls": [whole]}))]),
        ),
    ]
}

/// How several calls come.
fn parallel() -> Vec<ContractCase> {
    let first = tool(0, "a", "{\"path\":\"a\"}");
    let second = tool(1, "b", "{\"path\":\"b\"}");
    vec![
        raw(
            "parallel_calls",
            "calls whose pieces mix",
            &ended(&[
                tools(&[tool(0, "a", "")]),
                tools(&[tool(1, "b", "")]),
                tools(&[piece(0, "{\"path\":\"a\"}")]),
                tools(&[piece(1, "{\"path\":\"b\"}")]),
            ]),
        ),
        raw(
            "calls_in_one_chunk",
            "of several calls in the first chunk one is converted",
            &ended(&[tools(&[first.clone(), second.clone()])]),
        ),
        raw(
            "index_from_one",
            "an index that does not begin with 0 ends a block that was not begun",
            &ended(&[tools(&[tool(1, "a", "{\"path\":\"a\"}")]), tools(&[tool(2, "b", "{}")])]),
        ),
        raw(
            "text_between_calls",
            "text after a call breaks the blocks' indices",
            &ended(&[
                tools(std::slice::from_ref(&first)),
                text("and "),
                tools(std::slice::from_ref(&second)),
                text("done"),
            ]),
        ),
    ]
}

/// What deltas hold.
fn deltas() -> Vec<ContractCase> {
    let choices = json!([
        {"index": 0, "delta": {"content": "Good day."}, "finish_reason": null},
        {"index": 1, "delta": {"content": "Good night."}, "finish_reason": null},
    ]);
    vec![
        raw(
            "reasoning_beside_text",
            "reasoning and text in one chunk: the text is lost",
            &[
                said(&json!({"reasoning_content": "Hm.", "content": "Good day."})),
                finish("stop"),
                DONE.to_owned(),
            ],
        ),
        raw(
            "reasoning_by_another_name",
            "reasoning, as some sites call it",
            &[said(&json!({"reasoning": "Hm."})), text("Good day."), finish("stop"), DONE.to_owned()],
        ),
        raw(
            "several_choices",
            "of several choices the first counts",
            &[event(&json!({"id": "x", "choices": choices})), finish("stop"), DONE.to_owned()],
        ),
        raw(
            "framing",
            "comments, names, carriage returns and no space after the colon",
            &[
                ": hello\r\n\r\nevent: message\r\nid: 7\r\nretry: 10\r\n".to_owned()
                    + &text("Good ").replace("data: ", "data:").replace('\n', "\r\n"),
                text("day."),
                finish("stop"),
                DONE.to_owned(),
            ],
        ),
        case(
            "whole_json",
            "a JSON body for a stream would be an empty success",
            Reply::status(
                200,
                &json!({
                    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Good day."}, "finish_reason": "stop"}],
                }),
            ),
        ),
    ]
}

/// How answers fail.
pub(super) fn failures() -> Vec<ContractCase> {
    let error = || event(&json!({"error": {"message": "Permission denied at 10.0.0.1", "type": "x"}}));
    vec![
        case(
            "error_in_the_middle",
            "an error event would be a good end for an Anthropic client",
            Reply::text("Good ").wait(APART).bytes(error() + DONE),
        ),
        raw("error_at_first", "an error before the first word is a status", &[error(), DONE.to_owned()]),
        raw("body_ends_in_the_middle", "an end without a finish is none", &[text("Good ")]),
        case("cut", "a connection that breaks", Reply::pieces(&["Good ", "day"]).cut()),
        case("silence", "a site that falls silent", Reply::text("Good ").silence()),
        raw(
            "broken_json",
            "an event that is no JSON",
            &[text("Good "), "data: {\"choices\":[\n\n".to_owned(), finish("stop"), DONE.to_owned()],
        ),
        raw("nothing", "no data at all would be an empty success", &[DONE.to_owned()]),
        raw(
            "reasoning_only",
            "a thought without an answer",
            &[said(&json!({"reasoning_content": "Hm."})), finish("stop"), DONE.to_owned()],
        ),
        case("limited", "429, with the time to wait", Reply::rate_limited(1)),
        case(
            "failed",
            "500 with words that gateways take for a ban",
            Reply::status(500, &json!({"error": {"message": "You exceeded your current quota"}})),
        ),
        case("key_of_the_model", "401 of the model is not ours", Reply::model_unauthorized()),
        case(
            "too_long",
            "a prompt that is too long is 400, never asked again",
            Reply::status(
                400,
                &json!({"error": {"message": "maximum context length is 8192", "code": "context_length_exceeded"}}),
            ),
        ),
        case("web_page", "a page where an answer should be", Reply::html()),
    ]
}
