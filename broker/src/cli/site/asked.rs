//! The chat half of `site try`: the adapter's own binary, started beside this one, is given the session through a
//! pipe. The broker never chats.

use std::{io::ErrorKind, path::PathBuf, process::Stdio, time::Duration};

use anyhow::{Context as _, anyhow, bail};
use latchkey_shared::{
    env::VARIABLES,
    session::Session,
    site::Site,
    trial::{TrialEvent, TrialQuestion},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    process::{Child, Command},
    time::timeout,
};
use zeroize::Zeroizing;

use super::arguments::TryArguments;
use crate::cli::output::Output;

const ADAPTER: &str = "latchkey-adapter";
/// What the adapter needs besides the site's own time.
const MORE: Duration = Duration::from_secs(60);
/// Of standard error, in a message.
const LONGEST: u64 = 4000;

/// What is asked of whom.
pub(super) struct SiteQuestion<'a> {
    pub(super) file: String,
    pub(super) text: String,
    pub(super) site: &'a Site,
    pub(super) session: &'a Session,
    pub(super) arguments: &'a TryArguments,
}

/// Has the adapter ask, and shows what it tells as it comes.
pub(super) async fn ask(asking: &SiteQuestion<'_>, output: &Output) -> anyhow::Result<Vec<TrialEvent>> {
    let mut child = start(&beside()?)?;
    let session = String::from_utf8(asking.session.to_bytes().to_vec()).context("a session is JSON")?;
    let question = TrialQuestion {
        file: asking.file.clone(),
        text: asking.text.clone(),
        base_url: asking.site.base_url.to_string(),
        session: Zeroizing::new(session),
        question: asking.arguments.question.clone(),
        model: asking.arguments.model.clone(),
    };
    let line = Zeroizing::new(serde_json::to_vec(&question)?);
    let mut stdin = child.stdin.take().context("the adapter has a standard input")?;
    stdin.write_all(&line).await.context("cannot tell the adapter the question")?;
    drop(stdin);
    let limit = asking.site.limits.turn + MORE;
    match timeout(limit, listen(child, output)).await {
        Ok(told) => told,
        Err(_) => bail!("no end within {}; see [limits] turn", humantime::format_duration(limit)),
    }
}

async fn listen(mut child: Child, output: &Output) -> anyhow::Result<Vec<TrialEvent>> {
    let stdout = child.stdout.take().context("the adapter has a standard output")?;
    let mut lines = BufReader::new(stdout).lines();
    let mut all = Vec::new();
    while let Some(line) = lines.next_line().await.context("cannot read what the adapter tells")? {
        let event: TrialEvent = serde_json::from_str(&line).context("the adapter is of another version")?;
        output.show(&shown(&event))?;
        all.push(event);
    }
    let mut errors = String::new();
    if let Some(stderr) = child.stderr.take() {
        stderr.take(LONGEST).read_to_string(&mut errors).await.ok();
    }
    child.wait().await.context("cannot wait for the adapter")?;
    match all.last() {
        Some(TrialEvent::End { .. } | TrialEvent::Failed { .. }) => Ok(all),
        Some(_) | None => Err(anyhow!("{}", errors.trim().trim_start_matches("Error: "))),
    }
}

/// The adapter's binary, which is installed and built together with this one.
fn beside() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("cannot tell where this program is")?;
    Ok(own.with_file_name(ADAPTER))
}

/// Starts it with nothing of ours: it holds no key, and keeps to what it is told.
fn start(adapter: &PathBuf) -> anyhow::Result<Child> {
    let mut command = Command::new(adapter);
    command.args(["site", "ask"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for variable in VARIABLES {
        command.env_remove(variable.name).env_remove(format!("{}_FILE", variable.name));
    }
    command.kill_on_drop(true).spawn().map_err(|error| match error.kind() {
        ErrorKind::NotFound => anyhow!(
            "there is no {}, which asks the question: build or install it there, or sign in only: --no-question",
            adapter.display()
        ),
        _ => anyhow!("cannot start {}: {error}", adapter.display()),
    })
}

/// What was told, for people.
fn shown(event: &TrialEvent) -> String {
    match event {
        TrialEvent::Models { models, asked } => format!("  model {asked}, of {}\n", models.join(", ")),
        TrialEvent::Answered { method, path, status, at_ms } => {
            format!("{:>8} s  {method} {path}: {status}\n", secs(*at_ms))
        }
        TrialEvent::Event { raw, said, at_ms } => {
            let mut text = String::new();
            for (index, line) in raw.lines().enumerate() {
                let time = if index == 0 { format!("{:>8} s", secs(*at_ms)) } else { " ".repeat(10) };
                text += &format!("{time}  {line}\n");
            }
            if said.is_empty() {
                text += &format!("{:12}-> nothing\n", "");
            }
            for said in said {
                text += &format!("{:12}-> {} {:?}\n", "", said.what, said.piece);
            }
            text
        }
        TrialEvent::End { text, finish, first_ms, total_ms } => {
            let answer: String = text.lines().map(|line| format!("  {line}\n")).collect();
            let first = first_ms.map_or_else(|| "none".to_owned(), |ms| format!("{} s", secs(ms)));
            let total = secs(*total_ms);
            format!(
                "\nthe whole answer:\n{answer}\nfirst token {first}, total {total} s, ended with {finish}\n"
            )
        }
        TrialEvent::Failed { code, message, remedy } => {
            format!("\nno answer: {code}\n  {message}\n  -> {remedy}\n")
        }
    }
}

fn secs(millis: u64) -> String {
    format!("{:.2}", Duration::from_millis(millis).as_secs_f64())
}
