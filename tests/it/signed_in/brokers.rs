//! Several brokers, each a process of its own: what one does, the others do not do again, and a late one does no harm.

use std::time::Duration;

use latchkey_shared::{
    account::{Account, State},
    id::AccountId,
};
use support::{
    binaries::Binary,
    practice::{PASSWORD, Practice, PracticeOptions, USERNAME},
    processes,
    redis::Redis,
    wait,
    world::{Admin, Keys},
};
use tempfile::TempDir;

const LOGIN: Duration = Duration::from_secs(60);
/// Longer than the lock of a login that is not renewed, and the claim on its account.
const LOST: Duration = Duration::from_secs(60);

/// Brokers on one Redis, at one practice site.
struct BrokersScene {
    directory: TempDir,
    practice: Practice,
    environment: Vec<(String, String)>,
    _redis: Redis,
}

impl BrokersScene {
    async fn new(options: PracticeOptions) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let redis = Redis::start().await;
        let practice = Practice::start(options).await;
        let keys = Keys::generate();
        let mut environment = keys.common(&redis.url(), &format!("practice={}", practice.url));
        environment.extend(keys.broker(&directory.path().join("pictures").display().to_string()));
        Self { directory, practice, environment, _redis: redis }
    }

    async fn broker(&self, name: &str) -> Binary {
        let own = self.directory.path().join(name);
        std::fs::create_dir(&own).unwrap();
        Binary::broker(&own, &self.environment).await
    }
}

async fn stands(
    admin: &Admin,
    id: AccountId,
    within: Duration,
    wanted: impl Fn(&Account) -> bool,
) -> Account {
    wait::until_some(within, async || {
        let account = admin.account(id).await;
        wanted(&account).then_some(account)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_typed_once_by_three_brokers_and_their_successors() {
    let scene = BrokersScene::new(PracticeOptions { lockout_after: 3, ..PracticeOptions::default() }).await;
    let brokers = [scene.broker("a").await, scene.broker("b").await, scene.broker("c").await];
    let admins = brokers.each_ref().map(|broker| Admin::new(&broker.url));
    let account = admins[0].add(USERNAME, "wrong-horse-battery", None).await;

    let started = futures::future::join_all(admins.iter().map(|admin| admin.start_login(account.id))).await;
    for (admin, operation) in admins.iter().zip(&started) {
        admin.finish(operation).await;
    }
    let refused =
        stands(&admins[1], account.id, LOGIN, |account| account.state == State::CredentialsRejected).await;
    assert_eq!((refused.rejected_version, refused.refresh_at), (1, None));
    let again = admins[2].sign_in(account.id).await;
    assert_eq!(again.error.unwrap().code, "credentials_rejected");
    drop(brokers);
    let successor = scene.broker("d").await;
    let again = Admin::new(&successor.url).sign_in(account.id).await;

    assert_eq!(again.error.unwrap().code, "credentials_rejected");
    let counts = scene.practice.counts(USERNAME);
    assert_eq!((counts.wrong_passwords, counts.while_locked), (1, 0));
    Admin::new(&successor.url).give(account.id, USERNAME, PASSWORD).await;
    let operation = Admin::new(&successor.url).sign_in(account.id).await;
    assert!(operation.error.is_none(), "other credentials are typed: {operation:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_stood_still_past_its_lock_overwrites_nothing() {
    let scene = BrokersScene::new(PracticeOptions {
        slow_login: Duration::from_secs(4),
        ..PracticeOptions::default()
    })
    .await;
    let late = scene.broker("late").await;
    let quick = scene.broker("quick").await;
    let late_admin = Admin::new(&late.url);
    let admin = Admin::new(&quick.url);
    let account = admin.add(USERNAME, PASSWORD, None).await;
    let operation = late_admin.start_login(account.id).await;
    wait::until_some(LOGIN, async || {
        let view = late_admin.operation(&operation).await;
        view.progress.is_some_and(|progress| progress.step == Some(5)).then_some(())
    })
    .await;

    processes::freeze(late.pid());
    // Its lock ends; whoever finds the account settles it, and an operator starts over.
    stands(&admin, account.id, LOST, |account| account.state != State::Refreshing).await;
    scene.practice.change(|options| options.slow_login = Duration::ZERO);
    let published = admin.sign_in(account.id).await;
    assert!(published.error.is_none(), "{published:#?}");
    processes::thaw(late.pid());
    let ended = late_admin.finish(&operation).await;

    assert_eq!(ended.error.expect("it lost its right").code, "superseded");
    let now = admin.account(account.id).await;
    assert_eq!((now.state, Some(now.generation)), (State::Active, published.generation));
}
