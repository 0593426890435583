//! Every error of the API, produced over HTTP, with the status that the gateway before us acts upon.

use std::time::Duration;

use insta::assert_snapshot;
use reqwest::Method;
use serde_json::{Value, json};
use support::{model::Reply, practice::PracticeOptions, world::AdapterClient, world::World};

use super::{SITE_FILE, adapter, refusal, with_limits};

/// Asks one question when the site answers so.
async fn asked_when(reply: Reply) -> String {
    let world = adapter().await;
    world.practice.model().always(reply);
    refusal(&world.adapter().ask("hi").await)
}

/// Sends a body that is refused before any site is asked.
async fn sent(body: Value) -> String {
    let world = adapter().await;
    let answer = refusal(&world.adapter().chat(&body).await);
    assert_eq!(world.practice.model().calls().len(), 0);
    answer
}

#[tokio::test]
async fn a_wrong_secret_is_the_only_401() {
    let world = adapter().await;
    let stranger = world.adapter().with_secret("not-the-shared-secret-at-all");

    assert_snapshot!(refusal(&stranger.ask("hi").await), @r#"401 {"error":{"message":"the key is none that is known here","type":"invalid_request_error","code":"authentication_error","param":null}}"#);
    assert_eq!(stranger.get("/v1/models").await.status, 401);
}

#[tokio::test]
async fn either_of_two_secrets_opens() {
    let secrets = "first-of-the-two-secrets,second-of-the-two-secrets";
    let world = adapter().adapter_env("LATCHKEY_SHARED_SECRETS", secrets).await;

    for secret in secrets.split(',') {
        assert_eq!(world.adapter().with_secret(secret).get("/v1/models").await.status, 200);
    }
}

#[tokio::test]
async fn whatever_is_not_there_is_404() {
    let world = adapter().await;
    let adapter = world.adapter();

    assert_snapshot!(refusal(&adapter.get("/v1/dashboard/billing/subscription").await), @r#"404 {"error":{"message":"there is nothing here; POST /v1/chat/completions and GET /v1/models are","type":"invalid_request_error","code":"not_found_error","param":null}}"#);
    assert_eq!(adapter.get("/").await.status, 404);
    assert_eq!(adapter.get("/v1/chat/completions").await.status, 404);
}

#[tokio::test]
async fn a_request_without_messages_is_400() {
    assert_snapshot!(sent(json!({"model": "practice-1"})).await, @r#"400 {"error":{"message":"messages: missing, expected an array","type":"invalid_request_error","code":"invalid_request_error","param":null}}"#);
}

#[tokio::test]
async fn a_request_without_model_is_400() {
    assert_snapshot!(sent(json!({"messages": []})).await, @r#"400 {"error":{"message":"model: missing, expected a text","type":"invalid_request_error","code":"invalid_request_error","param":null}}"#);
}

#[tokio::test]
async fn an_unknown_model_is_400() {
    let body = json!({"model": "gpt-9", "messages": [{"role": "user", "content": "hi"}]});
    assert_snapshot!(sent(body).await, @r#"400 {"error":{"message":"model: there is no \"gpt-9\"; GET /v1/models lists what there is","type":"invalid_request_error","code":"invalid_request_error","param":null}}"#);
}

#[tokio::test]
async fn more_than_one_answer_is_400() {
    let mut body = AdapterClient::question("hi");
    body["n"] = 2.into();
    assert_snapshot!(sent(body).await, @r#"400 {"error":{"message":"n: expected 1, there is one answer to a request","type":"invalid_request_error","code":"invalid_request_error","param":null}}"#);
}

#[tokio::test]
async fn what_is_no_json_is_400() {
    let world = adapter().await;
    let request = world.adapter().request(Method::POST, "/v1/chat/completions", None).body("{\"model\"");
    let response = request.send().await.unwrap();

    assert_eq!(response.status(), 400);
    let body: Value = response.json().await.unwrap();
    assert_eq!(
        body["error"]["message"],
        "the body is not a JSON object: EOF while parsing an object at line 1 column 8"
    );
}

#[tokio::test]
async fn a_body_too_long_is_400() {
    let world = adapter().adapter_env("LATCHKEY_BODY_LIMIT", "1000").await;

    assert_snapshot!(refusal(&world.adapter().ask(&"x".repeat(2000)).await), @r#"400 {"error":{"message":"prompt is too long: the body has more than 1000 bytes","type":"invalid_request_error","code":"context_length_exceeded","param":null}}"#);
}

#[tokio::test]
async fn tools_for_a_site_that_takes_none_are_400() {
    let world = adapter().site_file(SITE_FILE.replace("tools = true", "tools = false"));
    let world = world.adapter_env("LATCHKEY_TOOLS", "native").await;
    let mut body = AdapterClient::question("hi");
    body["tools"] = json!([{"type": "function", "function": {"name": "read"}}]);

    assert_snapshot!(refusal(&world.adapter().chat(&body).await), @r#"400 {"error":{"message":"tools: the site practice takes no tools","type":"invalid_request_error","code":"invalid_request_error","param":null}}"#);
}

#[tokio::test]
async fn a_request_that_the_site_refuses_is_400() {
    let error =
        json!({"error": {"message": "Permission denied at 10.0.0.1", "type": "invalid_request_error"}});
    assert_snapshot!(asked_when(Reply::status(400, &error)).await, @r#"400 {"error":{"message":"the site refused the request as invalid; check its fields","type":"invalid_request_error","code":"invalid_request_error","param":null}}"#);
}

#[tokio::test]
async fn a_prompt_too_long_for_the_model_is_400() {
    let error = json!({"error": {"message": "maximum context length is 8192 tokens", "code": "context_length_exceeded"}});
    assert_snapshot!(asked_when(Reply::status(400, &error)).await, @r#"400 {"error":{"message":"prompt is too long: it exceeds the context window of this model","type":"invalid_request_error","code":"context_length_exceeded","param":null}}"#);
}

#[tokio::test]
async fn nobody_signed_in_is_503() {
    let world = World::start().without_broker().practice(PracticeOptions::default()).await;

    assert_snapshot!(refusal(&world.adapter().ask("hi").await), @r#"503 (retry after 5 s) {"error":{"message":"nobody is signed in who could answer; ask again later","type":"server_error","code":"overloaded_error","param":null}}"#);
}

#[tokio::test]
async fn everybody_busy_is_429_after_the_queue_deadline() {
    let world = adapter().concurrency(1).adapter_env("LATCHKEY_QUEUE_DEADLINE", "300ms").await;
    world.practice.model().will(Reply::text("a").hold());
    let _busy = world.adapter().open(&AdapterClient::question("hi")).await;

    let begun = tokio::time::Instant::now();
    let answer = world.adapter().ask("hi").await;

    assert!(begun.elapsed() >= Duration::from_millis(300));
    assert_snapshot!(refusal(&answer), @r#"429 (retry after 1 s) {"error":{"message":"everybody who could answer is busy; ask again in 1 s","type":"rate_limit_exceeded","code":"rate_limit_error","param":null}}"#);
}

#[tokio::test]
async fn a_limit_of_the_site_on_every_account_is_429() {
    let world = adapter().await;
    world.practice.model().will(Reply::rate_limited(17));

    let first = refusal(&world.adapter().ask("hi").await);
    let second = world.adapter().ask("hi").await;

    assert_eq!(world.practice.model().calls().len(), 1);
    assert!(second.json()["error"]["message"].as_str().unwrap().starts_with("the site asks for a pause"));
    assert_snapshot!(first, @r#"429 (retry after 17 s) {"error":{"message":"the site asks for a pause; ask again in 17 s","type":"rate_limit_exceeded","code":"rate_limit_error","param":null}}"#);
}

/// Codex takes a 429 for the end of all tries, and asks again on 503.
#[tokio::test]
async fn a_limit_is_503_for_clients_of_responses_whatever_the_way() {
    let world = adapter().await;
    world.practice.model().will(Reply::rate_limited(17));
    assert_eq!(world.adapter().ask("hi").await.status, 429);

    for (path, stream) in
        [("/v1/responses", false), ("/new-api/v1/responses", true), ("/claude/v1/responses", true)]
    {
        let body = json!({"model": "practice-1", "input": "hi", "stream": stream});
        let answer = world.adapter().send(Method::POST, path, Some(&body)).await;
        let error = &answer.json()["error"];
        assert_eq!(
            (answer.status, &error["code"]),
            (503, &json!("overloaded_error")),
            "{path} {}",
            answer.body
        );
        assert!((1..=17).contains(&answer.header("retry-after").parse().unwrap()), "{path}");
    }
}

#[tokio::test]
async fn what_stands_before_a_site_and_waited_in_vain_is_504_and_asked_once() {
    for status in [504, 524] {
        let world = adapter().await;
        world.practice.model().will(Reply::status(status, &json!({"error": "timeout"})));

        let answer = world.adapter().ask("hi").await;

        assert_eq!((answer.status, world.practice.model().calls().len()), (504, 1), "{}", answer.body);
    }
}

#[tokio::test]
async fn an_error_event_before_the_first_delta_is_a_status() {
    let limited =
        "data: {\"error\":{\"message\":\"Rate limit reached\",\"code\":\"rate_limit_exceeded\"}}\n\n";
    let failed = "data: {\"error\":{\"message\":\"You exceeded your current quota\"}}\n\ndata: [DONE]\n\n";

    assert_snapshot!(asked_when(Reply::raw(limited)).await, @r#"429 (retry after 30 s) {"error":{"message":"the site asks for a pause; ask again in 30 s","type":"rate_limit_exceeded","code":"rate_limit_error","param":null}}"#);
    assert_snapshot!(asked_when(Reply::raw(failed)).await, @r#"502 {"error":{"message":"the site, or the model behind it, failed; ask again later","type":"server_error","code":"api_error","param":null}}"#);
}

#[tokio::test]
async fn a_dead_session_is_502() {
    let world = adapter().await;
    world.practice.expire_all();

    assert_snapshot!(refusal(&world.adapter().ask("hi").await), @r#"502 {"error":{"message":"the site takes nobody's session any more who could answer; ask again later","type":"server_error","code":"api_error","param":null}}"#);
    // The account waits for its next session now.
    assert_eq!(world.adapter().ask("hi").await.status, 503);
}

#[tokio::test]
async fn a_page_where_an_answer_is_due_is_a_dead_session() {
    assert_snapshot!(asked_when(Reply::html()).await, @r#"502 {"error":{"message":"the site takes nobody's session any more who could answer; ask again later","type":"server_error","code":"api_error","param":null}}"#);
}

#[tokio::test]
async fn the_models_own_401_is_502() {
    assert_snapshot!(asked_when(Reply::model_unauthorized()).await, @r#"502 {"error":{"message":"the site, or the model behind it, failed; ask again later","type":"server_error","code":"api_error","param":null}}"#);
}

#[tokio::test]
async fn a_site_that_fails_is_502() {
    assert_snapshot!(asked_when(Reply::status(500, &json!({"detail": "boom"}))).await, @r#"502 {"error":{"message":"the site, or the model behind it, failed; ask again later","type":"server_error","code":"api_error","param":null}}"#);
}

#[tokio::test]
async fn a_site_that_is_down_is_502() {
    let world = adapter().await;
    world.practice.stop().await;

    assert_snapshot!(refusal(&world.adapter().ask("hi").await), @r#"502 {"error":{"message":"the site cannot be reached; ask again later","type":"server_error","code":"api_error","param":null}}"#);
}

#[tokio::test]
async fn an_empty_answer_is_502() {
    assert_snapshot!(asked_when(Reply::new()).await, @r#"502 {"error":{"message":"the site sent an empty answer; ask again","type":"server_error","code":"api_error","param":null}}"#);
    assert_snapshot!(asked_when(Reply::raw("data: [DONE]\n\n")).await, @r#"502 {"error":{"message":"the site sent an empty answer; ask again","type":"server_error","code":"api_error","param":null}}"#);
}

#[tokio::test]
async fn a_stream_of_nothing_but_blanks_is_502() {
    let world = adapter().await;
    world.practice.model().will(Reply::new().piece(" ").piece("\n\n"));

    let stream = world.adapter().ask_streamed("hi").await;

    assert_eq!((stream.status, &stream.chunks.len()), (502, &0), "{}", stream.raw);
}

#[tokio::test]
async fn a_cut_before_the_first_delta_is_502() {
    assert_snapshot!(asked_when(Reply::new().cut()).await, @r#"502 {"error":{"message":"the site's answer was cut off; ask again","type":"server_error","code":"api_error","param":null}}"#);
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_502() {
    assert_snapshot!(asked_when(Reply::raw("data: {\"choices\": [\n\n")).await, @r#"502 {"error":{"message":"the site's answer cannot be read; ask again later","type":"server_error","code":"api_error","param":null}}"#);
}

#[tokio::test]
async fn a_site_that_takes_the_prompt_and_keeps_silent_is_504() {
    let world = adapter().site_file(with_limits("first_token = \"200ms\"")).await;
    world.practice.model().will(Reply::never());
    world.practice.model().will(Reply::new().bytes(": thinking\n\n").silence());

    let no_status = world.adapter().ask("hi").await;
    let no_delta = world.adapter().ask("hi").await;

    assert_snapshot!(refusal(&no_status), @r#"504 {"error":{"message":"the site took the prompt and then kept silent too long; asking again may run it twice","type":"server_error","code":"timeout_error","param":null}}"#);
    assert_eq!(no_delta.body, no_status.body);
}
