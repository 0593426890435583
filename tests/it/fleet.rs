//! Redis as it is run: what holds with one server holds with Sentinels and with a cluster, and a failover loses nothing.

use std::time::Duration;

use latchkey_shared::{
    account::State,
    store::{EventStream, LeaseOutcome, LeaseTerms, LeaseToken, NewSession, Published, StoreEvent},
    time::Timestamp,
    vault::Sealed,
};
use support::{
    redis::Kind,
    wait,
    world::{AdapterClient, World},
};

use crate::store::account;

mod failover;
mod tls;

const TTL: Duration = Duration::from_secs(30);
/// Until Sentinels have seen a server go, agreed, and made another one of its replica.
const FAILOVER: Duration = Duration::from_secs(30);

/// One test with Sentinels, one with a cluster, and one with Valkey.
macro_rules! with_each_kind {
    ($($test:ident),+) => {$(
        mod $test {
            #[tokio::test(flavor = "multi_thread")]
            async fn with_sentinels() {
                super::$test(super::Kind::Sentinel).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn with_a_cluster() {
                super::$test(super::Kind::Cluster).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn with_valkey() {
                super::$test(super::Kind::Valkey).await;
            }
        }
    )+};
}

with_each_kind!(
    accounts_are_signed_in_and_serve,
    only_the_newest_generation_is_published,
    limits_hold_over_two_adapters,
    listeners_hear_of_changes,
    what_is_due_is_claimed_once
);

async fn accounts_are_signed_in_and_serve(kind: Kind) {
    let world = World::start().redis_kind(kind).redis_users().signed_in("alice").await;

    let answer = world.adapter().ask("hi").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let before = world.admin().account(world.account("alice")).await;
    let again = world.admin().sign_in(before.id).await;
    assert!(again.error.is_none(), "{again:#?}");

    let after = world.admin().account(before.id).await;
    assert!(before.generation < after.generation && after.state == State::Active, "{after:?}");
    assert_eq!(world.adapter().ask("hi").await.status, 200);
    let ready = world.admin().get("/readyz").await;
    assert_eq!(ready.status, 200, "{}", ready.body);
    world.stop().await;
}

async fn only_the_newest_generation_is_published(kind: Kind) {
    let world = World::start().redis_kind(kind).without_broker().adapters(0).await;
    let store = &world.store;
    let account = account(&world.store, "alice").await;

    let slow = store.lock_login(account.id, TTL).await.unwrap().unwrap();
    assert!(store.lock_login(account.id, TTL).await.unwrap().is_none(), "one login at a time");
    store.unlock_login(&slow).await.unwrap();
    let fast = store.lock_login(account.id, TTL).await.unwrap().unwrap();
    let now = Timestamp::now();
    let publish = async |lock, record: &[u8]| {
        let sealed = Sealed::from_stored(record.to_vec());
        store.publish_session(lock, NewSession::given(&sealed, now + TTL)).await.unwrap()
    };

    assert_eq!(publish(&slow, b"slow").await, Published::Stale);
    assert_eq!(publish(&fast, b"fast").await, Published::Done);
    let session = store.session(account.id).await.unwrap().unwrap();
    assert_eq!((session.generation, session.sealed.as_bytes()), (fast.generation, b"fast".as_slice()));
    assert!(store.delete_account(account.id).await.unwrap());
    assert!(store.accounts().await.unwrap().is_empty());
}

async fn limits_hold_over_two_adapters(kind: Kind) {
    let start = World::start().redis_kind(kind).redis_users().without_broker().adapters(2).concurrency(3);
    let world = start.with_session("alice").await;
    let reply = support::model::Reply::text("a").wait(Duration::from_millis(50)).piece("b");
    world.practice.model().always(reply);
    let adapters = [world.adapter_at(0), world.adapter_at(1)];
    let body = AdapterClient::question("hi");

    let streams = (0..24).map(|number| adapters[number % 2].stream(&body));
    let streams = futures::future::join_all(streams).await;

    assert!(streams.iter().all(|stream| stream.done && stream.text() == "ab"));
    assert!(world.practice.counts("alice").max_streams <= 3);
    wait::until_some(TTL, async || {
        (world.store.leases(world.account("alice")).await.unwrap() == 0).then_some(())
    })
    .await;
}

async fn listeners_hear_of_changes(kind: Kind) {
    let world = World::start().redis_kind(kind).without_broker().adapters(0).await;
    let mut events = world.store.events();
    assert_eq!(heard(&mut events).await, StoreEvent::Reconnected);

    // Many accounts, so that in a cluster some are told of at another server than the one that is listened to.
    for number in 0..12 {
        let account = account(&world.store, &format!("account {number}")).await;
        let told = StoreEvent::Account { id: account.id, generation: 0, state: Some(State::New) };
        assert_eq!(heard(&mut events).await, told);
    }
    assert_eq!(world.store.accounts().await.unwrap().len(), 12);
}

async fn what_is_due_is_claimed_once(kind: Kind) {
    let world = World::start().redis_kind(kind).without_broker().adapters(0).await;
    let store = &world.store;
    let now = Timestamp::now();
    let account = account(store, "alice").await;
    store.set_due(account.id, now).await.unwrap();

    assert_eq!(store.due(now, 10).await.unwrap(), [account.id]);
    assert!(store.claim_due(account.id, now, now + TTL).await.unwrap());
    assert!(!store.claim_due(account.id, now, now + TTL).await.unwrap());
    let terms = LeaseTerms { concurrency: 1, requests_per_minute: None, pools: None, absent: "", ttl: TTL };
    assert_eq!(
        store.adapter.lease(account.id, &LeaseToken::draw(), terms).await.unwrap(),
        LeaseOutcome::Held
    );
    assert_eq!(
        store.adapter.lease(account.id, &LeaseToken::draw(), terms).await.unwrap(),
        LeaseOutcome::Full
    );
}

async fn heard(events: &mut EventStream) -> StoreEvent {
    tokio::time::timeout(FAILOVER, events.next()).await.unwrap()
}
