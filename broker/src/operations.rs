//! The owner of running logins: one at a time for an account, so many at a time for the host.
//!
//! An operation lives in the memory of the broker that runs it. What must outlive the broker (state, reason, last
//! login) is in the account, written by the login itself.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use latchkey_shared::{account::Account, id::AccountId, shutdown::Tasks, site::Site, time::Timestamp};
use tokio::sync::{Semaphore, watch};
use tracing::Instrument;

use crate::{
    audit::{self, Actor},
    due,
    login::{
        self, LoginContext, LoginFailure, Trigger,
        import::{self, ImportError, Imported},
        session_import::SessionImport,
    },
    metrics::Metrics,
};

mod id;
mod record;
mod view;

pub use id::OperationId;
pub use record::{OperationOutcome, OperationRecord};
pub use view::{ErrorView, FailedStepView, OperationState, OperationView, ProgressView, StepView};

/// Operations that are remembered.
const REMEMBERED: usize = 1000;

/// Logins that may run or wait; more would wait longer than an operator watches.
pub const QUEUE: usize = 64;

/// Logins of a broker at once, those included that renew a session without a browser or wait for one.
const AT_ONCE: usize = 32;

/// Longer than all that a login waits for, each of which has a limit of its own.
const LIMIT: Duration = Duration::from_secs(60 * 60);

/// The operations of this broker. Clones share them.
#[derive(Clone)]
pub(crate) struct Operations(Arc<OperationsState>);

struct OperationsState {
    context: LoginContext,
    metrics: Metrics,
    tasks: Tasks,
    /// For logins that operators ask for. They may wait long for a browser, and keep nothing due from its time.
    operators: Semaphore,
    /// For logins that are due: those that need no browser, and one for each browser.
    permits: Semaphore,
    browsers: usize,
    table: Mutex<OperationsTable>,
}

#[derive(Default)]
struct OperationsTable {
    known: HashMap<OperationId, Operation>,
    oldest_first: VecDeque<OperationId>,
    running: HashMap<AccountId, OperationId>,
}

/// A login that runs or ran; whoever holds it sees its record change.
pub(crate) type Operation = Arc<watch::Sender<OperationRecord>>;

/// As many logins run and wait as may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct QueueFull;

impl Operations {
    pub(crate) fn new(context: LoginContext, tasks: Tasks) -> Self {
        let browsers = context.turns.available_permits();
        let operators = Semaphore::new(AT_ONCE);
        let permits = Semaphore::new(AT_ONCE + browsers);
        let metrics = Metrics::new(context.browser.launches());
        let table = Mutex::default();
        Self(Arc::new(OperationsState { context, metrics, tasks, operators, permits, browsers, table }))
    }

    /// Starts a login, or joins the one that runs for the account. One that an operator joins is an operator's.
    pub(crate) fn start(
        &self,
        account: &Account,
        site: Arc<Site>,
        trigger: Trigger,
    ) -> Result<Operation, QueueFull> {
        let mut table = self.table();
        if let Some(running) = table.running.get(&account.id) {
            let running = table.known[running].clone();
            running.send_modify(|record| record.joined(trigger));
            return Ok(running);
        }
        // What is due comes one for one permit.
        if trigger == Trigger::Operator && table.running.len() >= QUEUE {
            return Err(QueueFull);
        }
        let operation = table.begin(account.id, trigger);
        let flight = LoginTask {
            operations: self.clone(),
            operation: operation.clone(),
            account: account.clone(),
            outcome: OperationOutcome::stopped("the login was cut off; start it again"),
        };
        let span =
            tracing::info_span!("login", operation.id = %operation.borrow().id, account.id = %account.id);
        self.0.tasks.spawn(flight.run(site).instrument(span));
        Ok(operation)
    }

