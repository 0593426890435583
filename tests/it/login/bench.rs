//! What one login needs: Redis, Chromium, an account with credentials, and a site.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use latchkey_broker::{
    browser::{self, BrowserConfig, Supervisor},
    login::{self, LoginContext, LoginDone, LoginFailure, LoginProgress, Trigger},
};
use latchkey_shared::{
    account::Account,
    credentials::Credentials,
    session::Session,
    shutdown::Tasks,
    site::{self, Site},
    store::{BrokerStore, RedisConfig, ReplaceOutcome},
    vault::{CredentialsVault, KeyRing, RecordOwner, SessionVault},
};
use reqwest::Url;
use rustix::process::{Pid, Signal, kill_process};
use secrecy::ExposeSecret;
use support::{
    http,
    practice::{self, Practice, PracticeOptions},
    redis::Redis,
};
use tempfile::TempDir;
use tokio::sync::Semaphore;

const PRACTICE: &str = include_str!("../../../shared/sites/practice.toml");

/// Everything around [`login::run`], which is called as the broker calls it.
pub(super) struct Bench {
    pub(super) account: Account,
    pub(super) site: Site,
    pub(super) context: LoginContext,
    pub(super) progress: Arc<Mutex<Vec<LoginProgress>>>,
    /// Where pictures go.
    pub(super) artefacts: TempDir,
    tasks: Tasks,
    pub(super) redis: Redis,
}

impl Bench {
    /// A bench for the practice site as its built-in file describes it, with alice's right password.
    pub(super) async fn practice(practice: &Practice) -> Self {
        Self::new(site(&practice.url, PRACTICE)).await
    }

    /// A bench for a site, with an account `alice`.
    pub(super) async fn new(site: Site) -> Self {
        let redis = Redis::start().await;
        let config =
            RedisConfig { url: redis.url().into(), ca: None, timeout: Duration::from_secs(5), threads: 1 };
        let store = BrokerStore::connect(&config).await.unwrap();
        let ring = || KeyRing::parse(&KeyRing::generate()).unwrap();
        let artefacts = tempfile::tempdir().unwrap();
        let tasks = Tasks::new();
        let context = LoginContext {
            store,
            credentials_vault: Arc::new(CredentialsVault::new(ring(), "test")),
            session_vault: Arc::new(SessionVault::new(ring(), "test")),
            browser: Supervisor::new(browser_config(), tasks.clone()),
            http: http::client(),
            turns: Semaphore::new(2),
            artefacts: Some(artefacts.path().join("pictures")),
        };
        let account = Account::new(site.name.clone(), "alice".to_owned());
        context.store.create_account(&account).await.unwrap();
        let progress = Arc::default();
        let bench = Self { account, site, context, progress, artefacts, tasks, redis };
        bench.store_credentials(practice::PASSWORD, None).await;
        bench
    }

    /// Stores what is typed from the next login on.
    pub(super) async fn store_credentials(&self, password: &str, totp_seed: Option<&str>) {
        let username = practice::USERNAME.to_owned();
        let totp_seed = totp_seed.map(Into::into);
        let credentials = Credentials { username, password: password.into(), totp_seed };
        let sealed = self.context.credentials_vault.seal(&credentials, RecordOwner::of(&self.account), 1);
        let store = &self.context.store;
        let replaced = store.put_credentials(self.account.id, 1, &sealed, None).await.unwrap();
        assert_eq!(replaced, ReplaceOutcome::Done);
    }

    pub(super) async fn sign_in(&self) -> Result<LoginDone, LoginFailure> {
        let progress = Arc::clone(&self.progress);
        let report = move |step| progress.lock().unwrap().push(step);
        login::run(&self.context, &self.now().await, &self.site, Trigger::Operator, &report).await
    }

    /// The account as Redis has it.
    pub(super) async fn now(&self) -> Account {
        self.context.store.account(self.account.id).await.unwrap().unwrap()
    }

    /// The published session, opened as an adapter opens it.
    pub(super) async fn session(&self) -> Option<Session> {
        let stored = self.context.store.session(self.account.id).await.unwrap()?;
        Some(
            self.context
                .session_vault
                .open(&stored.sealed, RecordOwner::of(&self.account), stored.generation)
                .unwrap(),
        )
    }

    /// Ends Chromium and every task.
    pub(super) async fn close(&self) {
        self.context.browser.close().await;
        assert!(self.tasks.stop(Duration::from_secs(5)).await, "some task does not end");
    }
}

/// The built-in site file of the practice site, for a site at `url`.
pub(super) fn practice_site(url: &Url, change: impl FnOnce(String) -> String) -> Site {
    site(url, &change(PRACTICE.to_owned()))
}

/// A site from a file, at `url`.
pub(super) fn site(url: &Url, toml: &str) -> Site {
    let name = if toml == PRACTICE || toml.contains("name = \"practice\"") { "practice" } else { "fake" };
    let urls = [(name.parse().unwrap(), url.clone())].into();
    site::parse("site.toml", toml, &urls).unwrap().site.unwrap()
}

/// A practice site with one change of its behaviour.
pub(super) async fn practice(change: impl FnOnce(&mut PracticeOptions)) -> Practice {
    let mut options = PracticeOptions::default();
    change(&mut options);
    Practice::start(options).await
}

/// The bearer of a session, in the clear.
pub(super) fn bearer(session: &Session) -> &str {
    session.bearer.as_ref().unwrap().expose_secret()
}

pub(super) fn browser_config() -> BrowserConfig {
    BrowserConfig {
        chromium: browser::find_chromium(None).unwrap(),
        // Chromium refuses its sandbox to root, as which containers run their tests.
        sandbox: !rustix::process::geteuid().is_root(),
        max_pages: 2,
        display: Vec::new(),
    }
}

/// The Chromium that this process started: its id and its profile directory.
pub(super) fn chromium() -> Option<(i32, PathBuf)> {
    let own = std::process::id().to_string();
    processes().into_iter().find_map(|(id, parent, command)| {
        let profile = profile(&command)?;
        (parent == own).then_some((id, profile))
    })
}

/// How many processes use a profile directory.
pub(super) fn processes_of(profile: &Path) -> usize {
    processes_running(profile).len()
}

/// Ids of the processes that use a profile directory.
pub(super) fn processes_running(profile: &Path) -> Vec<i32> {
    let text = profile.to_string_lossy();
    let uses = |command: &str| command.contains(&*text);
    processes().into_iter().filter(|(_, _, command)| uses(command)).map(|(id, ..)| id).collect()
}

/// How many renderers use a profile directory; about one for each page.
pub(super) fn renderers_of(profile: &Path) -> usize {
    let text = profile.to_string_lossy();
    let renders = |command: &str| command.contains("--type=renderer") && command.contains(&*text);
    processes().iter().filter(|(_, _, command)| renders(command)).count()
}

fn profile(command: &str) -> Option<PathBuf> {
    let (_, rest) = command.split_once("--user-data-dir=")?;
    let data = Path::new(rest.split('\0').next()?);
    data.parent().map(Path::to_owned)
}

/// Id, parent's id and command line of every process.
fn processes() -> Vec<(i32, String, String)> {
    let directories = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let ids = directories.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let process = |id: i32| {
        let command = std::fs::read(format!("/proc/{id}/cmdline")).ok()?;
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
        let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().to_owned();
        Some((id, parent, String::from_utf8_lossy(&command).into_owned()))
    };
    ids.filter_map(process).collect()
}

/// Sends a signal to one process that this test started.
pub(super) fn signal(id: i32, signal: Signal) {
    kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
}
