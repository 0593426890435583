//! What a path names, loaded: a handler that takes one of these cannot meet an id that is not there.

use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};
use latchkey_shared::account::{Account, State};

use super::problem::Problem;
use crate::{operations, state::App};

/// The account that the path names.
pub(super) struct AccountAtPath(pub(super) Account);

/// The account that the path names, if its record can be read: nothing overwrites what this release does not know.
pub(super) struct ReadableAccount(pub(super) Account);

/// The operation that the path names.
pub(super) struct OperationAtPath(pub(super) operations::Operation);

impl FromRequestParts<App> for AccountAtPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let text = id(parts, app).await?;
        let Ok(id) = text.parse() else { return Err(Problem::AccountNotFound(text)) };
        let account = app.store.account(id).await?;
        account.map(Self).ok_or(Problem::AccountNotFound(text))
    }
}

impl FromRequestParts<App> for ReadableAccount {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let AccountAtPath(account) = AccountAtPath::from_request_parts(parts, app).await?;
        if account.state == State::Damaged { Err(Problem::damaged(account)) } else { Ok(Self(account)) }
    }
}

impl FromRequestParts<App> for OperationAtPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let text = id(parts, app).await?;
        let found = text.parse().ok().and_then(|id| app.operations.find(id));
        found.map(Self).ok_or(Problem::OperationNotFound(text))
    }
}

async fn id(parts: &mut Parts, app: &App) -> Result<String, Problem> {
    let path = Path::<String>::from_request_parts(parts, app).await;
    path.map(|Path(id)| id).map_err(|_| Problem::NotFound)
}
