//! What happened in one login so far: a list that only grows, and an end.

use std::path::PathBuf;

use latchkey_shared::{id::AccountId, time::Timestamp};
use tokio::time::{Duration, Instant};

use super::OperationId;
use crate::login::{self, LoginDone, LoginFailure, Trigger};

/// One login, as it was reported.
#[derive(Debug)]
pub struct OperationRecord {
    /// Its id.
    pub id: OperationId,
    /// Whose login it is.
    pub account: AccountId,
    /// Who asked for it.
    pub trigger: Trigger,
    /// When it was asked for.
    pub started_at: Timestamp,
    /// What it did, each with the time since its start.
    pub stages: Vec<(Duration, OperationStage)>,
    /// How it ended; `None` while it runs.
    pub outcome: Option<OperationOutcome>,
    /// How long it took, once it ended.
    pub took: Duration,
    clock: Instant,
}

/// What a login does for a while.
#[derive(Debug)]
pub enum OperationStage {
    /// It waits for its turn.
    Waiting,
    /// It works.
    Working(login::LoginProgress),
}

/// How a login ended.
#[derive(Debug)]
pub enum OperationOutcome {
    /// A session was published.
    Done(LoginDone),
    /// The login failed.
    Failed(LoginFailure),
    /// Nobody may say how it would have gone.
    Stopped {
        /// Why, and what to do.
        message: &'static str,
    },
}

impl OperationOutcome {
    pub(crate) fn stopped(message: &'static str) -> Self {
        Self::Stopped { message }
    }

    /// The session that it brought, or a word for why it brought none.
    pub(crate) fn result(&self) -> Result<&LoginDone, &str> {
        match self {
            Self::Done(done) => Ok(done),
            Self::Failed(failure) => Err(failure.code.as_str()),
            Self::Stopped { .. } => Err("stopped"),
        }
    }

    /// The action and what came of it; no text of the site is in it.
    pub(crate) fn as_audited(&self) -> (&'static str, String) {
        match self {
            Self::Done(done) => ("login.ok", format!("session {} {}", done.generation, done.rung())),
            Self::Failed(failure) => ("login.failed", failure.code.as_str().to_owned()),
            Self::Stopped { message } => ("login.stopped", (*message).to_owned()),
        }
    }
}

impl OperationRecord {
    pub(crate) fn new(id: OperationId, account: AccountId, trigger: Trigger) -> Self {
        Self {
            id,
            account,
            trigger,
            started_at: Timestamp::now(),
            stages: vec![(Duration::ZERO, OperationStage::Waiting)],
            outcome: None,
            took: Duration::ZERO,
            clock: Instant::now(),
        }
    }

    /// Somebody asks for it who finds it begun.
    pub(crate) fn joined(&mut self, trigger: Trigger) {
        if trigger == Trigger::Operator {
            self.trigger = trigger;
        }
    }

    pub(crate) fn report(&mut self, progress: login::LoginProgress) {
        self.stages.push((self.clock.elapsed(), OperationStage::Working(progress)));
    }

    pub(crate) fn end(&mut self, outcome: OperationOutcome) {
        self.took = self.clock.elapsed();
        self.outcome = Some(outcome);
    }

    /// Where the masked screenshot of a failure is kept.
    #[must_use]
    pub fn screenshot(&self) -> Option<&PathBuf> {
        match &self.outcome {
            Some(OperationOutcome::Failed(failure)) => failure.screenshot.as_ref(),
            Some(OperationOutcome::Done(_) | OperationOutcome::Stopped { .. }) | None => None,
        }
    }
}
