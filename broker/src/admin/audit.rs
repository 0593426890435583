//! The audit stream, for whoever holds the admin token.

use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
};
use latchkey_shared::{
    id::AccountId,
    store::{AuditEntry, AuditQuery, is_audit_id},
};
use serde::{Deserialize, Serialize};

use super::{auth::AdminAuth, problem::Problem};
use crate::state::App;

const USUAL: usize = 100;
const MOST: usize = 1000;

/// `GET /v1/audit?account=&after=&limit=`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AuditFilter {
    account: Option<AccountId>,
    after: Option<String>,
    limit: Option<usize>,
}

/// Entries, the oldest first.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct AuditList {
    /// The entries; to go on, ask for those after the last one.
    pub(crate) entries: Vec<AuditEntry>,
}

pub(super) async fn list(
    _: AdminAuth,
    State(app): State<App>,
    filter: Result<Query<AuditFilter>, QueryRejection>,
) -> Result<Json<AuditList>, Problem> {
    let expected = "expected ?account=ID, ?after=ID of an entry, ?limit=NUMBER, and nothing else";
    let Query(AuditFilter { account, after, limit }) =
        filter.map_err(|_| Problem::invalid("account", expected))?;
    if after.as_deref().is_some_and(|id| !is_audit_id(id)) {
        return Err(Problem::invalid("after", "expected the id of an entry, like 1795420800000-0"));
    }
    let limit = limit.unwrap_or(USUAL);
    if !(1..=MOST).contains(&limit) {
        return Err(Problem::invalid("limit", format!("expected 1 to {MOST} entries")));
    }
    let entries = app.store.audit(&AuditQuery { account, after, limit }).await?;
    Ok(Json(AuditList { entries }))
}
