//! Streams that began before their answer: whatever comes of it then, no client and no gateway takes it for what it is
//! not, and who goes is missed at once.
//!
//! Facts: what new-api v1.0.0-rc.24 makes of each beginning and each end (2026-11).

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::json;
use support::{
    model::{CallEnd, Reply},
    wait::until,
    world::{SHARED_SECRET, World, WorldBuilder},
};

use super::{Answered, BEHIND, PATHS, RESEND, question, unique_removed, without_repeats};

/// Streams begin at once here: a site that is held back is always later.
const BEGIN_AFTER: (&str, &str) = ("LATCHKEY_BEGIN_AFTER", "1ms");

fn start() -> WorldBuilder {
    let start = World::start().without_broker().with_session("alice").adapter_env(RESEND.0, RESEND.1);
    start.adapter_env(BEGIN_AFTER.0, BEGIN_AFTER.1)
}

/// What fails once the stream has begun, and how a site does it.
fn failures() -> [(&'static str, Reply); 4] {
    let error = format!("data: {}\n\n", json!({"error": {"message": "secret words of the site"}}));
    let page = "data: <html>busy</html>\n\n";
    [
        ("cut", Reply::new().hold().cut()),
        ("nothing", Reply::new().hold()),
        ("error", Reply::new().hold().bytes(error)),
        ("nonsense", Reply::new().hold().bytes(page).cut()),
    ]
}

fn all_paths() -> Vec<&'static str> {
    [PATHS, BEHIND].concat()
}

/// The body of a stream that has begun; then the site goes on.
async fn released(world: &World, response: Response) -> Answered {
    assert_eq!(response.status(), 200);
    world.practice.model().release(1);
    Answered::of(response).await
}

async fn ask(world: &World, path: &str) -> Response {
    world.adapter().request(Method::POST, path, Some(&question(true))).send().await.unwrap()
}

