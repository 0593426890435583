//! Places of accounts count while their adapter is there: those of a living one stay, whatever becomes of Redis.

use std::time::Duration;

use futures::future::join_all;
use reqwest::Response;
use support::{
    model::Reply,
    practice::PracticeOptions,
    wait,
    world::{AdapterClient, World},
};
use tokio::time::Instant;

const GRACE: Duration = Duration::from_secs(60);
/// Longer than what adapters take for a pause of their own.
const OUTAGE: Duration = Duration::from_secs(8);

/// Whether it came to its end.
async fn is_whole(response: Response) -> bool {
    response.text().await.is_ok_and(|text| text.contains("ended") && text.ends_with("data: [DONE]\n\n"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_through_an_outage_is_claimed_before_anybody_is_admitted() {
    let start =
        World::start().without_broker().practice(PracticeOptions::with_accounts(&["alice"])).adapters(2);
    let start = start.concurrency(4).with_session("alice").adapter_env("LATCHKEY_QUEUE_DEADLINE", "1s");
    let world = start.await;
    let model = world.practice.model();
    let body = AdapterClient::question("hi");
    let adapters = [world.adapter_at(0), world.adapter_at(1)];
    let mut running = Vec::new();
    for number in 0..4 {
        model.will(Reply::text("begun, ").hold().piece("ended"));
        running.push(adapters[number % 2].open(&body).await);
    }
    model.always(Reply::text("yes"));
    // As an outage of a minute leaves it: no place is known any more.
    let mut connection = world.redis.connection().await;
    let leases = format!("lk:{{{}}}:leases", world.account("alice"));
    redis::cmd("DEL").arg(&leases).exec_async(&mut connection).await.unwrap();
    world.redis.freeze();
    let begun = Instant::now();
    while begun.elapsed() < OUTAGE {
        for adapter in &adapters {
            adapter.ask("meanwhile").await;
        }
    }

    world.redis.thaw();
    // Until then each counts for itself, as during the outage.
    for adapter in &adapters {
        let knows = async || {
            let ready = adapter.get("/readyz").await;
            (ready.status == 200 && ready.json()["warnings"] == serde_json::json!([])).then_some(())
        };
        wait::until_some(GRACE, knows).await;
    }
    for round in 0..5 {
        let answers = join_all(adapters.iter().map(|adapter| adapter.ask("after"))).await;
        for answer in answers {
            assert_eq!(answer.status, 429, "round {round}: {}", answer.body);
        }
    }
    let known: usize = redis::cmd("ZCARD").arg(&leases).query_async(&mut connection).await.unwrap();

    // What was asked of a Redis that froze meanwhile is granted to nobody when it thaws, and ends by itself.
    assert!((4..=6).contains(&known), "{known}: all that runs is claimed");
    model.release(4);
    assert!(join_all(running.into_iter().map(is_whole)).await.iter().all(|whole| *whole));
    wait::until_some(GRACE, async || (adapters[0].ask("then").await.status == 200).then_some(())).await;
}
