//! The store against a real redis-server: fences, locks, leases, events.

use std::time::Duration;

use latchkey_shared::{
    account::{Account, State, Transition, TransitionCause},
    env::Env,
    id::SiteName,
    store::{
        AccountChange, LoginLock, NewSession, Published, RedisConfig, ReplaceOutcome, SealedRecord,
        SeedDigest, StoreError, StoreEvent,
    },
    time::Timestamp,
    vault::Sealed,
};
use proptest::{
    strategy::Strategy,
    test_runner::{Config, TestRunner},
};
use support::{redis::Redis, store::TestStore, wait};
use tokio::runtime::Handle;

mod clock;
mod damage;
mod leases;
mod machine;
mod places;
mod releases;

const TTL: Duration = Duration::from_secs(30);

async fn store(redis: &Redis) -> TestStore {
    let env = Env::of([("LATCHKEY_REDIS_URL", redis.url())]);
    TestStore::connect(&RedisConfig::from_env(&env).unwrap()).await.unwrap()
}

pub(crate) async fn account(store: &TestStore, label: &str) -> Account {
    let account = Account::new(practice(), label.to_owned());
    store.create_account(&account).await.unwrap();
    account
}

fn practice() -> SiteName {
    "practice".parse().unwrap()
}

/// Holds a property of a real Redis over so many inputs.
fn hold<S: Strategy>(cases: u32, inputs: &S, property: impl AsyncFn(S::Value)) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let run = |input| {
        Handle::current().block_on(property(input));
        Ok(())
    };
    tokio::task::block_in_place(|| TestRunner::new(config).run(inputs, run)).unwrap();
}

async fn publish(store: &TestStore, lock: &LoginLock, record: &str, life: Duration) -> Published {
    let now = Timestamp::now();
    let sealed = Sealed::from_stored(record.as_bytes().to_vec());
    let new = NewSession { refresh_at: Some(now + life / 2), ..NewSession::given(&sealed, now + life) };
    store.publish_session(lock, new).await.unwrap()
}

#[tokio::test]
async fn an_account_comes_back_as_it_was_stored() {
    let redis = Redis::start().await;
    let store = store(&redis).await;
    let mut account = account(&store, "alice").await;

    let change = AccountChange {
        step: Some(Transition::new(TransitionCause::SwitchedOff, State::Disabled, "by an operator")),
        concurrency: Some(Some(7)),
        ..AccountChange::default()
    };
    assert!(store.change_account(account.id, change).await.unwrap());

    let stored = store.account(account.id).await.unwrap().unwrap();
    account.state = State::Disabled;
    account.reason = "by an operator".to_owned();
    account.concurrency = Some(7);
    account.state_since = stored.state_since;
    assert_eq!(stored, account);
    assert_eq!(store.accounts().await.unwrap(), [stored]);
}

