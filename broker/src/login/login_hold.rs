//! The right to sign in with one account: kept while the login runs, given back however it ends.

use std::time::Duration;

use latchkey_shared::{
    account::{Account, Phase, State, Transition, TransitionCause},
    id::AccountId,
    shutdown::Tasks,
    store::{AccountChange, BrokerStore, LoginLock, StoreError},
    time::Timestamp,
};
use tokio::time::{Instant, sleep, timeout};

use super::{FailureCode, failure::LoginError, record};

/// What an account waits for another login after its broker died.
const LIFE: Duration = Duration::from_secs(15);
const RENEWAL: Duration = Duration::from_secs(5);

/// How long after its begin a login is looked after, if it is not heard of. One that still runs then has its lock.
pub(crate) const CLAIM: Duration = Duration::from_secs(30);

/// The right itself. Dropped before its login ended, it ends the account's state too.
#[derive(Debug)]
pub struct LoginHold {
    store: BrokerStore,
    tasks: Tasks,
    lock: Option<LoginLock>,
    before: Account,
}

impl LoginHold {
    /// Takes the right and says so in the account's state. An earlier session keeps serving meanwhile.
    ///
    /// # Errors
    /// When another login has it, or the account is gone, switched off or not to be read.
    pub async fn take(store: &BrokerStore, account: &Account, tasks: Tasks) -> Result<Self, LoginError> {
        let lock = store.lock_login(account.id, LIFE).await?;
        let lock = lock.ok_or_else(|| {
            LoginError::new(FailureCode::AlreadyRunning, "another login of the account runs")
        })?;
        let mut hold = Self { store: store.clone(), tasks, lock: Some(lock), before: account.clone() };
        // What it was before the lock does not count: an operator may have switched it off since.
        let begins = |now: &Account| TransitionCause::LoginBegins.leads(now.state, State::Refreshing);
        let now = store.account(account.id).await?.filter(begins);
        hold.before = now.ok_or_else(gone)?;
        if hold.before.generation != account.generation {
            return Err(LoginError::new(
                FailureCode::Superseded,
                "another login of the account has just ended",
            ));
        }
        let step = Transition::new(TransitionCause::LoginBegins, State::Refreshing, "");
        let change = AccountChange { from: Some(hold.before.state), ..stepping(step) };
        if !store.change_account(account.id, change).await? {
            return Err(gone());
        }
        // Should this broker be killed, the due loop of another one settles the account.
        store.set_due(account.id, Timestamp::now() + CLAIM).await?;
        Ok(hold)
    }

    /// The lock, which proves the right to the store.
    #[must_use]
    pub fn lock(&self) -> &LoginLock {
        self.lock.as_ref().expect("a hold has its lock until it is released")
    }

    /// Runs a login under the right. Loses it, and with it the login, when another broker took over.
    pub(super) async fn keep<T>(&self, login: impl Future<Output = T>) -> Result<T, LoginError> {
        tokio::select! {
            outcome = login => Ok(outcome),
            trouble = self.renew() => Err(trouble),
        }
    }

    /// Gives the right back; the account's state has been recorded.
    pub async fn release(mut self) {
        if let Some(lock) = self.lock.take() {
            unlock(&self.store, &lock).await;
        }
    }

    /// Gives the right back and leaves the account as it was, but for that it waits for a browser since `since`.
    pub async fn wait(mut self, since: Timestamp) {
        let Some(lock) = self.lock.take() else { return };
        let change =
            stepping(Transition::at(TransitionCause::LoginUndone, self.before.state, Phase::WaitsForBrowser));
        let waits = async {
            // Not before the state: who finds it waiting must find it as it was.
            if self.store.change_account(lock.account, change).await? {
                self.store.wait_for_browser(lock.account, since).await?;
            }
            Ok::<_, StoreError>(())
        };
        if let Err(error) = waits.await {
            tracing::warn!(%error, account.id = %lock.account, "cannot have the account wait; its claim ends and it is due again");
        }
        unlock(&self.store, &lock).await;
    }

    /// Gives the right back and leaves the account as it was.
    pub async fn undo(mut self) {
        if let Some(lock) = self.lock.take() {
            give_up(&self.store, &lock, self.before.clone()).await;
        }
    }

