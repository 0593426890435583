//! Models of sites that list them themselves, and of those that fail to.

use std::time::Duration;

use insta::assert_snapshot;
use latchkey_shared::{account::Account, store::NewSession, vault::RecordOwner};
use serde_json::json;
use support::{
    http,
    practice::PracticeOptions,
    world::{AdapterClient, SHARED_SECRET, World},
};
use tokio::{net::TcpListener, time::timeout};

use super::{SITE_FILE, SOON, adapter, refusal};

const FETCHED: &str = "models_from = { path = \"/api/models\", list = \"/data\", id = \"/id\" }";

/// The practice site's file for a site that lists its models.
fn listing() -> String {
    SITE_FILE.replace("models = [\"practice-1\"]", FETCHED)
}

/// Signs an account of another site than the practice site in.
async fn publish_elsewhere(world: &World, site: &str) {
    let account = Account::new(site.parse().unwrap(), "elsewhere".to_owned());
    world.store.create_account(&account).await.unwrap();
    let lock = world.store.lock_login(account.id, Duration::from_secs(30)).await.unwrap().unwrap();
    let session = world.practice.sign_in("alice").session(&world.practice.url);
    let sealed = world.session_vault.seal(&session, RecordOwner::of(&account), lock.generation);
    let new = NewSession::given(&sealed, session.expires_at);
    world.store.publish_session(&lock, new).await.unwrap();
}

