//! `doctor`: everything the broker needs, each with what it found and what to do.

use std::process::ExitCode;

use latchkey_shared::{
    env::Env,
    vault::{CredentialsVault, SessionVault},
};
use serde::Serialize;

use super::output::Output;
use crate::config::{self, Config};

mod chromium;
mod sites;
mod store;

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Check {
    name: &'static str,
    verdict: Verdict,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Ok,
    /// It is not used here, and need not be.
    Off,
    Warn,
    Fail,
}

#[derive(Debug, Serialize)]
struct Report {
    healthy: bool,
    checks: Vec<Check>,
}

impl Check {
    fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Ok, found: found.into(), remedy: None }
    }

    fn off(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Off, found: found.into(), remedy: None }
    }

    fn warn(name: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Warn, found: found.into(), remedy: Some(remedy.into()) }
    }

    fn fail(name: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Fail, found: found.into(), remedy: Some(remedy.into()) }
    }
}

/// Runs every check; exit code 1 when one fails.
pub(super) async fn run(env: &Env, output: &Output) -> anyhow::Result<ExitCode> {
    let mut checks = environment(env);
    checks.extend(store::checks(env).await);
    checks.extend(chromium::checks(env).await);
    checks.extend(sites::checks(env));
    checks.extend(configuration(env, &checks));
    let healthy = !checks.iter().any(|check| check.verdict == Verdict::Fail);
    let report = Report { healthy, checks };
    output.answer(&report, || text(&report))?;
    Ok(if report.healthy { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn environment(env: &Env) -> Vec<Check> {
    let keys = "make them with `latchkey-broker keys new --out DIR` and name the files in *_FILE variables";
    let ring = |name, ids: Result<Vec<String>, latchkey_shared::env::EnvError>| match ids {
        Ok(ids) => Check::ok(name, format!("keys {}", ids.join(", "))),
        Err(error) => Check::fail(name, error.to_string(), keys),
    };
    let variables = match env.reject_unknown() {
        Ok(()) => Check::ok("variables", "every LATCHKEY_ variable is known"),
        Err(error) => Check::fail("variables", error.to_string(), "correct or remove it"),
    };
    let token = match config::admin_token(env) {
        Ok(_) => Check::ok("admin token", "is set"),
        Err(error) => Check::fail("admin token", error.to_string(), keys),
    };
    vec![
        variables,
        token,
        ring("credentials keys", CredentialsVault::from_env(env).map(|vault| vault.key_ids())),
        ring("session keys", SessionVault::from_env(env).map(|vault| vault.key_ids())),
    ]
}

/// What `serve` would refuse and no other check names.
fn configuration(env: &Env, checks: &[Check]) -> Option<Check> {
    let is_told = checks.iter().any(|check| check.verdict == Verdict::Fail);
    let error = Config::from_env(env).err().filter(|_| !is_told)?;
    Some(Check::fail("configuration", format!("{error:#}"), "correct the variable"))
}

fn text(report: &Report) -> String {
    let mut text = String::new();
    for check in &report.checks {
        let verdict = match check.verdict {
            Verdict::Ok => "ok",
            Verdict::Off => "off",
            Verdict::Warn => "warn",
            Verdict::Fail => "fail",
        };
        text += &format!("{verdict:<4}  {:<17}  {}\n", check.name, check.found);
        if let Some(remedy) = &check.remedy {
            text += &format!("{:<25}-> {remedy}\n", "");
        }
    }
    text
}
