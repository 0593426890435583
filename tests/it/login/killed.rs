//! A broker that is killed in the middle of a login: nothing of it stays, neither on the host nor in the account.

use std::{path::PathBuf, time::Duration};

use latchkey_shared::{account::State, id::AccountId};
use support::{
    binaries::Binary,
    practice::{PASSWORD, Practice, PracticeOptions, USERNAME},
    processes::{self, ProcessInfo},
    redis::Redis,
    wait,
    world::{Admin, Keys},
};
use tempfile::TempDir;

const STEP_OF_SUBMIT: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_broker_leaves_no_chromium_and_its_successor_clears_up() {
    let scene = KilledScene::new().await;
    let (broker, id) = scene.broker_in_a_login().await;

    drop(broker);

    wait::until(Duration::from_secs(10), || scene.chromiums().is_empty()).await;
    let successor = scene.broker("second").await;
    wait::until(Duration::from_secs(10), || scene.left() == 0).await;
    let admin = Admin::new(&successor.url);
    assert_eq!(admin.account(id).await.state, State::Refreshing);
    assert!(scene.is_looked_after(id).await);
    scene.bring_forward(id).await;
    let settled = wait::until_some(Duration::from_secs(20), async || {
        let account = admin.account(id).await;
        (account.state != State::Refreshing).then_some(account)
    });
    assert_eq!(settled.await.state, State::NeedsHuman);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_told_to_stop_leaves_nothing_and_the_account_as_it_was() {
    let scene = KilledScene::new().await;
    let (mut broker, id) = scene.broker_in_a_login().await;

    broker.stop().await;

    assert_eq!((scene.chromiums().is_empty(), scene.left()), (true, 0));
    let successor = scene.broker("second").await;
    assert_eq!(Admin::new(&successor.url).account(id).await.state, State::New);
}

/// What two brokers, one after the other, have in common.
struct KilledScene {
    directory: TempDir,
    redis: Redis,
    _practice: Practice,
    environment: Vec<(String, String)>,
}

impl KilledScene {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let redis = Redis::start().await;
        let options = PracticeOptions { slow_login: Duration::from_secs(60), ..PracticeOptions::default() };
        let practice = Practice::start(options).await;
        let keys = Keys::generate();
        let mut environment = keys.common(&redis.url(), &format!("practice={}", practice.url));
        environment.extend(keys.broker(&directory.path().join("pictures").display().to_string()));
        let temporary = directory.path().join("t");
        std::fs::create_dir(&temporary).unwrap();
        environment.push(("TMPDIR".to_owned(), temporary.display().to_string()));
        Self { directory, redis, _practice: practice, environment }
    }

    async fn broker(&self, name: &str) -> Binary {
        let own = self.directory.path().join(name);
        std::fs::create_dir(&own).unwrap();
        Binary::broker(&own, &self.environment).await
    }

    /// A broker whose login has sent the password and waits for the site.
    async fn broker_in_a_login(&self) -> (Binary, AccountId) {
        let broker = self.broker("first").await;
        let admin = Admin::new(&broker.url);
        let account = admin.add(USERNAME, PASSWORD, None).await;
        let operation = admin.start_login(account.id).await;
        let submitted = wait::until_some(Duration::from_secs(40), async || {
            let view = admin.operation(&operation).await;
            assert!(view.error.is_none(), "{view:#?}");
            (view.steps.len() > STEP_OF_SUBMIT + 1).then_some(())
        });
        submitted.await;
        assert_eq!((self.chromiums().is_empty(), self.left()), (false, 1));
        (broker, account.id)
    }

    /// Whether the due loop of some broker will come to the account.
    async fn is_looked_after(&self, id: AccountId) -> bool {
        let mut score = redis::cmd("ZSCORE");
        let mut connection = self.redis.connection().await;
        let due: Option<u64> =
            score.arg("lk:due").arg(id.to_string()).query_async(&mut connection).await.unwrap();
        due.is_some()
    }

    /// It is as it would be some minutes later: the lock of the login has ended, and the account's time has come.
    async fn bring_forward(&self, id: AccountId) {
        let mut connection = self.redis.connection().await;
        redis::cmd("DEL").arg(format!("lk:{{{id}}}:login-lock")).exec_async(&mut connection).await.unwrap();
        let mut earlier = redis::cmd("ZADD");
        earlier.arg("lk:due").arg("XX").arg(1).arg(id.to_string());
        earlier.exec_async(&mut connection).await.unwrap();
    }

    fn temporary(&self) -> PathBuf {
        self.directory.path().join("t")
    }

    fn chromiums(&self) -> Vec<ProcessInfo> {
        let profiles = format!("--user-data-dir={}", self.temporary().display());
        let mut all = processes::all();
        all.retain(|process| process.command.contains(&profiles));
        all
    }

    /// How many directories and files are left for temporary things.
    fn left(&self) -> usize {
        std::fs::read_dir(self.temporary()).unwrap().count()
    }
}
