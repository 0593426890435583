//! What the length of one answer costs: a stream twenty times longer, and the argument of a call of 5 MiB.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};

use crate::{
    progress::Progress,
    scenario::Scenario,
    size::Size,
    target::{Plan, Target},
    world::World,
};

/// Bytes that a stamp and the space behind it take: `t=`, at least thirteen digits of nanoseconds, `;` and a space.
const STAMP: usize = 17;
/// Bytes of a piece of an argument: a long token.
const PIECE: usize = 64;

/// Memory per stream of streams of two lengths.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Streams {
    /// Which target, and whether the request offers a tool.
    pub target: String,
    /// KiB per short stream.
    pub short_kib: f64,
    /// KiB per stream of twenty times its length.
    pub long_kib: f64,
    /// Answers that failed.
    pub errors: f64,
}

/// A call with an argument of so many KiB.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Argument {
    /// The argument.
    pub kib: usize,
    /// CPU nanoseconds of the adapter per byte.
    #[serde(deserialize_with = "figure")]
    pub cpu_ns_per_byte: f64,
    /// Seconds until the call was there.
    #[serde(deserialize_with = "figure")]
    pub seconds: f64,
    /// The adapter's memory at its peak, over what it had when it was started.
    pub peak_mib: f64,
    /// Answers that failed.
    pub errors: f64,
}

/// What could not be measured, on a machine that was too busy, is no number; JSON has null for that.
fn figure<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Option::<f64>::deserialize(deserializer).map(|figure| figure.unwrap_or(f64::NAN))
}

/// How long both should take.
pub(crate) fn takes(size: Size) -> Duration {
    let streams: Duration = size.lengths().iter().map(Scenario::takes).sum();
    streams * 3 + size.arguments().into_iter().map(argument_takes).sum::<Duration>()
}

fn argument_takes(kib: usize) -> Duration {
    Duration::from_secs_f64(kib as f64 / 1500.0)
}

/// Short streams first, so that what they leave behind is no excuse for the long ones.
pub(crate) async fn streams(
    world: &World,
    size: Size,
    progress: &mut Progress,
) -> anyhow::Result<Vec<Streams>> {
    let [short, long] = size.lengths();
    let mut all = Vec::new();
    for (name, mode, tools) in
        [("native", "native", true), ("sieve", "sieve", true), ("no tools", "native", false)]
    {
        let (_process, target) = world.fresh(Target { tools, ..world.mode(mode)? }).await?;
        progress.step("length", &format!("{name}, short streams"), short.takes());
        let before = short.measure(&target).await;
        progress.step("length", &format!("{name}, long streams"), long.takes());
        let after = long.measure(&target).await;
        all.push(Streams {
            target: name.to_owned(),
            short_kib: before.kib_per_stream,
            long_kib: after.kib_per_stream,
            errors: before.errors + after.errors,
        });
    }
    Ok(all)
}

/// One call at a time, each in an adapter of its own.
pub(crate) async fn arguments(
    world: &World,
    size: Size,
    progress: &mut Progress,
) -> anyhow::Result<Vec<Argument>> {
    let mut all = Vec::new();
    for kib in size.arguments() {
        let chunks = (kib << 10) / PIECE;
        let scenario = Scenario {
            name: "argument",
            plan: Plan { chunks, pace_ms: 0, bytes: PIECE - STAMP, stream: true },
            connections: 1,
            lasts: Duration::from_millis(1),
        };
        let (_process, target) = world.fresh(world.mode("calls")?).await?;
        progress.step("argument", &format!("{kib} KiB"), argument_takes(kib));
        let measured = scenario.measure(&target).await;
        all.push(Argument {
            kib,
            cpu_ns_per_byte: measured.cpu_s_per_million_chunks * 1e3 / PIECE as f64,
            seconds: 1.0 / measured.requests_per_second,
            peak_mib: measured.kib_per_stream / 1024.0,
            errors: measured.errors,
        });
    }
    Ok(all)
}
