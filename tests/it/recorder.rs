//! The flight recorder: what it keeps of a turn, what it never keeps, and that it keeps no more than it may.

use std::time::Duration;

use futures::StreamExt;
use latchkey_shared::recording::{TurnEvent, TurnRecord};
use reqwest::Method;
use serde_json::json;
use support::{
    hunt::{Find, Hunter},
    model::Reply,
    responses::ResponsesSocket,
    wait,
    world::{AdapterClient, SHARED_SECRET, World},
};

const LIMIT: Duration = Duration::from_secs(10);
const ID: &str = "x-oneapi-request-id";
const QUESTION: &str = "canary question: what did the bird sing?";
const ANSWER: &str = "canary answer: it sang at dawn.";

async fn world(mode: &str, more: &[(&str, &str)]) -> World {
    let start = World::start().without_broker().with_session("alice").adapter_env("LATCHKEY_RECORDER", mode);
    more.iter().fold(start, |start, (name, value)| start.adapter_env(name, value)).await
}

/// The recording of a turn, once it is kept.
async fn flight(world: &World, id: &str) -> TurnRecord {
    let sealed = wait::until_some(LIMIT, async || world.store.adapter.flight(id).await.unwrap()).await;
    world.session_vault.open_flight(&sealed, id).unwrap()
}

fn hunter(world: &World) -> Hunter {
    let mut hunter = Hunter::default();
    hunter.secret("the question", QUESTION);
    hunter.secret("the answer", ANSWER);
    hunter.secret("the shared secret", SHARED_SECRET);
    for session in world.practice.issued() {
        hunter.secret("a cookie", &session.cookie);
        hunter.secret("a token", &session.token);
    }
    hunter
}

#[tokio::test]
async fn each_turn_of_a_socket_has_a_recording_of_its_own() {
    let world = world("full", &[]).await;
    let mut socket = ResponsesSocket::open(&world.adapters[0].url, SHARED_SECRET).await.unwrap();
    for number in 1..=2 {
        world.practice.model().will(Reply::text(ANSWER));
        socket.ask(&json!({"model": "practice-1", "input": format!("{QUESTION} {number}")})).await;
    }

    for number in 1..=2 {
        let flight = flight(&world, &format!("{}.{number}", socket.id)).await;
        let request = joined(&flight, |event| match event {
            TurnEvent::Request { body } => Some(body),
            _ => None,
        });
        assert!(request.contains(&format!("{QUESTION} {number}")), "{flight:#?}");
        assert_eq!((flight.path.as_str(), flight.outcome.as_str()), ("/v1/responses", "ok"));
    }
    drop(socket);
    world.stop().await;
}

fn joined(flight: &TurnRecord, pick: impl Fn(&TurnEvent) -> Option<&str>) -> String {
    flight.moments.iter().filter_map(|moment| pick(&moment.event)).collect()
}

#[tokio::test]
async fn a_whole_recording_tells_what_every_side_said_and_is_sealed() {
    let world = world("full", &[]).await;
    world.practice.model().will(Reply::pieces(&["canary answer: ", "it sang ", "at dawn."]));

    let streamed = world.adapter().ask_streamed(QUESTION).await;
    let flight = flight(&world, streamed.header(ID)).await;

    let request = joined(&flight, |event| match event {
        TurnEvent::Request { body } => Some(body),
        _ => None,
    });
    let site = joined(&flight, |event| match event {
        TurnEvent::Site { text } => Some(text),
        _ => None,
    });
    let said = joined(&flight, |event| match event {
        TurnEvent::Delta { text, .. } => Some(text),
        _ => None,
    });
    let sent = joined(&flight, |event| match event {
        TurnEvent::Chunk { text } => Some(text),
        _ => None,
    });
    assert!(request.contains(QUESTION) && site.contains("data: [DONE]"), "{flight:#?}");
    assert_eq!((said.as_str(), sent), (ANSWER, streamed.raw));
    let facts = (flight.site.as_str(), flight.model.as_str(), flight.outcome.as_str(), flight.calls.as_str());
    assert_eq!(facts, ("practice", "practice-1", "ok", "untouched"));
    let ordered = flight.moments.is_sorted_by_key(|moment| moment.ms);
    assert!(ordered && flight.path == "/v1/chat/completions" && flight.is_whole && !flight.is_cut);

    let finds = hunter(&world).hunt("Redis", &world.redis.dump().await);
    assert_eq!(finds.iter().map(Find::to_string).collect::<Vec<_>>(), Vec::<String>::new());
    world.stop().await;
}