    /// Takes a session that an operator gives. It is no operation: it takes as long as the site's probe.
    pub(crate) async fn import(
        &self,
        account: &Account,
        site: &Site,
        given: &SessionImport,
        until: Option<Timestamp>,
    ) -> Result<Imported, ImportError> {
        import::import(&self.0.context, account, site, given, until).await
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    pub(crate) fn find(&self, id: OperationId) -> Option<Operation> {
        self.table().known.get(&id).cloned()
    }

    /// How many more logins that are due and may need no browser could begin at once.
    pub(crate) fn free(&self) -> usize {
        self.0.permits.available_permits().saturating_sub(self.0.browsers)
    }

    /// How many more logins that are due could have a browser at once.
    pub(crate) fn free_browsers(&self) -> usize {
        self.0.context.turns.available_permits().min(self.0.permits.available_permits())
    }

    fn table(&self) -> MutexGuard<'_, OperationsTable> {
        // Nothing that holds the lock can panic half-way through a change.
        self.0.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OperationsTable {
    fn begin(&mut self, account: AccountId, trigger: Trigger) -> Operation {
        let id = OperationId::new();
        let operation: Operation = Arc::new(watch::Sender::new(OperationRecord::new(id, account, trigger)));
        self.known.insert(id, operation.clone());
        self.oldest_first.push_back(id);
        self.running.insert(account, id);
        // The running ones are fewer than are remembered, so one that ended is found.
        while self.oldest_first.len() > REMEMBERED {
            let ended = |id: &OperationId| self.known[id].borrow().outcome.is_some();
            let Some(at) = self.oldest_first.iter().position(ended) else { break };
            if let Some(id) = self.oldest_first.remove(at) {
                self.known.remove(&id);
            }
        }
        operation
    }

    /// Lets the next login of an account begin, unless it has begun.
    fn is_over(&mut self, account: AccountId, id: OperationId) {
        if self.running.get(&account) == Some(&id) {
            self.running.remove(&account);
        }
    }

    /// Forgets a login that did not really begin.
    fn forget(&mut self, id: OperationId) {
        self.known.remove(&id);
        self.oldest_first.retain(|known| *known != id);
    }
}

/// A login in the air. Dropping it, even by a panic, ends the operation and lets the next login begin.
struct LoginTask {
    operations: Operations,
    operation: Operation,
    /// As it was when the login was asked for.
    account: Account,
    outcome: OperationOutcome,
}

impl Drop for LoginTask {
    fn drop(&mut self) {
        // First make room: whoever sees the end may start the next login at once.
        let id = self.operation.borrow().id;
        self.operations.table().is_over(self.account.id, id);
        let outcome = std::mem::replace(&mut self.outcome, OperationOutcome::stopped(""));
        self.operation.send_modify(|record| record.end(outcome));
    }
}

impl LoginTask {
    async fn run(mut self, site: Arc<Site>) {
        let stopping = self.operations.0.tasks.stopping();
        let outcome = tokio::select! {
            biased;
            () = stopping.cancelled() => OperationOutcome::stopped("the broker is stopping; start the login again"),
            outcome = self.sign_in(&site) => outcome,
        };
        let id = self.operation.borrow().id;
        let account = self.account.id;
        // Before anything else is waited for: whoever comes now begins the next one.
        self.operations.table().is_over(account, id);
        if matches!(&outcome, OperationOutcome::Failed(failure) if failure.code.is_deferral()) {
            self.operations.table().forget(id);
            self.outcome = outcome;
            return;
        }
        self.operations.0.metrics.ended(&self.account, outcome.result());
        let (action, detail) = outcome.as_audited();
        self.outcome = outcome;
        let store = &self.operations.0.context.store;
        let id = self.account.id;
        audit::record(store, Actor::Broker, action, id, &detail).await;
        due::plan(&self.operations.0.context.store, self.account.id).await;
    }

    /// Signs in. A login that an operator joined after it had begun, and that ended because nobody had asked for it, is
    /// made again for him.
    async fn sign_in(&self, site: &Site) -> OperationOutcome {
        let asked = || self.operation.borrow().trigger;
        let begun = asked();
        let outcome = self.sign_in_for(begun, self.account.state.signs_in_unasked(), site).await;
        let is_his = matches!(&outcome, OperationOutcome::Failed(failure) if failure.code.operator_may_override())
            && begun != asked();
        if is_his { self.sign_in_for(asked(), false, site).await } else { outcome }
    }

    /// `signed_in_unasked` is whether the account did so when this was asked for.
    async fn sign_in_for(&self, trigger: Trigger, signed_in_unasked: bool, site: &Site) -> OperationOutcome {
        let inner = &self.operations.0;
        let permits = match trigger {
            Trigger::Operator => &inner.operators,
            Trigger::Scheduled => &inner.permits,
        };
        let Ok(_permit) = permits.acquire().await else {
            return OperationOutcome::stopped("the broker is stopping; start the login again");
        };
        // It may have waited long: what the account was then does not count.
        let account = match inner.context.store.account(self.account.id).await {
            Ok(Some(account)) => account,
            Ok(None) => return OperationOutcome::stopped("the account was deleted meanwhile"),
            Err(error) => return OperationOutcome::Failed(store_failure(&error)),
        };
        if self.account.generation < account.generation {
            return OperationOutcome::stopped("another login of the account ended well meanwhile");
        }
        if signed_in_unasked && !account.state.signs_in_unasked() {
            return OperationOutcome::stopped(
                "the account needs an operator since; see its state and start the login again",
            );
        }
        let report = |progress| self.operation.send_modify(|record| record.report(progress));
        let login = login::run(&inner.context, &account, site, trigger, &report);
        match tokio::time::timeout(LIMIT, Box::pin(login)).await {
            Ok(Ok(done)) => OperationOutcome::Done(done),
            Ok(Err(failure)) => OperationOutcome::Failed(failure),
            Err(_) => {
                tracing::error!(login.limit = ?LIMIT, "the login did not end within its limit");
                OperationOutcome::stopped("the login did not end within its limit; see the broker's log")
            }
        }
    }
}

fn store_failure(error: &latchkey_shared::store::StoreError) -> LoginFailure {
    tracing::warn!(%error, "cannot read the account");
    LoginFailure {
        code: login::FailureCode::StoreUnavailable,
        step: None,
        message: "Redis did not answer; run `latchkey-broker doctor`".to_owned(),
        screenshot: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_that_ended_is_forgotten_first() {
        let mut table = OperationsTable::default();
        let running = table.begin(AccountId::new(), Trigger::Scheduled);
        let ended = table.begin(AccountId::new(), Trigger::Scheduled);
        ended.send_modify(|record| record.end(OperationOutcome::stopped("")));

        for _ in 2..=REMEMBERED {
            table.begin(AccountId::new(), Trigger::Scheduled);
        }

        assert_eq!(table.known.len(), REMEMBERED);
        assert!(table.known.contains_key(&running.borrow().id));
        assert!(!table.known.contains_key(&ended.borrow().id));
    }
}
