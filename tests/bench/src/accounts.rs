//! What many accounts cost: the same requests over few and over many, and how often each asks Redis.

use std::time::Duration;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::{
    figures::{Measured, median},
    load::Connection,
    machine,
    redis::Statistics,
    scenario::Scenario,
    size::Size,
    target::Plan,
    world::{Apart, World},
};

/// Between two requests that are counted: the lease of the first is given back before the second asks for one.
const BETWEEN: Duration = Duration::from_millis(5);

/// What so many accounts cost.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Accounts {
    /// So many.
    pub accounts: usize,
    /// CPU milliseconds of the adapter per request, in S1.
    pub cpu_ms_per_request: f64,
    /// The same, of Redis.
    pub redis_cpu_ms_per_request: f64,
    /// CPU seconds of the adapter per million chunks, in S2.
    pub cpu_s_per_million_chunks: f64,
    /// Round trips to Redis per streamed answer, the median.
    pub round_trips_per_stream: f64,
    /// The same, per whole answer to a request with tools, for which an answer may have been kept.
    pub round_trips_per_whole: f64,
    /// Answers that failed.
    pub errors: f64,
    /// Cores that others used meanwhile.
    pub others: f64,
}

/// What is counted: answers of one chunk.
const WHOLE: Plan = Plan { chunks: 1, pace_ms: 0, bytes: 0, stream: false };
const STREAM: Plan = Plan { stream: true, ..WHOLE };
const MAKING: Duration = Duration::from_secs(8);
/// How often that is tried at most, on a slow machine.
const WARMED: usize = 6;
const COUNTING: Duration = Duration::from_secs(2);

/// How long it should take.
pub(crate) fn takes(size: Size) -> Duration {
    let rounds: Duration = scenarios(size).iter().map(Scenario::takes).sum();
    let [few, many] = size.accounts().map(warming);
    MAKING + few + many + rounds * 2 * size.rounds() as u32 + COUNTING * 2
}

fn scenarios(size: Size) -> Vec<Scenario> {
    size.scenarios().into_iter().filter(|scenario| matches!(scenario.name, "S1" | "S2")).collect()
}

/// Until each account has had a request.
fn warming(accounts: usize) -> Duration {
    Duration::from_secs_f64(accounts as f64 / 2000.0).max(Duration::from_millis(100))
}

/// Measures few and many in turn.
pub(crate) async fn measure(
    world: &World,
    size: Size,
    progress: &mut crate::progress::Progress,
) -> anyhow::Result<Vec<Accounts>> {
    let [few, many] = size.accounts();
    progress.step("accounts", &format!("{few} and {many} are made"), MAKING);
    let places = [(few, world.apart("few", few).await?), (many, world.apart("many", many).await?)];
    let scenarios = scenarios(size);
    let mut all = Vec::new();
    let mut rounds = vec![Rounds::default(); places.len()];
    for (count, place) in &places {
        progress.step("accounts", &format!("{count}, sessions are opened"), warming(*count));
        warm(place, *count).await;
    }
    for round in 1..=size.rounds() {
        for ((count, place), rounds) in places.iter().zip(&mut rounds) {
            for scenario in &scenarios {
                let label = format!("{count}, {} {round}/{}", scenario.name, size.rounds());
                progress.step("accounts", &label, scenario.takes());
                rounds.add(scenario, place).await;
            }
        }
    }
    for ((count, place), rounds) in places.iter().zip(&rounds) {
        progress.step("accounts", &format!("{count}, round trips"), COUNTING);
        let [whole, stream] = [WHOLE, STREAM].map(|plan| place.target.request(plan));
        let round_trips_per_stream = round_trips(place, &stream, size.counted()).await?;
        let round_trips_per_whole = round_trips(place, &whole, size.counted()).await?;
        all.push(Accounts {
            accounts: *count,
            round_trips_per_stream,
            round_trips_per_whole,
            ..rounds.figures()
        });
    }
    Ok(all)
}

#[derive(Clone, Default)]
struct Rounds {
    whole: Vec<Measured>,
    streams: Vec<Measured>,
    redis_ms: Vec<f64>,
}

impl Rounds {
    async fn add(&mut self, scenario: &Scenario, place: &Apart) {
        let before = machine::cpu(place.redis_pid);
        let measured = scenario.measure(&place.target).await;
        let redis = machine::cpu(place.redis_pid).saturating_sub(before);
        if scenario.plan.stream {
            self.streams.push(measured);
        } else {
            let requests = measured.requests_per_second * scenario.lasts.as_secs_f64();
            self.redis_ms.push(redis.as_secs_f64() * 1e3 / requests.max(1.0));
            self.whole.push(measured);
        }
    }

    fn figures(&self) -> Accounts {
        let whole = Measured::median(&self.whole);
        let streams = Measured::median(&self.streams);
        Accounts {
            accounts: 0,
            cpu_ms_per_request: whole.cpu_ms_per_request,
            redis_cpu_ms_per_request: median(self.redis_ms.clone()),
            cpu_s_per_million_chunks: streams.cpu_s_per_million_chunks,
            round_trips_per_stream: 0.0,
            round_trips_per_whole: 0.0,
            errors: whole.errors + streams.errors,
            others: whole.others.max(streams.others),
        }
    }
}

/// A session is opened once for each account and then kept: that is the price of a start, not of a request.
async fn warm(place: &Apart, accounts: usize) {
    let scenario = Scenario { lasts: warming(accounts), ..Size::Full.scenarios()[0] };
    let mut asked = 0.0;
    for _ in 0..WARMED {
        let measured = scenario.measure(&place.target).await;
        asked += measured.requests_per_second * scenario.lasts.as_secs_f64();
        // Each account in its turn, and some more: other scenarios may have begun in the middle.
        if asked > accounts as f64 * 1.5 {
            return;
        }
    }
}

/// The median over requests that come one by one, so that nothing of the background counts.
async fn round_trips(place: &Apart, request: &[u8], requests: usize) -> anyhow::Result<f64> {
    let mut statistics = Statistics::open(place.redis).await?;
    let mut connection = Connection::open(place.target.address).await?;
    let mut counted = Vec::new();
    for _ in 0..requests {
        let before = statistics.reads().await?;
        connection.ask(request).await.context("a request that is counted failed")?;
        tokio::time::sleep(BETWEEN).await;
        // The second question is a read too.
        counted.push((statistics.reads().await? - before - 1) as f64);
    }
    Ok(median(counted))
}