#[tokio::test]
async fn what_is_sent_before_the_first_word_is_recorded_too() {
    let world = world("full", &[("LATCHKEY_BEGIN_AFTER", "1ms")]).await;
    let mut question = AdapterClient::question(QUESTION);
    question["stream"] = true.into();
    question["max_tokens"] = 10.into();

    for (path, said) in [("/claude/v1/chat/completions", ANSWER), ("/v1/messages", "")] {
        let reply = Reply::new().hold();
        world.practice.model().will(if said.is_empty() { reply.cut() } else { reply.piece(said) });
        let response = world.adapter().request(Method::POST, path, Some(&question)).send().await.unwrap();
        let id = response.headers()[ID].to_str().unwrap().to_owned();
        world.practice.model().release(1);
        let mut raw = String::new();
        let mut chunks = response.bytes_stream();
        while let Some(Ok(bytes)) = chunks.next().await {
            raw.push_str(std::str::from_utf8(&bytes).unwrap());
        }

        let flight = flight(&world, &id).await;
        let sent = joined(&flight, |event| match event {
            TurnEvent::Chunk { text } => Some(text),
            _ => None,
        });
        assert_eq!(sent, raw, "{path}");
        assert!(sent.contains(said) && (sent.contains("role") || sent.contains("message_start")), "{sent}");
    }
    world.stop().await;
}

#[tokio::test]
async fn a_masked_recording_holds_no_word_of_either_side() {
    let world = world("masked", &[]).await;
    world.practice.model().will(Reply::text(ANSWER).tool_call(0, "call_1", "read", "{\"path\":\"a.rs\"}"));

    let streamed = world.adapter().ask_streamed(QUESTION).await;
    let flight = flight(&world, streamed.header(ID)).await;

    let recorded = flight.to_bytes();
    assert_eq!(hunter(&world).hunt("the recording", &recorded), []);
    let text = String::from_utf8(recorded.to_vec()).unwrap();
    assert!(
        text.contains("finish_reason") && text.contains("tool_calls") && !text.contains("a.rs"),
        "{text}"
    );
    world.stop().await;
}

#[tokio::test]
async fn a_failed_turn_is_found_by_the_id_that_its_answer_carries() {
    let world = world("full", &[]).await;
    let model = world.practice.model();
    model.will(Reply::status(500, &serde_json::json!({"error": {"message": "no"}})));
    model.will(Reply::text("half").cut());

    let refused = world.adapter().ask(QUESTION).await;
    let cut = world.adapter().ask_streamed(QUESTION).await;

    let refused = flight(&world, refused.header(ID)).await;

    let cut = flight(&world, cut.header(ID)).await;
    assert_eq!((refused.outcome.as_str(), cut.outcome.as_str()), ("status", "cut"));
    assert!(cut.moments.iter().any(|moment| moment.event == TurnEvent::Over { how: "cut".to_owned() }));
    assert!(
        refused.moments.iter().any(|moment| moment.event == TurnEvent::Fault { fault: "status".to_owned() })
    );
    // A recording is listed once it is kept.
    let listed = async || {
        let listed = world.store.adapter.flights().await.unwrap();
        (1 < listed.len()).then_some(listed)
    };
    assert_eq!(wait::until_some(LIMIT, listed).await, [cut.id, refused.id]);
    world.stop().await;
}

#[tokio::test]
async fn only_the_last_turns_are_kept_and_not_for_ever() {
    let bounds = [("LATCHKEY_RECORDER_TURNS", "2"), ("LATCHKEY_RECORDER_TTL", "1m")];
    let world = world("full", &bounds).await;

    let mut ids = Vec::new();
    for _ in 0..3 {
        let answer = world.adapter().ask(QUESTION).await;
        flight(&world, answer.header(ID)).await;
        ids.insert(0, answer.header(ID).to_owned());
    }

    wait::until_some(LIMIT, async || {
        let gone = world.store.adapter.flight(&ids[2]).await.unwrap().is_none();
        (gone && world.store.adapter.flights().await.unwrap() == ids[..2]).then_some(())
    })
    .await;
    world.stop().await;
}

#[tokio::test]
async fn a_turn_longer_than_a_tape_is_cut_and_the_answer_is_not() {
    let world = world("full", &[]).await;
    let long = "a long line of text ".repeat(10_000);
    // Told, so that nobody counts it.
    world.practice.model().will(Reply::text(&long).usage(1, 1));

    let streamed = world.adapter().ask_streamed(QUESTION).await;
    let flight = flight(&world, streamed.header(ID)).await;

    assert_eq!(streamed.text(), long);
    assert!(flight.is_cut && flight.to_bytes().len() < 2 * 512 * 1024, "{}", flight.to_bytes().len());
    world.stop().await;
}

#[tokio::test]
async fn nothing_is_kept_unless_it_is_asked_for() {
    let world = World::start().without_broker().with_session("alice").await;

    let answer = world.adapter().ask(QUESTION).await;

    assert_eq!(answer.status, 200);
    // The lease is released after the turn: whatever else the turn leaves in Redis is there by then.
    let account = world.account("alice");
    wait::until_some(LIMIT, async || (world.store.leases(account).await.unwrap() == 0).then_some(())).await;
    assert_eq!(world.store.adapter.flights().await.unwrap(), Vec::<String>::new());
    world.stop().await;
}
