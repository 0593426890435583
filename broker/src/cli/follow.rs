//! Watches a login and prints each step with its time.

use std::{path::Path, process::ExitCode, time::Duration};

use anyhow::bail;
use latchkey_shared::{id::AccountId, time::Timestamp};

use super::{client::BrokerClient, output::Output, words};
use crate::operations::{ErrorView, OperationState, OperationView, StepView};

/// Faster than the eye, slower than a burden.
const POLL: Duration = Duration::from_millis(150);

/// A login that waits for others longer than this goes on without a watcher.
const WATCH: Duration = Duration::from_secs(30 * 60);

/// Follows an operation to its end; exit code 1 when the login failed.
pub(super) async fn follow(
    client: &BrokerClient,
    operation: OperationView,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let id = operation.id;
    match tokio::time::timeout(WATCH, watch(client, operation, output)).await {
        Ok(operation) => end(&operation?, output),
        Err(_) => bail!("the login still runs; its account shows how it ends (operation {id})"),
    }
}

async fn watch(
    client: &BrokerClient,
    mut operation: OperationView,
    output: &Output,
) -> anyhow::Result<OperationView> {
    let mut printer = StepPrinter::new(output);
    loop {
        printer.print(&operation.steps)?;
        if operation.state != OperationState::Running {
            return Ok(operation);
        }
        tokio::time::sleep(POLL).await;
        operation = client.operation(operation.id).await?;
    }
}

/// Prints a step when it begins and its time when it ends, so that a slow step is seen while it lasts.
pub(super) struct StepPrinter<'a> {
    output: &'a Output,
    begun: usize,
    ended: usize,
}

impl<'a> StepPrinter<'a> {
    pub(super) fn new(output: &'a Output) -> Self {
        Self { output, begun: 0, ended: 0 }
    }

    pub(super) fn print(&mut self, steps: &[StepView]) -> anyhow::Result<()> {
        for (index, step) in steps.iter().enumerate().skip(self.ended) {
            if self.begun <= index {
                self.output.show(&line(step))?;
                self.begun = index + 1;
            }
            let Some(millis) = step.duration_ms else { return Ok(()) };
            self.output.show(&format!("{:>7.1} s\n", Duration::from_millis(millis).as_secs_f64()))?;
            self.ended = index + 1;
        }
        Ok(())
    }
}

fn line(step: &StepView) -> String {
    let progress = &step.progress;
    let place = match (progress.step, progress.total) {
        (Some(step), Some(total)) => format!("{step}/{total}"),
        (Some(_) | None, _) => String::new(),
    };
    format!("{place:>5}  {:<8}  {:<44}", progress.verb, progress.target)
}

fn end(operation: &OperationView, output: &Output) -> anyhow::Result<ExitCode> {
    let text = || match &operation.error {
        Some(error) => failure(error) + &next(error, operation.account),
        None => success(operation),
    };
    output.answer(operation, text)?;
    Ok(if operation.state == OperationState::Succeeded { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn success(operation: &OperationView) -> String {
    let life = words::from_now(operation.expires_at, Timestamp::now());
    format!("signed in: session {} ends {life}", operation.generation.unwrap_or_default())
}

/// The command that follows, where one command does.
fn next(error: &ErrorView, account: AccountId) -> String {
    match error.code.as_str() {
        "credentials_rejected" | "no_credentials" | "password_expired" => {
            format!("\n  next: latchkey-broker account credentials {account}")
        }
        _ => String::new(),
    }
}

/// Why a login failed, for people.
pub(super) fn failure(error: &ErrorView) -> String {
    let mut text = format!("login failed: {}", error.code);
    if let Some(step) = &error.step {
        let place = format!("\n  at step {}, line {} of the site file:", step.index, step.line);
        text += &format!("{place} {} {}", step.verb, step.target);
    }
    text += &format!("\n  {}", error.message);
    if let Some(file) = &error.screenshot_file {
        text += &format!("\n  screenshot: {}", file.display());
        if is_in_container() {
            let copy = format!("docker compose exec -T broker cat {} >screenshot.png", file.display());
            text += &format!("\n    in this container; a copy of it: {copy}");
        }
    }
    text
}

/// The marks that Docker and Podman leave. Whoever reads a path there cannot open it from the host.
fn is_in_container() -> bool {
    ["/.dockerenv", "/run/.containerenv"].iter().any(|mark| Path::new(mark).exists())
}
