//! Adapters behind the balancer of `compose/`, as processes: what becomes of streams when some of them go.

use std::time::Duration;

use futures::{StreamExt, future::join_all, stream};
use reqwest::{Response, Url};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use support::{
    balancer::Balancer,
    binaries::Binary,
    http,
    model::{CallEnd, Reply},
    practice::PracticeOptions,
    processes, wait,
    world::{AdapterClient, SHARED_SECRET, World},
};

const ACCOUNTS: [&str; 8] = ["anna", "bert", "carl", "dora", "emil", "fred", "gina", "hans"];
const LIMIT: u32 = 150;
const STREAMS: usize = 1000;
/// Requests on their way at once: so many as a gateway sends in a burst.
const BURST: usize = 64;
/// A lease that nobody gives back ends by itself after a minute.
const LEASE: Duration = Duration::from_secs(60);
/// Until something is seen that is due, on a machine that builds meanwhile.
const GRACE: Duration = Duration::from_secs(120);

/// The parts of a test: a world without adapters, and adapters as processes.
struct BalancedStage {
    world: World,
    adapters: Vec<Binary>,
}

impl BalancedStage {
    async fn with(adapters: usize) -> Self {
        // nginx and the adapters inherit it: a thousand streams are more files than most shells allow at first.
        let limit = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
        let start = World::start().without_broker().practice(PracticeOptions::with_accounts(&ACCOUNTS));
        let start = start.adapters(0).concurrency(LIMIT);
        let world = ACCOUNTS.iter().fold(start, |start, username| start.with_session(username)).await;
        let mut stage = Self { world, adapters: Vec::new() };
        for _ in 0..adapters {
            stage.add().await;
        }
        stage
    }

    async fn add(&mut self) {
        let directory = self.world.directory.path().join(format!("adapter-{}", self.adapters.len()));
        std::fs::create_dir(&directory).unwrap();
        let url = format!("practice={}", self.world.practice.url);
        let mut env = self.world.keys.common(&self.world.redis.url(), &url);
        env.extend(self.world.keys.adapter());
        env.push(("LATCHKEY_QUEUE_DEADLINE".to_owned(), "60s".to_owned()));
        self.adapters.push(Binary::adapter(&directory, &env).await);
    }

    fn urls(&self) -> Vec<&Url> {
        self.adapters.iter().map(|adapter| &adapter.url).collect()
    }

    async fn leases(&self) -> u32 {
        let leases = ACCOUNTS.map(|username| self.world.store.leases(self.world.account(username)));
        join_all(leases).await.into_iter().map(Result::unwrap).sum()
    }
}

/// What became of one stream.
#[derive(Debug, PartialEq, Eq)]
enum StreamResult {
    Whole,
    Cut,
    /// An end that looks well and is none, or anything else that must not be.
    Wrong(String),
}

/// Reads a stream to its end.
async fn seen(mut response: Response) -> StreamResult {
    let mut text = String::new();
    loop {
        match response.chunk().await {
            Ok(Some(bytes)) => text.push_str(&String::from_utf8_lossy(&bytes)),
            Ok(None) if text.contains("ended") && text.ends_with("data: [DONE]\n\n") => {
                return StreamResult::Whole;
            }
            Err(error) if !error.is_timeout() && !text.contains("[DONE]") => return StreamResult::Cut,
            other => return StreamResult::Wrong(format!("{other:?} after {text}")),
        }
    }
}

/// Opens streams; each has begun when this returns.
async fn open(http: &reqwest::Client, url: &Url, count: usize) -> Vec<Response> {
    let url = url.join("/v1/chat/completions").unwrap();
    let mut question = AdapterClient::question("hi");
    question["stream"] = true.into();
    let one = || async {
        let request = http.post(url.clone()).bearer_auth(SHARED_SECRET).json(&question);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200, "{}", response.text().await.unwrap());
        response
    };
    stream::iter(0..count).map(|_| one()).buffer_unordered(BURST).collect().await
}