    /// Renews the right until it is lost.
    async fn renew(&self) -> LoginError {
        let mut renewed = Instant::now();
        loop {
            sleep(RENEWAL).await;
            match self.store.renew_login(self.lock(), LIFE).await {
                Ok(true) => renewed = Instant::now(),
                Ok(false) => {
                    return LoginError::new(FailureCode::Superseded, "the right to sign in was lost");
                }
                // While Redis is away nobody else can take it before its end.
                Err(error) if renewed.elapsed() >= LIFE => return error.into(),
                Err(_) => {}
            }
        }
    }
}

impl Drop for LoginHold {
    fn drop(&mut self) {
        let Some(lock) = self.lock.take() else { return };
        let store = self.store.clone();
        let before = self.before.clone();
        self.tasks.spawn(timeout(LIFE, async move { give_up(&store, &lock, before).await }));
    }
}

/// Writes down that the password is typed from now on. An account that was removed or switched off gets nothing typed.
///
/// # Errors
/// When the account is not its login's any more, or Redis is unavailable.
pub async fn begin_to_type(store: &BrokerStore, id: AccountId) -> Result<(), LoginError> {
    let change =
        stepping(Transition::at(TransitionCause::PasswordTyped, State::Refreshing, Phase::PasswordTyped));
    if store.change_account(id, change).await? { Ok(()) } else { Err(gone()) }
}

/// Settles an account whose broker ended in the middle of a login; one whose login still runs is left alone.
///
/// # Errors
/// When Redis is unavailable.
pub async fn recover_interrupted(store: &BrokerStore, id: AccountId) -> Result<(), StoreError> {
    let Some(lock) = store.lock_login(id, LIFE).await? else { return Ok(()) };
    let account = store.account(id).await?;
    let settled = match account.filter(|account| account.state == State::Refreshing) {
        Some(account) => record::cut_off(store, &account).await,
        None => Ok(()),
    };
    unlock(store, &lock).await;
    settled
}

/// Puts the account back and gives the right back.
async fn give_up(store: &BrokerStore, lock: &LoginLock, before: Account) {
    if let Err(error) = put_back(store, lock, before).await {
        tracing::warn!(%error, account.id = %lock.account, "cannot put the account's state back");
    }
    unlock(store, lock).await;
}

/// Undoes [`LoginHold::take`], unless somebody changed the state since. After the password was typed it is no undoing.
async fn put_back(store: &BrokerStore, lock: &LoginLock, before: Account) -> Result<(), StoreError> {
    let Some(now) = store.account(lock.account).await? else { return Ok(()) };
    if now.state != State::Refreshing || !store.renew_login(lock, LIFE).await? {
        return Ok(());
    }
    if now.phase == Some(Phase::PasswordTyped)
        && before.state.signs_in_unasked()
        && before.refresh_at.is_some()
    {
        return record::cut_off(store, &now).await;
    }
    // What was cut off before already is settled when its time comes.
    if before.state == State::Refreshing {
        return Ok(());
    }
    let waited = (before.phase == Some(Phase::WaitsForBrowser)).then(|| before.due_since(Timestamp::now()));
    let step = Transition {
        cause: TransitionCause::LoginUndone,
        to: before.state,
        reason: before.reason,
        phase: before.phase,
    };
    let change = AccountChange { refresh_at: Some(before.refresh_at), ..stepping(step) };
    if store.change_account(lock.account, change).await?
        && let Some(since) = waited
    {
        store.wait_for_browser(lock.account, since).await?;
    }
    Ok(())
}

fn stepping(step: Transition) -> AccountChange {
    AccountChange { step: Some(step), ..AccountChange::default() }
}

fn gone() -> LoginError {
    LoginError::new(
        FailureCode::Superseded,
        "the account was removed or switched off, or another login of it began",
    )
}

async fn unlock(store: &BrokerStore, lock: &LoginLock) {
    if let Err(error) = store.unlock_login(lock).await {
        tracing::warn!(%error, account.id = %lock.account, "cannot give the login lock back; it ends by itself");
    }
}
