//! The right to sign in with one account: kept while the login runs, given back however it ends.

use std::time::Duration;

use latchkey_shared::{
    account::{Account, State},
    shutdown::Tasks,
    store::{AccountChange, LoginLock, Store},
};
use tokio::time::{Instant, sleep, timeout};

use super::{Code, failure::Trouble};

const LIFE: Duration = Duration::from_secs(30);
const RENEWAL: Duration = Duration::from_secs(10);

/// The right itself. Dropped before its login ended, it puts the account's state back as it was.
pub(super) struct Hold {
    store: Store,
    tasks: Tasks,
    lock: Option<LoginLock>,
    before: (State, String),
}

impl Hold {
    /// Takes the right and says so in the account's state. An earlier session keeps serving meanwhile.
    pub(super) async fn take(store: &Store, account: &Account, tasks: Tasks) -> Result<Self, Trouble> {
        let lock = store.lock_login(account.id, LIFE).await?;
        let lock =
            lock.ok_or_else(|| Trouble::new(Code::AlreadyRunning, "another login of the account runs"))?;
        let before = (account.state, account.reason.clone());
        let hold = Self { store: store.clone(), tasks, lock: Some(lock), before };
        let change =
            AccountChange { state: Some((State::Refreshing, String::new())), ..AccountChange::default() };
        if !store.change_account(account.id, change).await? {
            return Err(Trouble::new(Code::Superseded, "the account is gone"));
        }
        Ok(hold)
    }

    /// The lock, which proves the right to the store.
    pub(super) fn lock(&self) -> &LoginLock {
        self.lock.as_ref().expect("a hold has its lock until it is released")
    }

    /// Runs a login under the right. Loses it, and with it the login, when another broker took over.
    pub(super) async fn keep<T>(&self, login: impl Future<Output = T>) -> Result<T, Trouble> {
        tokio::select! {
            outcome = login => Ok(outcome),
            trouble = self.renew() => Err(trouble),
        }
    }

    /// Gives the right back; the account's state has been recorded.
    pub(super) async fn release(mut self) {
        if let Some(lock) = self.lock.take() {
            unlock(&self.store, &lock).await;
        }
    }

    /// Renews the right until it is lost.
    async fn renew(&self) -> Trouble {
        let mut renewed = Instant::now();
        loop {
            sleep(RENEWAL).await;
            match self.store.renew_login(self.lock(), LIFE).await {
                Ok(true) => renewed = Instant::now(),
                Ok(false) => return Trouble::new(Code::Superseded, "the right to sign in was lost"),
                // While Redis is away nobody else can take it before its end.
                Err(error) if renewed.elapsed() >= LIFE => return error.into(),
                Err(_) => {}
            }
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let Some(lock) = self.lock.take() else { return };
        let (store, before) =
            (self.store.clone(), std::mem::replace(&mut self.before, (State::New, String::new())));
        self.tasks.spawn(timeout(LIFE, async move {
            put_back(&store, &lock, before).await;
            unlock(&store, &lock).await;
        }));
    }
}

/// Undoes [`Hold::take`], unless somebody changed the state since.
async fn put_back(store: &Store, lock: &LoginLock, before: (State, String)) {
    let account = store.account(lock.account).await;
    let untouched = matches!(account, Ok(Some(account)) if account.state == State::Refreshing);
    if !untouched || !matches!(store.renew_login(lock, LIFE).await, Ok(true)) {
        return;
    }
    let change = AccountChange { state: Some(before), ..AccountChange::default() };
    if let Err(error) = store.change_account(lock.account, change).await {
        tracing::warn!(%error, account.id = %lock.account, "cannot put the account's state back");
    }
}

async fn unlock(store: &Store, lock: &LoginLock) {
    if let Err(error) = store.unlock_login(lock).await {
        tracing::warn!(%error, account.id = %lock.account, "cannot give the login lock back; it ends by itself");
    }
}
