//! `record`: takes a turn out of the flight recorder and makes a case of it, without its secrets.

use std::{fs::OpenOptions, io::Write, path::PathBuf, process::ExitCode};

use crate::{case::ReplayCase, output};
use anyhow::{Context, bail};
use clap::Args;
use latchkey_shared::{
    env::Env,
    store::{AdapterStore, RedisConfig},
    vault::SessionVault,
};

/// Which turn, and where to.
#[derive(Args)]
pub(crate) struct Options {
    /// The request's id: `X-Oneapi-Request-Id` of the answer. Without it, the recorded turns are listed.
    id: Option<String>,
    /// The case's file; without it, the case is printed.
    #[arg(long)]
    out: Option<PathBuf>,
    /// What the case shows.
    #[arg(long, default_value = "")]
    about: String,
}

/// Records, or lists.
///
/// # Errors
/// When the turn is not there, cannot be opened or makes no case.
pub(crate) async fn run(options: Options) -> anyhow::Result<ExitCode> {
    let env = Env::process();
    let vault = SessionVault::from_env(&env)?;
    let store = AdapterStore::connect(&RedisConfig::from_env(&env)?).await?;
    let Some(id) = options.id else { return list(&store, &vault).await };
    let Some(sealed) = store.flight(&id).await? else {
        bail!("no turn {id} is recorded: is LATCHKEY_RECORDER set, and was it within LATCHKEY_RECORDER_TTL?");
    };
    let flight = vault.open_flight(&sealed, &id)?;
    let case = ReplayCase::of(&flight, &options.about)?;
    match options.out {
        None => output::print(&case.to_text())?,
        Some(path) => {
            let shown = path.display();
            let file = OpenOptions::new().write(true).create_new(true).open(&path);
            let mut file = file.with_context(|| format!("cannot make {shown}"))?;
            file.write_all(case.to_text().as_bytes()).with_context(|| format!("cannot write {shown}"))?;
            let told = &case.got;
            output::print(&format!(
                "wrote {shown}: {} answers of {}, ended with {}\n\
                 Read it before you show it: what is a secret only in your eyes is still in it.\n\
                 Then write into `expected` what is right, and play it: scripts/replay {shown}",
                case.answers.len(),
                flight.site,
                told.end
            ))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(store: &AdapterStore, vault: &SessionVault) -> anyhow::Result<ExitCode> {
    let mut rows = Vec::new();
    for id in store.flights().await? {
        let Some(sealed) = store.flight(&id).await? else { continue };
        let flight = vault.open_flight(&sealed, &id)?;
        let kept = if flight.is_whole { "full" } else { "masked" };
        let took = format!("{:.1} s", flight.duration_ms as f64 / 1000.0);
        rows.push([id, flight.path, flight.site, flight.model, flight.outcome, took, kept.to_owned()]);
    }
    output::print(&output::table(["TURN", "PATH", "SITE", "MODEL", "OUTCOME", "TOOK", "KEPT"], &rows))?;
    Ok(ExitCode::SUCCESS)
}
