//! Two adapters on one Redis under more load than the accounts bear.

use std::time::Duration;

use futures::future::join_all;
use support::{
    model::{End, Reply},
    practice::Options,
    wait,
    world::{Adapter, Start, Streamed, World},
};
use tokio::time::Instant;

const ACCOUNTS: [&str; 4] = ["anna", "bert", "carl", "dora"];
const LIMIT: u32 = 16;
const STREAMS: usize = 200;
const PLACES: usize = ACCOUNTS.len() * LIMIT as usize;
const QUEUE_DEADLINE: Duration = Duration::from_secs(4);

fn two_adapters() -> Start {
    let start = World::start().without_broker().practice(Options::with_accounts(&ACCOUNTS));
    let start = start.adapters(2).concurrency(LIMIT).adapter_env("LATCHKEY_QUEUE_DEADLINE", "4s");
    ACCOUNTS.iter().fold(start, |start, username| start.with_session(username))
}

#[tokio::test(flavor = "multi_thread")]
async fn no_account_bears_more_than_its_limit_and_no_stream_is_lost() {
    let world = two_adapters().await;
    let model = world.practice.model();
    model.always(Reply::text("begun, ").hold().piece("ended").usage(1, 2));
    let adapters = [world.adapter_at(0), world.adapter_at(1)];
    let body = Adapter::question("hi");

    let begun = Instant::now();
    let streams = join_all((0..STREAMS).map(|number| adapters[number % 2].stream(&body)));
    let filled = async {
        wait::until(Duration::from_secs(10), || model.count(End::Held) == PLACES).await;
        // Nobody gets a place while all are taken, so whoever waits is refused at the deadline.
        tokio::time::sleep_until(begun + QUEUE_DEADLINE + Duration::from_secs(1)).await;
        model.release(STREAMS);
    };
    let (streams, ()) = tokio::join!(streams, filled);

    let (served, refused): (Vec<Streamed>, Vec<Streamed>) =
        streams.into_iter().partition(|stream| stream.status == 200);
    for stream in &served {
        assert!(stream.done && stream.complete && stream.text() == "begun, ended", "{}", stream.raw);
    }
    for stream in &refused {
        let waited = stream.pieces.last().map(|(at, _)| *at).unwrap_or_default();
        assert!(stream.status == 429 || stream.status == 503, "{} {}", stream.status, stream.raw);
        assert!(waited < QUEUE_DEADLINE + Duration::from_secs(2), "refused only after {waited:?}");
    }
    for username in ACCOUNTS {
        assert_eq!(world.practice.counts(username).max_streams, LIMIT);
    }
    assert_eq!((served.len(), refused.len()), (PLACES, STREAMS - PLACES));
    wait::until_some(Duration::from_secs(1), async || {
        let leases = join_all(ACCOUNTS.map(|username| world.store.leases(world.account(username)))).await;
        leases.into_iter().all(|leases| leases.unwrap() == 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_is_served_when_places_are_freed() {
    let world = two_adapters().adapter_env("LATCHKEY_QUEUE_DEADLINE", "30s").await;
    world.practice.model().always(Reply::text("a").wait(Duration::from_millis(200)).piece("b"));
    let adapters = [world.adapter_at(0), world.adapter_at(1)];
    let body = Adapter::question("hi");

    let streams = join_all((0..STREAMS).map(|number| adapters[number % 2].stream(&body))).await;

    assert!(streams.iter().all(|stream| stream.done && stream.text() == "ab"));
    for username in ACCOUNTS {
        assert!(world.practice.counts(username).max_streams <= LIMIT);
    }
}
