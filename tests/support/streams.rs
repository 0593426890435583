//! Steady streams against one address until it is told to stop: each read to its end, each judged whole or not.
//!
//! The practice site answers with the question, one word each 25 ms: so whoever asks says how long an answer takes, and
//! knows every word of it. An answer counts as whole only if all of them came, a `finish_reason`, and `[DONE]`.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use latchkey_shared::time::Timestamp;
use reqwest::Url;
use serde_json::{Value, json};
use tokio::{sync::mpsc, task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;

mod answer;

pub use answer::{AnswerEnd, StreamAnswer};

/// Between two words of the practice site.
const WORD: Duration = Duration::from_millis(25);
/// More than the slowest answer takes beyond its words: a queue for an account, a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// Before whoever was refused at once asks again: load must not become a storm.
const PAUSE: Duration = Duration::from_millis(200);
/// More were not asked for by anybody; a loop that fails at once must end.
const MOST: u64 = 20_000;

/// What to ask, of whom, and how much at once.
#[derive(Clone, Debug)]
pub struct StreamsPlan {
    /// Address of the balancer, or of an adapter.
    pub url: Url,
    /// File with the shared secret in its first line; read anew for each request, as it may be rotated meanwhile.
    pub secret: PathBuf,
    /// Name of the model.
    pub model: String,
    /// Streams at once. Their starts are spread over the length of one, unless each asks for a number only.
    pub at_once: usize,
    /// How long the words of one answer take.
    pub length: Duration,
    /// How many each of them asks for; until it is told to stop without.
    pub each: Option<u64>,
}

/// Asks until `stop`, reads what is open then to its end, and tells each answer as soon as it has ended.
pub async fn run(plan: StreamsPlan, stop: CancellationToken, mut tell: impl FnMut(StreamAnswer)) {
    let plan = Arc::new(plan);
    let asked = Arc::new(AtomicU64::new(0));
    let (ended, mut answers) = mpsc::channel(plan.at_once.max(1));
    let mut askers = JoinSet::new();
    for number in 0..plan.at_once {
        let asker = Asker { plan: Arc::clone(&plan), asked: Arc::clone(&asked), ended: ended.clone() };
        askers.spawn(asker.ask_on(number, stop.clone()));
    }
    drop(ended);
    while let Some(answer) = answers.recv().await {
        tell(answer);
    }
}

struct Asker {
    plan: Arc<StreamsPlan>,
    asked: Arc<AtomicU64>,
    ended: mpsc::Sender<StreamAnswer>,
}

impl Asker {
    async fn ask_on(self, number: usize, stop: CancellationToken) {
        let Self { plan, asked, ended } = self;
        let share = if plan.each.is_none() { share(number, plan.at_once) } else { 0.0 };
        let spread = plan.length.mul_f64(share);
        if stop.run_until_cancelled(tokio::time::sleep(spread)).await.is_none() {
            return;
        }
        let http = client();
        let mut own = 0;
        while !stop.is_cancelled() && plan.each.is_none_or(|each| own < each) {
            let number = asked.fetch_add(1, Ordering::Relaxed);
            if number >= MOST {
                return;
            }
            own += 1;
            let answer = ask(&http, &plan, number).await;
            let whole = answer.end == AnswerEnd::Whole;
            if ended.send(answer).await.is_err() {
                return;
            }
            if !whole {
                stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
            }
        }
    }
}

async fn ask(http: &reqwest::Client, plan: &StreamsPlan, number: u64) -> StreamAnswer {
    let begun = Timestamp::now();
    let question = question(number, plan.length);
    let body =
        json!({"model": plan.model, "stream": true, "messages": [{"role": "user", "content": question}]});
    let deadline = Instant::now() + plan.length + PATIENCE;
    match tokio::time::timeout_at(deadline, open(http, plan, &body)).await {
        Ok(Ok(response)) => StreamAnswer::read(response, &question, begun, deadline).await,
        Ok(Err(cause)) => StreamAnswer::none(begun, &cause),
        Err(_) => StreamAnswer::none(begun, "no status in time"),
    }
}

async fn open(http: &reqwest::Client, plan: &StreamsPlan, body: &Value) -> Result<reqwest::Response, String> {
    let read = tokio::fs::read_to_string(&plan.secret).await;
    let secret = read.map_err(|error| format!("cannot read {}: {error}", plan.secret.display()))?;
    let secret = secret.lines().next().unwrap_or_default();
    let url = format!("{}/v1/chat/completions", plan.url.as_str().trim_end_matches('/'));
    let sent = http.post(url).bearer_auth(secret).json(body).send().await;
    sent.map_err(|error| format!("{:#}", anyhow::Error::new(error)))
}

/// As many words as take so long, none of them asked before.
fn question(number: u64, length: Duration) -> String {
    let words = length.as_millis() / WORD.as_millis();
    let mut question = format!("question {number}:");
    for word in 0..words {
        question += &format!(" w{word}");
    }
    question
}

/// A connection for each request: to which adapter it comes is decided anew each time.
fn client() -> reqwest::Client {
    crate::http::install_tls();
    let builder = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0);
    builder.build().expect("a client without settings of the machine is built")
}

#[expect(clippy::cast_precision_loss, reason = "askers are few")]
fn share(number: usize, of: usize) -> f64 {
    number as f64 / of as f64
}
