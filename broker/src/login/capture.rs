//! Takes the state out of a browser that is signed in, and waits until all is there that the site file names.

use std::time::Duration;

use latchkey_shared::{
    session::{Cookie, Session},
    site::{Bearer, Site},
    time::Timestamp,
};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, sleep};
use url::Url;

use super::{FailureCode, failure::LoginError, parts};
use crate::browser::{BrowserError, Page, StorageKind, TrafficFilter};

/// Pages write tokens a moment after they show themselves.
const LIMIT: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(50);
/// A page that is still elsewhere after this is brought to the site itself, whose storage is wanted.
const ELSEWHERE: Duration = Duration::from_secs(1);

/// What the page's traffic is watched for.
pub(super) fn watch(site: &Site) -> TrafficFilter {
    let mut authorization = None;
    let mut body = None;
    match &site.session.bearer {
        Some(Bearer::Request(path)) => authorization = Some(site.url(path)),
        Some(Bearer::Response { path, .. }) => body = Some(site.url(path)),
        Some(Bearer::LocalStorage(_) | Bearer::SessionStorage(_) | Bearer::Cookie(_)) | None => {}
    }
    TrafficFilter { origins: site.origins.clone(), authorization, body }
}

/// Everything that the browser keeps for the site; waits for what is written late.
pub(super) async fn state(page: &Page, site: &Site) -> Result<Session, LoginError> {
    let began = Instant::now();
    let mut brought_home = false;
    loop {
        let (state, is_home) = look(page, site).await?;
        let missing = parts::missing(&site.session, &state);
        if missing.is_empty() {
            return Ok(state);
        }
        if began.elapsed() >= LIMIT {
            let what = format!("the browser is signed in, but it has no {}", missing.join(" and no "));
            return Err(LoginError::new(FailureCode::CaptureMissing, what));
        }
        if !is_home && !brought_home && began.elapsed() >= ELSEWHERE {
            page.leave(&site.url("/")).await?;
            brought_home = true;
        }
        sleep(PAUSE).await;
    }
}

/// What there is now, and whether the page is at the site's own origin, so that its storage could be read.
async fn look(page: &Page, site: &Site) -> Result<(Session, bool), LoginError> {
    let rules = &site.session;
    let now = Timestamp::now();
    let mut state = Session {
        cookies: page.cookies().await?,
        bearer: None,
        local_storage: [].into(),
        session_storage: [].into(),
        user_agent: page.user_agent(),
        captured_at: now,
        expires_at: now + rules.life,
    };
    state.cookies.retain(|cookie| belongs(cookie, site));
    let (local, session) = parts::named_items(rules);
    let home = site.base_url.origin().ascii_serialization();
    let mut is_home = true;
    for (kind, keys, items) in [
        (StorageKind::Local, &local, &mut state.local_storage),
        (StorageKind::Session, &session, &mut state.session_storage),
    ] {
        match page.storage(kind, keys).await {
            Ok(storage) if storage.origin == home => *items = storage.values,
            // Elsewhere, or busy with going elsewhere.
            Ok(_) | Err(BrowserError::Timeout(_)) => is_home = keys.is_empty() && is_home,
            Err(error) => return Err(error.into()),
        }
    }
    state.bearer = match &rules.bearer {
        Some(Bearer::Request(_)) => page.network().bearer().and_then(parts::token),
        Some(Bearer::Response { pointer, .. }) => body_at(page, pointer).and_then(parts::token),
        Some(Bearer::LocalStorage(_) | Bearer::SessionStorage(_) | Bearer::Cookie(_)) | None => {
            parts::stored_bearer(rules, &state)
        }
    };
    Ok((state, is_home))
}

fn body_at(page: &Page, pointer: &str) -> Option<SecretString> {
    let body: serde_json::Value = serde_json::from_str(page.network().body()?.expose_secret()).ok()?;
    Some(body.pointer(pointer)?.as_str()?.into())
}

/// Whether a cookie is sent to an origin of the site.
pub(super) fn belongs(cookie: &Cookie, site: &Site) -> bool {
    let host_fits = |origin: &url::Origin| {
        let url: Option<Url> = origin.ascii_serialization().parse().ok();
        url.is_some_and(|url| fits_host(&cookie.domain, url.host_str().unwrap_or_default()))
    };
    site.origins.iter().any(host_fits)
}

/// RFC 6265, section 5.1.3; a leading dot includes subdomains.
pub(super) fn fits_host(domain: &str, host: &str) -> bool {
    match domain.strip_prefix('.') {
        Some(parent) => host == parent || host.ends_with(domain),
        None => host == domain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_of_a_parent_domain_fits_and_of_a_namesake_does_not() {
        assert!(fits_host(".example.org", "chat.example.org"));
        assert!(fits_host("chat.example.org", "chat.example.org"));
        assert!(!fits_host("example.org", "chat.example.org"));
        assert!(!fits_host(".example.org", "badexample.org"));
    }
}
