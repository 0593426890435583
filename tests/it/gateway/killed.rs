//! Streams through the gateway and the balancer while one of two adapters is killed and restarted: only what was in the
//! middle there breaks, nobody is refused, nothing else is asked of the site again, and its places are soon free.

use std::time::Duration;

use futures::future::join_all;
use serde_json::json;
use support::{
    balancer::Balancer,
    binaries::Binary,
    http,
    model::{CallEnd, Reply},
    new_api::{Console, NewApi, Real, Relaying, brought},
    practice::PracticeOptions,
    wait,
    world::World,
};

use super::{cells::PREFIX, stage::channel};

const MODEL: &str = "practice-1";
const ACCOUNTS: [&str; 8] = ["anna", "bert", "carl", "dora", "emil", "fred", "gina", "hans"];
const LIMIT: u32 = 8;
const STREAMS: usize = 60;
/// Longer than a presence, and much shorter than a place lives that nobody gives back.
const QUEUE_DEADLINE: &str = "30s";
const GRACE: Duration = Duration::from_secs(60);

async fn add(world: &World, name: &str) -> Binary {
    let directory = world.directory.path().join(name);
    std::fs::create_dir(&directory).unwrap();
    let mut env = world.keys.common(&world.redis.url(), &format!("practice={}", world.practice.url));
    env.extend(world.keys.adapter());
    env.push(("LATCHKEY_QUEUE_DEADLINE".to_owned(), QUEUE_DEADLINE.to_owned()));
    Binary::adapter(&directory, &env).await
}

/// A stream that has begun.
async fn open(console: &Console) -> reqwest::Response {
    let question = json!({"model": MODEL, "stream": true, "messages": [{"role": "user", "content": "hi"}]});
    let response = console.asks("/v1/chat/completions", &question).timeout(3 * GRACE).send().await.unwrap();
    assert_eq!(response.status(), 200, "{}", response.text().await.unwrap());
    response
}

/// Whether it came to its end.
async fn is_whole(response: reqwest::Response) -> bool {
    let text = super::stage::read(response).await;
    text.contains("ended")
        && text.contains("\"finish_reason\":\"stop\"")
        && text.ends_with("data: [DONE]\n\n")
}

async fn held(adapter: &Binary) -> usize {
    let answer = http::client().get(adapter.url.join("/metrics").unwrap()).send().await.unwrap();
    let text = answer.text().await.unwrap();
    text.lines().find_map(|line| line.strip_prefix("latchkey_adapter_leases ")).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_adapters_places_are_free_and_nothing_else_breaks_or_is_asked_twice() {
    through("the stand-in", Relaying::StandIn(NewApi::start().await)).await;
    if let Some(binary) = brought() {
        through("the real one", Relaying::Real(Box::new(Real::start(&binary).await))).await;
    }
}

async fn through(name: &str, gateway: Relaying) {
    let start =
        World::start().without_broker().practice(PracticeOptions::with_accounts(&ACCOUNTS)).adapters(0);
    let start =
        ACCOUNTS.iter().fold(start.concurrency(LIMIT), |start, username| start.with_session(username));
    let world = start.await;
    let mut killed = add(&world, "killed").await;
    let other = add(&world, "other").await;
    let balancer = Balancer::start(&[&killed.url, &other.url]).await;
    let console = gateway.console();
    console.set("RetryTimes", "1").await;
    let base = format!("{}{PREFIX}", balancer.url.as_str().trim_end_matches('/'));
    console.add(&channel(60, MODEL, &base)).await;
    let model = world.practice.model();
    model.always(Reply::text("begun, ").hold().piece("ended").usage(1, 2));

    let first = join_all((0..STREAMS).map(|_| open(&console))).await;
    let of_killed = held(&killed).await;
    killed.kill();
    let again = add(&world, "again").await;
    balancer.change(&[&again.url, &other.url]).await;
    // More than are left: there is room only in the places of the dead one.
    let second = join_all((0..of_killed).map(|_| open(&console))).await;
    let all_held = wait::until_some(GRACE, async || (model.count(CallEnd::Held) == STREAMS).then_some(()));
    all_held.await;
    model.release(STREAMS);
    let first: Vec<bool> = join_all(first.into_iter().map(is_whole)).await;
    let second: Vec<bool> = join_all(second.into_iter().map(is_whole)).await;

    let cut = first.iter().filter(|whole| !**whole).count();
    let asked = model.calls().len();
    super::print(&format!(
        "{name}: {STREAMS} streams, {of_killed} of them at the adapter that was killed; {cut} were cut, {} opened \
         after it, none refused; the site was asked {asked} times",
        second.len()
    ));
    assert!(of_killed > 4, "{of_killed}");
    assert_eq!(cut, of_killed, "only the dead one's are cut");
    assert!(second.iter().all(|whole| *whole));
    assert_eq!(asked, STREAMS + of_killed, "nothing else was asked of the site");
}
