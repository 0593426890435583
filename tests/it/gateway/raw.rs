//! What the gateway makes of an upstream that nobody of ours has written: each row as it was measured on v1.0.0-rc.24, with
//! `RetryTimes` 1. The stand-in is held to them, and the real one too where somebody has brought it.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::HeaderMap,
    response::Response,
};
use futures::{StreamExt, future::join_all, stream};
use serde_json::json;
use support::{
    new_api::{Console, NewApi, Real, brought},
    server::Server,
};

use super::{
    cells::{CellApi, GatewayCell, Path, Tools},
    faults::Fault,
    stage::{channel, question, read},
    words::{CellOutcome, word},
};

mod rows;

use rows::{MeasuredRow, UpstreamStep};

/// Longer than the gateway's ping of a second.
const LATE: Duration = Duration::from_millis(1400);
/// So that what was said before a cut is on the wire.
const FLUSH: Duration = Duration::from_millis(20);

/// The rows by their marks, and how those that asked named themselves.
#[derive(Clone, Default)]
struct RawUpstream {
    rows: Arc<Mutex<BTreeMap<String, RowRequests>>>,
    agents: Arc<Mutex<BTreeSet<String>>>,
}

/// A row, and how often it was asked.
type RowRequests = (MeasuredRow, Arc<AtomicUsize>);

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_does_what_was_measured() {
    let upstream = RawUpstream::default();
    let server = Server::start(Router::new().fallback(answer).with_state(upstream.clone())).await;
    let base = server.url().as_str().trim_end_matches('/').to_owned();
    let mut wrong = Vec::new();

    let stand_in = NewApi::start().await;
    wrong.extend(differing("the stand-in", &stand_in.console(), &upstream, &base).await);
    if let Some(binary) = brought() {
        let real = Real::start(&binary).await;
        wrong.extend(differing("the real one", &real.console(), &upstream, &base).await);
    }

    let agents = upstream.agents.lock().unwrap().clone();
    assert_eq!(
        agents,
        BTreeSet::from(["Go-http-client/1.1".to_owned()]),
        "the adapter knows it by this name"
    );
    assert!(wrong.is_empty(), "{} rows are otherwise:\n{}", wrong.len(), wrong.join("\n"));
}

/// The rows that a gateway answers otherwise.
async fn differing(name: &str, console: &Console, upstream: &RawUpstream, base: &str) -> Vec<String> {
    for kind in [1, 14, 60] {
        console.add(&channel(kind, &format!("model-{kind}"), base)).await;
    }
    console.set("RetryTimes", "1").await;
    console.set("general_setting.ping_interval_seconds", "1").await;
    let mut wrong = Vec::new();
    for pings in [false, true] {
        console.set("general_setting.ping_interval_enabled", if pings { "true" } else { "false" }).await;
        let rows = rows::all().into_iter().filter(|row| row.pings == pings);
        let rows: Vec<(MeasuredRow, Path)> =
            rows.flat_map(|row| row.paths.iter().map(move |path| (row.clone(), *path))).collect();
        let outcomes = join_all(rows.iter().map(|(row, path)| outcome(console, upstream, row, *path))).await;
        for ((row, path), told) in rows.iter().zip(outcomes) {
            let expected = CellOutcome { word: row.word, asked: row.asked };
            if told != expected {
                wrong.push(format!("{name}, {path}: {}: {told}, and not {expected}", row.about));
            }
        }
    }
    wrong
}

async fn outcome(console: &Console, upstream: &RawUpstream, row: &MeasuredRow, path: Path) -> CellOutcome {
    let asked = Arc::new(AtomicUsize::new(0));
    let mark = {
        let mut rows = upstream.rows.lock().unwrap();
        let mark = format!("cell {:05}.", rows.len());
        rows.insert(mark.clone(), (row.clone(), Arc::clone(&asked)));
        mark
    };
    let cell = GatewayCell {
        fault: Fault::None,
        path,
        streamed: true,
        retries: 1,
        tools: Tools::None,
        pings: row.pings,
    };
    let body = question(cell, &format!("model-{}", path.kind), &mark);
    let answer = console.asks(path.wire.path(), &body).send().await.unwrap();
    assert_eq!(answer.headers().get("retry-after"), None, "it is never passed on");
    let status = answer.status().as_u16();
    CellOutcome { word: word(cell, status, &read(answer).await), asked: asked.load(Ordering::SeqCst) }
}

async fn answer(State(upstream): State<RawUpstream>, headers: HeaderMap, body: Bytes) -> Response {
    let agent =
        headers.get("user-agent").map_or_else(String::new, |agent| agent.to_str().unwrap().to_owned());
    upstream.agents.lock().unwrap().insert(agent);
    let text = String::from_utf8_lossy(&body);
    let at = text.find("cell ").expect("every question has its mark");
    let (row, asked) = upstream.rows.lock().unwrap()[&text[at..at + "cell 00000.".len()]].clone();
    let again = asked.fetch_add(1, Ordering::SeqCst) > 0;
    let head = Response::builder().header("retry-after", "7");
    let (status, steps) = if again && row.recovers { (200, whole(&row)) } else { (row.status, row.steps) };
    if status != 200 {
        if row.pings {
            tokio::time::sleep(LATE).await;
        }
        let error = json!({"error": {"message": "no", "type": "api_error", "code": "api_error"}}).to_string();
        return head.status(status).header("content-type", "application/json").body(error.into()).unwrap();
    }
    let pieces = stream::iter(steps).then(async |step| match step {
        UpstreamStep::Say(text) => Ok(Bytes::from(text)),
        UpstreamStep::Late => {
            tokio::time::sleep(LATE).await;
            Ok(Bytes::new())
        }
        UpstreamStep::Cut => {
            tokio::time::sleep(FLUSH).await;
            Err(io::Error::new(io::ErrorKind::ConnectionReset, "the row cuts the answer off"))
        }
    });
    head.header("content-type", "text/event-stream").body(Body::from_stream(pieces)).unwrap()
}

/// A whole answer in the words of a row's channel.
fn whole(row: &MeasuredRow) -> Vec<UpstreamStep> {
    let converts = row.paths.iter().any(|path| path.kind == 1);
    let text = match row.paths[0].wire {
        CellApi::Responses => rows::WHOLE_RESPONSE,
        CellApi::Messages if !converts => rows::WHOLE_MESSAGE,
        CellApi::Chat | CellApi::Messages => rows::WHOLE_CHAT,
    };
    vec![UpstreamStep::Say(text)]
}
