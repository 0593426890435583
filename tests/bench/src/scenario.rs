//! One scenario against one target: so many connections ask again and again until the time is over.

use std::{sync::Arc, time::Duration};

use tokio::{task::JoinSet, time::Instant};

use crate::{
    load::Connection,
    machine,
    target::{Plan, Target},
};

/// A scenario.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scenario {
    /// Its name in the table.
    pub name: &'static str,
    /// What each request asks for.
    pub plan: Plan,
    /// Connections at once.
    pub connections: usize,
    /// When the last request is sent.
    pub lasts: Duration,
}

/// What a scenario showed.
#[derive(Clone, Copy, Debug, Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct Measured {
    /// Whole answers a second.
    pub requests_per_second: f64,
    /// Chunks a second.
    pub chunks_per_second: f64,
    /// CPU milliseconds of the target per request.
    pub cpu_ms_per_request: f64,
    /// CPU seconds of the target per million chunks.
    pub cpu_s_per_million_chunks: f64,
    /// Milliseconds to the first stamp.
    pub first_p50_ms: f64,
    /// The same, of the slowest hundredth.
    pub first_p99_ms: f64,
    /// Milliseconds from the stamp of a chunk to its arrival.
    pub chunk_p50_ms: f64,
    /// The same, of the slowest hundredth.
    pub chunk_p99_ms: f64,
    /// KiB of the target's memory per connection, over what it had before.
    pub kib_per_stream: f64,
    /// Answers that failed or lacked a chunk.
    pub errors: f64,
}

#[derive(Default)]
struct Sum {
    requests: usize,
    errors: usize,
    firsts: Vec<u64>,
    delays: Vec<u64>,
    trouble: Option<String>,
}

impl Scenario {
    /// Measures a target.
    pub(crate) async fn measure(&self, target: &Target) -> Measured {
        let request = Arc::new(target.request(self.plan));
        let (cpu, resident) = (target.pid.map(machine::cpu), target.pid.map(machine::resident));
        let begun = Instant::now();
        let mut workers = JoinSet::new();
        for _ in 0..self.connections {
            let (request, target, scenario) = (Arc::clone(&request), target.clone(), *self);
            workers.spawn(async move { scenario.work(&target, &request, begun).await });
        }
        let memory = async {
            tokio::time::sleep(self.lasts.mul_f64(0.8)).await;
            target.pid.map(machine::resident)
        };
        let (sums, at_work) = tokio::join!(workers.join_all(), memory);
        let elapsed = begun.elapsed().as_secs_f64();
        let cpu = target.pid.zip(cpu).map(|(pid, before)| machine::cpu(pid).saturating_sub(before));
        let mut all = Sum::default();
        for sum in sums {
            all.add(sum);
        }
        if let Some(trouble) = &all.trouble {
            eprint_trouble(target.name, self.name, all.errors, trouble);
        }
        let grown = at_work.zip(resident).map_or(0, |(at_work, before)| at_work.saturating_sub(before));
        all.measured(elapsed, cpu.unwrap_or_default(), grown as f64 / 1024.0 / self.connections as f64)
    }

    async fn work(self, target: &Target, request: &[u8], begun: Instant) -> Sum {
        let mut sum = Sum::default();
        let mut connection = None;
        while begun.elapsed() < self.lasts {
            let outcome = async {
                let open = match connection.take() {
                    Some(open) => open,
                    None => Connection::open(target.address).await?,
                };
                connection.insert(open).ask(request).await
            };
            let expected = self.plan.chunks;
            match outcome.await {
                Ok(seen) if seen.delays.len() == expected => {
                    sum.requests += 1;
                    sum.firsts.push(seen.first);
                    sum.delays.extend(seen.delays);
                }
                Ok(seen) => sum.fail(format!("{} chunks of {expected}", seen.delays.len())),
                Err(error) => {
                    connection = None;
                    sum.fail(format!("{error:#}"));
                    // A target that refuses at once would be asked in a busy loop.
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        }
        sum
    }
}

impl Sum {
    fn fail(&mut self, trouble: String) {
        self.errors += 1;
        self.trouble.get_or_insert(trouble);
    }

    fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.errors += other.errors;
        self.firsts.extend(other.firsts);
        self.delays.extend(other.delays);
        self.trouble = self.trouble.take().or(other.trouble);
    }

    fn measured(mut self, elapsed: f64, cpu: Duration, kib_per_stream: f64) -> Measured {
        self.firsts.sort_unstable();
        self.delays.sort_unstable();
        let (requests, chunks) = (self.requests as f64, self.delays.len() as f64);
        Measured {
            requests_per_second: requests / elapsed,
            chunks_per_second: chunks / elapsed,
            cpu_ms_per_request: cpu.as_secs_f64() * 1e3 / requests.max(1.0),
            cpu_s_per_million_chunks: cpu.as_secs_f64() * 1e6 / chunks.max(1.0),
            first_p50_ms: percentile(&self.firsts, 0.50),
            first_p99_ms: percentile(&self.firsts, 0.99),
            chunk_p50_ms: percentile(&self.delays, 0.50),
            chunk_p99_ms: percentile(&self.delays, 0.99),
            kib_per_stream,
            errors: self.errors as f64,
        }
    }
}

impl Measured {
    /// The median of several rounds, each figure by itself.
    pub(crate) fn median(rounds: &[Self]) -> Self {
        let of = |field: fn(&Self) -> f64| {
            let mut values: Vec<f64> = rounds.iter().map(field).collect();
            values.sort_by(f64::total_cmp);
            values.get(values.len() / 2).copied().unwrap_or_default()
        };
        Self {
            requests_per_second: of(|m| m.requests_per_second),
            chunks_per_second: of(|m| m.chunks_per_second),
            cpu_ms_per_request: of(|m| m.cpu_ms_per_request),
            cpu_s_per_million_chunks: of(|m| m.cpu_s_per_million_chunks),
            first_p50_ms: of(|m| m.first_p50_ms),
            first_p99_ms: of(|m| m.first_p99_ms),
            chunk_p50_ms: of(|m| m.chunk_p50_ms),
            chunk_p99_ms: of(|m| m.chunk_p99_ms),
            kib_per_stream: of(|m| m.kib_per_stream),
            // An error in one round is an error.
            errors: rounds.iter().map(|m| m.errors).fold(0.0, f64::max),
        }
    }
}

/// In milliseconds, of sorted nanoseconds.
fn percentile(sorted: &[u64], part: f64) -> f64 {
    let last = sorted.len().saturating_sub(1) as f64;
    sorted.get((last * part).round() as usize).map_or(0.0, |&nanos| nanos as f64 / 1e6)
}

#[expect(clippy::print_stderr, reason = "a failing target is told at once, beside the progress")]
fn eprint_trouble(target: &str, scenario: &str, errors: usize, trouble: &str) {
    eprintln!("\n{target}, {scenario}: {errors} errors, the first: {trouble}");
}
