//! LibreChat's built-in file, tried with the stand-in: two-step chat, its own conversations, its stop endpoint.

use std::time::Duration;

use latchkey_shared::account::State;
use serde_json::{Value, json};
use support::{
    hunt::forms,
    librechat::{EMAIL, LibreChat, NO_PARENT, PASSWORD},
    model::{CallEnd, Reply},
    wait,
    world::{AdapterClient, SHARED_SECRET, World},
};
use tracing_subscriber::{layer::SubscriberExt, util::SubscriberInitExt};

use crate::chat::log::LogBuffer;

const OTHER: &str = "a-secret-of-another-tenant";
const SOON: Duration = Duration::from_secs(10);

/// Messages that take turns, beginning with the person.
fn said(texts: &[&str]) -> Value {
    let roles = ["user", "assistant"].iter().cycle();
    let messages = texts.iter().zip(roles).map(|(text, role)| json!({"role": role, "content": text}));
    json!({"model": "practice-1", "messages": messages.collect::<Vec<_>>()})
}

#[tokio::test]
async fn librechat_is_signed_in_to_and_answers() {
    let log = LogBuffer::default();
    tracing_subscriber::registry().with(log.layer("latchkey_adapter=debug")).init();
    let site = LibreChat::start().await;
    let urls = format!("librechat={}", site.url);
    let world = World::start()
        .broker_env("LATCHKEY_SITE_URLS", &urls)
        .adapter_env("LATCHKEY_SITE_URLS", &urls)
        .adapter_env("LATCHKEY_SHARED_SECRETS", &format!("{SHARED_SECRET},{OTHER}"))
        .await;
    let admin = world.admin();
    let adapter = world.adapter();

    let (account, error) = admin.add_and_sign_in("librechat", EMAIL, "not-the-password").await;
    assert_eq!((account.state, error.as_deref()), (State::CredentialsRejected, Some("credentials_rejected")));
    let (account, error) = admin.add_and_sign_in("librechat", EMAIL, PASSWORD).await;
    assert_eq!((account.state, error), (State::Active, None));
    assert_eq!(adapter.get("/v1/models").await.json()["data"][0]["id"], "practice-1");

    it_streams_and_answers_whole(&site, &adapter).await;
    turns_go_on_where_they_were(&site, &adapter).await;
    nobody_else_goes_on_with_them(&site, &world).await;
    a_client_that_leaves_stops_the_answer_and_leaves_nothing(&site, &adapter, &log).await;
    faults_are_told(&site, &adapter).await;

    assert_eq!(site.logins_and_renewals(), (1, 0));
    site.expire_tokens();
    site.model.will(Reply::text("Alice."));
    assert_eq!(adapter.chat(&said(&["Who am I?"])).await.text(), "Alice.");
    let renewed = admin.account(account.id).await;
    assert_eq!(renewed.generation, account.generation + 1);
    assert_eq!(site.logins_and_renewals(), (1, 1));

    site.expire();
    site.model.will(Reply::text("Still Alice."));
    assert_eq!(adapter.chat(&said(&["Who am I?"])).await.text(), "Still Alice.");
    assert!(admin.account(account.id).await.generation > renewed.generation);
    assert_eq!(site.logins_and_renewals(), (2, 1));
    world.stop().await;
}

async fn it_streams_and_answers_whole(site: &LibreChat, adapter: &AdapterClient) {
    site.model.will(Reply::new().reasoning("Hm.").piece("Gu").piece("ten Tag."));
    let streamed = adapter.stream(&said(&["Hello"])).await;
    assert_eq!(
        (streamed.reasoning().as_str(), streamed.text().as_str()),
        ("Hm.", "Guten Tag."),
        "{}",
        streamed.raw
    );
    assert_eq!((streamed.finish_reason(), streamed.done, streamed.complete), ("stop", true, true));

    let mut body = said(&["Hello"]);
    body["messages"].as_array_mut().unwrap().insert(0, json!({"role": "system", "content": "Be brief."}));
    site.model.will(Reply::text("Hi."));
    assert_eq!(adapter.chat(&body).await.text(), "Hi.");
    let asked = site.asked().pop().unwrap();
    assert_eq!(
        (&asked["promptPrefix"], &asked["text"], &asked["isTemporary"]),
        (&json!("Be brief."), &json!("Hello"), &json!(true))
    );
}

