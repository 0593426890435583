//! An operation as JSON: what the admin API answers and the CLI reads.

use std::{path::PathBuf, time::Duration};

use latchkey_shared::{account::Rung, id::AccountId, time::Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    OperationId,
    record::{OperationOutcome, OperationRecord, OperationStage},
};
use strum::VariantNames;

use crate::login::{self, FailureCode};

/// An operation.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[schemars(rename = "Operation")]
pub struct OperationView {
    /// Its id.
    pub id: OperationId,
    /// Whose login it is.
    pub account: AccountId,
    /// Whether it runs, or how it ended.
    pub state: OperationState,
    /// What it does now; null once it ended.
    pub progress: Option<ProgressView>,
    /// When it was asked for.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// What it did and does, with the times.
    pub steps: Vec<StepView>,
    /// Generation of the session that it published.
    pub generation: Option<u64>,
    /// Hard end of that session.
    pub expires_at: Option<Timestamp>,
    /// How it was come by.
    pub rung: Option<Rung>,
    /// Why it failed.
    pub error: Option<ErrorView>,
}

/// Where an operation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OperationState {
    /// It waits or works.
    Running,
    /// A session was published.
    Succeeded,
    /// It was not.
    Failed,
}

/// What a login does now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[schemars(rename = "Progress")]
pub struct ProgressView {
    /// Which step of the recipe, from 1; null before and after the recipe.
    pub step: Option<usize>,
    /// How many steps the recipe has.
    pub total: Option<usize>,
    /// What is done: a verb of site files, or `wait`, `renew`, `restore`, `capture`, `probe`, `publish`.
    pub verb: String,
    /// What it is done to.
    pub target: String,
}

/// One thing that a login did or does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[schemars(rename = "Step")]
pub struct StepView {
    /// What.
    #[serde(flatten)]
    pub progress: ProgressView,
    /// How long it took; null while it lasts.
    pub duration_ms: Option<u64>,
}

/// Why a login failed.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[schemars(rename = "LoginError")]
pub struct ErrorView {
    /// A failure code of logins, or `stopped`.
    #[schemars(extend("enum" = [FailureCode::VARIANTS, &["stopped"]].concat()))]
    pub code: String,
    /// The step that failed.
    pub step: Option<FailedStepView>,
    /// What happened and what to do next.
    pub message: String,
    /// Path of the masked screenshot at this API.
    pub screenshot: Option<String>,
    /// The same screenshot as a file on the broker's host.
    pub screenshot_file: Option<PathBuf>,
}

/// A step that failed.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[schemars(rename = "FailedStep")]
pub struct FailedStepView {
    /// Which, from 1.
    pub index: usize,
    /// Its line in the site file.
    pub line: usize,
    /// What it does.
    pub verb: String,
    /// What it does it to.
    pub target: String,
}

impl OperationRecord {
    /// The whole operation.
    #[must_use]
    pub fn view(&self) -> OperationView {
        let steps: Vec<StepView> = (0..self.stages.len()).filter_map(|index| self.step(index)).collect();
        let last = steps.last().map(|step| step.progress.clone());
        let done = match &self.outcome {
            Some(OperationOutcome::Done(done)) => Some(done),
            Some(OperationOutcome::Failed(_) | OperationOutcome::Stopped { .. }) | None => None,
        };
        OperationView {
            id: self.id,
            account: self.account,
            state: self.state(),
            progress: last.filter(|_| self.outcome.is_none()),
            started_at: self.started_at,
            ended_at: self.outcome.as_ref().map(|_| self.started_at + self.took),
            steps,
            generation: done.map(|done| done.generation),
            expires_at: done.map(|done| done.expires_at),
            rung: done.and_then(|done| done.rung),
            error: self.error(),
        }
    }

    /// One thing that was done, by its place in time.
    #[must_use]
    pub fn step(&self, index: usize) -> Option<StepView> {
        let (began, stage) = self.stages.get(index)?;
        let next = self.stages.get(index + 1).map(|(began, _)| *began);
        let ended = next.or_else(|| self.outcome.as_ref().map(|_| self.took));
        Some(StepView {
            progress: stage.into(),
            duration_ms: ended.map(|ended| millis(ended.saturating_sub(*began))),
        })
    }

    fn state(&self) -> OperationState {
        match &self.outcome {
            None => OperationState::Running,
            Some(OperationOutcome::Done(_)) => OperationState::Succeeded,
            Some(OperationOutcome::Failed(_) | OperationOutcome::Stopped { .. }) => OperationState::Failed,
        }
    }

    fn error(&self) -> Option<ErrorView> {
        match self.outcome.as_ref()? {
            OperationOutcome::Done(_) => None,
            OperationOutcome::Stopped { message } => Some(ErrorView {
                code: "stopped".to_owned(),
                step: None,
                message: (*message).to_owned(),
                screenshot: None,
                screenshot_file: None,
            }),
            OperationOutcome::Failed(failure) => Some(ErrorView {
                code: failure.code.as_str().to_owned(),
                step: failure.step.as_ref().map(FailedStepView::from),
                message: failure.message.clone(),
                screenshot: failure
                    .screenshot
                    .as_ref()
                    .map(|_| format!("/v1/operations/{}/screenshot", self.id)),
                screenshot_file: failure.screenshot.clone(),
            }),
        }
    }
}

impl From<&login::FailedStep> for FailedStepView {
    fn from(step: &login::FailedStep) -> Self {
        Self { index: step.index, line: step.line, verb: step.verb.to_owned(), target: step.target.clone() }
    }
}

impl From<&OperationStage> for ProgressView {
    fn from(stage: &OperationStage) -> Self {
        let outside = |verb: &str, target: &str| Self {
            step: None,
            total: None,
            verb: verb.to_owned(),
            target: target.to_owned(),
        };
        match stage {
            OperationStage::Waiting => outside("wait", "its turn and the browser"),
            OperationStage::Working(login::LoginProgress::Waiting) => {
                outside("wait", "a browser that is free")
            }
            OperationStage::Working(login::LoginProgress::Renewing) => {
                outside("renew", "the session, without a browser")
            }
            OperationStage::Working(login::LoginProgress::Restoring) => {
                outside("restore", "what the browser kept")
            }
            OperationStage::Working(login::LoginProgress::Step { index, total, verb, target }) => Self {
                step: Some(*index),
                total: Some(*total),
                verb: (*verb).to_owned(),
                target: target.clone(),
            },
            OperationStage::Working(login::LoginProgress::Capturing) => outside("capture", "the session"),
            OperationStage::Working(login::LoginProgress::Probing) => outside("probe", "the site's API"),
            OperationStage::Working(login::LoginProgress::Publishing) => {
                outside("publish", "the sealed session")
            }
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_lasts_until_the_next_begins_or_the_login_ends() {
        let mut record = OperationRecord::new(OperationId::new(), AccountId::new(), login::Trigger::Operator);
        record.stages[0].0 = Duration::ZERO;
        record
            .stages
            .push((Duration::from_millis(200), OperationStage::Working(login::LoginProgress::Capturing)));

        let running = record.view();
        record.end(OperationOutcome::stopped("why"));
        record.took = Duration::from_millis(500);
        let ended = record.view();

        let lasted =
            |view: &OperationView| -> Vec<_> { view.steps.iter().map(|step| step.duration_ms).collect() };
        assert_eq!(lasted(&running), [Some(200), None]);
        assert_eq!(running.progress.unwrap().verb, "capture");
        assert_eq!(lasted(&ended), [Some(200), Some(300)]);
        assert_eq!((ended.state, ended.progress), (OperationState::Failed, None));
    }
}
