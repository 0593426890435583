//! Places of accounts count while their adapter is there: those of a dead one are free soon, those of a living one stay.

use std::time::Duration;

use futures::future::join_all;
use reqwest::{Response, Url};
use support::{
    balancer::Balancer,
    binaries::Binary,
    http,
    model::{End, Reply},
    practice::Options,
    wait,
    world::{Adapter, SHARED_SECRET, World},
};
use tokio::time::Instant;

const ACCOUNTS: [&str; 8] = ["anna", "bert", "carl", "dora", "emil", "fred", "gina", "hans"];
const LIMIT: u32 = 8;
const STREAMS: usize = 60;
/// Longer than a presence, and much shorter than a place lives that nobody gives back.
const QUEUE_DEADLINE: &str = "30s";
const GRACE: Duration = Duration::from_secs(60);
/// Longer than what adapters take for a pause of their own.
const OUTAGE: Duration = Duration::from_secs(8);

async fn add(world: &World, name: &str) -> Binary {
    let directory = world.directory.path().join(name);
    std::fs::create_dir(&directory).unwrap();
    let url = format!("practice={}", world.practice.url);
    let mut env = world.keys.common(&world.redis.url(), &url);
    env.extend(world.keys.adapter());
    env.push(("LATCHKEY_QUEUE_DEADLINE".to_owned(), QUEUE_DEADLINE.to_owned()));
    Binary::adapter(&directory, &env).await
}

/// A stream that has begun.
async fn open(http: &reqwest::Client, url: &Url) -> Response {
    let mut question = Adapter::question("hi");
    question["stream"] = true.into();
    let request =
        http.post(url.join("/v1/chat/completions").unwrap()).bearer_auth(SHARED_SECRET).json(&question);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200, "{}", response.text().await.unwrap());
    response
}

/// Whether it came to its end.
async fn is_whole(response: Response) -> bool {
    response.text().await.is_ok_and(|text| text.contains("ended") && text.ends_with("data: [DONE]\n\n"))
}

async fn held(http: &reqwest::Client, adapter: &Binary) -> usize {
    let text = http.get(adapter.url.join("/metrics").unwrap()).send().await.unwrap().text().await.unwrap();
    text.lines().find_map(|line| line.strip_prefix("latchkey_adapter_leases ")).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_adapters_places_are_free_and_nothing_else_breaks_or_is_asked_twice() {
    let start = World::start().without_broker().practice(Options::with_accounts(&ACCOUNTS)).adapters(0);
    let start =
        ACCOUNTS.iter().fold(start.concurrency(LIMIT), |start, username| start.with_session(username));
    let world = start.await;
    let (mut killed, other) = (add(&world, "killed").await, add(&world, "other").await);
    let balancer = Balancer::start(&[&killed.url, &other.url]).await;
    let model = world.practice.model();
    model.always(Reply::text("begun, ").hold().piece("ended").usage(1, 2));
    http::install_tls();
    let http = reqwest::Client::builder().no_proxy().timeout(3 * GRACE).build().unwrap();

    let first = join_all((0..STREAMS).map(|_| open(&http, &balancer.url))).await;
    let of_killed = held(&http, &killed).await;
    killed.kill();
    let again = add(&world, "again").await;
    balancer.change(&[&again.url, &other.url]).await;
    // More than are left: there is room only in the places of the dead one.
    let second = join_all((0..of_killed).map(|_| open(&http, &balancer.url))).await;
    let all_held = wait::until_some(GRACE, async || (model.count(End::Held) == STREAMS).then_some(()));
    all_held.await;
    model.release(STREAMS);
    let first: Vec<bool> = join_all(first.into_iter().map(is_whole)).await;
    let second: Vec<bool> = join_all(second.into_iter().map(is_whole)).await;

    assert!(of_killed > 4, "{of_killed}");
    assert_eq!(first.iter().filter(|whole| !**whole).count(), of_killed, "only the dead one's are cut");
    assert!(second.iter().all(|whole| *whole));
    assert_eq!(model.count(End::Finished), STREAMS, "nothing else was asked of the site");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_through_an_outage_is_claimed_before_anybody_is_admitted() {
    let start = World::start().without_broker().practice(Options::with_accounts(&["alice"])).adapters(2);
    let start = start.concurrency(4).with_session("alice").adapter_env("LATCHKEY_QUEUE_DEADLINE", "1s");
    let world = start.await;
    let (model, body) = (world.practice.model(), Adapter::question("hi"));
    let adapters = [world.adapter_at(0), world.adapter_at(1)];
    let mut running = Vec::new();
    for number in 0..4 {
        model.will(Reply::text("begun, ").hold().piece("ended"));
        running.push(adapters[number % 2].open(&body).await);
    }
    model.always(Reply::text("yes"));
    // As an outage of a minute leaves it: no place is known any more.
    let mut connection = world.redis.connection().await;
    let leases = format!("lk:{{{}}}:leases", world.account("alice"));
    redis::cmd("DEL").arg(&leases).exec_async(&mut connection).await.unwrap();
    world.redis.freeze();
    let begun = Instant::now();
    while begun.elapsed() < OUTAGE {
        for adapter in &adapters {
            adapter.ask("meanwhile").await;
        }
    }

    world.redis.thaw();
    // Until then each counts for itself, as during the outage.
    for adapter in &adapters {
        let knows = async || {
            let ready = adapter.get("/readyz").await;
            (ready.status == 200 && ready.json()["warnings"] == serde_json::json!([])).then_some(())
        };
        wait::until_some(GRACE, knows).await;
    }
    for round in 0..5 {
        let answers = join_all(adapters.iter().map(|adapter| adapter.ask("after"))).await;
        for answer in answers {
            assert_eq!(answer.status, 429, "round {round}: {}", answer.body);
        }
    }
    let known: usize = redis::cmd("ZCARD").arg(&leases).query_async(&mut connection).await.unwrap();

    // What was asked of a Redis that froze meanwhile is granted to nobody when it thaws, and ends by itself.
    assert!((4..=6).contains(&known), "{known}: all that runs is claimed");
    model.release(4);
    assert!(join_all(running.into_iter().map(is_whole)).await.iter().all(|whole| *whole));
    wait::until_some(GRACE, async || (adapters[0].ask("then").await.status == 200).then_some(())).await;
}
