//! Taking a session away: from the adapters at once, then at the site, as well as that goes.

use std::{sync::Arc, time::Duration};

use latchkey_shared::{
    account::Account,
    id::AccountId,
    network::NetworkError,
    session::Session,
    site::{Logout, LogoutMethod, Site},
    store::StoreError,
    vault::RecordOwner,
};
use reqwest::{Method, header};
use secrecy::ExposeSecret;
use tracing::Instrument;

use crate::{
    audit::{self, Actor},
    state::App,
};

/// A site that takes longer to say goodbye is left.
const LIMIT: Duration = Duration::from_secs(10);
/// What it is for, in the log.
const CALL: &str = "the logout";

/// Takes an account's session away. Adapters hear of it at once; the site is told by a task of its own, because an
/// operator who revokes does not wait for it.
///
/// # Errors
/// When Redis is unavailable: the session may still serve then.
pub(crate) async fn revoke(app: &App, account: &Account, actor: Actor) -> Result<(), StoreError> {
    let stored = app.store.session(account.id).await?;
    app.store.revoke_session(account.id).await?;
    let Some(stored) = stored else { return Ok(()) };
    let detail = format!("session {}", stored.generation);
    audit::record(&app.store, actor, "session.revoked", account.id, &detail).await;
    let Some(site) = app.catalog.site(&account.site) else { return Ok(()) };
    let Some(logout) = site.logout.clone() else { return Ok(()) };
    match app.session_vault.open(&stored.sealed, RecordOwner::of(account), stored.generation) {
        Ok(session) => {
            app.tasks.spawn(end(app.clone(), site, logout, session, account.id).in_current_span());
        }
        Err(error) => tracing::warn!(account.id = %account.id, %error, "cannot open the session to end it"),
    }
    Ok(())
}

async fn end(app: App, site: Arc<Site>, logout: Logout, session: Session, id: AccountId) {
    let asked = tokio::time::timeout(LIMIT, ask(&app.http, &site, &logout, &session)).await;
    let outcome = match asked {
        // Many sites send whoever signed out to another page.
        Ok(Ok(status)) if status.is_success() || status.is_redirection() => "ok".to_owned(),
        Ok(Ok(status)) => format!("the site answered {}", status.as_u16()),
        Ok(Err(error)) => {
            NetworkError::of(&error).log(&site.name, CALL);
            "the site cannot be reached".to_owned()
        }
        Err(_) => {
            NetworkError::timeout("answer").log(&site.name, CALL);
            "the site did not answer in time".to_owned()
        }
    };
    tracing::info!(account.id = %id, site = %site.name, logout.outcome = outcome, "ended the session at the site");
    audit::record(&app.store, Actor::Broker, "site.logout", id, &outcome).await;
}

async fn ask(
    http: &reqwest::Client,
    site: &Site,
    logout: &Logout,
    session: &Session,
) -> reqwest::Result<reqwest::StatusCode> {
    let url = site.url(&logout.path);
    let method = match logout.method {
        LogoutMethod::Get => Method::GET,
        LogoutMethod::Post => Method::POST,
        LogoutMethod::Delete => Method::DELETE,
    };
    let mut request = http.request(method, url.clone()).header(header::USER_AGENT, &session.user_agent);
    if let Some(cookies) = session.cookie_header(&url) {
        request = request.header(header::COOKIE, cookies.expose_secret());
    }
    if let Some(bearer) = &session.bearer {
        request = request.bearer_auth(bearer.expose_secret());
    }
    Ok(request.send().await?.status())
}