#[tokio::test]
async fn a_site_that_does_not_list_its_models_delays_no_other() {
    // The system takes connections for it; nobody ever answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("second.toml");
    let named = format!("name = \"second\"\nbase_url = \"http://{}\"", silent.local_addr().unwrap());
    std::fs::write(&path, listing().replace("name = \"practice\"", &named)).unwrap();
    let world = adapter().adapter_env("LATCHKEY_SITES", path.to_str().unwrap()).await;
    publish_elsewhere(&world, "second").await;
    support::wait::until_some(SOON, async || {
        let sites = world.adapter().get("/readyz").await.json()["sites"].to_string();
        sites.contains(r#""accounts":1,"serving":1,"site":"second""#).then_some(())
    })
    .await;

    for _ in 0..3 {
        let answer = timeout(Duration::from_secs(5), world.adapter().ask("hi")).await;

        assert_eq!(answer.expect("no other site delays it").status, 200);
    }
}

#[tokio::test]
async fn a_site_that_is_down_when_its_models_are_needed_is_502() {
    let world = adapter().site_file(listing()).await;
    world.practice.stop().await;

    let first = world.adapter().ask("hi").await;

    let second = world.adapter().ask("hi").await;

    assert_eq!(first.body, second.body);
    assert_snapshot!(refusal(&first), @r#"502 {"error":{"message":"the site cannot be reached; ask again later","type":"server_error","code":"api_error","param":null}}"#);
    assert_eq!(world.adapter().get("/v1/models").await.body, r#"{"object":"list","data":[]}"#);
}

#[tokio::test]
async fn a_name_with_its_site_needs_no_list() {
    let world = adapter().site_file(listing().replace("/api/models", "/api/nowhere")).await;
    let mut body = AdapterClient::question("hi");
    body["model"] = "practice/practice-1".into();

    assert_eq!(world.adapter().chat(&body).await.status, 200);
}

#[tokio::test]
async fn the_next_account_lists_the_models_when_one_is_refused() {
    let start = World::start().without_broker().practice(PracticeOptions::with_accounts(&["alice", "bob"]));
    let world = start.with_session("alice").with_session("bob").site_file(listing()).await;
    world.practice.expire("alice");

    let models = world.adapter().get("/v1/models").await.json();

    assert_eq!(models["data"][0]["id"], "practice-1");
}

/// The practice site's file, and what it tells of its model.
fn telling() -> String {
    format!(
        "{SITE_FILE}\n[models.practice-1]\ncontext = 131072\noutput = 8192\nmodalities = [\"text\", \"image\"]\naliases = [\"claude-sonnet-4-5\"]\n"
    )
}

/// What an Anthropic client is told at a path, with its status.
async fn anthropics(world: &World, path: &str) -> String {
    let request =
        http::client().get(world.adapters[0].url.join(path).unwrap()).header("x-api-key", SHARED_SECRET);
    let answer = request.header("anthropic-version", "2023-06-01").send().await.unwrap();
    format!("{} {}", answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test]
async fn a_model_is_told_with_its_limits_and_its_other_names() {
    let world = adapter().site_file(telling()).await;
    let get = async |path: &str| refusal(&world.adapter().get(path).await);

    let one = world.adapter().get("/v1/models/practice-1").await;

    assert_snapshot!(one.body, @r#"{"id":"practice-1","object":"model","created":0,"owned_by":"practice","context_length":131072,"max_model_len":131072,"top_provider":{"context_length":131072,"max_completion_tokens":8192},"architecture":{"input_modalities":["text","image"],"output_modalities":["text"]}}"#);
    let all = world.adapter().get("/v1/models").await.json();
    assert_eq!(all["data"][0], one.json());
    assert_eq!(all["data"][1]["id"], "claude-sonnet-4-5");
    assert_eq!(
        world.adapter().get("/v1/models/practice/practice-1").await.json()["id"],
        "practice/practice-1"
    );
    assert_snapshot!(get("/v1/models/gpt-9").await, @r#"404 {"error":{"message":"model: there is no \"gpt-9\"; GET /v1/models lists what there is","type":"invalid_request_error","code":"model_not_found","param":null}}"#);
    let no_text = get("/v1/models/%ff").await;
    assert!(no_text.starts_with("404 ") && no_text.contains("not_found_error"), "{no_text}");
}

#[tokio::test]
async fn a_claude_client_is_told_in_anthropics_shape() {
    let world = adapter().site_file(telling()).await;

    assert_snapshot!(anthropics(&world, "/v1/models?limit=1000").await, @r#"200 {"data":[{"type":"model","id":"practice-1","display_name":"practice-1","created_at":"1970-01-01T00:00:00Z","max_input_tokens":131072,"max_tokens":8192},{"type":"model","id":"claude-sonnet-4-5","display_name":"claude-sonnet-4-5","created_at":"1970-01-01T00:00:00Z","max_input_tokens":131072,"max_tokens":8192}],"has_more":false,"first_id":"practice-1","last_id":"claude-sonnet-4-5"}"#);
    assert_snapshot!(anthropics(&world, "/v1/models/claude-sonnet-4-5").await, @r#"200 {"type":"model","id":"claude-sonnet-4-5","display_name":"claude-sonnet-4-5","created_at":"1970-01-01T00:00:00Z","max_input_tokens":131072,"max_tokens":8192}"#);
    assert_snapshot!(anthropics(&world, "/v1/models/claude-9").await, @r#"404 {"type":"error","error":{"type":"not_found_error","code":"not_found_error","message":"model: there is no \"claude-9\"; GET /v1/models lists what there is"}}"#);
}

#[tokio::test]
async fn the_length_of_a_prompt_is_told_where_the_file_tells_no_other() {
    let site = SITE_FILE.replace("tools = true", "tools = true\nprompt_bytes = 200000");
    let world = adapter().site_file(site).await;

    assert_eq!(world.adapter().get("/v1/models/practice-1").await.json()["context_length"], 40_000);
}

#[tokio::test]
async fn a_name_that_the_file_gives_leads_to_the_model() {
    let world = adapter().site_file(telling()).await;
    let mut body = AdapterClient::question("hi");
    body["model"] = "claude-sonnet-4-5".into();

    let answer = world.adapter().chat(&body).await;

    assert_eq!((answer.status, answer.json()["model"].as_str()), (200, Some("claude-sonnet-4-5")));
    assert_eq!(world.practice.model().last_call().body["model"], "practice-1");
}

#[tokio::test]
async fn a_site_with_a_lower_order_goes_first() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("second.toml");
    let named = "name = \"second\"\norder = 1\nbase_url = \"http://127.0.0.1:9\"";
    std::fs::write(&path, SITE_FILE.replace("name = \"practice\"", named)).unwrap();
    let world = adapter().adapter_env("LATCHKEY_SITES", path.to_str().unwrap()).await;

    let models = world.adapter().get("/v1/models").await.json();

    assert_eq!(
        (&models["data"][0]["owned_by"], &models["data"][0]["id"]),
        (&json!("second"), &json!("practice-1"))
    );
    assert_eq!(models["data"][1]["id"], "practice/practice-1");
}

/// As whoever writes Redis as the broker may do it.
#[tokio::test]
async fn an_account_that_was_moved_to_another_site_serves_nobody_there() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("second.toml");
    let second =
        SITE_FILE.replace("name = \"practice\"", "name = \"second\"\nbase_url = \"http://127.0.0.1:9\"");
    std::fs::write(&path, second.replace("practice-1", "second-1")).unwrap();
    let world = adapter().adapter_env("LATCHKEY_SITES", path.to_str().unwrap()).await;
    // Its session is open in the adapter by now.
    assert_eq!(world.adapter().ask("hi").await.status, 200);
    let id = world.account("alice");

    let mut redis = world.redis.connection().await;
    for command in [
        format!("SREM lk:site:practice:accounts {id}"),
        format!("SADD lk:site:second:accounts {id}"),
        "SADD lk:sites second".to_owned(),
        format!("HSET lk:{{{id}}}:account site second"),
    ] {
        let words: Vec<&str> = command.split(' ').collect();
        redis::cmd(words[0]).arg(&words[1..]).exec_async(&mut redis).await.unwrap();
    }
    support::wait::until_some(SOON, async || {
        let sites = world.adapter().get("/readyz").await.json()["sites"].to_string();
        sites.contains(r#""accounts":1"#).then_some(()).filter(|()| sites.contains("second"))
    })
    .await;
    let mut body = AdapterClient::question("hi");
    body["model"] = "second/second-1".into();
    let answer = world.adapter().chat(&body).await;

    assert_eq!(answer.status, 503, "nobody is asked with it: {}", answer.body);
    assert!(answer.body.contains("no_account") || answer.body.contains("signed in"), "{}", answer.body);
}
