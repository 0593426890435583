//! Redis goes for twenty seconds and comes back: the outage contract of README.md.

use std::time::Duration;

use serde_json::json;
use support::{
    model::Reply,
    practice::PracticeOptions,
    wait,
    world::{AdapterClient, World},
};
use tokio::time::Instant;

const OUTAGE: Duration = Duration::from_secs(20);
/// What a call of Redis costs at most, and requests that must not have cost it.
const TIMEOUT: Duration = Duration::from_secs(2);
const QUICK: usize = 10;
/// Until all is well again, on a machine that builds meanwhile.
const WELL: Duration = Duration::from_secs(20);
/// Each answer of the site, so that the requests of twenty seconds are some and not thousands.
const PACE: Duration = Duration::from_millis(200);

/// How Redis goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gone {
    /// The process ends; it comes back with what its append-only file holds.
    Stopped,
    /// It keeps its connections and says nothing.
    Frozen,
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_seconds_without_redis_are_survived() {
    survive(Gone::Stopped).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_seconds_of_a_frozen_redis_are_survived() {
    survive(Gone::Frozen).await;
}

async fn survive(how: Gone) {
    let options = PracticeOptions::with_accounts(&["alice", "bob"]);
    let start =
        World::start().practice(options.clone()).redis(&["--appendonly", "yes", "--appendfsync", "always"]);
    let mut world = start.with_session("alice").await;
    let admin = world.admin();
    let adapter = world.adapter();
    let model = world.practice.model();
    let known = options.account("bob").unwrap();
    let bob = admin.add("bob", &known.password, known.totp_seed.as_deref()).await;
    assert_eq!(adapter.ask("before").await.status, 200);
    model.will(Reply::text("begun, ").hold().piece("ended"));
    let running = adapter.open(&AdapterClient::question("running")).await;
    assert_eq!(running.status(), 200);

    match how {
        Gone::Stopped => world.redis.stop(),
        Gone::Frozen => world.redis.freeze(),
    }
    let begun = Instant::now();
    model.always(Reply::text("yes").wait(PACE));
    let mut asked = 0;
    let mut quick = 0;
    // Of a frozen one the first callers wait for its timeout; the later ones do not, however long it lasts.
    while begun.elapsed() < OUTAGE || quick < QUICK {
        let since = Instant::now();
        let answer = adapter.ask("meanwhile").await;
        assert_eq!(answer.status, 200, "request {asked}, {:?} after: {}", begun.elapsed(), answer.body);
        asked += 1;
        quick += usize::from(since.elapsed() < TIMEOUT);
        assert!(asked < 10 * QUICK || QUICK <= quick, "{quick} of {asked} requests did not wait for redis");
    }

    let ready = adapter.get("/readyz").await;
    assert_eq!((ready.status, &ready.json()["ready"]), (200, &json!(true)), "{}", ready.body);
    assert!(
        ready.json()["warnings"][0].as_str().unwrap().contains("redis does not answer"),
        "{}",
        ready.body
    );
    let ready = admin.get("/readyz").await;
    assert_eq!(ready.status, 503);
    assert!(ready.body.contains("Redis does not answer: no login can begin"), "{}", ready.body);
    let login = admin.send(reqwest::Method::POST, &format!("/v1/accounts/{}/logins", bob.id), None).await;
    assert_eq!((login.status, &login.json()["code"]), (503, &json!("store_unavailable")), "{}", login.body);
    assert_eq!(world.practice.counts("bob").logins, 0);
    model.release(1);
    let rest = running.text().await.unwrap();
    assert!(rest.contains("ended") && rest.trim_end().ends_with("data: [DONE]"), "{rest}");

    match how {
        Gone::Stopped => world.redis.restart().await,
        Gone::Frozen => world.redis.thaw(),
    }
    wait::until_some(WELL, async || {
        let ready = adapter.get("/readyz").await;
        (ready.status == 200 && ready.json()["warnings"] == json!([])).then_some(())
    })
    .await;
    wait::until_some(WELL, async || (admin.get("/readyz").await.status == 200).then_some(())).await;
    let login = admin.sign_in(bob.id).await;
    assert!(login.error.is_none(), "{login:#?}");
    assert_eq!(adapter.ask("after").await.status, 200);
}
