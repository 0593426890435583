//! `doctor`: everything the broker needs, each with what it found and what to do.

use std::process::ExitCode;

use latchkey_shared::{
    env::Env,
    vault::{CredentialsVault, SessionVault},
};
use serde::Serialize;

use super::output::Output;
use crate::config::{self, Config};

mod check;
mod chromium;
mod sites;
mod store;

use check::{CheckResult, CheckVerdict};

#[derive(Debug, Serialize)]
struct DoctorReport {
    healthy: bool,
    checks: Vec<CheckResult>,
}

/// Runs every check; exit code 1 when one fails.
pub(super) async fn run(env: &Env, output: &Output) -> anyhow::Result<ExitCode> {
    let mut checks = environment(env);
    checks.extend(store::checks(env).await);
    checks.extend(chromium::checks(env).await);
    checks.extend(sites::checks(env));
    checks.extend(configuration(env, &checks));
    let healthy = !checks.iter().any(|check| check.verdict == CheckVerdict::Fail);
    let report = DoctorReport { healthy, checks };
    output.answer(&report, || text(&report))?;
    Ok(if report.healthy { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn environment(env: &Env) -> Vec<CheckResult> {
    let keys = "make them with `latchkey-broker keys new --out DIR` and name the files in *_FILE variables";
    let ring = |name, ids: Result<Vec<String>, latchkey_shared::env::EnvError>| match ids {
        Ok(ids) => CheckResult::ok(name, format!("keys {}", ids.join(", "))),
        Err(error) => CheckResult::fail(name, error.to_string(), keys),
    };
    let variables = match env.reject_unknown() {
        Ok(()) => CheckResult::ok("variables", "every LATCHKEY_ variable is known"),
        Err(error) => CheckResult::fail("variables", error.to_string(), "correct or remove it"),
    };
    let token = match config::admin_token(env) {
        Ok(_) => CheckResult::ok("admin token", "is set"),
        Err(error) => CheckResult::fail("admin token", error.to_string(), keys),
    };
    vec![
        variables,
        token,
        ring("credentials keys", CredentialsVault::from_env(env).map(|vault| vault.key_ids())),
        ring("session keys", SessionVault::from_env(env).map(|vault| vault.key_ids())),
    ]
}

/// What `serve` would refuse and no other check names.
fn configuration(env: &Env, checks: &[CheckResult]) -> Option<CheckResult> {
    let is_told = checks.iter().any(|check| check.verdict == CheckVerdict::Fail);
    let error = Config::from_env(env).err().filter(|_| !is_told)?;
    Some(CheckResult::fail("configuration", format!("{error:#}"), "correct the variable"))
}

fn text(report: &DoctorReport) -> String {
    let mut text = String::new();
    for check in &report.checks {
        let verdict = match check.verdict {
            CheckVerdict::Ok => "ok",
            CheckVerdict::Off => "off",
            CheckVerdict::Warn => "warn",
            CheckVerdict::Fail => "fail",
        };
        text += &format!("{verdict:<4}  {:<17}  {}\n", check.name, check.found);
        if let Some(remedy) = &check.remedy {
            text += &format!("{:<25}-> {remedy}\n", "");
        }
    }
    text
}
