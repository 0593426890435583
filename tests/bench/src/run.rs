//! One run: everything is started once, the scenarios go over the targets in turn.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context;
use tokio::time::Instant;

use crate::{
    accounts,
    figures::Measured,
    lengths,
    machine::Watch,
    progress::Progress,
    report::{Figure, Report},
    scenario::Scenario,
    size::Size,
    target::Target,
    world::World,
};

/// How a run shall be.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The adapter's release binary.
    #[arg(long)]
    adapter: PathBuf,
    /// One round of shorter scenarios: under two minutes.
    #[arg(long, conflicts_with = "tiny")]
    quick: bool,
    /// A few seconds, to show that it works: its figures mean nothing.
    #[arg(long)]
    tiny: bool,
    /// Only these scenarios (S1, S2, S3-1, S3-10, S3-50, S3-200, S3-1000), and accounts and lengths.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Only these targets (direct, nginx, floor, portkey, litellm, native, sieve, calls).
    #[arg(long, value_delimiter = ',')]
    targets: Vec<String>,
    /// Where peers are installed that are measured too.
    #[arg(long)]
    peers: Option<PathBuf>,
    /// Where bench.json, bench.md and bench.svg go.
    #[arg(long)]
    out: PathBuf,
    /// The figures to compare with.
    #[arg(long)]
    kept: PathBuf,
    /// Keeps the figures of this run to compare with later.
    #[arg(long)]
    keep: bool,
}

impl Options {
    fn size(&self) -> Size {
        match (self.tiny, self.quick) {
            (true, _) => Size::Tiny,
            (_, true) => Size::Quick,
            _ => Size::Full,
        }
    }

    fn wants(&self, part: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|wanted| wanted == part)
    }
}

/// Measures and reports.
///
/// # Errors
/// When a part cannot be started, or the figures not be written.
pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    let size = options.size();
    // Read first: who asked for a comparison that cannot be is told before ten minutes are over.
    let kept = options.kept.exists().then(|| Report::read(&options.kept)).transpose();
    let kept = if options.keep { None } else { kept? };
    let begun = Instant::now();
    let watch = Watch::begin();
    let world = World::start(&options.adapter, options.peers.as_deref(), size).await?;
    let mut targets = world.targets.clone();
    targets.retain(|target| {
        options.targets.is_empty() || options.targets.iter().any(|name| name == target.name)
    });
    let scenarios: Vec<Scenario> =
        size.scenarios().into_iter().filter(|scenario| options.wants(scenario.name)).collect();
    let mut progress = Progress::new(expected(&options, &scenarios, targets.len()));
    let mut report = Report::new(size);
    report.starts.clone_from(&world.starts);
    for scenario in &scenarios {
        report.figures.extend(measure(scenario, &targets, size, &mut progress).await);
    }
    if options.wants("lengths") {
        report.streams = lengths::streams(&world, size, &mut progress).await?;
        report.arguments = lengths::arguments(&world, size, &mut progress).await?;
    }
    if options.wants("accounts") {
        report.accounts = accounts::measure(&world, size, &mut progress).await?;
    }
    progress.end();
    report.others = watch.others();
    report.seconds = begun.elapsed().as_secs_f64();
    report.write(&options.out)?;
    show(&report, kept.as_ref(), &options.out);
    if options.keep {
        keep(&options)?;
    }
    Ok(())
}

/// One scenario, the targets in turn, so that what else the machine does falls on all alike.
async fn measure(
    scenario: &Scenario,
    targets: &[Target],
    size: Size,
    progress: &mut Progress,
) -> Vec<Figure> {
    let mut measured: Vec<Vec<Measured>> = vec![Vec::new(); targets.len()];
    for round in 1..=size.rounds() {
        for (target, rounds) in targets.iter().zip(&mut measured) {
            let what = format!("{round}/{} {}", size.rounds(), target.name);
            progress.step(scenario.name, &what, scenario.takes());
            rounds.push(scenario.measure(target).await);
        }
    }
    let figure = |(target, rounds): (&Target, &Vec<Measured>)| Figure {
        scenario: scenario.name.to_owned(),
        target: target.name.to_owned(),
        measured: Measured::median(rounds),
    };
    targets.iter().zip(&measured).map(figure).collect()
}

/// How long all of it should take.
fn expected(options: &Options, scenarios: &[Scenario], targets: usize) -> Duration {
    let size = options.size();
    let rounds = u32::try_from(size.rounds() * targets).unwrap_or(u32::MAX);
    let mut whole: Duration = scenarios.iter().map(|scenario| scenario.takes() * rounds).sum();
    if options.wants("lengths") {
        whole += lengths::takes(size);
    }
    if options.wants("accounts") {
        whole += accounts::takes(size);
    }
    whole
}

#[expect(clippy::print_stdout, reason = "the result of the run")]
fn show(report: &Report, kept: Option<&Report>, out: &Path) {
    println!("{}", report.markdown());
    match kept {
        Some(kept) => println!("{}", report.moved(kept)),
        None => println!("Nothing was kept to compare with; --keep keeps this run.\n"),
    }
    println!("Written: {0}/bench.json, {0}/bench.md, {0}/bench.svg", out.display());
}

#[expect(clippy::print_stdout, reason = "the result of the run")]
fn keep(options: &Options) -> anyhow::Result<()> {
    let kept = &options.kept;
    std::fs::copy(options.out.join("bench.json"), kept)
        .with_context(|| format!("cannot write {}", kept.display()))?;
    println!("Kept: {}", kept.display());
    Ok(())
}
