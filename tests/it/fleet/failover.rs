//! The server that is written to goes, and a replica takes its place.

use latchkey_shared::store::StoreEvent;
use support::{practice::PracticeOptions, redis::Kind, wait, world::World};

use super::{FAILOVER, account, heard};

/// Requests in a row, each with a store that answers.
const WELL: usize = 50;

#[tokio::test(flavor = "multi_thread")]
async fn a_failover_during_steady_chat_loses_no_request() {
    let start = World::start().redis_kind(Kind::Sentinel).redis_users().without_broker().adapters(2);
    let mut world =
        start.practice(PracticeOptions::with_accounts(&["alice", "bob"])).with_session("alice").await;
    let adapters = [world.adapter_at(0), world.adapter_at(1)];
    for adapter in &adapters {
        assert_eq!(adapter.ask("before").await.status, 200);
    }

    world.redis.stop();
    let mut asked = 0_usize;
    let mut well = 0;
    let gone = tokio::time::Instant::now();
    // Until the store has answered so often in a row: the last requests go through the new server.
    while well < WELL {
        assert!(gone.elapsed() < FAILOVER, "nobody took over");
        let answer = adapters[asked % 2].ask("meanwhile").await;
        assert_eq!(answer.status, 200, "request {asked}, {:?} after: {}", gone.elapsed(), answer.body);
        asked += 1;
        well = if world.store.ping().await.is_ok() { well + 1 } else { 0 };
    }

    world.publish("bob").await;
    assert!(
        world.store.account(world.account("alice")).await.unwrap().is_some(),
        "the replica has the account"
    );
    let ready = async || (world.adapter().get("/readyz").await.status == 200).then_some(());
    wait::until_some(FAILOVER, ready).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn listeners_follow_to_the_new_server() {
    let world = World::start().redis_kind(Kind::Sentinel).without_broker().adapters(0).await;
    let mut events = world.store.events();
    assert_eq!(heard(&mut events).await, StoreEvent::Reconnected);

    // It neither answers nor closes its connections: only a question shows that it is gone.
    world.redis.freeze();
    assert_eq!(heard(&mut events).await, StoreEvent::Reconnected);

    wait::until_some(FAILOVER, async || world.store.ping().await.ok()).await;
    let account = account(&world.store, "alice").await;
    while !matches!(heard(&mut events).await, StoreEvent::Account { id, .. } if id == account.id) {}
    world.redis.thaw();
}
