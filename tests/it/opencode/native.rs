//! A site that takes tools: what its model gets wrong about them does not reach OpenCode, which is fatally strict.

use serde_json::{Value, json};
use support::{
    model::Reply,
    opencode::{OpenCode, Project, run},
    world::World,
};

use super::{CONTENT, assert_files, done, files, write};

/// An adapter alone, before the practice site, which takes tools.
async fn world() -> World {
    World::start().without_broker().with_session("alice").await
}

/// Whether a request has the results of calls; then the model has nothing more to do.
fn has_results(request: &Value) -> bool {
    request["messages"].as_array().unwrap().iter().any(|message| message["role"] == "tool")
}

fn has_tools(request: &Value) -> bool {
    request["tools"].as_array().is_some_and(|tools| !tools.is_empty())
}

fn call(index: u32, id: &str, name: &str, arguments: &Value) -> Value {
    let function = json!({"name": name, "arguments": arguments.to_string()});
    json!({"index": index, "id": id, "type": "function", "function": function})
}

#[tokio::test]
async fn a_person_has_one_file_read_and_edited() {
    let world = world().await;
    let project = Project::new(&[("greeting.txt", "Hello, world!\n"), ("other.txt", "stays\n")]);
    world.practice.model().always_with(|request| {
        let messages = request["messages"].as_array().unwrap();
        let results = messages.iter().filter(|message| message["role"] == "tool").count();
        let edit =
            r#"{"filePath":"greeting.txt","oldString":"Hello, world!","newString":"Hello, \"Oslo\"!"}"#;
        match results {
            _ if !has_tools(request) => Reply::text("A greeting"),
            0 => Reply::new().tool_call(0, "call_1", "read", r#"{"filePath":"greeting.txt"}"#),
            1 => Reply::new().tool_call(0, "call_2", "edit", edit),
            _ => done(),
        }
    });

    let run = run(&world.adapters[0].url, &project, "Greet Oslo in greeting.txt").await;

    assert!(run.status.success(), "{run:#?}");
    let names: Vec<&Value> = run.events("tool_use").iter().map(|event| &event["part"]["tool"]).collect();
    assert_eq!(names, ["read", "edit"], "{run:#?}");
    assert_eq!(run.events("text").last().unwrap()["part"]["text"], "Done: the files are written.");
    assert_files(&project, &files(&[("greeting.txt", "Hello, \"Oslo\"!\n"), ("other.txt", "stays\n")]));
    world.stop().await;
}

/// A first answer, and the files that must come of it.
struct NativeCase {
    name: &'static str,
    reply: Reply,
    written: &'static [&'static str],
}

#[tokio::test]
async fn right_and_broken_calls_are_all_carried_out() {
    let world = world().await;
    let opencode = OpenCode::start(&[("native", &world.adapters[0].url)]).await;

    for NativeCase { name, reply, written } in cases() {
        let project = Project::new(&[]);
        world.practice.model().reset();
        world.practice.model().always_with(move |request| match has_results(request) {
            true => done(),
            false => reply.clone(),
        });

        let turn = opencode.prompt("native", &project, "Write the files").await;

        let turn = turn.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(turn.calls().iter().all(|(_, outcome)| outcome == "completed"), "{name}: {turn:#?}");
        assert_eq!(turn.text(), "Done: the files are written.", "{name}");
        let expected: Vec<(&str, &str)> = written.iter().map(|name| (*name, CONTENT)).collect();
        assert_eq!(project.files(), files(&expected), "{name}");
        assert_eq!(world.practice.model().calls().len(), 2, "{name}");
    }

    world.stop().await;
}

fn cases() -> [NativeCase; 8] {
    let arguments = |path: &str| write(path, CONTENT).1;
    let one = || call(0, "call_1", "write", &arguments("a.rs"));
    let with = |pointer: &str, value: Value| {
        let mut call = one();
        *call.pointer_mut(pointer).unwrap() = value;
        json!([call])
    };
    let mut without_index = one();
    without_index.as_object_mut().unwrap().remove("index");
    let one_index = json!([one(), call(0, "call_2", "write", &arguments("b.rs"))]);
    let (opening, rest) = halves(&arguments("a.rs"));
    let case = |name, reply, written| NativeCase { name, reply, written };
    [
        case("three parallel calls", parallel(), &["a.rs", "b.rs", "c.rs"]),
        case("an integer id", Reply::new().tool_calls(&with("/id", json!(7))), &["a.rs"]),
        case(
            "arguments as an object",
            Reply::new().tool_calls(&with("/function/arguments", arguments("a.rs"))),
            &["a.rs"],
        ),
        case("no index", Reply::new().tool_calls(&json!([without_index])), &["a.rs"]),
        case("no index in two chunks", Reply::new().tool_calls(&opening).tool_calls(&rest), &["a.rs"]),
        case("two calls with one index", Reply::new().tool_calls(&one_index), &["a.rs", "b.rs"]),
        case("stop after a call", Reply::new().tool_calls(&json!([one()])).finish("stop"), &["a.rs"]),
        case("no finish", without_finish(&json!([one()])), &["a.rs"]),
    ]
}

/// Three calls, each in its own fragments that mix with the others'.
fn parallel() -> Reply {
    let names = ["a.rs", "b.rs", "c.rs"];
    let pairs: Vec<(Value, Value)> = names.iter().map(|name| halves(&write(name, CONTENT).1)).collect();
    let mut reply = Reply::new();
    for half in [0, 1] {
        for (index, (opening, rest)) in pairs.iter().enumerate() {
            let mut piece = if half == 0 { opening.clone() } else { rest.clone() };
            piece[0]["index"] = index.into();
            if half == 0 {
                piece[0]["id"] = format!("call_{index}").into();
            }
            reply = reply.tool_calls(&piece);
        }
    }
    reply
}

/// One call in two chunks without an index: the first has the name, the second has the rest of the arguments.
fn halves(arguments: &Value) -> (Value, Value) {
    let text = arguments.to_string();
    let (first, rest) = text.split_at(text.len() / 2);
    let function = json!({"name": "write", "arguments": first});
    let opening = json!([{"id": "call_1", "type": "function", "function": function}]);
    (opening, json!([{"function": {"arguments": rest}}]))
}

fn without_finish(calls: &Value) -> Reply {
    let choice =
        json!({"index": 0, "delta": {"role": "assistant", "tool_calls": calls}, "finish_reason": null});
    let chunk = json!({"id": "x", "object": "chat.completion.chunk", "choices": [choice]});
    Reply::raw(format!("data: {chunk}\n\ndata: [DONE]\n\n"))
}
