//! The end of an adapter: streams may end first, but not for ever, and none that is cut looks whole.

use std::time::Duration;

use latchkey_adapter::config::Config;
use latchkey_shared::{env::Env, shutdown::Tasks};
use support::{
    model::{CallEnd, Reply},
    wait,
    world::{AdapterClient, World},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{SOON, adapter};

#[tokio::test]
async fn a_stop_waits_for_open_streams() {
    let mut world = adapter().await;
    world.practice.model().will(Reply::text("a").hold().piece("b"));
    let adapter = world.adapter();
    let mut stream = adapter.open(&AdapterClient::question("hi")).await;
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

#[tokio::test]
async fn a_stop_cuts_what_does_not_end_and_frees_the_accounts() {
    let world = adapter().adapters(0).await;
    let model = world.practice.model();
    model.will(Reply::text("half").hold());
    model.will(Reply::text("half").hold());
    model.will(Reply::never());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = AdapterClient::new(&format!("http://{}", listener.local_addr().unwrap()).parse().unwrap());
    let stop = CancellationToken::new();
    let tasks = Tasks::new();
    let run = latchkey_adapter::run(impatient(&world), listener, stop.clone().cancelled_owned());
    let run = tasks.spawn(run);
    let question = AdapterClient::question("hi");

    let asked = async {
        let streamed = client.stream(&question);
        let whole = async {
            wait::until(SOON, || model.count(CallEnd::Held) == 1).await;
            client.ask("hi").await
        };
        let not_begun = async {
            wait::until(SOON, || model.count(CallEnd::Held) == 2).await;
            client.stream(&question).await
        };
        tokio::join!(streamed, whole, not_begun)
    };
    let stopped = async {
        wait::until(SOON, || model.calls().len() == 3).await;
        stop.cancel();
        run.await.unwrap().unwrap();
        world.store.leases(world.account("alice")).await.unwrap()
    };
    let ((streamed, whole, not_begun), leases) = tokio::join!(asked, stopped);

    assert_eq!(leases, 0);
    assert!(!streamed.complete && !streamed.done && streamed.finish_reason().is_empty(), "{}", streamed.raw);
    assert_eq!(streamed.chunks.last().unwrap()["error"]["code"], "overloaded_error");
    assert_eq!((whole.status, not_begun.status), (503, 503));
    assert_eq!(whole.json()["error"]["message"], "the service is being restarted; ask again");
}

/// An adapter's configuration with hardly any patience for open streams.
fn impatient(world: &World) -> Config {
    let mut env = world.keys.common(&world.redis.url(), &format!("practice={}", world.practice.url));
    env.extend(world.keys.adapter());
    let config = Config::from_env(&Env::of(env)).unwrap();
    Config { drain: Duration::from_millis(100), ..config }
}