/// Only what is new is told, in the site's own conversation, after its own last message.
async fn turns_go_on_where_they_were(site: &LibreChat, adapter: &AdapterClient) {
    let words = ["One?", "1", "Two?", "2", "Three?"];
    for (at, answer) in [(1, "1"), (3, "2"), (5, "3")] {
        site.model.will(Reply::text(answer));
        assert_eq!(adapter.chat(&said(&words[..at])).await.text(), answer);
    }

    let asked = site.asked();
    let [first, second, third] = &asked[asked.len() - 3..] else { panic!("{asked:?}") };
    assert_eq!((&first["conversationId"], &first["parentMessageId"]), (&json!("new"), &json!(NO_PARENT)));
    assert_eq!((&second["text"], &third["text"]), (&json!("Two?"), &json!("Three?")));
    assert!(
        second["conversationId"] == third["conversationId"] && second["conversationId"] != "new",
        "{second}"
    );
    let heard = site.model.last_call().body["messages"].as_array().unwrap().len();
    assert_eq!(heard, 5);
}

/// Not with another secret and the very words, and not by reading Redis.
async fn nobody_else_goes_on_with_them(site: &LibreChat, world: &World) {
    let words = ["One?", "1", "Two?", "2", "Three?", "3", "Four?"];
    let ours = site.asked().pop().unwrap()["conversationId"].as_str().unwrap().to_owned();
    site.model.will(Reply::text("4"));
    assert_eq!(world.adapter().with_secret(OTHER).chat(&said(&words)).await.text(), "4");
    assert_eq!(site.asked().pop().unwrap()["conversationId"], "new");

    let theirs = forms(&ours);
    let dump = world.redis.dump().await;
    for (form, bytes) in theirs {
        assert!(!dump.windows(bytes.len()).any(|window| window == bytes), "the conversation's id, {form}");
    }
}

async fn a_client_that_leaves_stops_the_answer_and_leaves_nothing(
    site: &LibreChat,
    adapter: &AdapterClient,
    log: &LogBuffer,
) {
    let told = log.ids_of("the site confirmed that its answer is over").len();
    site.model.will(Reply::pieces(&["Once", " upon"]).silence());
    let before = site.model.count(CallEnd::Cancelled);
    let mut response = adapter.open(&said(&["A long story"])).await;
    assert!(response.chunk().await.unwrap().is_some());
    let id = response.headers()["x-oneapi-request-id"].to_str().unwrap().to_owned();
    drop(response);

    wait::until(SOON, || site.model.count(CallEnd::Cancelled) > before).await;
    wait::until(SOON, || !site.stopped_and_deleted().1.is_empty()).await;
    let (stopped, deleted) = site.stopped_and_deleted();
    assert_eq!((stopped.len(), &stopped), (1, &deleted));
    let confirmed = "latchkey_adapter_upstream_cancel_confirm_seconds_count{site=\"librechat\"} 1";
    wait::until_some(SOON, async || adapter.get("/metrics").await.body.contains(confirmed).then_some(()))
        .await;
    // It is stopped, then cleaned up.
    let told = &log.ids_of("the site confirmed that its answer is over")[told..];
    assert!(told.len() == 2 && told.iter().all(|told| *told == id), "{told:?}");
}

async fn faults_are_told(site: &LibreChat, adapter: &AdapterClient) {
    site.model.will(Reply::status(500, &json!({"error": {"message": "boom"}})));
    assert_eq!(adapter.chat(&said(&["Fail"])).await.status, 502);

    site.model.will(Reply::pieces(&["Half", " an"]).hold().cut());
    let streamed = adapter.stream_and(&said(&["Cut"]), "Half an", || site.model.release(1)).await;
    streamed.assert_cut("Half an");
}
