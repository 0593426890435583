//! `account session`.

use std::{
    io::{self, IsTerminal, Read},
    path::Path,
    process::ExitCode,
};

use anyhow::{Context as _, bail, ensure};
use latchkey_shared::{account::Rung, time::Timestamp};
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};

use super::arguments::{SessionArguments, SessionForm};
use crate::{
    admin::session::ImportedView,
    cli::{client::BrokerClient, output::Output, secrets, words::from_now},
};

/// As much as the broker takes.
const LONGEST: u64 = 1024 * 1024;

/// Reads the session, has the broker prove it, and says what keeps it alive.
pub(super) async fn run(
    client: &BrokerClient,
    given: SessionArguments,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    // Before anything is asked over the network: what is typed ahead meanwhile would be shown.
    let secret = read(&given)?;
    let account = client.find(&given.account).await?.account;
    let body = body(&given, &secret)?;
    output.show(&format!("proving the session at {}\n", account.site))?;
    let view = client.give(account.id, &body).await?;
    output.answer(&view, || words(&view, Timestamp::now()))?;
    Ok(ExitCode::SUCCESS)
}

fn read(given: &SessionArguments) -> anyhow::Result<String> {
    let text = match &given.file {
        Some(path) => {
            let file = std::fs::File::open(path).with_context(|| cannot_read(path))?;
            whole(file).with_context(|| cannot_read(path))?
        }
        None if !io::stdin().is_terminal() => {
            whole(io::stdin().lock()).context("cannot read standard input")?
        }
        None if given.form() == SessionForm::StorageState => {
            bail!("a storage state has many lines: name its file with --file, or pipe it in")
        }
        None => secrets::ask(given.form().title())?.expose_secret().to_owned(),
    };
    let text = text.trim();
    ensure!(!text.is_empty(), "no session given: type it, pipe it in, or name a file with --file");
    Ok(text.to_owned())
}

fn cannot_read(path: &Path) -> String {
    format!("cannot read {}", path.display())
}

fn whole(from: impl Read) -> anyhow::Result<String> {
    let mut text = String::new();
    from.take(LONGEST + 1).read_to_string(&mut text)?;
    ensure!(text.len() as u64 <= LONGEST, "it is longer than 1 MiB: no session is");
    Ok(text)
}

fn body(given: &SessionArguments, secret: &str) -> anyhow::Result<Map<String, Value>> {
    let form = given.form();
    let value: Value = match form {
        // The parser's own words could repeat what stands there.
        SessionForm::StorageState => serde_json::from_str(secret).map_err(|error| {
            anyhow::anyhow!(
                "the storage state is no JSON: it breaks at line {} column {}; give what Playwright's storageState wrote",
                error.line(),
                error.column()
            )
        })?,
        SessionForm::Bearer | SessionForm::Cookies | SessionForm::ApiKey => secret.into(),
    };
    let mut body = Map::from_iter([(form.field().to_owned(), value)]);
    if let Some(end) = &given.expires_at {
        body.insert("expires_at".to_owned(), json!(end));
    }
    Ok(body)
}

fn words(view: &ImportedView, now: Timestamp) -> String {
    let account = &view.account.account;
    let seen = account.evidence.as_ref().map_or("the site accepted it", |evidence| &evidence.seen);
    let ends = match account.expires_at {
        Some(Timestamp::NEVER) => "never ends by itself".to_owned(),
        end => format!("ends {}", from_now(end, now)),
    };
    let ways: Vec<&str> = view.renewed_by.iter().map(|rung| way(*rung)).collect();
    let on = match (ways.as_slice(), account.refresh_at) {
        ([], Some(_)) => "nothing renews it: give a new one before it ends".to_owned(),
        ([], None) => {
            "nothing renews it: when the site refuses it, the account asks for a new one".to_owned()
        }
        (ways, Some(at)) => format!("next renewal {} by {}", from_now(Some(at), now), ways.join(", then ")),
        (ways, None) => format!("when the site refuses it: {}", ways.join(", then ")),
    };
    format!("{seen}\nsession {} of {} at {} {ends}\n{on}", account.generation, account.label, account.site)
}

fn way(rung: Rung) -> &'static str {
    match rung {
        Rung::Http => "a request",
        Rung::Restored => "a browser with what was given",
        Rung::Recipe => "the login with its password",
    }
}
