//! Adapters under more load than accounts, clients or the process itself bear.

mod balanced;
mod draining;
mod room;
mod sessions;
mod slow;

use std::time::Duration;

use futures::future::join_all;
use support::{
    model::{CallEnd, Reply},
    practice::PracticeOptions,
    wait,
    world::{AdapterClient, World, WorldBuilder},
};

const ACCOUNTS: [&str; 4] = ["anna", "bert", "carl", "dora"];
const LIMIT: u32 = 16;
const STREAMS: usize = 200;
const PLACES: usize = ACCOUNTS.len() * LIMIT as usize;
const QUEUE_DEADLINE: Duration = Duration::from_secs(4);
/// Until all places are taken, and until a timer or a release that is due is seen, on a machine that builds meanwhile.
const FILLING: Duration = Duration::from_secs(20);
const GRACE: Duration = Duration::from_secs(5);

fn two_adapters() -> WorldBuilder {
    let start = World::start().without_broker().practice(PracticeOptions::with_accounts(&ACCOUNTS));
    let start = start.adapters(2).concurrency(LIMIT).adapter_env("LATCHKEY_QUEUE_DEADLINE", "4s");
    ACCOUNTS.iter().fold(start, |start, username| start.with_session(username))
}

#[tokio::test(flavor = "multi_thread")]
async fn no_account_bears_more_than_its_limit_and_no_stream_is_lost() {
    let world = two_adapters().await;
    let model = world.practice.model();
    model.always(Reply::text("begun, ").hold().piece("ended").usage(1, 2));
    let adapters = [world.adapter_at(0), world.adapter_at(1)];
    let body = AdapterClient::question("hi");
    let ask = |number: usize| adapters[number % 2].stream(&body);

    // As many as there are places, then the rest: whoever comes when all are taken waits in vain until the deadline.
    let first = join_all((0..PLACES).map(ask));
    let rest = async {
        wait::until(FILLING, || model.count(CallEnd::Held) == PLACES).await;
        let rest = join_all((PLACES..STREAMS).map(ask)).await;
        assert_eq!(model.count(CallEnd::Held), PLACES);
        model.release(PLACES);
        rest
    };
    let (served, refused) = tokio::join!(first, rest);

    for stream in &served {
        assert!(stream.done && stream.complete, "{} {}", stream.status, stream.raw);
        assert_eq!(stream.text(), "begun, ended");
    }
    for stream in &refused {
        let waited = stream.pieces.last().map(|(at, _)| *at).unwrap_or_default();
        assert!(stream.status == 429 || stream.status == 503, "{} {}", stream.status, stream.raw);
        assert!(waited < QUEUE_DEADLINE + GRACE, "refused only after {waited:?}");
    }
    for username in ACCOUNTS {
        assert_eq!(world.practice.counts(username).max_streams, LIMIT);
    }
    wait::until_some(GRACE, async || {
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
    let body = AdapterClient::question("hi");

    let streams = join_all((0..STREAMS).map(|number| adapters[number % 2].stream(&body))).await;

    assert!(streams.iter().all(|stream| stream.done && stream.text() == "ab"));
    for username in ACCOUNTS {
        assert!(world.practice.counts(username).max_streams <= LIMIT);
    }
}
