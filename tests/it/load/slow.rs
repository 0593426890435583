//! Clients that hardly read: their sites are slowed down, they are cut in the end, and nobody else is any slower.

use std::time::Duration;

use support::{
    binaries::Binary,
    model::{CallEnd, Reply},
    practice::PracticeOptions,
    wait,
    world::{AdapterClient, SHARED_SECRET, World},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const SLOW: usize = 10;
/// What the site would send to each of them, if it were read.
const PIECES: usize = 1024;
const PIECE_BYTES: usize = 64 * 1024;
/// Buffers of hyper on both sides, the text that is not counted yet, some pieces. Measured: 2,169 KiB of 12 MiB and
/// 2,104 KiB of 64 MiB, so that it is a bound and no part of what the site would send (2026-11-25).
const BOUND_KIB: u64 = 3072;
const GRACE: Duration = Duration::from_secs(60);

/// A client that asks for much and then takes a byte each second.
struct Sloth {
    connection: TcpStream,
    taken: Vec<u8>,
}

impl Sloth {
    async fn ask(adapter: &Binary) -> Self {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        // What the kernel keeps for it is not the adapter's; the less of that, the sooner it matters.
        socket.set_recv_buffer_size(4096).unwrap();
        let address = format!("127.0.0.1:{}", adapter.url.port().unwrap()).parse().unwrap();
        let mut connection = socket.connect(address).await.unwrap();
        let mut body = AdapterClient::question("much");
        body["stream"] = true.into();
        let body = body.to_string();
        let head = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: adapter\r\nauthorization: Bearer {SHARED_SECRET}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        connection.write_all(head.as_bytes()).await.unwrap();
        connection.write_all(body.as_bytes()).await.unwrap();
        Self { connection, taken: Vec::new() }
    }

    /// Takes a byte each second until it is told that the adapter has had enough; then takes whatever is left.
    async fn take(mut self, mut enough: tokio::sync::watch::Receiver<bool>) -> Vec<u8> {
        let mut seconds = tokio::time::interval(Duration::from_secs(1));
        loop {
            tokio::select! {
                _ = seconds.tick() => {}
                _ = enough.changed() => break,
            }
            let mut byte = [0];
            if !matches!(self.connection.read(&mut byte).await, Ok(1)) {
                return self.taken;
            }
            self.taken.extend(byte);
        }
        // It may have been reset: what came before is what counts.
        let rest = tokio::time::timeout(GRACE, self.connection.read_to_end(&mut self.taken)).await;
        drop(rest.expect("the adapter has cut it"));
        self.taken
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_takes_neither_memory_nor_time_of_others_and_is_cut() {
    let world =
        World::start().without_broker().practice(PracticeOptions::with_accounts(&["alice"])).adapters(0);
    let world = world.concurrency(100).with_session("alice").await;
    let model = world.practice.model();
    let much = (0..PIECES).fold(Reply::new(), |reply, _| reply.piece(&"x".repeat(PIECE_BYTES)));
    model.always_with(move |request| match request.to_string().contains("much") {
        true => much.clone(),
        // What counts tokens is loaded by this, once and for all.
        false => Reply::pieces(&["a", "b", "c"]).without_usage(),
    });
    let mut env = world.keys.common(&world.redis.url(), &format!("practice={}", world.practice.url));
    env.extend(world.keys.adapter());
    env.push(("LATCHKEY_WRITE_DEADLINE".to_owned(), "15s".to_owned()));
    let adapter = Binary::adapter(world.directory.path(), &env).await;
    let client = AdapterClient::new(&adapter.url);
    let alone = others(&client).await;
    let before = memory(&adapter, "VmRSS:");

    let (enough, told) = tokio::sync::watch::channel(false);
    let mut sloths = tokio::task::JoinSet::new();
    for _ in 0..SLOW {
        sloths.spawn(Sloth::ask(&adapter).await.take(told.clone()));
    }
    wait::until(GRACE, || model.calls().len() == 20 + SLOW).await;
    let beside = others(&client).await;
    wait::until(GRACE, || model.count(CallEnd::Running) == 0).await;
    assert_eq!(model.count(CallEnd::Cancelled), SLOW, "the site waits for its readers until they are cut");
    let grown = memory(&adapter, "VmHWM:").saturating_sub(before) / SLOW as u64;
    enough.send(true).unwrap();

    say(&format!(
        "{SLOW} clients at one byte a second, {} MiB for each: {grown} KiB of memory for each, an answer to another \
         takes {beside:?} (alone {alone:?})",
        (PIECES * PIECE_BYTES) >> 20
    ));
    assert!(grown <= BOUND_KIB, "{grown} KiB for each");
    for taken in sloths.join_all().await {
        let taken = String::from_utf8_lossy(&taken);
        assert!(taken.starts_with("HTTP/1.1 200") && !taken.contains("[DONE]"), "{} bytes", taken.len());
        assert!(!taken.ends_with("0\r\n\r\n"), "it ends as if it were whole");
    }
    wait::until_some(GRACE, async || {
        (world.store.leases(world.account("alice")).await.unwrap() == 0).then_some(())
    })
    .await;
}

/// Twenty answers, one after the other; the median of the time that one takes.
async fn others(client: &AdapterClient) -> Duration {
    let mut times = Vec::new();
    for _ in 0..20 {
        let begun = tokio::time::Instant::now();
        let answer = client.stream(&AdapterClient::question("little")).await;
        assert!(answer.done && answer.text() == "abc", "{} {}", answer.status, answer.raw);
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    times[times.len() / 2]
}

/// KiB, as the kernel counts them.
fn memory(adapter: &Binary, what: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", adapter.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(what)).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

#[expect(clippy::print_stderr, reason = "figures for a person: nextest shows them with --no-capture")]
fn say(figures: &str) {
    eprintln!("{figures}");
}
