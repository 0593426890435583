//! Pools and limits: whose accounts a shared secret uses, and how many turns accounts and sites bear over all adapters.

use std::{collections::BTreeSet, time::Duration};

use futures::future::join_all;
use latchkey_shared::{id::PoolName, store::AccountChange};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use support::{
    model::{CallEnd, Reply},
    practice::PracticeOptions,
    wait,
    world::{AdapterClient, World, WorldBuilder},
};
use tokio::runtime::Handle;

mod commands;
mod names;
mod users;

const SITE_FILE: &str = include_str!("../../shared/sites/practice.toml");
const ACCOUNTS: [&str; 5] = ["anna", "bert", "carl", "dora", "emil"];
const POOLS: [&str; 3] = ["team-a", "team-b", "team-c"];
/// Until an adapter has heard of a change, or all places are taken, on a machine that builds meanwhile.
const SOON: Duration = Duration::from_secs(20);

/// Adapters alone before the practice site, with these limits in its file.
fn adapters(count: usize, usernames: &[&str], limits: &str) -> WorldBuilder {
    let file = SITE_FILE.replace("concurrency = 4", limits);
    let start = World::start().without_broker().practice(PracticeOptions::with_accounts(usernames));
    let start = start.adapters(count).site_file(file);
    usernames.iter().fold(start, |start, username| start.with_session(username))
}

/// Pools by the bits of a number.
fn pools(bits: usize) -> BTreeSet<PoolName> {
    let chosen = POOLS.iter().enumerate().filter(|(index, _)| bits & (1 << index) != 0);
    chosen.map(|(_, pool)| pool.parse().unwrap()).collect()
}

/// The secret that is bound to these pools; 0 is bound to none.
fn secret(bits: usize) -> String {
    format!("secret-of-the-pools-number-{bits}")
}

fn secrets() -> String {
    let line = |bits| {
        let pools: String = pools(bits).iter().map(|pool| format!(" pool={pool}")).collect();
        format!("{}{pools}", secret(bits))
    };
    (0..8).map(line).collect::<Vec<_>>().join("\n")
}

/// One try: the pools of each account, and requests, each with a secret.
#[derive(Clone, Debug)]
struct Try {
    accounts: [usize; ACCOUNTS.len()],
    requests: Vec<usize>,
}

fn tries() -> impl Strategy<Value = Try> {
    (prop::array::uniform5(0..8_usize), prop::collection::vec(0..8_usize, 1..24))
        .prop_map(|(accounts, requests)| Try { accounts, requests })
}

/// Whether a secret may use an account.
fn may_use(secret: usize, account: usize) -> bool {
    secret == 0 || secret & account != 0
}

async fn no_request_leaves_its_pool(world: &World, attempt: &Try) {
    for (username, bits) in ACCOUNTS.iter().zip(attempt.accounts) {
        let change = AccountChange { pools: Some(pools(bits)), ..AccountChange::default() };
        assert!(world.store.change_account(world.account(username), change).await.unwrap());
    }
    // Adapters hear of it in a moment. Meanwhile a request may find nobody, and never somebody else's account.
    let early = ask_all(world, attempt).await;
    let known = async || {
        let lists = (0..8).flat_map(|bits| (0..world.adapters.len()).map(move |index| (bits, index)));
        let right = lists.map(async |(bits, index)| {
            let models = world.adapter_at(index).with_secret(&secret(bits)).get("/v1/models").await;
            let can = bits == 0 || attempt.accounts.iter().any(|account| may_use(bits, *account));
            models.body.contains("practice-1") == can
        });
        join_all(right).await.into_iter().all(|right| right).then_some(())
    };
    wait::until_some(SOON, known).await;
    let statuses = ask_all(world, attempt).await;

    for (bits, status) in attempt.requests.iter().zip(&statuses) {
        let can = attempt.accounts.iter().any(|account| may_use(*bits, *account));
        assert_eq!(*status, if can { 200 } else { 400 }, "secret {bits}");
    }
    let served = early.iter().chain(&statuses).filter(|status| **status == 200).count();
    let calls = world.practice.model().calls();
    let calls = &calls[calls.len() - served..];
    for call in calls {
        let asked = call.body["messages"][0]["content"].as_str().unwrap().parse::<usize>().unwrap();
        let username = call.header("x-practice-user");
        let at = ACCOUNTS.iter().position(|account| *account == username).unwrap();
        assert!(may_use(asked, attempt.accounts[at]), "secret {asked} was served by {username}");
    }
}

