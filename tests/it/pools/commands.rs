//! What a request costs Redis.

use std::time::Duration;

use futures::StreamExt;
use support::{model::Reply, wait, world::World};

use super::adapters;

/// Until a lease that was given back is seen.
const SOON: Duration = Duration::from_secs(10);

/// The commands that adapters send while one question is asked and answered, and its lease is given back.
async fn commands(world: &World) -> Vec<String> {
    world.practice.model().always(Reply::text("hello"));
    let adapter = world.adapter();
    // Each script is sent once and known from then on.
    assert_eq!(adapter.ask("hi").await.status, 200);
    let id = world.account("anna");
    let free = async || (world.store.leases(id).await.unwrap() == 0).then_some(());
    wait::until_some(SOON, free).await;
    let client = redis::Client::open(world.redis.url()).unwrap();
    let mut monitor = client.get_async_monitor().await.unwrap();
    let mut lines = monitor.on_message::<String>();

    assert_eq!(adapter.ask("hi").await.status, 200);
    wait::until_some(SOON, free).await;
    let end = "the end of what is watched";
    redis::cmd("ECHO").arg(end).exec_async(&mut world.redis.connection().await).await.unwrap();

    let mut commands = Vec::new();
    while let Some(line) = lines.next().await.filter(|line| !line.contains(end)) {
        // Scripts call from inside; the test itself counts leases; the directory looks for itself now and then.
        let command = line.split('"').nth(1).unwrap_or_default().to_uppercase();
        let own =
            ["ZRANGEBYSCORE", "TIME", "SMEMBERS", "HGETALL", "CLIENT", "PING"].contains(&command.as_str());
        if !line.contains(" lua]") && !own {
            commands.push(command);
        }
    }
    commands
}

#[tokio::test]
async fn a_request_makes_two_round_trips_to_redis_a_lease_and_its_end() {
    let world = adapters(1, &["anna"], "concurrency = 4").await;

    assert_eq!(commands(&world).await, ["EVALSHA", "ZREM"]);
}

#[tokio::test]
async fn limits_of_the_site_go_along_in_the_same_two_round_trips() {
    let limits = "concurrency = 4\n[limits.site]\nconcurrency = 9\nrequests_per_minute = 99";
    let world = adapters(1, &["anna"], limits).await;

    assert_eq!(commands(&world).await, ["EVALSHA", "EVALSHA", "ZREM", "ZREM"]);
}
