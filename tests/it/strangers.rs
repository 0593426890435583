//! Strangers who hold connections and say nothing, or little: nobody else is shut out.

use std::{io::ErrorKind, time::Duration};

use reqwest::{Method, Url};
use support::{
    wait,
    world::{HttpAnswer, SHARED_SECRET, World},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::admin::broker::{Broker, TOKEN};

/// More than twice as many as may wait.
const MANY: usize = 700;
/// As many as may wait (`latchkey_shared::grace`), and some that were told to go and have not gone yet.
const MAY_WAIT: usize = 256;
const HALF_A_HEAD: &str = "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nx-one: ";

#[tokio::test(flavor = "multi_thread")]
async fn strangers_who_hold_connections_shut_nobody_out_of_the_adapter() {
    let world = World::start().without_broker().with_session("alice").await;
    let adapter = world.adapter();
    let url = adapter.request(Method::GET, "/v1/models", None).build().unwrap().url().clone();
    let mut known = Vec::new();
    for _ in 0..20 {
        known.push(asked(&url, "/v1/models", SHARED_SECRET).await);
    }

    let strangers = hold(&url).await;

    assert_eq!(adapter.ask("Hello").await.status, 200);
    assert_eq!(adapter.get("/livez").await.status, 200);
    wait::until(Duration::from_secs(10), || open(&strangers) <= MAY_WAIT).await;
    assert!(MAY_WAIT / 2 < open(&strangers), "who waits within the limit is left alone");
    assert_eq!(open(&known), known.len(), "who has shown a secret stays");
    drop(strangers);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_who_hold_connections_shut_nobody_out_of_the_broker() {
    let broker = Broker::start().await;
    let url: Url = broker.url.parse().unwrap();
    let known = [asked(&url, "/v1/accounts", TOKEN).await];

    let strangers = hold(&url).await;

    assert_eq!(broker.get("/v1/accounts").send().await.unwrap().status(), 200);
    wait::until(Duration::from_secs(10), || open(&strangers) <= MAY_WAIT).await;
    assert_eq!(open(&known), 1, "who has shown the token stays");
    drop(strangers);
    broker.stop().await.unwrap();
}

#[tokio::test]
async fn a_connection_on_which_no_secret_was_shown_says_that_it_ends() {
    let world = World::start().without_broker().with_session("alice").await;
    let adapter = world.adapter();
    let ends = |answer: &HttpAnswer| answer.header("connection") == "close";

    let stranger = world.adapter().with_secret("not-a-secret-of-ours");
    let refused = stranger.get("/v1/models").await;
    assert_eq!(refused.status, 401);
    assert!(ends(&refused));
    assert!(ends(&stranger.get("/livez").await));
    let known = adapter.get("/v1/models").await;
    assert_eq!(known.status, 200);
    assert!(!ends(&known));
    world.stop().await;
}

/// A connection that has shown a secret and is kept.
async fn asked(url: &Url, path: &str, secret: &str) -> TcpStream {
    let mut stream = TcpStream::connect(authority(url)).await.unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {secret}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 1024];
    let read = stream.read(&mut answer).await.unwrap();
    assert!(answer[..read].starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer[..read]));
    stream
}

/// Opens many connections: every second one silent, the others with half a head.
async fn hold(url: &Url) -> Vec<TcpStream> {
    let mut held = Vec::new();
    for number in 0..MANY {
        let mut stream = TcpStream::connect(authority(url)).await.unwrap();
        if number % 2 == 0 {
            // One that was told to go already has nowhere to write to.
            stream.write_all(HALF_A_HEAD.as_bytes()).await.ok();
        }
        held.push(stream);
    }
    held
}

/// How many the other side has not closed.
fn open(streams: &[TcpStream]) -> usize {
    let mut rest = [0; 4096];
    let is_open = |stream: &&TcpStream| loop {
        match stream.try_read(&mut rest) {
            Ok(0) => return false,
            Ok(_) => {}
            Err(error) => return error.kind() == ErrorKind::WouldBlock,
        }
    };
    streams.iter().filter(is_open).count()
}

fn authority(url: &Url) -> String {
    format!("{}:{}", url.host_str().unwrap(), url.port().unwrap())
}
