//! An account that is switched off or deleted is used no more, from one second to the next.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use support::{
    model::{CallEnd, Reply},
    practice::PracticeOptions,
    wait,
    world::{AdapterClient, Streamed, World},
};

const SOON: Duration = Duration::from_secs(20);

async fn two_adapters() -> World {
    World::start()
        .practice(PracticeOptions::with_accounts(&["alice"]))
        .adapters(2)
        .with_session("alice")
        .await
}

/// What an operator does to an account.
async fn revoke(world: &World, method: &Method) {
    let path = format!("/v1/accounts/{}", world.account("alice"));
    let body = (*method == Method::PATCH).then(|| json!({ "disabled": true }));
    let answer = world.admin().send(method.clone(), &path, body.as_ref()).await;
    assert!(answer.status < 300, "{}", answer.body);
}

/// From now on adapters cannot read the list of accounts anew: what they learn, an event has told them, at once.
pub(crate) async fn only_events_tell(world: &World) {
    let mut redis = world.redis.connection().await;
    let mut forbid = redis::cmd("ACL");
    forbid.arg("SETUSER").arg("default").arg("-smembers").exec_async(&mut redis).await.unwrap();
}

async fn cuts_streams_and_ends_the_session(method: Method) {
    let world = two_adapters().await;
    only_events_tell(&world).await;
    let model = world.practice.model();
    model.always(Reply::text("begun").hold());
    let adapters = [world.adapter_at(0), world.adapter_at(1)];
    let cookie = world.practice.issued().pop().unwrap().cookie;

    let body = AdapterClient::question("hi");
    let streams = futures::future::join(adapters[0].stream(&body), adapters[1].stream(&body));
    let (streams, ()) = tokio::join!(streams, async {
        wait::until(SOON, || model.count(CallEnd::Held) == 2).await;
        revoke(&world, &method).await;
    });

    for stream in [&streams.0, &streams.1] {
        let Streamed { status, done, raw, .. } = stream;
        assert!(*status == 200 && !done && !raw.contains("[DONE]"), "{raw}");
    }
    for adapter in &adapters {
        assert_eq!(adapter.ask("again").await.status, 503);
    }
    wait::until_some(SOON, async || {
        let audit = world.admin().get(&format!("/v1/audit?account={}", world.account("alice"))).await.json();
        let entries = audit["entries"].as_array().unwrap().clone();
        let is_told = entries.iter().any(|entry| entry["action"] == "site.logout" && entry["detail"] == "ok");
        let is_revoked = entries.iter().any(|entry| entry["action"] == "session.revoked");
        (is_told && is_revoked).then_some(())
    })
    .await;
    assert!(!world.practice.knows(&cookie), "the site knows the session still");
    assert!(world.store.session(world.account("alice")).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_account_is_cut_off_everywhere() {
    cuts_streams_and_ends_the_session(Method::PATCH).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_account_is_cut_off_everywhere() {
    cuts_streams_and_ends_the_session(Method::DELETE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_that_is_gone_keeps_no_session_from_being_revoked() {
    let world = two_adapters().await;
    world.practice.stop().await;

    revoke(&world, &Method::PATCH).await;

    assert!(world.store.session(world.account("alice")).await.unwrap().is_none());
    wait::until_some(SOON, async || {
        let audit = world.admin().get("/v1/audit").await.body;
        audit.contains("the site cannot be reached").then_some(())
    })
    .await;
}
