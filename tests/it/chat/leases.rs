//! Holds on accounts: they end with the answer, however it ends.

use std::time::Duration;

use support::{
    model::{End, Reply},
    wait,
    world::{Adapter, World},
};

use super::{MOMENT, adapter};

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
    let mut response = world.adapter().open(&Adapter::question("hi")).await;
    assert!(response.chunk().await.unwrap().is_some());
    assert_eq!(world.store.leases(world.account("alice")).await.unwrap(), 1);

    drop(response);

    freed_and_cancelled(&world).await;
    assert_eq!(world.practice.model().count(End::Cancelled), 1);
}

#[tokio::test]
async fn a_client_that_leaves_before_the_first_delta_frees_its_lease_too() {
    let world = adapter().await;
    let model = world.practice.model();
    model.will(Reply::new().bytes(": thinking\n\n").hold());
    let asking = {
        let adapter = world.adapter();
        async move { adapter.ask("hi").await }
    };

    let left = tokio::time::timeout(Duration::from_secs(5), async {
        tokio::select! {
            _ = asking => panic!("the site has not answered"),
            () = wait::until(Duration::from_secs(5), || model.count(End::Held) == 1) => {}
        }
    });
    left.await.unwrap();

    freed_and_cancelled(&world).await;
}

#[tokio::test]
async fn a_request_that_waits_takes_the_lease_that_another_gives_back() {
    let world = adapter().concurrency(1).await;
    let model = world.practice.model();
    model.will(Reply::text("a").hold());
    let first = world.adapter().open(&Adapter::question("first")).await;
    let adapter = world.adapter();
    let second = adapter.ask("second");

    let (second, ()) = tokio::join!(second, async {
        wait::until(MOMENT, || model.count(End::Held) == 1).await;
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

#[tokio::test]
async fn a_stop_waits_for_open_streams() {
    let mut world = adapter().await;
    world.practice.model().will(Reply::text("a").hold().piece("b"));
    let adapter = world.adapter();
    let mut stream = adapter.open(&Adapter::question("hi")).await;
    stream.chunk().await.unwrap();

    let part = world.adapters.remove(0);
    let stop = part.stop(Duration::from_secs(10));
    let rest = async {
        world.practice.model().release(1);
        stream.text().await.unwrap()
    };
    let ((), rest) = tokio::join!(stop, rest);

    assert!(rest.ends_with("data: [DONE]\n\n"), "{rest}");
    assert_eq!(world.store.leases(world.account("alice")).await.unwrap(), 0);
}
