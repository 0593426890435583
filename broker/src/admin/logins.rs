//! Logins: started here, watched as operations.

use axum::{
    Json,
    extract::State,
    http::{HeaderName, StatusCode, header},
    response::IntoResponse,
};
use latchkey_shared::account;
use tokio::time::{Duration, timeout};

use super::{accounts, auth::AdminAuth, found, found::ReadableAccount, problem::Problem};
use crate::{audit, login::Trigger, operations::OperationView, state::App};

/// A local disk that takes longer is broken.
const READ: Duration = Duration::from_secs(5);

/// Starts a login, or joins the one that runs: two impatient clicks are one login.
pub(super) async fn start(
    AdminAuth(actor): AdminAuth,
    ReadableAccount(account): ReadableAccount,
    State(app): State<App>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<OperationView>), Problem> {
    if account.state == account::State::Disabled {
        return Err(Problem::AccountDisabled(account.id, account.state));
    }
    let site = accounts::site(&app.catalog, &account.site)?;
    let operation = app.operations.start(&account, site, Trigger::Operator)?;
    let view = operation.borrow().view();
    audit::record(&app.store, actor, "login.asked", account.id, "").await;
    let location = format!("/v1/operations/{}", view.id);
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, location)], Json(view)))
}

pub(super) async fn show(
    _: AdminAuth,
    found::OperationAtPath(operation): found::OperationAtPath,
) -> Json<OperationView> {
    let view = operation.borrow().view();
    Json(view)
}

/// The masked screenshot of a login that failed. It may have been cleaned away since.
pub(super) async fn screenshot(
    _: AdminAuth,
    found::OperationAtPath(operation): found::OperationAtPath,
) -> Result<impl IntoResponse, Problem> {
    let (id, path) = {
        let record = operation.borrow();
        (record.id, record.screenshot().cloned())
    };
    let path = path.ok_or(Problem::ScreenshotNotFound(id))?;
    match timeout(READ, tokio::fs::read(path)).await {
        Ok(Ok(png)) => Ok(([(header::CONTENT_TYPE, "image/png"), (header::CACHE_CONTROL, "no-store")], png)),
        Ok(Err(_)) | Err(_) => Err(Problem::ScreenshotNotFound(id)),
    }
}
