//! Holds on accounts: they end with the answer, however it ends.

use support::{
    model::{CallEnd, Reply},
    wait,
    world::{AdapterClient, World},
};

use super::{MOMENT, SOON, adapter};

/// Waits until the account is free and the site knows that the peer has gone.
async fn freed_and_cancelled(world: &World) {
    wait::until_some(MOMENT, async || {
        let leases = world.store.leases(world.account("alice")).await.unwrap();
        let cancelled = world.practice.counts("alice").cancelled_streams;
        (leases == 0 && cancelled == 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_client_that_leaves_frees_its_lease_and_cancels_the_site() {
    let world = adapter().await;
    world.practice.model().will(Reply::text("a").hold());
    let mut response = world.adapter().open(&AdapterClient::question("hi")).await;
    assert!(response.chunk().await.unwrap().is_some());
    assert_eq!(world.store.leases(world.account("alice")).await.unwrap(), 1);

    drop(response);

    freed_and_cancelled(&world).await;
    assert_eq!(world.practice.model().count(CallEnd::Cancelled), 1);
}

/// Asks without a stream and leaves as soon as the site's answer stands as told.
async fn left_when(reply: Reply, end: CallEnd) -> World {
    let world = adapter().await;
    let model = world.practice.model();
    model.will(reply);
    let adapter = world.adapter();
    tokio::select! {
        _ = adapter.ask("hi") => panic!("the site has not answered"),
        () = wait::until(SOON, || model.count(end) == 1) => {}
    }
    world
}

#[tokio::test]
async fn a_client_that_leaves_before_the_sites_status_frees_its_lease_too() {
    freed_and_cancelled(&left_when(Reply::never(), CallEnd::Running).await).await;
}

#[tokio::test]
async fn a_client_that_leaves_before_the_first_delta_frees_its_lease_too() {
    freed_and_cancelled(&left_when(Reply::new().bytes(": thinking\n\n").hold(), CallEnd::Held).await).await;
}

#[tokio::test]
async fn a_client_that_leaves_an_answer_that_is_not_streamed_frees_its_lease_too() {
    freed_and_cancelled(&left_when(Reply::text("half").hold(), CallEnd::Held).await).await;
}

#[tokio::test]
async fn a_client_that_leaves_the_queue_leaves_it_to_others() {
    let world = adapter().concurrency(1).await;
    let model = world.practice.model();
    model.will(Reply::text("a").hold().piece("b"));
    let adapter = world.adapter();
    let first = adapter.open(&AdapterClient::question("first")).await;
    let waiting = async |count: &str| {
        let line = format!("latchkey_adapter_queue {count}\n");
        let there = async || adapter.get("/metrics").await.body.contains(&line).then_some(());
        wait::until_some(SOON, there).await;
    };

    tokio::select! {
        _ = adapter.ask("second") => panic!("the account is not free"),
        () = waiting("1") => {}
    }

    waiting("0").await;
    model.release(1);
    assert!(first.text().await.unwrap().ends_with("data: [DONE]\n\n"));
    assert_eq!(adapter.ask("third").await.status, 200);
}

#[tokio::test]
async fn a_request_that_waits_takes_the_lease_that_another_gives_back() {
    let world = adapter().concurrency(1).await;
    let model = world.practice.model();
    model.will(Reply::text("a").hold());
    let first = world.adapter().open(&AdapterClient::question("first")).await;
    let adapter = world.adapter();
    let second = adapter.ask("second");

    let (second, ()) = tokio::join!(second, async {
        wait::until(SOON, || model.count(CallEnd::Held) == 1).await;
        drop(first);
    });

    assert_eq!(second.status, 200);
    assert_eq!(world.practice.counts("alice").max_streams, 1);
}

#[tokio::test]
async fn the_account_that_rested_longest_is_next() {
    let world = super::adapter_with(&["alice", "bob"]).await;

    for _ in 0..4 {
        assert_eq!(world.adapter().ask("hi").await.status, 200);
    }

    let calls = world.practice.model().calls();
    let users: Vec<&str> = calls.iter().map(|call| call.header("x-practice-user")).collect();
    assert!(users[0] != users[1] && users[0] == users[2] && users[1] == users[3], "{users:?}");
}
