//! What an operator watches. Counted per stream, never per chunk.

use prometheus_client::{
    encoding::{
        EncodeLabelSet, EncodeLabelValue,
        text::{encode_eof, encode_registry},
    },
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

mod calls;

use calls::CallMetrics;
pub(crate) use calls::{CallLabels, CallOutcomeLabels, EndMarkLabels, LearnedLabels};

/// Upper bounds of times, in seconds: from a cached answer to the longest turn.
const SECONDS: [f64; 12] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0];
/// Upper bounds of our own time: from two round trips to Redis to the longest wait in the queue.
const OWN_SECONDS: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1.0, 5.0, 30.0];

/// All of it.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    /// Turns that ended, by how.
    pub requests: Family<OutcomeLabels, Counter>,
    /// From the request to the first delta.
    pub first_delta: Family<ModelLabels, Histogram, fn() -> Histogram>,
    /// From the request to asking the site: our own work, and the wait for an account.
    pub own: Family<ModelLabels, Histogram, fn() -> Histogram>,
    /// From the request to the end.
    pub turn: Family<ModelLabels, Histogram, fn() -> Histogram>,
    /// Leases held.
    pub leases: Gauge,
    /// Requests that wait for an account.
    pub queue: Gauge,
    /// Requests that met a limit; whoever waits meets it again.
    pub limits: Family<LimitLabels, Counter>,
    /// Accounts given up for another.
    pub failovers: Family<SiteLabels, Counter>,
    /// Tokens, by kind.
    pub tokens: Family<TokenLabels, Counter>,
    /// Answers to clients that asked the same again.
    pub resent: Family<ResentLabels, Counter>,
    /// Requests without a shared secret, or with a wrong one.
    pub refused: Counter,
    /// Heartbeats sent.
    pub heartbeats: Family<CallLabels, Counter>,
    /// From letting go of an answer until the site confirmed that it is over.
    pub cancels: Cancels,
    /// Tool calls.
    pub calls: CallMetrics,
}

/// Times by site.
pub(crate) type Cancels = Family<SiteLabels, Histogram, fn() -> Histogram>;

/// A kind of key in Redis.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KeyLabels {
    key: &'static str,
}

/// A site.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct SiteLabels {
    /// Its name.
    pub site: String,
}

/// A model of a site.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ModelLabels {
    /// The site's name.
    pub site: String,
    /// The model as the site names it.
    pub model: String,
}

/// How a turn ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct OutcomeLabels {
    /// The site's name, or `-`.
    pub site: String,
    /// The model as the site names it, or `-`.
    pub model: String,
    /// `ok`, `left` (by the client), or what went wrong.
    pub outcome: &'static str,
}

/// How a client that asked the same again was answered.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ResentLabels {
    /// `joined` a turn that ran, or one that was `kept`.
    pub how: &'static str,
}

/// A limit of a site.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct LimitLabels {
    /// The site's name.
    pub site: String,
    /// Which of its limits.
    pub limit: LimitKind,
}

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(crate) enum LimitKind {
    /// Turns at once of one account.
    AccountConcurrency,
    /// Turns in a minute of one account.
    AccountRate,
    /// Turns at once of all accounts.
    SiteConcurrency,
    /// Turns in a minute of all accounts.
    SiteRate,
}

/// A kind of tokens.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct TokenLabels {
    /// The site's name.
    pub site: String,
    /// The model as the site names it.
    pub model: String,
    /// `prompt` or `completion`.
    pub kind: &'static str,
}

fn seconds() -> Histogram {
    Histogram::new(SECONDS)
}

fn own_seconds() -> Histogram {
    Histogram::new(OWN_SECONDS)
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("latchkey_adapter"),
            requests: Family::default(),
            first_delta: Family::new_with_constructor(seconds),
            own: Family::new_with_constructor(own_seconds),
            turn: Family::new_with_constructor(seconds),
            leases: Gauge::default(),
            queue: Gauge::default(),
            limits: Family::default(),
            failovers: Family::default(),
            tokens: Family::default(),
            resent: Family::default(),
            refused: Counter::default(),
            heartbeats: Family::default(),
            cancels: Family::new_with_constructor(seconds),
            calls: CallMetrics::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("requests", "Turns that ended", self.requests.clone());
        registry.register("first_delta_seconds", "Request to first delta", self.first_delta.clone());
        registry.register("own_seconds", "Request to asking the site", self.own.clone());
        registry.register("turn_seconds", "Request to end", self.turn.clone());
        registry.register("leases", "Leases held by this adapter", self.leases.clone());
        registry.register("queue", "Requests waiting for an account", self.queue.clone());
        registry.register("limits", "Leases refused because of a limit", self.limits.clone());
        registry.register("failovers", "Accounts given up for another", self.failovers.clone());
        registry.register("tokens", "Tokens of turns", self.tokens.clone());
        registry.register("resent", "Answers to clients that asked again", self.resent.clone());
        registry.register("refused", "Requests without a shared secret of ours", self.refused.clone());
        registry.register("heartbeats", "Heartbeats sent on silent streams", self.heartbeats.clone());
        registry.register(
            "upstream_cancel_confirm_seconds",
            "Letting go of an answer to the site's confirmation",
            self.cancels.clone(),
        );
        self.calls.register(registry);
    }

    /// Counts an answer to a client that asked the same again.
    pub(crate) fn asked_again(&self, how: &'static str) {
        self.resent.get_or_create(&ResentLabels { how }).inc();
    }

    /// The text that Prometheus reads (`OpenMetrics`); `discarded` is what the store took away, by kind of key.
    pub(crate) fn text(&self, discarded: &[(&'static str, u64)]) -> String {
        let mut seen = Registry::with_prefix("latchkey_adapter");
        let junk = Family::<KeyLabels, Counter>::default();
        for (key, count) in discarded {
            junk.get_or_create(&KeyLabels { key }).inc_by(*count);
        }
        seen.register("store_discarded", "What did not belong into Redis and was taken away", junk);
        let mut text = String::new();
        // A String takes all that is written to it.
        let _ = encode_registry(&mut text, &self.registry);
        let _ = encode_registry(&mut text, &seen);
        let _ = encode_eof(&mut text);
        text
    }
}