#[tokio::test]
async fn a_change_from_a_state_that_is_no_more_changes_nothing() {
    let redis = Redis::start().await;
    let store = store(&redis).await;
    let account = account(&store, "alice").await;
    let due = Timestamp::now();
    store.set_due(account.id, due).await.unwrap();

    let change = |cause, to| AccountChange {
        step: Some(Transition::new(cause, to, "")),
        refresh_at: Some(None),
        ..AccountChange::default()
    };
    let failed = change(TransitionCause::LoginFailed, State::Cooldown);
    assert!(!store.change_account(account.id, failed).await.unwrap());

    assert_eq!(store.account(account.id).await.unwrap().unwrap(), account);
    assert_eq!(store.due(due, 10).await.unwrap(), [account.id]);
    let begins = change(TransitionCause::LoginBegins, State::Refreshing);
    assert!(store.change_account(account.id, begins).await.unwrap());
    assert!(store.due(due, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn one_of_two_brokers_claims_what_is_due() {
    let redis = Redis::start().await;
    let store = store(&redis).await;
    let account = account(&store, "alice").await;
    let now = Timestamp::now();
    assert!(!store.claim_due(account.id, now, now + TTL).await.unwrap());
    store.set_due(account.id, now).await.unwrap();

    assert!(store.claim_due(account.id, now, now + TTL).await.unwrap());
    assert!(!store.claim_due(account.id, now, now + TTL).await.unwrap());
    assert_eq!(store.due(now + TTL, 10).await.unwrap(), [account.id]);
}

#[tokio::test]
async fn a_removed_account_leaves_nothing_and_does_not_come_back() {
    let redis = Redis::start().await;
    let store = store(&redis).await;
    let account = account(&store, "alice").await;
    let lock = store.lock_login(account.id, TTL).await.unwrap().unwrap();
    publish(&store, &lock, "session", TTL).await;

    assert!(store.delete_account(account.id).await.unwrap());

    assert!(!store.delete_account(account.id).await.unwrap());
    assert!(!store.change_account(account.id, AccountChange::default()).await.unwrap());
    let sealed = Sealed::from_stored(b"late".to_vec());
    assert_eq!(store.put_credentials(account.id, 1, &sealed, None).await.unwrap(), ReplaceOutcome::NoAccount);
    assert_eq!(publish(&store, &lock, "late", TTL).await, Published::Stale);
    assert!(store.due(Timestamp::now() + TTL, 10).await.unwrap().is_empty());
    assert!(store.accounts().await.unwrap().is_empty());
    let mut keys: Vec<String> =
        redis::cmd("KEYS").arg("*").query_async(&mut redis.connection().await).await.unwrap();
    keys.retain(|key| key != "lk:sites");
    assert!(keys.is_empty(), "{keys:?}");
}

#[tokio::test]
async fn a_stale_generation_cannot_be_published() {
    let redis = Redis::start().await;
    let store = store(&redis).await;
    let account = account(&store, "alice").await;

    let slow = store.lock_login(account.id, TTL).await.unwrap().unwrap();
    assert!(store.lock_login(account.id, TTL).await.unwrap().is_none(), "one login at a time");
    store.unlock_login(&slow).await.unwrap();
    let fast = store.lock_login(account.id, TTL).await.unwrap().unwrap();

    assert_eq!(
        publish(&store, &slow, "slow", TTL).await,
        Published::Stale,
        "even before the newer one is there"
    );
    assert_eq!(publish(&store, &fast, "fast", TTL).await, Published::Done);
    assert_eq!(publish(&store, &slow, "slow", TTL).await, Published::Stale);
    let session = store.session(account.id).await.unwrap().unwrap();
    assert_eq!((session.generation, session.sealed.as_bytes()), (fast.generation, b"fast".as_slice()));
}

#[tokio::test]
async fn a_newer_record_is_not_put_back_and_its_end_stays() {
    let redis = Redis::start().await;
    let store = store(&redis).await;
    let account = account(&store, "alice").await;
    let lock = store.lock_login(account.id, TTL).await.unwrap().unwrap();
    publish(&store, &lock, "old", TTL).await;
    let sealed = |record: &str| Sealed::from_stored(record.as_bytes().to_vec());
    let replace = async |old, new| {
        store.replace_record(SealedRecord::Session, account.id, &sealed(old), &sealed(new)).await.unwrap()
    };

    assert!(replace("old", "anew").await);
    assert!(!replace("old", "again").await);

    let session = store.session(account.id).await.unwrap().unwrap();
    assert_eq!(session.sealed.as_bytes(), b"anew");
    let mut pttl = redis::cmd("PTTL");
    pttl.arg(format!("lk:{{{}}}:session", account.id));
    let left: i64 = pttl.query_async(&mut redis.connection().await).await.unwrap();
    assert!(0 < left && left <= 30_000, "{left}");
}

#[tokio::test]
async fn a_disabled_account_gets_no_session() {
    let redis = Redis::start().await;
    let store = store(&redis).await;
    let account = account(&store, "alice").await;
    let lock = store.lock_login(account.id, TTL).await.unwrap().unwrap();
    let step = Some(Transition::new(TransitionCause::SwitchedOff, State::Disabled, ""));
    let change = AccountChange { step, ..AccountChange::default() };
    store.change_account(account.id, change).await.unwrap();

    assert_eq!(publish(&store, &lock, "late", TTL).await, Published::Stale);
    assert!(store.session(account.id).await.unwrap().is_none());
}

#[tokio::test]
async fn only_its_holder_renews_or_frees_a_login_lock() {
    let redis = Redis::start().await;
    let store = store(&redis).await;
    let account = account(&store, "alice").await;
    let lost = store.lock_login(account.id, TTL).await.unwrap().unwrap();
    store.unlock_login(&lost).await.unwrap();
    let held = store.lock_login(account.id, TTL).await.unwrap().unwrap();

    assert!(!store.renew_login(&lost, TTL).await.unwrap());
    store.unlock_login(&lost).await.unwrap();

    assert!(store.renew_login(&held, TTL).await.unwrap());
    assert!(store.lock_login(account.id, TTL).await.unwrap().is_none());
}

#[tokio::test]
async fn a_session_is_gone_at_its_expiry_and_after_revocation() {
    let redis = Redis::start().await;
    let store = store(&redis).await;
    let account = account(&store, "alice").await;

    let lock = store.lock_login(account.id, TTL).await.unwrap().unwrap();
    publish(&store, &lock, "short", Duration::from_millis(200)).await;
    let gone = async || store.session(account.id).await.unwrap().is_none().then_some(());
    wait::until_some(Duration::from_secs(5), gone).await;

    publish(&store, &lock, "long", TTL).await;
    store.revoke_session(account.id).await.unwrap();
    assert!(store.session(account.id).await.unwrap().is_none());
    assert!(!store.account(account.id).await.unwrap().unwrap().serves(Timestamp::now()));
}

#[tokio::test]
async fn a_time_step_is_typed_once() {
    let redis = Redis::start().await;
    let store = store(&redis).await;
    let seed = SeedDigest::of(b"a seed of ten");
    let other = SeedDigest::of(b"another of ten");
    assert!(store.claim_totp_step(&seed, 100).await.unwrap());
    assert!(!store.claim_totp_step(&seed, 100).await.unwrap());
    assert!(!store.claim_totp_step(&seed, 99).await.unwrap());
    assert!(store.claim_totp_step(&seed, 101).await.unwrap());
    assert!(store.claim_totp_step(&other, 99).await.unwrap());
}

#[tokio::test]
async fn listeners_hear_of_changes_and_of_a_lost_line() {
    let mut redis = Redis::start().await;
    let store = store(&redis).await;
    let mut events = store.events();
    let next = async |events: &mut latchkey_shared::store::EventStream| {
        tokio::time::timeout(Duration::from_secs(10), events.next()).await.unwrap()
    };
    assert_eq!(next(&mut events).await, StoreEvent::Reconnected);

    let account = account(&store, "alice").await;
    let heard = next(&mut events).await;
    assert_eq!(heard, StoreEvent::Account { id: account.id, generation: 0, state: Some(State::New) });

    redis.restart().await;
    assert_eq!(next(&mut events).await, StoreEvent::Reconnected);
}

#[tokio::test]
async fn a_line_on_which_nothing_happens_stays_up() {
    let redis = Redis::start().await;
    let store = store(&redis).await;
    let mut events = store.events();
    assert_eq!(events.next().await, StoreEvent::Reconnected);

    // Long enough to be asked whether it is there, more than once.
    let nothing = tokio::time::timeout(Duration::from_secs(6), events.next()).await;

    assert!(nothing.is_err(), "{nothing:?}");
}

#[tokio::test]
async fn a_redis_that_is_gone_is_an_error_within_the_deadline() {
    let mut redis = Redis::start().await;
    let store = store(&redis).await;
    redis.stop();

    let refused = tokio::time::timeout(Duration::from_secs(5), store.ping()).await.unwrap();

    assert!(matches!(refused, Err(StoreError::Unavailable(_))));
}

#[tokio::test]
async fn a_url_with_a_wrong_password_is_refused_without_repeating_it() {
    let redis = Redis::start_with(&["--requirepass", "correct"]).await;
    let url = redis.url().replace("redis://", "redis://default:hunter2@");
    let env = Env::of([("LATCHKEY_REDIS_URL", url)]);

    let refused = TestStore::connect(&RedisConfig::from_env(&env).unwrap()).await;

    let message = refused.map(drop).unwrap_err().to_string();
    assert!(!message.contains("hunter2"), "{message}");
}
