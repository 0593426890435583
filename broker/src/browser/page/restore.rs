//! Puts what a browser kept into an empty page, before it goes anywhere.

use std::collections::BTreeMap;

use chromiumoxide::cdp::browser_protocol::{
    network::{CookieParam, TimeSinceEpoch},
    page::{
        AddScriptToEvaluateOnNewDocumentParams, RemoveScriptToEvaluateOnNewDocumentParams, ScriptIdentifier,
    },
    storage::SetCookiesParams,
};
use latchkey_shared::session::{Cookie, Session};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use url::Origin;

use super::{BrowserError, Page};

/// Puts items into the storage of one origin, where they are not yet. It runs before the page's own scripts.
const SCRIPT: &str = include_str!("restore.js");

/// Items that wait for the first document of their origin.
#[derive(Debug)]
pub struct RestoreScript(ScriptIdentifier);

impl Page {
    /// Restores cookies at once, and storage as soon as the page comes to `home`.
    ///
    /// # Errors
    /// When the browser ends or does not answer.
    pub async fn restore(&self, kept: &Session, home: &Origin) -> Result<RestoreScript, BrowserError> {
        let cookies = kept.cookies.iter().map(cookie).collect();
        let mut set = SetCookiesParams::new(cookies);
        set.browser_context_id = Some(self.context.id.clone());
        self.context.visit()?.execute("Storage.setCookies", set).await?;
        let items = json!({
            "origin": home.ascii_serialization(),
            "local": exposed(&kept.local_storage),
            "session": exposed(&kept.session_storage),
        });
        let mut script =
            AddScriptToEvaluateOnNewDocumentParams::new(SCRIPT.replace("\"{{items}}\"", &items.to_string()));
        script.world_name = Some("latchkey-restore".to_owned());
        let added = self.execute("Page.addScriptToEvaluateOnNewDocument", script).await?;
        Ok(RestoreScript(added.identifier))
    }

    /// Restores storage no more: what the site takes away from now on stays away.
    ///
    /// # Errors
    /// When the browser ends or does not answer.
    pub async fn stop_restoring(&self, waiting: RestoreScript) -> Result<(), BrowserError> {
        let remove = RemoveScriptToEvaluateOnNewDocumentParams::new(waiting.0);
        self.execute("Page.removeScriptToEvaluateOnNewDocument", remove).await.map(drop)
    }
}

fn exposed(items: &BTreeMap<String, SecretString>) -> BTreeMap<&str, &str> {
    items.iter().map(|(key, value)| (key.as_str(), value.expose_secret())).collect()
}

/// A cookie of one host is set by URL, which keeps it from subdomains.
fn cookie(cookie: &Cookie) -> CookieParam {
    let mut set = CookieParam::new(cookie.name.clone(), cookie.value.expose_secret());
    set.path = Some(cookie.path.clone());
    set.secure = Some(cookie.secure);
    set.http_only = Some(cookie.http_only);
    let scheme = if cookie.secure { "https" } else { "http" };
    let host = cookie.domain.trim_start_matches('.');
    set.url = Some(format!("{scheme}://{host}{}", cookie.path));
    if cookie.domain.starts_with('.') {
        set.domain = Some(cookie.domain.clone());
    }
    #[expect(
        clippy::cast_precision_loss,
        reason = "milliseconds since the epoch are exact in a double for ever"
    )]
    let secs = |millis: u64| millis as f64 / 1000.0;
    set.expires = cookie.expires_at.map(|at| TimeSinceEpoch::new(secs(at.millis())));
    set
}
