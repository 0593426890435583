//! Another account takes over when one fails by its own fault, and only then.

use std::time::Duration;

use support::{model::Reply, wait, world::World};

use super::{SOON, adapter, adapter_with};
use crate::revocation::only_events_tell;

#[tokio::test]
async fn another_account_takes_over_from_a_dead_session() {
    let world = adapter_with(&["alice", "bob"]).await;
    world.practice.expire("alice");

    for _ in 0..3 {
        assert_eq!(world.adapter().ask("hi").await.status, 200);
    }

    let cooldown = world.store.cooldown(world.account("alice")).await.unwrap();
    assert_eq!(cooldown.map(|(reason, _)| reason).as_deref(), Some("session_expired"));
    assert_eq!(world.store.cooldown(world.account("bob")).await.unwrap(), None);
}

#[tokio::test]
async fn another_account_takes_over_from_a_limited_one() {
    let world = adapter_with(&["alice", "bob"]).await;
    world.practice.model().will(Reply::rate_limited(3600));

    assert_eq!(world.adapter().ask("hi").await.status, 200);
    assert_eq!(world.adapter().ask("hi").await.status, 200);

    let calls = world.practice.model().calls();
    let users: Vec<&str> = calls.iter().map(|call| call.header("x-practice-user")).collect();
    assert!(users[0] != users[1] && users[1] == users[2], "{users:?}");
    let (reason, left) = world.store.cooldown(world.account(users[0])).await.unwrap().unwrap();
    assert_eq!(reason, "rate_limited");
    assert!(left <= Duration::from_secs(15 * 60), "{left:?}");
}

#[tokio::test]
async fn the_models_fault_is_no_accounts_fault() {
    let world = adapter_with(&["alice", "bob"]).await;
    world.practice.model().will(Reply::model_unauthorized());

    assert_eq!(world.adapter().ask("hi").await.status, 502);

    assert_eq!(world.practice.model().calls().len(), 1);
    for username in ["alice", "bob"] {
        assert_eq!(world.store.cooldown(world.account(username)).await.unwrap(), None);
    }
}

#[tokio::test]
async fn no_more_than_three_accounts_are_tried() {
    let world = adapter_with(&["a", "b", "c", "d"]).await;
    world.practice.model().always(Reply::html());

    assert_eq!(world.adapter().ask("hi").await.status, 502);

    assert_eq!(world.practice.model().calls().len(), 3);
}

#[tokio::test]
async fn the_next_session_of_a_failed_account_serves() {
    let world = adapter().await;
    world.practice.expire("alice");
    assert_eq!(world.adapter().ask("hi").await.status, 502);
    assert_eq!(world.adapter().ask("hi").await.status, 503);

    only_events_tell(&world).await;
    world.publish_again("alice").await;

    wait::until_some(SOON, async || (world.adapter().ask("hi").await.status == 200).then_some(())).await;
}

#[tokio::test]
async fn an_account_that_comes_later_serves_at_once() {
    let mut world = World::start().without_broker().await;
    assert_eq!(world.adapter().ask("hi").await.status, 503);

    only_events_tell(&world).await;
    world.publish("alice").await;

    wait::until_some(SOON, async || (world.adapter().ask("hi").await.status == 200).then_some(())).await;
}

#[tokio::test]
async fn known_sessions_serve_while_redis_is_away() {
    let mut world = adapter().await;
    assert_eq!(world.adapter().ask("hi").await.status, 200);

    world.redis.stop();

    assert_eq!(world.adapter().ask("hi").await.status, 200);
    let ready = world.adapter().get("/readyz").await;
    assert_eq!(ready.status, 200, "{}", ready.body);
    assert!(ready.json()["warnings"][0].as_str().unwrap().contains("1 sessions in memory"), "{}", ready.body);
    world.redis.restart().await;
}

#[tokio::test]
async fn a_session_that_a_login_replaced_in_the_middle_puts_nobody_away() {
    let world = adapter().await;
    let model = world.practice.model();
    let dead = Reply::status(401, &serde_json::json!({"detail": "signed in elsewhere"}));
    model.will(dead.headers_after(Duration::from_secs(1)));
    let adapter = world.adapter();

    let (answer, ()) = tokio::join!(adapter.ask("hi"), async {
        wait::until(SOON, || model.calls().len() == 1).await;
        world.publish_again("alice").await;
    });

    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(world.store.cooldown(world.account("alice")).await.unwrap(), None);
}
