//! Browsers are few and slow: who waits for one keeps nobody from a renewal that needs none.

use std::time::Duration;

use latchkey_shared::{account::Rung, time::Timestamp};
use support::{
    practice::{PASSWORD, PracticeOptions},
    wait,
    world::World,
};

use super::renewed_over_http;

const SOON: Duration = Duration::from_secs(30);
/// More than a broker has logins at once, and than it looks at in one go.
const MANY: usize = 70;

#[tokio::test(flavor = "multi_thread")]
async fn accounts_that_wait_for_a_browser_hold_up_no_renewal() {
    let others: Vec<String> = (0..MANY).map(|number| format!("user-{number}")).collect();
    let mut names: Vec<&str> = others.iter().map(String::as_str).collect();
    names.push("alice");
    let options = PracticeOptions { renewals: Some(9), ..PracticeOptions::with_accounts(&names) };
    let mut start = World::start().practice(options).site_file(renewed_over_http());
    start = start.broker_env("LATCHKEY_LOGIN_CONCURRENCY", "1").signed_in("alice");
    for name in &others {
        // With nothing that renews it.
        start = start.with_session(name);
    }
    let world = start.await;
    let admin = world.admin();
    let store = &world.store;
    let alice = world.account("alice");
    for name in &others {
        admin.give(world.account(name), name, PASSWORD).await;
    }
    world.practice.change(|options| options.slow_login = Duration::from_secs(120));
    for name in &others {
        store.set_due(world.account(name), Timestamp::now()).await.unwrap();
    }
    wait::until_some(SOON, async || (store.waiting_count().await.unwrap() >= MANY as u64 - 2).then_some(()))
        .await;

    let before = admin.account(alice).await.generation;
    store.set_due(alice, Timestamp::now()).await.unwrap();
    let renewed = wait::until_some(SOON, async || {
        let account = admin.account(alice).await;
        (account.generation > before).then_some(account)
    })
    .await;

    assert_eq!(renewed.last_login.unwrap().rung, Some(Rung::Http));
    assert!(store.waiting_count().await.unwrap() >= MANY as u64 - 2, "they wait still");
    let waiting = admin.account(world.account(&others[MANY - 1])).await;
    assert_eq!((waiting.reason.as_str(), waiting.generation), ("waits for a browser", 1));
    let seen = admin.get("/metrics").await.body;
    assert!(seen.contains("latchkey_broker_accounts_waiting "), "{seen}");

    world.practice.change(|options| options.slow_login = Duration::ZERO);
    world.stop().await;
}
