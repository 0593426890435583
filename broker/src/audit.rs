//! Writes down who did what to which account. What is done stays done when that fails; the log says so then.

use latchkey_shared::{id::AccountId, store::BrokerStore};

/// Who does something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum Actor {
    /// Whoever holds the admin token, with a program of his own.
    Api,
    /// Whoever holds the admin token, with our commands.
    Cli,
    /// This broker, by itself.
    Broker,
}

impl Actor {
    fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Adds an entry. `detail` is a code, a name or a number: never what somebody typed as a secret.
pub(crate) async fn record(
    store: &BrokerStore,
    actor: Actor,
    action: &'static str,
    account: impl Into<Option<AccountId>>,
    detail: &str,
) {
    if let Err(error) = store.add_audit(actor.as_str(), action, account.into(), detail).await {
        tracing::error!(%error, audit.action = action, audit.detail = detail, "cannot write to the audit stream");
    }
}
