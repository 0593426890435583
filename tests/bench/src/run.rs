//! One run: everything is started once, the scenarios go over the targets in turn.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use anyhow::Context;
use tokio::time::Instant;

use crate::{
    adapter::Deployment,
    machine, nginx,
    process::{Process, free_address},
    redis,
    report::Report,
    scenario::{Measured, Scenario},
    target::{Plan, Target},
};

/// How a run shall be.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The adapter's release binary.
    #[arg(long)]
    adapter: PathBuf,
    /// One round and no small scenario: under two minutes.
    #[arg(long)]
    quick: bool,
    /// Only these scenarios.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Only these targets.
    #[arg(long, value_delimiter = ',')]
    targets: Vec<String>,
    /// Where the figures go as JSON; those of the run before are compared first.
    #[arg(long)]
    json: Option<PathBuf>,
}

const STREAM: Plan = Plan { chunks: 100, pace_ms: 20, bytes: 0, stream: true };

fn scenarios(quick: bool) -> Vec<Scenario> {
    let seconds = Duration::from_secs_f64;
    let s1 = Plan { chunks: 1, pace_ms: 0, bytes: 100, stream: false };
    let s2 = Plan { chunks: 200, ..STREAM };
    let mut all = vec![
        Scenario { name: "S1", plan: s1, connections: 32, lasts: seconds(1.5) },
        Scenario { name: "S2", plan: Plan { pace_ms: 0, ..s2 }, connections: 16, lasts: seconds(1.5) },
        Scenario { name: "S3-10", plan: STREAM, connections: 10, lasts: seconds(2.0) },
        Scenario { name: "S3-50", plan: STREAM, connections: 50, lasts: seconds(3.0) },
        Scenario { name: "S3-200", plan: STREAM, connections: 200, lasts: seconds(3.0) },
        Scenario { name: "S3-1000", plan: STREAM, connections: 1000, lasts: seconds(4.0) },
    ];
    if quick {
        all.retain(|scenario| !matches!(scenario.name, "S3-10" | "S3-50"));
    }
    all
}

/// Measures and reports.
pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    let directory = tempfile::Builder::new().prefix("latchkey-bench-").tempdir()?;
    let own = std::env::current_exe()?.display().to_string();
    let (begun, busy) = (Instant::now(), machine::busy());

    let site = free_address()?;
    let mut upstream = Process::start(&own, &["upstream", &site.to_string()], &[])?;
    upstream.ready(&format!("http://{site}/readyz")).await?;
    let address = free_address()?;
    let redis_server = redis::start(directory.path(), address).await?;
    let deployment = Deployment::new(directory.path(), address, site).await?;
    deployment.add_accounts(10).await?;

    let proxy = free_address()?;
    let mut nginx = nginx::start(directory.path(), proxy, site)?;
    nginx.ready(&format!("http://{proxy}/readyz")).await?;
    let lowest = free_address()?;
    let mut floor = Process::start(&own, &["floor", &lowest.to_string(), &format!("http://{site}")], &[])?;
    floor.ready(&format!("http://{lowest}/readyz")).await?;
    let (adapter, listen, cold_start) =
        deployment.start(&options.adapter).await.context("cannot start the adapter")?;
    let idle = machine::resident(adapter.pid());

    let plain = |name, address, pid| Target { name, address, pid, model: "bench", tools: true, call: false };
    let ours = |name, model, call| Target { model, call, ..plain(name, listen, Some(adapter.pid())) };
    let targets = [
        plain("direct", site, None),
        plain("nginx", proxy, Some(nginx.pid())),
        plain("floor", lowest, Some(floor.pid())),
        ours("native", "bench-native", false),
        ours("sieve", "bench-text", false),
        ours("calls", "bench-text", true),
    ];
    let wanted = |list: &[String], name: &str| list.is_empty() || list.iter().any(|wanted| wanted == name);
    let targets: Vec<Target> =
        targets.into_iter().filter(|target| wanted(&options.targets, target.name)).collect();
    let mut report = Report::new(cold_start, idle);
    let rounds = if options.quick { 1 } else { 3 };
    for scenario in scenarios(options.quick) {
        if !wanted(&options.only, scenario.name) {
            continue;
        }
        let mut measured: BTreeMap<&str, Vec<Measured>> = BTreeMap::new();
        for round in 1..=rounds {
            for target in &targets {
                progress(begun, scenario.name, round, rounds, target.name);
                measured.entry(target.name).or_default().push(scenario.measure(target).await);
            }
        }
        for target in &targets {
            report.add(scenario.name, target.name, Measured::median(&measured[target.name]));
        }
    }
    let pids =
        [upstream.pid(), redis_server.pid(), nginx.pid(), floor.pid(), adapter.pid(), std::process::id()];
    let ours: Duration = pids.map(machine::cpu).iter().sum();
    report.others(machine::busy().saturating_sub(busy).saturating_sub(ours), begun.elapsed());
    report.finish(options.json.as_deref())
}

#[expect(clippy::print_stderr, reason = "progress, for a person who waits")]
fn progress(begun: Instant, scenario: &str, round: usize, rounds: usize, target: &str) {
    eprint!("\r{:4} s  {scenario} {round}/{rounds} {target}          ", begun.elapsed().as_secs());
}
