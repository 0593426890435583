//! Counts what became of the tool calls of one turn.

use std::{sync::Arc, time::Duration};

use latchkey_bridge::sieve::event::InvalidKind;

use super::{end_mark::MarkOutcome, outcomes::NudgeBand};
use crate::metrics::{CallLabels, CallOutcomeLabels, EndMarkLabels, LearnedLabels, Metrics, ModelLabels};

/// The metrics of one turn.
#[derive(Clone, Debug)]
pub(super) struct TurnMetrics {
    metrics: Arc<Metrics>,
    labels: ModelLabels,
    dialect: &'static str,
}

impl TurnMetrics {
    /// For a model of a site; `dialect` is `native` where the site takes tools itself.
    pub(super) fn new(metrics: Arc<Metrics>, labels: ModelLabels, dialect: &'static str) -> Self {
        Self { metrics, labels, dialect }
    }

    /// A call went out.
    pub(super) fn emitted(&self, reading: &'static str) {
        self.metrics.calls.emitted.get_or_create(&self.with("read", reading)).inc();
    }

    /// A call could not be used.
    pub(super) fn invalid(&self, kind: InvalidKind) {
        self.metrics.calls.invalid.get_or_create(&self.with("call", kind.as_str())).inc();
    }

    /// A repair was tried.
    pub(super) fn repaired(&self, step: &'static str, outcome: &'static str) {
        self.metrics.calls.repairs.get_or_create(&self.with(step, outcome)).inc();
    }

    /// The site could not mend a call, and the client was told so.
    pub(super) fn given_up(&self, step: &'static str) {
        self.repaired(step, "given_up");
    }

    /// The judge found that an answer stopped short; `outcome` is what came of it.
    pub(super) fn nudged(&self, reason: &'static str, outcome: &'static str) {
        self.metrics.calls.nudges.get_or_create(&self.with(reason, outcome)).inc();
    }

    /// What came of a nudge, as it is learned from; or that there was none, because of what was learned.
    pub(super) fn learned(&self, band: NudgeBand, outcome: &'static str) {
        let ModelLabels { site, model } = self.labels.clone();
        let NudgeBand { language, score } = band;
        self.metrics
            .calls
            .learned
            .get_or_create(&LearnedLabels { site, model, language, score, outcome })
            .inc();
    }

    /// How an answer kept to the mark of the end.
    pub(super) fn end_mark(&self, outcome: MarkOutcome) {
        let ModelLabels { site, model } = self.labels.clone();
        let labels = EndMarkLabels { site, model, outcome: outcome.as_str() };
        self.metrics.calls.end_marks.get_or_create(&labels).inc();
    }

    /// A call was cut.
    pub(super) fn truncated(&self) {
        self.metrics.calls.truncated.get_or_create(&self.labels()).inc();
    }

    /// Markup was seen in what a client got as text.
    pub(super) fn leaked(&self) {
        self.metrics.calls.leaks.get_or_create(&self.labels()).inc();
    }

    /// Words after the last call were dropped.
    pub(super) fn dropped(&self, size: usize) {
        self.metrics.calls.dropped_bytes.get_or_create(&self.labels()).inc_by(size as u64);
    }

    /// An answer said nothing and called nothing.
    pub(super) fn empty(&self) {
        self.metrics.calls.empty.get_or_create(&self.labels()).inc();
    }

    /// The beginning of a call was held back so long.
    pub(super) fn held(&self, duration: Duration) {
        self.metrics.calls.held.get_or_create(&self.labels()).observe(duration.as_secs_f64());
    }

    /// The turn ended; `judged` is what the judge thought of it.
    pub(super) fn ended(&self, finish: &'static str, judged: &'static str) {
        self.metrics.calls.ends.get_or_create(&self.with(judged, finish)).inc();
    }

    fn labels(&self) -> CallLabels {
        let ModelLabels { site, model } = self.labels.clone();
        CallLabels { site, model, dialect: self.dialect }
    }

    fn with(&self, step: &'static str, outcome: &'static str) -> CallOutcomeLabels {
        let ModelLabels { site, model } = self.labels.clone();
        CallOutcomeLabels { site, model, dialect: self.dialect, step, outcome }
    }
}
