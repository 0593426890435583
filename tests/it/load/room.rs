//! An adapter that is full says so at once, and one with too few files says it when it starts.

use std::{process::Stdio, time::Duration};

use support::{
    binaries,
    model::{CallEnd, Reply},
    practice::PracticeOptions,
    wait,
    world::{AdapterClient, World},
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
    time::timeout,
};

const SOON: Duration = Duration::from_secs(20);

#[tokio::test]
async fn who_comes_to_a_full_adapter_is_sent_elsewhere_until_there_is_room() {
    let start = World::start().without_broker().practice(PracticeOptions::with_accounts(&["alice"]));
    let world = start.concurrency(10).with_session("alice").adapter_env("LATCHKEY_STREAMS", "2").await;
    let adapter = world.adapter();
    let model = world.practice.model();
    model.always(Reply::text("a").hold().piece("b"));
    let question = AdapterClient::question("hi");
    let held = (adapter.open(&question).await, adapter.open(&question).await);

    let refused = adapter.ask("hi").await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, "1"), "{}", refused.body);
    assert_eq!(refused.json()["error"]["code"], "overloaded_error");
    assert_eq!(model.count(CallEnd::Held), 2, "the site was not asked");
    assert_eq!(adapter.get("/v1/models").await.status, 200);

    model.release(3);
    for response in [held.0, held.1] {
        assert!(response.text().await.unwrap().ends_with("data: [DONE]\n\n"));
    }
    let answer = wait::until_some(SOON, async || {
        let answer = adapter.ask("hi").await;
        (answer.status == 200).then_some(answer)
    });
    assert_eq!(answer.await.text(), "ab");
}

#[tokio::test]
async fn too_few_files_are_told_at_the_start_with_what_to_set() {
    let world = World::start().without_broker().adapters(0).with_session("alice").await;
    let mut env = world.keys.common(&world.redis.url(), &format!("practice={}", world.practice.url));
    env.extend(world.keys.adapter());
    let mut adapter = Command::new("sh")
        .args(["-c", "ulimit -n 300 && exec \"$0\""])
        .arg(binaries::path("latchkey-adapter"))
        .env_clear()
        .env("LATCHKEY_ADAPTER_LISTEN", "127.0.0.1:0")
        .envs(env)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(adapter.stderr.take().unwrap()).lines();

    let told = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if line.contains("LATCHKEY_STREAMS") {
                return line;
            }
        }
        panic!("it said nothing of files");
    };
    let told = timeout(SOON, told).await.unwrap();

    for word in ["4000 need 8256 open files", "ulimit -n", "LATCHKEY_STREAMS to 22"] {
        assert!(told.contains(word), "{told}");
    }
    adapter.kill().await.unwrap();
}
