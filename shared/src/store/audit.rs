//! Who did what to which account: a stream that is only added to, and as long as its cap.
//!
//! No secret is in an entry: an action is one of ours, and its detail is a code, a name or a number.

use deadpool_redis::redis;
use serde::{Deserialize, Serialize};

use super::{BrokerStore, StoreError, accounts::RedisHash};
use crate::{id::AccountId, keys, time::Timestamp};

/// Entries that are kept, about: a hundred accounts that are renewed each hour have a month.
const KEPT: usize = 100_000;
/// Entries that one call reads, and calls that one question may take.
const BATCH: usize = 1000;
const BATCHES: usize = KEPT / BATCH + 1;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct AuditEntry {
    /// Where it stands in the stream; later ones are higher.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// Who: `api`, `cli` or `broker`.
    #[schemars(extend("enum" = ["api", "cli", "broker"]))]
    pub actor: String,
    /// What, like `account.created`.
    pub action: String,
    /// To which account, if to one.
    pub account: Option<AccountId>,
    /// How it went, or what changed.
    pub detail: String,
}

/// Which entries are asked for.
#[derive(Clone, Debug, Default)]
pub struct AuditQuery {
    /// Only those of this account.
    pub account: Option<AccountId>,
    /// Only those after this one, the oldest first; without it the newest there are.
    pub after: Option<String>,
    /// At most so many.
    pub limit: usize,
}

impl BrokerStore {
    /// Adds an entry.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn add_audit(
        &self,
        actor: &str,
        action: &str,
        account: Option<AccountId>,
        detail: &str,
    ) -> Result<(), StoreError> {
        let account = account.map(|id| id.to_string()).unwrap_or_default();
        let mut add = redis::cmd("XADD");
        add.arg(keys::AUDIT).arg("MAXLEN").arg("~").arg(KEPT).arg("*");
        add.arg("actor").arg(actor).arg("action").arg(action).arg("account").arg(account);
        self.command(add.arg("detail").arg(detail)).await
    }

    /// Entries, the oldest first.
    ///
    /// # Errors
    /// When Redis is unavailable.
    pub async fn audit(&self, query: &AuditQuery) -> Result<Vec<AuditEntry>, StoreError> {
        let mut found: Vec<AuditEntry> = Vec::new();
        let mut edge = query.after.clone();
        for _ in 0..BATCHES {
            let batch = self.audit_batch(query.after.is_some(), edge.as_deref()).await?;
            let is_last = batch.len() < BATCH;
            edge = batch.last().map(|entry| entry.id.clone()).or(edge);
            found.extend(
                batch.into_iter().filter(|entry| query.account.is_none() || entry.account == query.account),
            );
            if is_last || query.limit <= found.len() {
                break;
            }
        }
        found.truncate(query.limit);
        if query.after.is_none() {
            found.reverse();
        }
        Ok(found)
    }

    /// Entries beyond an edge, in the direction of the question.
    async fn audit_batch(&self, forward: bool, edge: Option<&str>) -> Result<Vec<AuditEntry>, StoreError> {
        let (command, start, end) = match (forward, edge) {
            (true, edge) => ("XRANGE", edge.map_or_else(|| "-".to_owned(), |id| format!("({id}")), "+"),
            (false, edge) => ("XREVRANGE", edge.map_or_else(|| "+".to_owned(), |id| format!("({id}")), "-"),
        };
        let mut range = redis::cmd(command);
        range.arg(keys::AUDIT).arg(start).arg(end).arg("COUNT").arg(BATCH);
        let entries: Vec<(String, RedisHash)> = match self.command(&range).await {
            // It is no stream. What happens is in the log all the same; an operator decides what becomes of the key.
            Err(StoreError::Unreadable(error)) => {
                tracing::error!(redis.key = keys::AUDIT, error, "cannot read what was done");
                Vec::new()
            }
            entries => entries?,
        };
        Ok(entries.into_iter().map(|(id, fields)| entry(id, &fields)).collect())
    }
}

fn entry(id: String, fields: &RedisHash) -> AuditEntry {
    let text = |name: &str| {
        let value = fields.get(name.as_bytes()).map(Vec::as_slice).unwrap_or_default();
        String::from_utf8_lossy(value).into_owned()
    };
    let millis = id.split('-').next().and_then(|millis| millis.parse().ok()).unwrap_or_default();
    AuditEntry {
        at: Timestamp::from_millis(millis),
        actor: text("actor"),
        action: text("action"),
        account: text("account").parse().ok(),
        detail: text("detail"),
        id,
    }
}

/// Whether a text may be an entry's id.
#[must_use]
pub fn is_audit_id(text: &str) -> bool {
    let mut parts = text.splitn(2, '-');
    let number = |part: Option<&str>| part.is_some_and(|part| part.parse::<u64>().is_ok());
    number(parts.next()) && parts.next().is_none_or(|part| part.parse::<u64>().is_ok())
}
