//! A site that sends a chunk when the adapter has read the one before and sleeps.
//!
//! Two chunks in one read cost less than two reads. A site that sends as fast as it can leaves it to chance how many
//! come together; this one sends each alone, as tokens come.

use std::{
    convert::Infallible,
    fs,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderValue, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::post,
};
use futures::{StreamExt, stream};
use tokio::{
    net::TcpListener,
    task::AbortHandle,
    time::{Instant, sleep},
};

use crate::upstream::{self, UpstreamPlan};

/// What a text is made of: pieces as tokens are, with what might begin a tag.
const WORDS: [&str; 8] = ["The", " list", " is", " empty", " if", " a", " <", " b.\n"];
/// Chunks of one call: its beginning, what it writes, its end.
const CALL: usize = 8;
/// Nothing sleeps for ever: an adapter that is busy for so long is stuck, and the client's deadline says so.
const LONGEST: Duration = Duration::from_secs(20);
/// Longer than pieces may be apart that the adapter takes for a burst and sends together.
const LOOK: Duration = Duration::from_millis(3);

/// The site.
pub(super) struct Lockstep {
    /// Where it is.
    pub address: SocketAddr,
    adapter: Arc<AtomicU32>,
    server: AbortHandle,
}

#[derive(Clone)]
struct Site {
    port: u16,
    adapter: Arc<AtomicU32>,
}

impl Lockstep {
    /// Serves until it is dropped.
    pub(super) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let adapter = Arc::new(AtomicU32::new(0));
        let site = Site { port: address.port(), adapter: Arc::clone(&adapter) };
        let router = Router::new().route("/v1/chat/completions", post(chat)).with_state(site);
        let tasks = latchkey_shared::shutdown::Tasks::new();
        let server = tasks.spawn(async move { axum::serve(listener, router).await }).abort_handle();
        Ok(Self { address, adapter, server })
    }

    /// Names the process whose sleep is waited for.
    pub(super) fn feed(&self, adapter: u32) {
        self.adapter.store(adapter, Ordering::Relaxed);
    }
}

impl Drop for Lockstep {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn chat(State(site): State<Site>, body: Bytes) -> Response {
    let plan = UpstreamPlan::read(&body);
    let mut pieces = pieces(plan.chunks, plan.call.then(|| upstream::nonce(&body)).flatten().as_deref());
    pieces.push(upstream::FINISH.to_owned());
    let body = stream::iter(pieces).then(move |piece| {
        let site = site.clone();
        async move {
            // Only a stream that waits has what it gave before sent off.
            tokio::task::yield_now().await;
            site.adapter_sleeps().await;
            Ok::<_, Infallible>(Bytes::from(piece))
        }
    });
    ([(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"))], Body::from_stream(body)).into_response()
}

/// So many chunks of text, or of calls in one block.
fn pieces(chunks: usize, nonce: Option<&str>) -> Vec<String> {
    let Some(nonce) = nonce else {
        return WORDS.iter().cycle().take(chunks).map(|word| upstream::chunk(word)).collect();
    };
    let text = |number: usize| {
        let call = number / CALL;
        let step = number % CALL;
        let open = if number == 0 { format!("<tool_calls_{nonce}>\n") } else { String::new() };
        let close = if number + 1 == chunks { format!("</tool_calls_{nonce}>") } else { String::new() };
        match step {
            0 => format!(
                "{open}<invoke_{nonce} name=\"write\">\n<parameter_{nonce} name=\"filePath\">{call}.txt\
                 </parameter_{nonce}>\n<parameter_{nonce} name=\"content\">"
            ),
            last if last == CALL - 1 => format!("</parameter_{nonce}>\n</invoke_{nonce}>\n{close}"),
            _ => WORDS[step].to_owned(),
        }
    };
    (0..chunks).map(|number| upstream::chunk(&text(number))).collect()
}

impl Site {
    async fn adapter_sleeps(&self) {
        let begun = Instant::now();
        while begun.elapsed() < LONGEST {
            sleep(LOOK).await;
            // In this order: whoever has read and not yet slept is still at work.
            if self.is_read() && is_asleep(self.adapter.load(Ordering::Relaxed)) {
                return;
            }
        }
    }

    /// Whether nothing lies in a socket between this site and the adapter (proc(5), `/proc/net/tcp`).
    fn is_read(&self) -> bool {
        let port = format!(":{:04X}", self.port);
        let sockets = fs::read_to_string("/proc/net/tcp").unwrap_or_default();
        sockets.lines().skip(1).all(|line| {
            let mut fields = line.split_whitespace().skip(1);
            let ours =
                [fields.next(), fields.next()].iter().flatten().any(|address| address.ends_with(&port));
            let queues = fields.nth(1).unwrap_or_default();
            !ours || queues == "00000000:00000000"
        })
    }
}

/// Whether all threads of a process wait for something.
fn is_asleep(pid: u32) -> bool {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return true };
    tasks.filter_map(Result::ok).all(|task| {
        let stat = fs::read_to_string(task.path().join("stat")).unwrap_or_default();
        stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with('S'))
    })
}
