//! What an operator watches of logins and accounts, as Prometheus reads it.
//!
//! Logins and launches are this broker's own and are to be summed; accounts and due times are Redis's, and every
//! broker tells the same of them.

use std::time::Duration;

use latchkey_shared::{
    account::{Account, Rung, State},
    store::{BrokerStore, StoreError},
    time::Timestamp,
};
use prometheus_client::{
    encoding::{
        EncodeLabelSet,
        text::{encode_eof, encode_registry},
    },
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use crate::login::LoginDone;

/// Upper bounds of a login's time, in seconds: from a request to a person at the second factor.
const SECONDS: [f64; 10] = [0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0];

/// What this broker counts.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    logins: Family<LoginLabels, Counter>,
    seconds: Family<RungLabels, Histogram, fn() -> Histogram>,
    avoided: Family<SiteLabels, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SiteLabels {
    site: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    site: String,
    state: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KeyLabels {
    key: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RungLabels {
    site: String,
    rung: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LoginLabels {
    site: String,
    /// `ok`, `stopped` or a failure code.
    result: String,
    /// How the session was come by; `-` where none was.
    rung: String,
}

fn seconds() -> Histogram {
    Histogram::new(SECONDS)
}

impl Metrics {
    /// Nothing counted yet. `launches` counts the starts of Chromium.
    pub(crate) fn new(launches: Counter) -> Self {
        let mut registry = Registry::with_prefix("latchkey_broker");
        let logins = Family::<LoginLabels, Counter>::default();
        let seconds = Family::<RungLabels, Histogram, _>::new_with_constructor(seconds as fn() -> Histogram);
        let avoided = Family::<SiteLabels, Counter>::default();
        registry.register("logins", "Logins and renewals that ended", logins.clone());
        registry.register("login_seconds", "Beginning of a login to its session", seconds.clone());
        registry.register("browser_launches", "Starts of Chromium", launches);
        registry.register("browser_avoided", "Sessions renewed without a browser", avoided.clone());
        Self { registry, logins, seconds, avoided }
    }

    /// Counts a login that ended: with a session, or with the word for why there is none.
    pub(crate) fn ended(&self, account: &Account, outcome: Result<&LoginDone, &str>) {
        let site = account.site.to_string();
        let (result, rung) = match outcome {
            Ok(done) => ("ok", done.rung()),
            Err(word) => (word, "-".to_owned()),
        };
        if let Ok(done) = outcome {
            let labels = RungLabels { site: site.clone(), rung: rung.clone() };
            self.seconds.get_or_create(&labels).observe(done.duration.as_secs_f64());
            if done.rung == Some(Rung::Http) {
                self.avoided.get_or_create(&SiteLabels { site: site.clone() }).inc();
            }
        }
        self.logins.get_or_create(&LoginLabels { site, result: result.to_owned(), rung }).inc();
    }

    /// The text that Prometheus reads (`OpenMetrics`); without what is in Redis while that is away.
    pub(crate) async fn text(&self, store: &BrokerStore) -> String {
        let now = Timestamp::now();
        let mut seen = Registry::with_prefix("latchkey_broker");
        match FleetView::now(store, now).await {
            Ok(of_redis) => of_redis.register(&mut seen, now),
            Err(error) => tracing::warn!(%error, "the metrics are without what is in redis"),
        }
        let discarded = Family::<KeyLabels, Counter>::default();
        for (key, count) in store.discarded() {
            discarded.get_or_create(&KeyLabels { key }).inc_by(count);
        }
        seen.register("store_discarded", "What did not belong into Redis and was taken away", discarded);
        let mut text = String::new();
        // A String takes all that is written to it.
        let _ = encode_registry(&mut text, &self.registry);
        let _ = encode_registry(&mut text, &seen);
        let _ = encode_eof(&mut text);
        text
    }
}

/// What all brokers see.
struct FleetView {
    accounts: Vec<Account>,
    overdue: Duration,
    waiting: u64,
}

impl FleetView {
    async fn now(store: &BrokerStore, now: Timestamp) -> Result<Self, StoreError> {
        let (accounts, waiting) = tokio::try_join!(store.accounts(), store.waiting_count())?;
        // One whose login runs is late for nobody.
        let waits =
            |account: &&Account| account.state.signs_in_unasked() && account.state != State::Refreshing;
        let due = accounts.iter().filter(waits).filter_map(|account| account.refresh_at).min();
        let overdue = due.map(|due| due.until(now)).unwrap_or_default();
        Ok(Self { accounts, overdue, waiting })
    }

    fn register(&self, registry: &mut Registry, now: Timestamp) {
        let states = Family::<StateLabels, Gauge>::default();
        let serving = Family::<SiteLabels, Gauge>::default();
        let soonest = Family::<SiteLabels, Gauge>::default();
        let overdue = Gauge::<i64>::default();
        for account in &self.accounts {
            let labels = SiteLabels { site: account.site.to_string() };
            let state = StateLabels { site: labels.site.clone(), state: account.state.to_string() };
            states.get_or_create(&state).inc();
            let serves = serving.get_or_create_owned(&labels);
            if !account.serves(now) {
                continue;
            }
            let left = i64::try_from(account.remaining(now).as_secs()).unwrap_or(i64::MAX);
            let end = soonest.get_or_create_owned(&labels);
            end.set(if serves.get() == 0 { left } else { left.min(end.get()) });
            serves.inc();
        }
        overdue.set(i64::try_from(self.overdue.as_secs()).unwrap_or(i64::MAX));
        let waiting = Gauge::<i64>::default();
        waiting.set(i64::try_from(self.waiting).unwrap_or(i64::MAX));
        registry.register("accounts", "Accounts by state", states);
        registry.register("accounts_serving", "Accounts with a session that lives", serving);
        registry.register("session_left_seconds", "Life left of the session that ends first", soonest);
        registry.register("accounts_waiting", "Accounts that are due and wait for a browser", waiting);
        registry.register("due_lag_seconds", "How long the longest overdue login is due", overdue);
    }
}
