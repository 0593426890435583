//! What metrics and log learn of a turn.

use std::sync::{Arc, Once};

use latchkey_bridge::catalog::Catalog;
use tokio::time::Instant;
use tracing::Span;

use crate::{
    metrics::{CallLabels, Metrics, ModelLabels, OutcomeLabels, SiteLabels, TokenLabels},
    prompt::CallMode,
    recorder::{self, TurnRecorder},
    stream::delta::{Delta, Usage},
};

/// Stands where no model is known by its name.
pub(super) const NO_NAME: &str = "-";

/// What the metrics learn of a turn. A turn that is dropped before its end was left by the client.
pub(super) struct TurnObserver {
    pub metrics: Arc<Metrics>,
    pub labels: ModelLabels,
    /// The dialect in which calls are read; `-` where none are.
    pub dialect: &'static str,
    started: Instant,
    /// The request's.
    pub span: Span,
    pub outcome: Option<&'static str>,
    /// Where the turn is recorded, if turns are.
    pub recorder: Option<TurnRecorder>,
    /// The tools that calls are held against, if any.
    catalog: Option<Arc<Catalog>>,
}

impl TurnObserver {
    pub(super) fn new(metrics: Arc<Metrics>, started: Instant, span: Span) -> Self {
        let labels = ModelLabels { site: NO_NAME.to_owned(), model: NO_NAME.to_owned() };
        let recorder = recorder::tape();
        Self { metrics, labels, dialect: "-", started, span, outcome: None, recorder, catalog: None }
    }

    /// The site was asked then, with another account than those that failed before.
    pub(super) fn asked(&self, at: Instant, failovers: usize) {
        let own = at.duration_since(self.started).as_secs_f64();
        self.metrics.own.get_or_create(&self.labels).observe(own);
        if failovers > 0 {
            let site = SiteLabels { site: self.labels.site.clone() };
            self.metrics.failovers.get_or_create(&site).inc_by(failovers as u64);
        }
    }

    pub(super) fn began(&self) {
        let waited = self.started.elapsed().as_secs_f64();
        self.metrics.first_delta.get_or_create(&self.labels).observe(waited);
    }

    pub(super) fn heartbeat(&self) {
        let ModelLabels { site, model } = self.labels.clone();
        self.metrics.heartbeats.get_or_create(&CallLabels { site, model, dialect: self.dialect }).inc();
    }

    pub(super) fn failed(&mut self, fault: &'static str) {
        self.outcome = Some(fault);
        if let Some(tape) = &self.recorder {
            tape.fault(fault);
        }
    }

    /// How calls are to come back.
    pub(super) fn calls(&mut self, calls: &CallMode) {
        self.catalog = match calls {
            CallMode::Untouched => None,
            CallMode::Native(declared) => Some(Arc::clone(&declared.catalog)),
            CallMode::Emulated(emulation) => Some(Arc::clone(&emulation.catalog)),
        };
        let Some(tape) = &self.recorder else { return };
        match calls {
            CallMode::Untouched => tape.calls("untouched", ""),
            CallMode::Native(_) => tape.calls("native", ""),
            CallMode::Emulated(emulation) => {
                let dialect = &emulation.dialect;
                tape.calls(dialect.form.as_str(), dialect.nonce.as_str());
            }
        }
    }

    /// Counts calls that were let through unchecked. Once in the log: it is the client's schema, turn after turn.
    fn unchecked(&self) {
        static TOLD: Once = Once::new();
        for tool in self.catalog.iter().flat_map(|catalog| catalog.unchecked()) {
            TOLD.call_once(|| {
                tracing::warn!(
                    tool,
                    "calls of this tool are not checked whole: its schema has patterns beyond regular expressions, \
                     references elsewhere, or costs too much"
                );
            });
            let ModelLabels { site, model } = self.labels.clone();
            self.metrics
                .calls
                .unchecked
                .get_or_create(&CallLabels { site, model, dialect: self.dialect })
                .inc();
        }
    }

    /// What is said to the client.
    pub(super) fn said(&self, deltas: &[Delta]) {
        let Some(tape) = &self.recorder else { return };
        for delta in deltas {
            match delta {
                Delta::Text(text) => tape.delta("text", text, ""),
                Delta::Reasoning(text) => tape.delta("reasoning", text, ""),
                Delta::Call(call) => tape.delta("call", &call.arguments, &call.name),
                Delta::Fragment(_) | Delta::Usage(_) | Delta::Finish(_) => {}
            }
        }
    }

    pub(super) fn ended(&mut self, usage: Usage) {
        self.outcome = Some("ok");
        for (kind, count) in [("prompt", usage.prompt), ("completion", usage.completion)] {
            let ModelLabels { site, model } = self.labels.clone();
            self.metrics.tokens.get_or_create(&TokenLabels { site, model, kind }).inc_by(count);
        }
    }
}

impl Drop for TurnObserver {
    fn drop(&mut self) {
        let ModelLabels { site, model } = self.labels.clone();
        let outcome = self.outcome.unwrap_or("left");
        if let Some(tape) = &self.recorder {
            tape.ended(&site, &model, outcome);
        }
        self.unchecked();
        let took = self.started.elapsed();
        let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        self.span.in_scope(|| tracing::info!(site, model, outcome, duration_ms, "turn ended"));
        self.metrics.requests.get_or_create(&OutcomeLabels { site, model, outcome }).inc();
        self.metrics.turn.get_or_create(&self.labels).observe(took.as_secs_f64());
    }
}
