//! Answers that are given before the request's body was read: they arrive, and harm no other request.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use support::{
    model::{CallEnd, Reply},
    wait,
    world::{AdapterClient, SHARED_SECRET, World},
};

use super::{SOON, adapter};

/// As a gateway's go: from a question to a picture. What loopback keeps of it in its buffers is less than the last ones.
const SIZES: [usize; 4] = [1 << 10, 400 << 10, 1536 << 10, 12 << 20];
const TIMES: usize = 4;
const LIMIT: Duration = Duration::from_secs(60);

/// A client that writes all of a request before it reads, and keeps a connection that it may keep.
struct SlowReader {
    address: String,
    kept: Option<TcpStream>,
}

/// What it was told.
#[derive(Debug, PartialEq, Eq)]
struct ReadResponse {
    status: u16,
    head: String,
}

impl SlowReader {
    fn new(world: &World) -> Self {
        let url = &world.adapters[0].url;
        Self { address: format!("{}:{}", url.host_str().unwrap(), url.port().unwrap()), kept: None }
    }

    fn send(&mut self, head: &str, body: &[u8]) -> ReadResponse {
        let mut stream = self.kept.take().unwrap_or_else(|| TcpStream::connect(&self.address).unwrap());
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        stream.set_write_timeout(Some(LIMIT)).unwrap();
        let head = head.replace("\n", "\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        let told = read(&mut stream);
        self.kept = (!told.head.contains("connection: close")).then_some(stream);
        told
    }

    /// A request that has nothing to do with those before.
    fn innocent(&mut self) {
        let body = AdapterClient::question("hi").to_string();
        let told = self.send(&head("POST /v1/chat/completions", SHARED_SECRET, body.len()), body.as_bytes());
        assert_eq!(told.status, 200, "{}", told.head);
    }
}

/// Reads one answer, and not a byte more.
fn read(stream: &mut TcpStream) -> ReadResponse {
    let mut text = Vec::new();
    let mut byte = [0];
    while !text.ends_with(b"\r\n\r\n") {
        assert_eq!(stream.read(&mut byte).unwrap(), 1, "closed after {:?}", String::from_utf8_lossy(&text));
        text.push(byte[0]);
    }
    let head = String::from_utf8(text).unwrap().to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    stream.read_exact(&mut vec![0; length.unwrap_or(0)]).unwrap();
    ReadResponse { status: head[9..12].parse().unwrap(), head }
}

fn head(line: &str, secret: &str, length: usize) -> String {
    format!("{line} HTTP/1.1\nhost: adapter\nauthorization: Bearer {secret}\ncontent-length: {length}\n\n")
}

/// Each kind of request, and what it is told.
fn kinds(size: usize) -> Vec<(&'static str, String, u16)> {
    let wrong = "a secret that is none";
    let chunked = |rest: &str| {
        format!(
            "POST /v1/messages HTTP/1.1\nhost: adapter\nx-api-key: {SHARED_SECRET}\n\
             transfer-encoding: chunked\n{rest}\n"
        )
    };
    vec![
        ("a wrong secret", head("POST /v1/chat/completions", wrong, size), 401),
        ("a wrong secret, responses", head("POST /new-api/v1/responses", wrong, size), 401),
        ("no such path", head("POST /v1/embeddings", SHARED_SECRET, size), 404),
        ("no such method", head("PUT /claude/v1/messages", SHARED_SECRET, size), 404),
        ("a probe with a body", head("GET /livez", SHARED_SECRET, size), 200),
        ("too long, or no JSON", head("POST /v1/messages", SHARED_SECRET, size), 400),
        ("chunks that are none", chunked(""), 400),
        (
            "a length that is none",
            chunked("").replace("transfer-encoding: chunked", "content-length: many"),
            400,
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn who_writes_all_before_it_reads_is_told_why_and_loses_no_other_request() {
    let world = adapter().adapter_env("LATCHKEY_BODY_LIMIT", "2048").await;
    world.practice.model().always(Reply::text("yes"));
    let mut client = SlowReader::new(&world);

    let sending = move || {
        for size in SIZES {
            let body = vec![b'x'; size];
            for (kind, head, status) in (0..TIMES).flat_map(|_| kinds(size)) {
                let told = client.send(&head, &body);
                assert_eq!(told.status, status, "{kind}, {size} bytes: {}", told.head);
                client.innocent();
            }
        }
    };
    tokio::task::spawn_blocking(sending).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_to_a_full_adapter_is_told_so_however_much_it_sends() {
    let world = adapter().adapter_env("LATCHKEY_STREAMS", "1").await;
    let model = world.practice.model();
    model.will(Reply::text("a").hold().piece("b"));
    model.always(Reply::text("yes"));
    let held = world.adapter().open(&AdapterClient::question("hi")).await;
    wait::until(SOON, || model.count(CallEnd::Held) == 1).await;
    let mut client = SlowReader::new(&world);
    let mut other = SlowReader::new(&world);

    let sending = move || {
        for size in SIZES {
            let told =
                client.send(&head("POST /v1/chat/completions", SHARED_SECRET, size), &vec![b'x'; size]);
            assert_eq!(told.status, 503, "{size} bytes: {}", told.head);
            assert!(told.head.contains("retry-after: 1"), "{}", told.head);
            assert!(told.head.contains("connection: close"), "{}", told.head);
        }
        client
    };
    let mut client = tokio::task::spawn_blocking(sending).await.unwrap();
    model.release(1);
    held.text().await.unwrap();
    let innocent = move || {
        client.innocent();
        other.innocent();
    };
    tokio::task::spawn_blocking(innocent).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_to_be_told_to_go_on_is_not_when_the_answer_is_there() {
    let world = adapter().await;
    world.practice.model().always(Reply::text("yes"));
    let mut client = SlowReader::new(&world);
    let expecting = |secret: &str, length| {
        head("POST /v1/chat/completions", secret, length).replace("\n\n", "\nexpect: 100-continue\n\n")
    };

    let sending = move || {
        let refused = client.send(&expecting("a secret that is none", 12 << 20), b"");
        assert_eq!(refused.status, 401, "{}", refused.head);
        assert!(refused.head.contains("connection: close"), "{}", refused.head);
        let body = AdapterClient::question("hi").to_string();
        let told = client.send(&expecting(SHARED_SECRET, body.len()), b"");
        assert_eq!(told.status, 100, "{}", told.head);
        let mut stream = client.kept.take().unwrap();
        stream.write_all(body.as_bytes()).unwrap();
        assert_eq!(read(&mut stream).status, 200);
    };
    tokio::task::spawn_blocking(sending).await.unwrap();
}
