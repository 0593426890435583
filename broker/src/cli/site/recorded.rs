//! `site record`: a person signs in and asks one question, and a site file is drafted from that.

use std::{fs::OpenOptions, io::Write, path::Path, process::ExitCode, time::Duration};

use anyhow::{Context as _, anyhow, bail, ensure};
use latchkey_shared::{
    credentials::Credentials,
    env::Env,
    id::SiteName,
    session::Cookie,
    shutdown::Tasks,
    site::{self, Site, SiteUrls},
};
use secrecy::SecretString;
use serde_json::json;
use tokio::time::{Instant, sleep};
use url::Url;

use super::{arguments::RecordArguments, chromium::supervisor};
use crate::{
    browser::{BrowserRecording, Page, StorageKind, TrafficFilter},
    cli::{output::Output, secrets},
    login::trial,
    record::{self, RecordedAnswer},
};

/// How often the recording is looked at.
const PAUSE: Duration = Duration::from_millis(200);
/// Without a word from the network for so long, the answer is complete.
const QUIET: Duration = Duration::from_secs(2);
/// Without a word for so long, all that was asked beside is answered; no longer than the latter.
const SETTLED: Duration = Duration::from_millis(500);
const ANSWERS: Duration = Duration::from_secs(5);
/// For a person, who looks for the second factor.
const PATIENCE: Duration = Duration::from_secs(15 * 60);
/// For a script, once its steps are done.
const SCRIPT_PATIENCE: Duration = Duration::from_secs(30);

