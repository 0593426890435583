//! What a chunk costs the adapter in instructions: the real binary under callgrind, fed chunk by chunk.
//!
//! Unlike time, instructions hardly depend on what else the machine does, so a change that makes a chunk dearer is seen
//! on any machine. What the kernel does is not in them. Two runs that differ only in how many chunks an answer has give
//! the cost of a chunk: start, requests and end are the same in both and cancel out. So do two runs of the judge of
//! announcements, which have ends of turns to judge by themselves.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use tokio::process::Command;

mod ends;
mod kept;
mod lockstep;

pub(crate) use ends::judge;

use kept::Kept;
use lockstep::Lockstep;

use crate::{
    adapter::{Deployment, NATIVE, TEXT},
    load::Connection,
    process::{Process, free_address},
    redis,
    target::{Plan, Target},
};

/// Name, model, and whether the answer is full of calls.
const MODES: [(&str, &str, bool); 3] =
    [("native", NATIVE, false), ("sieve", TEXT, false), ("calls", TEXT, true)];
/// Answers in each run, on one connection.
const ANSWERS: usize = 2;
/// Chunks of an answer in the shorter run; a call takes eight of them.
const FEW: usize = 80;
/// Chunks of an answer in the longer run. More would be more calls than an answer may have.
const MANY: usize = 960;
/// An emulated process needs fifty times as long, and more where others work.
const END: Duration = Duration::from_secs(60);

/// What shall be compared with what.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The adapter's release binary.
    #[arg(long)]
    adapter: PathBuf,
    /// The counts that hold.
    #[arg(long)]
    kept: PathBuf,
    /// Keeps the new counts instead.
    #[arg(long)]
    accept: bool,
}

/// Counts and compares, or keeps the counts.
///
/// # Errors
/// When a chunk costs more than is kept and allowed.
#[expect(clippy::print_stdout, reason = "the result of the run")]
pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    let mut now = Kept { toolchain: toolchain().await?, ..Kept::default() };
    for (mode, model, call) in MODES {
        let count = async |chunks| count(&options.adapter, model, call, chunks).await;
        let (few, many) = tokio::try_join!(count(FEW), count(MANY))
            .with_context(|| format!("cannot count the instructions of mode {mode}"))?;
        ensure!(many > few, "mode {mode}: {MANY} chunks took {many} instructions, {FEW} took {few}");
        now.instructions_per_chunk.insert(mode.to_owned(), (many - few) / (ANSWERS * (MANY - FEW)) as u64);
    }
    now.judge = ends::count().await.context("cannot count what the judge of announcements costs")?;
    if options.accept {
        now.write(&options.kept)?;
        println!("{}kept in {}", now.table(None), options.kept.display());
        return Ok(());
    }
    let kept = Kept::read(&options.kept)?;
    println!("{}", now.table(Some(&kept)));
    let remarks = now.against(&kept);
    println!("{}", remarks.said.join("\n"));
    if !remarks.grown.is_empty() {
        bail!("{}", remarks.grown.join("\n"));
    }
    Ok(())
}

/// Instructions of a whole life of an adapter: start, some answers, end.
async fn count(adapter: &Path, model: &'static str, call: bool, chunks: usize) -> anyhow::Result<u64> {
    let directory = tempfile::Builder::new().prefix("latchkey-instructions-").tempdir()?;
    let store = free_address()?;
    let _redis = redis::start(directory.path(), store).await?;
    let site = Lockstep::start().await?;
    let deployment = Deployment::new(directory.path(), store, site.address).await?;
    deployment.add_accounts(model, 1).await?;

    let listen = free_address()?;
    let mut env = deployment.environment(listen);
    // Which of two threads takes up a task is chance, and so is what an emulated process is late for.
    env.push(("TOKIO_WORKER_THREADS".to_owned(), "1".to_owned()));
    env.push(("LATCHKEY_REDIS_TIMEOUT".to_owned(), "30s".to_owned()));
    let counts = directory.path().join("counts");
    let log = directory.path().join("log");
    let arguments = [
        "--tool=callgrind".to_owned(),
        format!("--callgrind-out-file={}", counts.display()),
        format!("--log-file={}", log.display()),
        adapter.display().to_string(),
    ];
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut process = Process::start("valgrind", &arguments, &env)?;
    process.ready(&format!("http://{listen}/readyz")).await?;
    site.feed(process.pid());

    let pid = Some(process.pid());

    let head = String::new();
    let target =
        Target { name: "instructions", address: listen, pid, idle: 0, head, model, tools: true, call };
    let request = target.request(Plan { chunks, pace_ms: 0, bytes: 0, stream: true });
    let mut connection = Connection::open(listen).await?;
    for _ in 0..ANSWERS {
        let seen = connection.ask(&request).await?;
        ensure!(seen.called == call, "the answer ended with calls: {}, expected {call}", seen.called);
    }
    drop(connection);
    process.end(END).await?;
    total(&counts).with_context(|| fs::read_to_string(&log).unwrap_or_default())
}

/// The sum in callgrind's output (callgrind format, "totals").
pub(crate) fn total(counts: &Path) -> anyhow::Result<u64> {
    let text = fs::read_to_string(counts).context("callgrind wrote nothing")?;
    let line = text.lines().find_map(|line| line.strip_prefix("totals:"));
    Ok(line.context("callgrind wrote no totals")?.trim().parse()?)
}

/// What a count depends on, besides the sources.
async fn toolchain() -> anyhow::Result<String> {
    let (rustc, valgrind) = tokio::try_join!(version("rustc"), version("valgrind"))?;
    Ok(format!("{rustc}, {valgrind}, {}", std::env::consts::ARCH))
}

async fn version(program: &str) -> anyhow::Result<String> {
    let output = Command::new(program).arg("--version").output().await;
    let output = output.with_context(|| format!("cannot run {program}; is it installed?"))?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
