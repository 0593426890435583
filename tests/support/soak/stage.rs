//! What a soak is played on: real binaries as processes, Redis with its append-only file, the practice site.

use std::time::Duration;

use latchkey_shared::{
    account::Account,
    credentials::Credentials,
    env::Env,
    session::Cookie,
    store::{BrokerStore, NewSession, RedisConfig, ReplaceOutcome},
    time::Timestamp,
    vault::{CredentialsVault, RecordOwner, SessionVault},
};
use tempfile::TempDir;

use super::SoakPlan;
use crate::{
    binaries::Binary,
    practice::{PASSWORD, Practice, PracticeOptions, REFRESH_COOKIE, REFRESH_TABLE},
    processes,
    redis::Redis,
    world::Keys,
};

const SITE_FILE: &str = include_str!("../../../shared/sites/practice.toml");
const SITE: &str = "practice";

pub(super) struct SoakStage {
    pub(super) practice: Practice,
    pub(super) brokers: Vec<Binary>,
    pub(super) adapters: Vec<Binary>,
    redis: Redis,
    store: BrokerStore,
    usernames: Vec<String>,
    environment: Vec<(String, String)>,
    started: usize,
    directory: TempDir,
}

impl SoakStage {
    pub(super) async fn set(plan: SoakPlan, say: &dyn Fn(&str)) -> Self {
        crate::http::install_tls();
        let usernames: Vec<String> = (0..plan.accounts).map(|number| format!("user-{number}")).collect();
        let names: Vec<&str> = usernames.iter().map(String::as_str).collect();
        let options = PracticeOptions {
            token_life: plan.life,
            renewals: Some(plan.renewals),
            ..PracticeOptions::with_accounts(&names)
        };
        let practice = Practice::start(options).await;
        let redis = Redis::start_with(&["--appendonly", "yes", "--appendfsync", "always"]).await;
        let directory = tempfile::Builder::new().prefix("latchkey-soak-").tempdir().unwrap();
        let keys = Keys::generate();
        let site_file = directory.path().join("practice.toml");
        let file = SITE_FILE.replace("concurrency = 4", "concurrency = 4\nlogins_per_minute = 600");
        std::fs::write(&site_file, file + REFRESH_TABLE).unwrap();
        let mut environment = keys.common(&redis.url(), &format!("practice={}", practice.url));
        environment.push(("LATCHKEY_SITES".to_owned(), site_file.display().to_string()));
        let store = BrokerStore::connect(&RedisConfig::from_env(&Env::of(environment.clone())).unwrap())
            .await
            .unwrap();
        let broker_keys = keys.broker(&directory.path().join("pictures").display().to_string());
        let all = Env::of(environment.iter().chain(&broker_keys).cloned());
        let vaults = (SessionVault::from_env(&all).unwrap(), CredentialsVault::from_env(&all).unwrap());
        say(&format!("{} accounts get their first sessions", usernames.len()));
        for (number, username) in usernames.iter().enumerate() {
            seed(&store, &vaults, &practice, username, number, plan).await;
        }
        let mut stage = Self {
            practice,
            brokers: Vec::new(),
            adapters: Vec::new(),
            redis,
            store,
            usernames,
            environment: environment.clone(),
            started: 0,
            directory,
        };
        for _ in 0..2 {
            stage.start_broker(&broker_keys).await;
        }
        for number in 0..2 {
            let own = stage.directory.path().join(format!("adapter-{number}"));
            std::fs::create_dir(&own).unwrap();
            let all: Vec<(String, String)> = environment.iter().cloned().chain(keys.adapter()).collect();
            stage.adapters.push(Binary::adapter(&own, &all).await);
        }
        stage.environment.extend(broker_keys);
        stage
    }

    pub(super) fn usernames(&self) -> &[String] {
        &self.usernames
    }

    /// Does what a blow says; gives how many logins were in the air.
    pub(super) async fn strike(&mut self, blow: &str) -> u64 {
        match blow {
            "a broker is killed" => {
                let broker = self.brokers.pop().expect("there are two brokers");
                drop(broker);
                self.in_the_air().await
            }
            "it starts again" => {
                self.start_broker(&[]).await;
                0
            }
            "Chromium is killed" => {
                for broker in &self.brokers {
                    let children = processes::descendants(broker.pid());
                    children
                        .iter()
                        .filter(|process| process.command.contains("--type=zygote"))
                        .for_each(processes::kill);
                    children
                        .iter()
                        .filter(|process| process.command.contains("--user-data-dir"))
                        .for_each(processes::kill);
                }
                self.in_the_air().await
            }
            _ => {
                let cut = self.in_the_air().await;
                self.redis.restart().await;
                // Some began meanwhile and could not be written down.
                cut + self.in_the_air().await
            }
        }
    }

    /// Ends everything; gives the process ids that the brokers had.
    pub(super) async fn end(mut self) -> Vec<u32> {
        let pids = self.brokers.iter().map(Binary::pid).collect();
        for mut binary in self.adapters.drain(..).chain(self.brokers.drain(..)) {
            binary.stop().await;
        }
        pids
    }

    /// Logins that run, or whose broker is gone.
    async fn in_the_air(&self) -> u64 {
        let accounts = self.store.accounts().await.unwrap_or_default();
        let refreshing = |account: &&Account| account.state == latchkey_shared::account::State::Refreshing;
        accounts.iter().filter(refreshing).count() as u64
    }

    async fn start_broker(&mut self, more: &[(String, String)]) {
        self.started += 1;
        let own = self.directory.path().join(format!("broker-{}", self.started));
        std::fs::create_dir(&own).unwrap();
        let all: Vec<(String, String)> = self.environment.iter().chain(more).cloned().collect();
        self.brokers.push(Binary::broker(&own, &all).await);
    }
}

/// An account as it is after some login and some renewals, so that not all need the browser together.
async fn seed(
    store: &BrokerStore,
    (sessions, credentials): &(SessionVault, CredentialsVault),
    practice: &Practice,
    username: &str,
    number: usize,
    plan: SoakPlan,
) {
    let account = Account::new(SITE.parse().unwrap(), username.to_owned());
    store.create_account(&account).await.unwrap();
    let typed = Credentials { username: username.to_owned(), password: PASSWORD.into(), totp_seed: None };
    let sealed = credentials.seal(&typed, RecordOwner::of(&account), 1);
    let replaced = store.put_credentials(account.id, 1, &sealed, None).await.unwrap();
    assert_eq!(replaced, ReplaceOutcome::Done);

    let left = u32::try_from(number).unwrap() % (plan.renewals + 1);
    let parts = practice.sign_in_renewable(username, left);
    let session = parts.session(&practice.url);
    let mut state = session.clone();
    state.cookies.push(Cookie {
        name: REFRESH_COOKIE.to_owned(),
        value: parts.refresh.as_str().into(),
        path: "/api/refresh".to_owned(),
        ..session.cookies[0].clone()
    });
    let lock = store.lock_login(account.id, Duration::from_secs(30)).await.unwrap().unwrap();
    let sealed = sessions.seal(&session, RecordOwner::of(&account), lock.generation);
    let kept = credentials.seal_state(&state, RecordOwner::of(&account), lock.generation);
    let share = 0.35 + 0.35 * f64::from(u32::try_from(number * 37 % 100).unwrap()) / 100.0;
    let refresh_at = Some(Timestamp::now() + plan.life.mul_f64(share));
    let new = NewSession { state: Some(&kept), refresh_at, ..NewSession::given(&sealed, session.expires_at) };
    store.publish_session(&lock, new).await.unwrap();
    store.unlock_login(&lock).await.unwrap();
}
