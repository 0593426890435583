//! Models of sites that list them themselves, and of those that fail to.

use std::time::Duration;

use insta::assert_snapshot;
use latchkey_shared::{account::Account, store::NewSession};
use support::{
    practice::PracticeOptions,
    world::{AdapterClient, World},
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
    let sealed = world.session_vault.seal(&session, account.id, lock.generation);
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