/// Asks at once, each time another adapter; the message says with which secret.
async fn ask_all(world: &World, attempt: &Try) -> Vec<u16> {
    let ask = async |(index, bits): (usize, &usize)| {
        let adapter = world.adapter_at(index % world.adapters.len()).with_secret(&secret(*bits));
        adapter.ask(&bits.to_string()).await.status
    };
    join_all(attempt.requests.iter().enumerate().map(ask)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_never_uses_an_account_of_another_pool() {
    let start = adapters(3, &ACCOUNTS, "concurrency = 4");
    let world = start.adapter_env("LATCHKEY_SHARED_SECRETS", &secrets()).await;
    world.practice.model().always(Reply::text("hello"));

    let mut runner = TestRunner::new(Config {
        cases: 12,
        max_shrink_iters: 0,
        failure_persistence: None,
        ..Config::default()
    });
    let run = |attempt: Try| {
        Handle::current().block_on(no_request_leaves_its_pool(&world, &attempt));
        Ok(())
    };
    tokio::task::block_in_place(|| runner.run(&tries(), run)).unwrap();
}

#[tokio::test]
async fn an_account_that_left_a_pool_is_not_used_for_it_whatever_the_adapter_has_heard() {
    let start = adapters(1, &["anna"], "concurrency = 2");
    let world = start.adapter_env("LATCHKEY_SHARED_SECRETS", &secrets()).await;
    world.practice.model().always(Reply::text("hello"));
    let adapter = world.adapter().with_secret(&secret(1));
    let set = async |bits| {
        let change = AccountChange { pools: Some(pools(bits)), ..AccountChange::default() };
        world.store.change_account(world.account("anna"), change).await.unwrap();
    };
    set(1).await;
    wait::until_some(SOON, async || (adapter.ask("hi").await.status == 200).then_some(())).await;
    let before = world.practice.model().calls().len();

    for _ in 0..20 {
        set(2).await;
        let refused = adapter.ask("hi").await.status;
        assert!(matches!(refused, 400 | 503), "{refused}");
        set(1).await;
    }

    assert_eq!(world.practice.model().calls().len(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_bears_no_more_turns_at_once_than_its_file_says() {
    let limits = "concurrency = 4\n[limits.site]\nconcurrency = 5";
    let start = adapters(3, &ACCOUNTS, limits).adapter_env("LATCHKEY_QUEUE_DEADLINE", "30s");
    let world = start.await;
    let model = world.practice.model();
    model.always(Reply::text("begun, ").hold().piece("ended"));
    let adapters = [0, 1, 2].map(|index| world.adapter_at(index));
    let asked = join_all((0..30).map(|number| adapters[number % 3].ask("hi")));

    let (answers, most) = tokio::join!(asked, async {
        let mut most = 0;
        for _ in 0..6 {
            // All five places are taken each time, and a sixth never.
            wait::until(SOON, || model.count(CallEnd::Held) == 5).await;
            let at_once: u32 = ACCOUNTS.iter().map(|name| world.practice.counts(name).streams).sum();
            most = most.max(at_once);
            model.release(5);
        }
        most
    });

    assert!(answers.iter().all(|answer| answer.status == 200 && answer.text() == "begun, ended"));
    assert_eq!(most, 5);
    let free = async || {
        let line = redis_count(&world, "lk:site:{practice}:leases").await;
        (line == 0).then_some(())
    };
    wait::until_some(SOON, free).await;
}

async fn redis_count(world: &World, key: &str) -> usize {
    redis::cmd("ZCARD").arg(key).query_async(&mut world.redis.connection().await).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn turns_in_a_minute_are_counted_over_all_adapters() {
    for (limits, begin, key) in [
        ("concurrency = 100\nrequests_per_minute = 2", 2 * ACCOUNTS.len(), None),
        ("concurrency = 100\n[limits.site]\nrequests_per_minute = 7", 7, Some("lk:site:{practice}:rate")),
    ] {
        let start = adapters(3, &ACCOUNTS, limits).adapter_env("LATCHKEY_QUEUE_DEADLINE", "1s");
        let world = start.await;
        world.practice.model().always(Reply::text("hello"));
        let adapters = [0, 1, 2].map(|index| world.adapter_at(index));

        let answers = join_all((0..30).map(|number| adapters[number % 3].ask("hi"))).await;

        let (served, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
        assert_eq!((served.len(), world.practice.model().calls().len()), (begin, begin), "{limits}");
        for answer in refused {
            let secs: u64 = answer.header("retry-after").parse().unwrap();
            assert_eq!(answer.status, 429, "{}", answer.body);
            // None of the turns is a minute old before, and the first of them is then.
            assert!((30..=60).contains(&secs), "{secs}");
        }
        if let Some(key) = key {
            assert_eq!(redis_count(&world, key).await, begin, "a turn that did not begin is not counted");
        }
    }
}

#[tokio::test]
async fn a_request_waits_for_room_in_the_minute_and_not_longer_than_that() {
    let world = adapters(1, &["anna"], "concurrency = 9\nrequests_per_minute = 1").await;
    world.practice.model().always(Reply::text("hello"));
    let adapter = world.adapter();
    assert_eq!(adapter.ask("hi").await.status, 200);
    let rate = format!("lk:{{{}}}:rate", world.account("anna"));
    let mut redis = world.redis.connection().await;
    let (token, at): (String, u64) = {
        let begun: Vec<(String, u64)> = redis::cmd("ZRANGE")
            .arg(&rate)
            .arg(0)
            .arg(-1)
            .arg("WITHSCORES")
            .query_async(&mut redis)
            .await
            .unwrap();
        begun.into_iter().next().unwrap()
    };
    // As if it had begun 58 s ago.
    redis::cmd("ZADD").arg(&rate).arg(at - 58_000).arg(token).exec_async(&mut redis).await.unwrap();

    let waited = adapter.ask("hi").await;

    assert_eq!((waited.status, world.practice.model().calls().len()), (200, 2));
    let metrics = adapter.get("/metrics").await.body;
    assert!(
        metrics.contains("latchkey_adapter_limits_total{site=\"practice\",limit=\"AccountRate\"} 1"),
        "{metrics}"
    );
}

#[tokio::test]
async fn a_models_list_is_of_the_accounts_that_the_secret_may_use() {
    let start = adapters(1, &["anna"], "concurrency = 2");
    let world = start.adapter_env("LATCHKEY_SHARED_SECRETS", &secrets()).await;
    let models = async |bits| world.adapter().with_secret(&secret(bits)).get("/v1/models").await.body;

    assert!(models(0).await.contains("practice-1"));
    assert!(!models(1).await.contains("practice-1"));
    let refused = world.adapter().with_secret(&secret(1)).chat(&AdapterClient::question("hi")).await;
    assert_eq!(refused.status, 400);
    assert!(refused.body.contains("there is no \\\"practice-1\\\""), "{}", refused.body);
}
