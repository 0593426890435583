//! A session that the site refuses is replaced because an adapter asks for it, once however many ask.

use std::time::Duration;

use futures::future::join_all;
use latchkey_shared::account::State;
use support::{practice::PracticeOptions, wait, world::World};

const SOON: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn fifty_refused_requests_on_three_adapters_cause_one_login() {
    let world = World::start().adapters(3).concurrency(50).signed_in("alice").await;
    world.practice.expire_all();

    let asking = (0..50).map(|index| {
        let adapter = world.adapter_at(index % 3);
        async move { adapter.ask("hi").await.status }
    });
    let answers = join_all(asking).await;

    assert!(answers.iter().all(|status| *status == 200), "{answers:?}");
    assert_eq!(world.practice.counts("alice").logins, 2, "one login at first, and one more");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_accounts_serve_while_one_is_signed_in_again() {
    let options = PracticeOptions {
        slow_login: Duration::from_secs(2),
        ..PracticeOptions::with_accounts(&["alice", "bob"])
    };
    let world = World::start().practice(options).signed_in("alice").signed_in("bob").await;
    world.practice.expire("alice");

    for _ in 0..4 {
        assert_eq!(world.adapter().ask("hi").await.status, 200);
    }

    let logins = async || (world.practice.counts("alice").logins == 2).then_some(());
    wait::until_some(SOON, logins).await;
    assert_eq!(world.practice.counts("bob").logins, 1);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_that_refuses_every_session_is_not_asked_for_ever() {
    let world = World::start().adapter_env("LATCHKEY_RENEWAL_DEADLINE", "20s").signed_in("alice").await;
    let admin = world.admin();
    let id = world.account("alice");

    let cooled = wait::until_some(Duration::from_secs(60), async || {
        world.practice.expire_all();
        let _refused = world.adapter().ask("hi").await;
        let account = admin.account(id).await;
        (account.state == State::Cooldown).then_some(account)
    });

    let account = cooled.await;
    assert!(account.reason.contains("refuses sessions that were just made"), "{}", account.reason);
    assert!(world.practice.counts("alice").logins <= 4, "{:?}", world.practice.counts("alice"));
    world.stop().await;
}
