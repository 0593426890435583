//! Turns that failed once: recorded, cleaned, kept as cases, and played again with every run of the tests.

use std::{path::Path, time::Duration};

use latchkey_ops::case::{ClientAnswer, ReplayCase, SiteAnswer};
use reqwest::Method;
use serde_json::{Value, json};
use support::{
    command::{self, CommandOutput},
    hunt::{Find, Hunter},
    model::Reply,
    replay::replay,
    wait,
    world::World,
};

const LIMIT: Duration = Duration::from_secs(60);
const MAIL: &str = "alice.canary@example.org";
const BEARER: &str = "canary.bearer-0123456789abcdef";
const API_KEY: &str = "sk-canary0123456789abcdef0123";
const COOKIE: &str = "canary-cookie-value-77";
const USER: &str = "canary-device-0a1b2c3d4e5f";

#[tokio::test]
async fn every_kept_case_is_told_as_it_is_expected() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let mut cases: Vec<_> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    // `bridge` holds cases of another kind.
    cases.retain(|path| path.is_file());
    cases.sort();
    assert!(3 <= cases.len(), "{cases:?}");

    for path in cases {
        let case = ReplayCase::read(&path).unwrap();
        let told = replay(&case).await;
        assert_eq!(case.expected.differences(&told), Vec::<String>::new(), "{}", path.display());
        assert!(!case.about.is_empty(), "{} does not say what it shows", path.display());
    }
}

#[tokio::test]
async fn a_failing_turn_is_recorded_replayed_and_kept_as_a_case() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("case.json").display().to_string();
    // An adapter that neither judges nor repairs: the agent's turn ends in words, and nothing is edited.
    let world = text_only(&[("LATCHKEY_JUDGE", "off"), ("LATCHKEY_REPAIR", "off")]).await;
    let said = format!("I will write the file for {MAIL} now, with Authorization: Bearer {BEARER} in it.");
    world.practice.model().will(pieces(&said));

    let streamed = world.adapter().stream(&task()).await;
    let id = streamed.header("x-oneapi-request-id").to_owned();
    assert_eq!((streamed.finish_reason(), streamed.tool_calls().len()), ("stop", 0));
    wait::until_some(LIMIT, async || world.store.adapter.flight(&id).await.unwrap()).await;
    let listed = ops(&world, &["record"]).await;
    let recorded = ops(&world, &["record", &id, "--out", &file, "--about", "an announcement"]).await;

    assert!(listed.stdout.contains(&id), "{}", listed.shown());
    assert_eq!(recorded.code, 0, "{}", recorded.shown());
    no_secret(&file, &[&listed, &recorded]);
    // As it was recorded, so it is told by an adapter that asks on: it asks once more, and nothing else is recorded.
    let replayed = ops(&world, &["replay", &file]).await;
    assert_eq!(replayed.code, 1, "{}", replayed.shown());
    assert!(replayed.stdout.contains("asked\n  expected  1\n  got       2"), "{}", replayed.shown());

    // A person writes what is right: the call that the model makes when it is asked on.
    let mut case = ReplayCase::read(Path::new(&file)).unwrap();
    let call = tagged(&case.nonce, &json!({"path": "a.rs", "content": "fn main() {}\n"}));
    let event = json!({"choices": [{"index": 0, "delta": {"content": call}}]});
    let end = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]});
    let lines = [format!("data: {event}"), String::new(), format!("data: {end}"), String::new()];
    let lines = lines.into_iter().chain(["data: [DONE]".to_owned(), String::new(), String::new()]).collect();
    case.answers.push(SiteAnswer::Stream { lines, how: "ended".to_owned() });
    case.expected.calls = vec![("write".to_owned(), json!({"path": "a.rs", "content": "fn main() {}\n"}))];
    case.expected.asked = 2;
    "tool_calls".clone_into(&mut case.expected.end);
    std::fs::write(&file, case.to_text()).unwrap();
    let mended = ops(&world, &["replay", &file]).await;
    assert_eq!(mended.code, 0, "{}", mended.shown());
    world.stop().await;
}