/// A client whose streams may last.
fn patient() -> reqwest::Client {
    http::install_tls();
    reqwest::Client::builder().no_proxy().timeout(3 * GRACE).build().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_streams_bear_the_stop_of_one_adapter_and_the_death_of_another() {
    let mut stage = BalancedStage::with(5).await;
    let balancer = Balancer::start(&stage.urls()).await;
    let model = stage.world.practice.model();
    model.always(Reply::text("begun, ").hold().piece("ended").usage(1, 2));
    let http = patient();

    let first = open(&http, &balancer.url, STREAMS).await;
    let share = |adapter: &Binary| held(&http, adapter.url.clone());
    let of_stopped = share(&stage.adapters[0]).await;
    let of_killed = share(&stage.adapters[1]).await;
    processes::terminate(stage.adapters[0].pid());
    stage.adapters[1].kill();
    let second = open(&http, &balancer.url, 50).await;
    let left = STREAMS + 50 - of_killed;
    wait::until(GRACE, || model.count(CallEnd::Held) == left).await;
    model.release(left);
    let ends = join_all(first.into_iter().chain(second).map(seen)).await;
    stage.adapters[0].stop().await;

    let wrong: Vec<&StreamResult> = ends.iter().filter(|end| matches!(end, StreamResult::Wrong(_))).collect();
    assert!(wrong.is_empty(), "{} of them, {:?}\n{}", wrong.len(), wrong.first(), balancer.log());
    assert!(of_stopped > 0 && of_killed > 0, "{of_stopped} {of_killed}");
    assert_eq!(
        ends.iter().filter(|end| **end == StreamResult::Cut).count(),
        of_killed,
        "only the dead one's are cut"
    );
    wait::until_some(LEASE + GRACE, async || (stage.leases().await == 0).then_some(())).await;
    // As many as all accounts bear together.
    let places = ACCOUNTS.len() * LIMIT as usize;
    let all = open(&http, &balancer.url, places).await;
    assert_eq!(stage.leases().await as usize, places);
    model.release(places);
    assert!(join_all(all.into_iter().map(seen)).await.iter().all(|end| *end == StreamResult::Whole));
}

#[tokio::test(flavor = "multi_thread")]
async fn adapters_come_and_go_under_load_without_an_error() {
    let mut stage = BalancedStage::with(2).await;
    let balancer = Balancer::start(&stage.urls()).await;
    stage
        .world
        .practice
        .model()
        .always_with(|_| Reply::text("begun, ").wait(Duration::from_millis(50)).piece("ended"));
    let http = patient();
    let url = balancer.url.clone();
    let (stop, mut stopped) = tokio::sync::watch::channel(false);
    let model = stage.world.practice.model().clone();
    let load_http = http.clone();

    let tasks = latchkey_shared::shutdown::Tasks::new();
    let load = tasks.spawn(async move {
        let mut ends = Vec::new();
        while !*stopped.borrow_and_update() {
            ends.extend(join_all(open(&load_http, &url, 8).await.into_iter().map(seen)).await);
        }
        ends
    });
    stage.add().await;
    balancer.change(&stage.urls()).await;
    let newest = stage.adapters[2].url.clone();
    wait::until_some(GRACE, async || (held(&http, newest.clone()).await > 0).then_some(())).await;
    stage.adapters[0].stop().await;
    let remaining = stage.urls();
    balancer.change(&remaining[1..]).await;
    let asked = model.calls().len();
    wait::until(GRACE, || model.calls().len() > asked + 24).await;
    stop.send(true).unwrap();
    let ends = load.await.unwrap();

    assert!(
        ends.len() > 24 && ends.iter().all(|end| *end == StreamResult::Whole),
        "{ends:?}\n{}",
        balancer.log()
    );
}

/// How many accounts an adapter holds.
async fn held(http: &reqwest::Client, adapter: Url) -> usize {
    let metrics = http.get(adapter.join("/metrics").unwrap()).send().await.unwrap().text().await.unwrap();
    let line = metrics.lines().find_map(|line| line.strip_prefix("latchkey_adapter_leases "));
    line.expect("there is a gauge of leases").trim().parse().unwrap()
}
