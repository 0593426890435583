//! The rest of the edge: paths, models, health, metrics.

use insta::assert_snapshot;
use reqwest::Method;
use support::{model::Reply, world::AdapterClient, world::World};

use super::{SITE_FILE, adapter, assert_id, refusal};

#[tokio::test]
async fn paths_with_too_many_slashes_or_versions_are_tolerated() {
    let world = adapter().await;
    let body = AdapterClient::question("hi");

    for path in ["//v1/chat/completions", "/v1/v1/chat/completions?beta=true", "/v1/chat/completions/"] {
        let answer = world.adapter().send(Method::POST, path, Some(&body)).await;
        assert_eq!(answer.status, 200, "{path}");
    }
}

#[tokio::test]
async fn every_answer_has_its_own_request_id() {
    let world = adapter().await;
    let mut ids = Vec::new();

    for path in ["/livez", "/readyz", "/metrics", "/v1/models", "/nowhere"] {
        let answer = world.adapter().get(path).await;
        ids.push(answer.header("x-oneapi-request-id").to_owned());
    }

    ids.iter().for_each(|id| assert_id(id));
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 5);
}

#[tokio::test]
async fn models_are_listed_under_the_sites_own_ids() {
    let world = adapter().await;

    assert_snapshot!(world.adapter().get("/v1/models").await.body, @r#"{"object":"list","data":[{"id":"practice-1","object":"model","created":0,"owned_by":"practice"}]}"#);
}

#[tokio::test]
async fn models_are_fetched_with_a_session() {
    let fetched = "models_from = { path = \"/api/models\", list = \"/data\", id = \"/id\" }";
    let file = SITE_FILE.replace("models = [\"practice-1\"]", fetched);
    let signed_in = adapter().site_file(file.clone()).await;
    let signed_out = World::start().without_broker().site_file(file).await;

    let listed = signed_in.adapter().get("/v1/models").await;
    let asked = signed_in.adapter().ask("hi").await;
    let not_listed = signed_out.adapter().get("/v1/models").await;
    let not_known = signed_out.adapter().ask("hi").await;

    assert_eq!(listed.json()["data"][0]["id"], "practice-1");
    assert_eq!(asked.status, 200);
    assert_eq!(not_listed.body, r#"{"object":"list","data":[]}"#);
    assert_snapshot!(refusal(&not_known), @r#"503 (retry after 5 s) {"error":{"message":"nobody is signed in who could answer; ask again later","type":"server_error","code":"overloaded_error","param":null}}"#);
}

#[tokio::test]
async fn an_id_of_two_sites_leads_to_the_first() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("second.toml");
    let second =
        SITE_FILE.replace("name = \"practice\"", "name = \"second\"\nbase_url = \"http://127.0.0.1:9\"");
    std::fs::write(&path, second).unwrap();
    let world = adapter().adapter_env("LATCHKEY_SITES", path.to_str().unwrap()).await;
    let mut named = AdapterClient::question("hi");
    named["model"] = "practice/practice-1".into();

    let models = world.adapter().get("/v1/models").await.json();
    let bare = world.adapter().ask("hi").await;
    let named = world.adapter().chat(&named).await;

    assert_eq!(models["data"][0]["id"], "practice-1");
    assert_eq!(models["data"][1]["id"], "second/practice-1");
    assert_eq!((bare.status, bare.json()["model"].as_str()), (200, Some("practice-1")));
    assert_eq!(named.status, 200);
    assert_eq!(named.json()["model"], "practice/practice-1");
}

#[tokio::test]
async fn readiness_says_who_serves_and_why_not() {
    let ready = adapter().await;
    let unready = World::start().without_broker().await;

    let mut body = ready.adapter().get("/readyz").await.json();
    let key = body["session_keys"][0].take();
    assert!(key.as_str().is_some_and(|key| !key.is_empty()));
    assert_snapshot!(body, @r#"{"ready":true,"reasons":[],"session_keys":[null],"sites":[{"accounts":1,"serving":1,"site":"practice"}],"warnings":[]}"#);
    let answer = unready.adapter().get("/readyz").await;
    assert_eq!(answer.status, 503);
    assert_snapshot!(answer.json()["reasons"], @r#"["no account is signed in; sign one in with the broker"]"#);
    assert_eq!(unready.adapter().get("/livez").await.body, "ok\n");
}

#[tokio::test]
async fn turns_are_counted_by_how_they_ended() {
    let world = adapter().await;
    world.practice.model().will(Reply::text("hi").usage(3, 4));
    world.practice.model().will(Reply::new());
    world.adapter().ask("hi").await;
    world.adapter().ask("hi").await;

    let metrics = world.adapter().get("/metrics").await;

    assert!(metrics.header("content-type").starts_with("application/openmetrics-text"));
    for line in [
        r#"latchkey_adapter_requests_total{site="practice",model="practice-1",outcome="ok"} 1"#,
        r#"latchkey_adapter_requests_total{site="practice",model="practice-1",outcome="empty"} 1"#,
        r#"latchkey_adapter_tokens_total{site="practice",model="practice-1",kind="completion"} 4"#,
        "latchkey_adapter_leases 0",
        "latchkey_adapter_queue 0",
    ] {
        assert!(metrics.body.contains(line), "{line} is not in\n{}", metrics.body);
    }
}