#[tokio::test]
async fn a_turn_of_every_api_is_a_case_whether_it_was_streamed_or_not() {
    let directory = tempfile::tempdir().unwrap();
    let world =
        World::start().without_broker().with_session("alice").adapter_env("LATCHKEY_RECORDER", "full");
    let world = world.adapter_env("LATCHKEY_RESEND", "off").await;
    let ends = [
        ("/v1/chat/completions", "tool_calls"),
        ("/v1/messages", "tool_use"),
        ("/v1/responses", "completed"),
    ];
    for (index, (path, end)) in ends.into_iter().enumerate() {
        for stream in [true, false] {
            let called = Reply::text("So.").tool_call(0, "call_0", "read", "{\"path\":\"a\"}");
            world.practice.model().will(called);
            let body = crate::contract::question(stream);
            let request = world.adapter().request(Method::POST, path, Some(&body));
            let response = request.send().await.unwrap();
            let id = response.headers()["x-oneapi-request-id"].to_str().unwrap().to_owned();
            response.bytes().await.unwrap();
            wait::until_some(LIMIT, async || world.store.adapter.flight(&id).await.unwrap()).await;

            let file = directory.path().join(format!("{index}-{stream}.json")).display().to_string();
            let recorded = ops(&world, &["record", &id, "--out", &file]).await;

            assert_eq!(recorded.code, 0, "{path}: {}", recorded.shown());
            let case = ReplayCase::read(Path::new(&file)).unwrap();
            let calls = vec![("read".to_owned(), json!({"path": "a"}))];
            assert_eq!((case.got.end.as_str(), &case.got.calls), (end, &calls), "{path}");
            let replayed = ops(&world, &["replay", &file]).await;
            assert_eq!(replayed.code, 0, "{path}, {stream}: {}", replayed.shown());
        }
    }
    world.stop().await;
}

#[tokio::test]
async fn a_turn_of_a_site_with_a_protocol_of_its_own_is_no_case() {
    let site = crate::chat::declared().replace("/choices/0/delta/content", "/said");
    let start = World::start().without_broker().with_session("alice").site_file(site);
    let world = start.adapter_env("LATCHKEY_RECORDER", "full").await;
    world.practice.model().will(Reply::raw("data: {\"said\":\"So.\"}\n\ndata: [DONE]\n\n"));
    let streamed = world.adapter().ask_streamed("hi").await;
    let id = streamed.header("x-oneapi-request-id").to_owned();
    wait::until_some(LIMIT, async || world.store.adapter.flight(&id).await.unwrap()).await;

    let recorded = ops(&world, &["record", &id]).await;

    assert_eq!(streamed.text(), "So.");
    assert_eq!(recorded.code, 1, "{}", recorded.shown());
    assert!(
        recorded.stderr.contains("the site practice has a chat protocol of its own"),
        "{}",
        recorded.shown()
    );
    world.stop().await;
}