#[tokio::test]
async fn what_fails_behind_a_begun_stream_is_told_or_a_broken_connection() {
    let world = start().await;
    let mut golden = String::new();

    for path in all_paths() {
        for (name, reply) in failures() {
            world.practice.model().will(reply);
            let response = ask(&world, path).await;
            let answered = released(&world, response).await;
            let body = &answered.body;
            assert!(!body.contains("secret words"), "{name} at {path}: {body}");
            answered.assert_broken(path, name);
            match path {
                "/v1/chat/completions" | "/new-api/v1/chat/completions" => {
                    assert!(body.starts_with(": "), "{name} at {path}: {body}");
                }
                "/claude/v1/chat/completions" => {
                    assert!(body.contains(r#""delta":{"content":""}"#), "{name} at {path}: {body}");
                }
                _ => {}
            }
            if name == "cut" {
                golden += &format!("== {path}\n{}\n\n", unique_removed(&without_repeats(body)).trim_end());
            }
        }
    }

    insta::assert_snapshot!(golden);
    world.stop().await;
}

#[tokio::test]
async fn an_answer_behind_a_begun_stream_is_whole() {
    answers_are_whole(start()).await;
}

#[tokio::test]
async fn a_buffered_answer_behind_a_begun_stream_is_whole_or_broken() {
    let buffered = || start().adapter_env("LATCHKEY_STREAM", "buffered");
    answers_are_whole(buffered()).await;
    let world = buffered().await;

    for path in all_paths() {
        world.practice.model().will(Reply::new().hold().piece("Hel").cut());
        let response = ask(&world, path).await;
        let answered = released(&world, response).await;
        answered.assert_broken(path, "buffered");
        assert!(!answered.body.contains("Hel"), "{path}: {}", answered.body);
    }
    world.stop().await;
}

async fn answers_are_whole(start: WorldBuilder) {
    let world = start.await;

    for path in all_paths() {
        world.practice.model().will(Reply::new().hold().piece("Hel").piece("lo."));
        let response = ask(&world, path).await;
        let answered = released(&world, response).await;
        let Answered { body, whole, .. } = &answered;
        assert!(*whole && body.contains("Hel") && body.contains("lo."), "{path}: {body}");
        let beginnings =
            ["\"role\":\"assistant\",\"content\":\"\"", "event: message_start", "event: response.created"];
        let count: usize = beginnings.iter().map(|beginning| body.matches(beginning).count()).sum();
        assert_eq!(count, 1, "{path}: {body}");
    }
    world.stop().await;
}

#[tokio::test]
async fn silence_behind_a_begun_stream_is_bridged() {
    let world = start().adapter_env("LATCHKEY_HEARTBEAT", "20ms").await;

    for path in all_paths() {
        world.practice.model().will(Reply::new().hold().piece("Hello."));
        let mut response = ask(&world, path).await;
        let mut seen = String::new();
        // What begins the stream, and two signs of life at least.
        for _ in 0..3 {
            seen += std::str::from_utf8(&response.chunk().await.unwrap().unwrap()).unwrap();
        }
        let signs = seen.matches(": hb").count() + seen.matches("\"thinking\":\"\"}}").count();
        assert!(signs >= 2, "{path}: {seen}");
        let rest = released(&world, response).await;
        assert!(rest.whole && rest.body.contains("Hello."), "{path}: {}", rest.body);
    }
    world.stop().await;
}

#[tokio::test]
async fn who_leaves_a_begun_stream_frees_the_account_and_stops_the_site() {
    let world = start().concurrency(1).await;

    for path in all_paths() {
        world.practice.model().reset();
        world.practice.model().will(Reply::new().hold());
        let response = ask(&world, path).await;
        until(Duration::from_secs(20), || world.practice.model().calls().len() == 1).await;
        drop(response);
        until(Duration::from_secs(20), || world.practice.model().count(CallEnd::Cancelled) == 1).await;
        // There is one place.
        world.practice.model().will(Reply::text("Next."));
        let next = Answered::of(ask(&world, path).await).await;
        assert!(next.whole && next.body.contains("Next."), "{path}: {}", next.body);
    }
    world.stop().await;
}

#[tokio::test]
async fn a_full_pool_is_a_status_before_any_stream_begins() {
    let world = start().concurrency(1).adapter_env("LATCHKEY_QUEUE_DEADLINE", "1s");
    let world = world.adapter_env(BEGIN_AFTER.0, "1h").await;
    world.practice.model().will(Reply::new().hold().piece("Hello."));
    let others = async {
        until(Duration::from_secs(20), || world.practice.model().calls().len() == 1).await;
        for path in all_paths() {
            let status = ask(&world, path).await.status().as_u16();
            assert!([429, 503].contains(&status), "{path}: {status}");
        }
        world.practice.model().release(1);
    };

    let (first, ()) = tokio::join!(ask(&world, PATHS[0]), others);

    assert_eq!(first.status(), 200);
    world.stop().await;
}

#[tokio::test]
async fn a_whole_answer_is_never_begun_as_a_stream() {
    let world = start().await;

    for path in all_paths() {
        world.practice.model().will(Reply::new().hold().cut());
        world.practice.model().release(1);
        let response =
            world.adapter().request(Method::POST, path, Some(&question(false))).send().await.unwrap();
        assert_eq!(response.status(), 502, "{path}");
        assert_eq!(response.headers()["content-type"], "application/json", "{path}");
    }
    world.stop().await;
}

#[tokio::test]
async fn the_time_counts_from_when_the_request_came_and_not_from_the_end_of_its_body() {
    let world = start().concurrency(4).adapter_env(BEGIN_AFTER.0, "2500ms").await;
    let client = reqwest::Client::new();

    for path in PATHS {
        world.practice.model().reset();
        world.practice.model().always(Reply::new().hold().piece("Hello."));
        let (pieces, body) = futures::channel::mpsc::unbounded::<std::io::Result<String>>();
        let body = reqwest::Body::wrap_stream(body);
        let url = world.adapters[0].url.join(path).unwrap();
        let slow = client.post(url).bearer_auth(SHARED_SECRET).header("content-type", "application/json");
        let slow = slow.body(body).send();
        let others = async {
            let text = question(true).to_string();
            let (begin, rest) = text.split_at(10);
            pieces.unbounded_send(Ok(begin.to_owned())).unwrap();
            // Once another one has begun that came later, it is time for this one too.
            let other = ask(&world, path).await;
            let goes_on = async {
                // A third one is at the site before this one's body ends.
                until(Duration::from_secs(20), || world.practice.model().calls().len() == 2).await;
                pieces.unbounded_send(Ok(rest.to_owned())).unwrap();
                drop(pieces);
            };
            let (third, ()) = tokio::join!(ask(&world, path), goes_on);
            (other, third)
        };

        let mut others = std::pin::pin!(others);
        let first = tokio::select! {
            slow = slow => slow.unwrap(),
            _ = &mut others => panic!("{path}: one that came later has begun before it"),
        };
        assert_eq!(first.status(), 200, "{path}");
        let (other, third) = others.await;
        assert_eq!((other.status(), third.status()), (200.try_into().unwrap(), 200.try_into().unwrap()));
    }
    world.stop().await;
}
