//! One damaged record, and junk beside it, while a real broker and a real adapter run: everybody else is served,
//! listed and renewed, the damage is shown, and an operator repairs or removes it.

use std::time::Duration;

use latchkey_shared::{account::State, id::AccountId};
use reqwest::Method;
use support::{practice::PracticeOptions, wait, world::World};

/// Until adapters have read all accounts anew, on a machine that builds meanwhile.
const SOON: Duration = Duration::from_secs(60);

async fn world() -> World {
    let start = World::start().practice(PracticeOptions::with_accounts(&["alice", "bob"])).redis_users();
    start.with_session("alice").with_session("bob").await
}

async fn send(world: &World, words: &[&str]) {
    let mut command = redis::cmd(words[0]);
    words[1..].iter().for_each(|word| {
        command.arg(*word);
    });
    command.exec_async(&mut world.redis.connection().await).await.unwrap();
}

/// Whether the due loop and the loop of adapters' requests see to what comes after everything else in their lists.
async fn loops_go_on(world: &World) {
    let ghost = AccountId::new().to_string();
    send(world, &["ZADD", "lk:due", "3", &ghost]).await;
    send(world, &["ZADD", "lk:refresh", "900000", &ghost]).await;
    for list in ["lk:due", "lk:refresh"] {
        wait::until_some(SOON, async || {
            let mut score = redis::cmd("ZSCORE");
            score.arg(list).arg(&ghost);
            let left: Option<String> = score.query_async(&mut world.redis.connection().await).await.unwrap();
            left.is_none().then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_account_is_shown_and_serves_nobody_while_all_others_go_on() {
    let world = world().await;
    let admin = world.admin();
    let adapter = world.adapter();
    let alice = world.account("alice");
    let bob = world.account("bob");
    let key = format!("lk:{{{alice}}}:account");
    let id = alice.to_string();

    for damage in [
        ["HSET", &key, "state", "paused"],
        ["HSET", &key, "generation", "-1"],
        ["HSET", &key, "weight", "\u{7}\u{1b}[2J"],
        ["HSET", &key, "last_login_rung", "telepathy"],
        ["HSET", &key, "session_origin", "gift"],
    ] {
        send(&world, &["COPY", &key, "lk:copy", "REPLACE"]).await;
        send(&world, &damage).await;
        send(&world, &["ZADD", "lk:due", "1", &id]).await;
        send(&world, &["ZADD", "lk:due", "2", "junk"]).await;
        send(&world, &["ZADD", "lk:refresh", "2", "junk"]).await;
        send(&world, &["ZADD", "lk:refresh", "9", &id]).await;

        let shown = admin.account(alice).await;
        assert_eq!(shown.state, State::Damaged, "{damage:?}");
        assert!(shown.reason.contains("latchkey-broker account repair"), "{}", shown.reason);
        let states: Vec<_> =
            admin.accounts().await.iter().map(|account| (account.id, account.state)).collect();
        assert!(
            states.contains(&(alice, State::Damaged)) && states.contains(&(bob, State::Active)),
            "{states:?}"
        );
        let metrics = admin.get("/metrics").await.body;
        assert!(metrics.contains("accounts{site=\"practice\",state=\"damaged\"} 1"), "{metrics}");
        assert!(metrics.contains("accounts_serving{site=\"practice\"} 1"), "{metrics}");
        assert_eq!(admin.get("/v1/keys").await.status, 200);
        let is_told = async |text: String| text.contains("1 accounts are damaged").then_some(());
        wait::until_some(SOON, async || is_told(admin.get("/readyz").await.body).await).await;
        wait::until_some(SOON, async || is_told(adapter.get("/readyz").await.body).await).await;
        assert_eq!(adapter.ask("hi").await.status, 200, "{damage:?}");
        loops_go_on(&world).await;
        assert_eq!(admin.send(Method::POST, &format!("/v1/accounts/{alice}/logins"), None).await.status, 409);
        send(&world, &["COPY", "lk:copy", &key, "REPLACE"]).await;
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_repairs_a_damaged_account_or_removes_it() {
    let world = world().await;
    let admin = world.admin();
    let adapter = world.adapter();
    let alice = world.account("alice");
    let bob = world.account("bob");
    for (id, field) in [(alice, "weight"), (bob, "state")] {
        send(&world, &["HSET", &format!("lk:{{{id}}}:account"), field, "???"]).await;
    }

    let repair = |id: AccountId| {
        let admin = world.admin();
        async move { admin.send(Method::POST, &format!("/v1/accounts/{id}/repair"), None).await.status }
    };
    assert_eq!(repair(alice).await, 200);
    assert_eq!(repair(bob).await, 200);

    assert_eq!((admin.account(alice).await.state, admin.account(alice).await.weight), (State::Active, 1));
    assert_eq!(admin.account(bob).await.state, State::Disabled, "nobody knows where it stood");
    let serves = async || (adapter.ask("hi").await.status == 200).then_some(());
    wait::until_some(SOON, serves).await;

    let key = format!("lk:{{{bob}}}:account");
    send(&world, &["DEL", &key]).await;
    send(&world, &["SET", &key, "no hash at all"]).await;
    assert_eq!(admin.account(bob).await.state, State::Damaged);
    assert_eq!(repair(bob).await, 409);
    assert_eq!(admin.send(Method::DELETE, &format!("/v1/accounts/{bob}"), None).await.status, 204);
    let left = admin.accounts().await;
    assert_eq!(left.iter().map(|account| account.id).collect::<Vec<_>>(), [alice]);
    world.stop().await;
}