#[tokio::test]
async fn what_cannot_be_a_case_is_told_with_what_to_do() {
    let world = text_only(&[("LATCHKEY_RECORDER", "masked")]).await;
    let streamed = world.adapter().stream(&task()).await;
    let id = streamed.header("x-oneapi-request-id").to_owned();
    wait::until_some(LIMIT, async || world.store.adapter.flight(&id).await.unwrap()).await;

    let masked = ops(&world, &["record", &id]).await;
    let unknown = ops(&world, &["record", "01JD9Z6V8W0000000000000001"]).await;
    let no_case = ops(&world, &["replay", "/dev/null"]).await;

    let masked = masked.shown().replace(&id, "[id]");
    let told = [masked, unknown.shown(), no_case.shown()].join("\n\n");
    insta::assert_snapshot!(told, @"
    exit 1
    stderr: error: turn [id] was recorded without its contents: set LATCHKEY_RECORDER=full, and have it fail again

    exit 1
    stderr: error: no turn 01JD9Z6V8W0000000000000001 is recorded: is LATCHKEY_RECORDER set, and was it within LATCHKEY_RECORDER_TTL?

    exit 1
    stderr: error: /dev/null is no case: EOF while parsing a value at line 1 column 0
    ");
    world.stop().await;
}

/// A world whose site takes text alone, and that records whole turns.
async fn text_only(more: &[(&str, &str)]) -> World {
    let site = include_str!("../../shared/sites/practice.toml").replace("tools = true", "tools = false");
    let start = World::start().without_broker().with_session("alice").site_file(site);
    let start = start.adapter_env("LATCHKEY_RECORDER", "full");
    more.iter().fold(start, |start, (name, value)| start.adapter_env(name, value)).await
}

/// A task for an agent, with a secret wherever one might be.
fn task() -> Value {
    let text =
        format!("Write a.rs. My mail is {MAIL}, my key {API_KEY}.\nCookie: session={COOKIE}\nThat is all.");
    let properties = json!({"path": {"type": "string"}, "content": {"type": "string"}});
    let parameters = json!({"type": "object", "properties": properties, "required": ["path", "content"]});
    let function = json!({"name": "write", "description": "Writes a file.", "parameters": parameters});
    json!({
        "model": "practice-1",
        "user": USER,
        "messages": [{"role": "user", "content": text}],
        "tools": [{"type": "function", "function": function}],
    })
}

/// A text in pieces so small that every secret is in several of them.
fn pieces(text: &str) -> Reply {
    let chars: Vec<char> = text.chars().collect();
    chars.chunks(5).fold(Reply::new(), |reply, piece| reply.piece(&piece.iter().collect::<String>()))
}

/// A call as a model writes it in the dialect that has tags.
fn tagged(nonce: &str, arguments: &Value) -> String {
    let dialect = crate::opencode::dialect::Dialect {
        form: crate::opencode::dialect::Form::Xml,
        nonce: nonce.to_owned(),
    };
    dialect.calls(&[("write", arguments.clone())])
}

/// One of the operator's tools, with what the world's own operator would have.
async fn ops(world: &World, arguments: &[&str]) -> CommandOutput {
    let redis = world.redis.url();
    let environment = [
        ("LATCHKEY_REDIS_URL", redis.as_str()),
        ("LATCHKEY_SESSION_KEYS", &world.keys.sessions),
        ("TMPDIR", world.directory.path().to_str().unwrap()),
    ];
    command::run("latchkey-ops", arguments, &environment, "", LIMIT).await
}

/// Hunts every secret in a case and in what was told of it.
fn no_secret(file: &str, told: &[&CommandOutput]) {
    let mut hunter = Hunter::default();
    let secrets = [("mail", MAIL), ("bearer", BEARER), ("key", API_KEY), ("cookie", COOKIE), ("user", USER)];
    secrets.iter().for_each(|(name, value)| hunter.secret(name, value));
    let mut finds = hunter.hunt(file, &std::fs::read(file).unwrap());
    finds.extend(told.iter().flat_map(|ran| hunter.hunt("what was told", ran.shown().as_bytes())));
    // In pieces a secret is still one.
    let case = ReplayCase::read(Path::new(file)).unwrap();
    for answer in &case.answers {
        let SiteAnswer::Stream { lines, .. } = answer else { continue };
        let said = ClientAnswer::of_stream(&lines.join("\n"), true);
        assert!(said.text.contains("I will write the file"), "{said:?}");
        finds.extend(hunter.hunt("the stream's text", said.text.as_bytes()));
    }
    assert_eq!(finds.iter().map(Find::to_string).collect::<Vec<_>>(), Vec::<String>::new());
}