pub(super) async fn run(arguments: &RecordArguments, env: &Env, output: &Output) -> anyhow::Result<ExitCode> {
    let base_url = site::http_url(&arguments.url).map_err(|why| anyhow!("--url: {why}"))?;
    let name = name(&arguments.out)?;
    ensure!(!arguments.out.exists(), "{} is there already: choose another --out", arguments.out.display());
    let script = match &arguments.script {
        Some(script) => Some((self::script(script, &base_url)?, credentials(arguments)?)),
        None => None,
    };
    let display = if script.is_some() { Vec::new() } else { Env::display() };
    ensure!(
        script.is_some() || !display.is_empty(),
        "there is no display to show the site on: run this on a desktop, or over `ssh -X`"
    );
    let tasks = Tasks::new();
    let browser = supervisor(env, display, tasks.clone())?;
    output.show(&format!(
        "Sign in at {base_url} and ask one question.\nWhen the answer is complete, {} is written.\n",
        arguments.out.display()
    ))?;
    let drafted = async {
        let page = browser.open(TrafficFilter::default()).await?;
        let recording = page.record(&tasks).await?;
        page.leave(&base_url).await?;
        let before = watch(&page, &recording, script.as_ref()).await?;
        let text = draft(&name, &base_url, &page, &recording, &before).await?;
        page.close().await;
        anyhow::Ok(text)
    }
    .await;
    browser.close().await;
    tasks.stop(crate::DRAIN).await;
    let text = drafted?;
    write(&arguments.out, &text)?;
    let file = arguments.out.display();
    let to_verify = text.matches("VERIFY:").count();
    output.answer(&json!({ "file": file.to_string(), "to_verify": to_verify }), || {
        format!(
            "wrote {file}; {to_verify} places in it are marked VERIFY\n\nnext:\n  latchkey-broker site check {file}\n  \
             latchkey-broker site try {file} --username NAME\n"
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The site's name, after the file.
fn name(out: &Path) -> anyhow::Result<String> {
    let stem = out.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let name: Result<SiteName, _> = stem.parse();
    name.map(|name| name.to_string()).map_err(|bad| anyhow!("--out: the site is named after the file: {bad}"))
}

fn credentials(arguments: &RecordArguments) -> anyhow::Result<Credentials> {
    let secrets = secrets::read(None)?;
    let username = arguments.username.clone().context("--script needs --username")?;
    Ok(Credentials { username, password: secrets.password, totp_seed: secrets.totp_seed })
}

/// The steps of a script, as a site of which nothing else is used.
fn script(path: &Path, base_url: &Url) -> anyhow::Result<Site> {
    let steps = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let text = format!(
        "{steps}\n[site]\nname = \"script\"\ntitle = \"Script\"\nmodels = [\"none\"]\n[session]\ncookies = [\"none\"]\n\
         [probe]\npath = \"/\"\npointer = \"/none\"\n[chat.openai]\npath = \"/\"\n"
    );
    let name = "script".parse().context("a plain name")?;
    let urls = SiteUrls::from([(name, base_url.clone())]);
    let parsed = site::parse(&path.display().to_string(), &format!("version = 1\n{text}"), &urls);
    parsed?.site.context("a script with an address is a site")
}

/// Waits until a question is answered; gives the cookies that were there before the sign-in.
async fn watch(
    page: &Page,
    recording: &BrowserRecording,
    script: Option<&(Site, Credentials)>,
) -> anyhow::Result<Vec<Cookie>> {
    let mut before = page.cookies().await?;
    let mut patience = PATIENCE;
    if let Some((site, credentials)) = script {
        let played = trial::play(page, site, credentials).await;
        played.map_err(|failure| anyhow!("the script failed: {} ({})", failure.message, failure.reason()))?;
        patience = SCRIPT_PATIENCE;
    }
    let end = Instant::now() + patience;
    while Instant::now() < end {
        let (complete, quiet, signed_in) = {
            let tape = recording.tape();
            (record::is_complete(&tape), tape.last.elapsed() >= QUIET, tape.has_secret())
        };
        if complete && quiet {
            return Ok(before);
        }
        if !signed_in {
            before = page.cookies().await.context("the browser was closed before a question was answered")?;
        }
        sleep(PAUSE).await;
    }
    bail!(
        "no answered question was seen within {}: sign in with a password, then ask one question in the page's own field",
        humantime::format_duration(patience)
    )
}

async fn draft(
    name: &str,
    base_url: &Url,
    page: &Page,
    recording: &BrowserRecording,
    before: &[Cookie],
) -> anyhow::Result<String> {
    let host = base_url.host_str().unwrap_or_default();
    let known = |cookie: &Cookie| before.iter().any(|old| old.name == cookie.name);
    let cookies = page.cookies().await?.into_iter();
    let cookies: Vec<(String, SecretString)> = cookies
        .filter(|cookie| host.ends_with(cookie.domain.trim_start_matches('.')) && !known(cookie))
        .map(|cookie| (cookie.name, cookie.value))
        .collect();
    let local: Vec<_> = page.storage(StorageKind::Local, &[]).await?.values.into_iter().collect();
    let session: Vec<_> = page.storage(StorageKind::Session, &[]).await?.values.into_iter().collect();
    let shown = page.shown().await?;
    if !record::names_user(&recording.tape(), base_url) {
        ask_who(base_url, page, recording).await?;
    }
    let tape = recording.tape();
    let seen = RecordedAnswer {
        tape: &tape,
        base_url,
        cookies: &cookies,
        local: &local,
        session: &session,
        shown: &shown,
    };
    Ok(record::draft(name, &seen)?)
}

/// Asks where sites usually tell who is signed in; what comes is on the tape.
async fn ask_who(base_url: &Url, page: &Page, recording: &BrowserRecording) -> anyhow::Result<()> {
    let base = base_url.path().trim_end_matches('/');
    page.ask(&record::USUAL.map(|path| format!("{base}{path}"))).await?;
    let end = Instant::now() + ANSWERS;
    while Instant::now() < end && recording.tape().last.elapsed() < SETTLED {
        sleep(PAUSE).await;
    }
    Ok(())
}

/// Whoever loses the race for the file gets an error, never the other's file.
fn write(out: &Path, text: &str) -> anyhow::Result<()> {
    let file = OpenOptions::new().write(true).create_new(true).open(out);
    let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
    written.with_context(|| format!("cannot write {}", out.display()))
}
