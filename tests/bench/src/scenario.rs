//! One scenario against one target: so many connections ask again and again until the time is over.

use std::{sync::Arc, time::Duration};

use tokio::{
    task::JoinSet,
    time::{Instant, timeout_at},
};

use crate::{
    figures::{Measured, Sum},
    load::{Connection, Seen},
    machine::{self, Watch},
    target::{Plan, Target},
};

/// An answer may take so much longer than its pace asks for. Who is slower fails, and the run stays bounded.
const GRACE: Duration = Duration::from_secs(15);
/// How often memory is looked at.
const SAMPLE: Duration = Duration::from_millis(50);

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

impl Scenario {
    /// How long it takes if the target keeps up.
    pub(crate) fn takes(&self) -> Duration {
        let stream = self.plan.takes();
        // A stream that begins just before the end goes on after it.
        if stream.is_zero() { self.lasts } else { stream.mul_f64(self.lasts.div_duration_f64(stream).ceil()) }
    }

    /// Measures a target.
    pub(crate) async fn measure(&self, target: &Target) -> Measured {
        let request = Arc::new(target.request(self.plan));
        let watch = Watch::begin();
        let cpu = target.pid.map(machine::cpu);
        let begun = Instant::now();
        let mut workers = JoinSet::new();
        for _ in 0..self.connections {
            let request = Arc::clone(&request);
            let target = target.clone();
            let scenario = *self;
            workers.spawn(async move { scenario.work(&target, &request, begun).await });
        }
        let mut all = Sum::default();
        let mut peak = 0;
        let mut samples = tokio::time::interval(SAMPLE);
        loop {
            tokio::select! {
                joined = workers.join_next() => match joined {
                    Some(Ok(sum)) => all.add(sum),
                    Some(Err(error)) => all.fail(format!("a connection of the load ended: {error}")),
                    None => break,
                },
                _ = samples.tick() => peak = peak.max(target.pid.map_or(0, machine::resident)),
            }
        }
        let elapsed = begun.elapsed();
        let cpu = target.pid.zip(cpu).map(|(pid, before)| machine::cpu(pid).saturating_sub(before));
        if let Some(trouble) = &all.trouble {
            eprint_trouble(target.name, self.name, all.errors, trouble);
        }
        let grown = peak.saturating_sub(target.idle);
        Measured {
            kib_per_stream: grown as f64 / 1024.0 / self.connections as f64,
            others: watch.others(),
            ..all.measured(elapsed, cpu.unwrap_or_default())
        }
    }

    async fn work(self, target: &Target, request: &[u8], begun: Instant) -> Sum {
        let mut sum = Sum::default();
        let mut connection = None;
        let end = begun + self.takes() + GRACE;
        while begun.elapsed() < self.lasts {
            let outcome = timeout_at(end, ask(&mut connection, target, request)).await;
            let expected = self.plan.chunks;
            match outcome {
                Ok(Ok(seen)) if seen.called != target.call => {
                    sum.fail(format!("the answer ended with calls: {}, expected otherwise", seen.called));
                }
                Ok(Ok(seen)) if seen.delays.len() == expected => {
                    sum.requests += 1;
                    sum.bytes += seen.bytes;
                    sum.firsts.push(seen.first);
                    sum.delays.extend(seen.delays);
                }
                Ok(Ok(seen)) => sum.fail(format!("{} chunks of {expected}", seen.delays.len())),
                Ok(Err(error)) => {
                    connection = None;
                    sum.fail(format!("{error:#}"));
                    // A target that refuses at once would be asked in a busy loop.
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Err(_) => sum.fail(format!("the answer was not whole {GRACE:?} after it should have been")),
            }
        }
        sum
    }
}

async fn ask(connection: &mut Option<Connection>, target: &Target, request: &[u8]) -> anyhow::Result<Seen> {
    let open = match connection.take() {
        Some(open) => open,
        None => Connection::open(target.address).await?,
    };
    connection.insert(open).ask(request).await
}

#[expect(clippy::print_stderr, reason = "a failing target is told at once, beside the progress")]
fn eprint_trouble(target: &str, scenario: &str, errors: usize, trouble: &str) {
    let shown: String = trouble.chars().take(300).collect();
    eprintln!("\n{target}, {scenario}: {errors} errors, the first: {shown}");
}
