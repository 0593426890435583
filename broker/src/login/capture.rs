//! Takes the session out of a browser that is signed in: what the site file names, and nothing else.

use std::{collections::BTreeMap, time::Duration};

use latchkey_shared::{
    session::{Cookie, Session},
    site::{Bearer, SessionRules, Site},
    time::Timestamp,
};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, sleep};
use url::Url;

use super::{Code, expiry, failure::Trouble};
use crate::browser::{BrowserError, Page, StorageKind, Watch};

/// Pages write tokens a moment after they show themselves.
const LIMIT: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(50);
/// A page that is still elsewhere after this is brought to the site itself, whose storage is wanted.
const ELSEWHERE: Duration = Duration::from_secs(1);

/// What the page's traffic is watched for.
pub(super) fn watch(site: &Site) -> Watch {
    let (mut authorization, mut body) = (None, None);
    match &site.session.bearer {
        Some(Bearer::Request(path)) => authorization = Some(site.url(path)),
        Some(Bearer::Response { path, .. }) => body = Some(site.url(path)),
        Some(Bearer::LocalStorage(_) | Bearer::SessionStorage(_) | Bearer::Cookie(_)) | None => {}
    }
    Watch { origins: site.origins.clone(), authorization, body }
}

/// Everything of the browser that a rule may name.
#[derive(Default)]
struct Found {
    cookies: Vec<Cookie>,
    local: BTreeMap<String, SecretString>,
    session: BTreeMap<String, SecretString>,
    bearer: Option<SecretString>,
    /// Whether the page is at the site's own origin, so that its storage could be read.
    at_home: bool,
}

/// Captures the session; waits for what is written late.
pub(super) async fn session(page: &Page, site: &Site) -> Result<Session, Trouble> {
    let began = Instant::now();
    let mut brought_home = false;
    loop {
        let found = look(page, site).await?;
        let missing = missing(&site.session, &found);
        if missing.is_empty() {
            return build(page, site, found);
        }
        if began.elapsed() >= LIMIT {
            let what = format!("the browser is signed in, but it has no {}", missing.join(" and no "));
            return Err(Trouble::new(Code::CaptureMissing, what));
        }
        if !found.at_home && !brought_home && began.elapsed() >= ELSEWHERE {
            page.leave(&site.url("/")).await?;
            brought_home = true;
        }
        sleep(PAUSE).await;
    }
}

async fn look(page: &Page, site: &Site) -> Result<Found, Trouble> {
    let rules = &site.session;
    let mut found = Found { cookies: page.cookies().await?, ..Found::default() };
    found.cookies.retain(|cookie| belongs(cookie, site));
    let mut local: Vec<&str> = rules.local_storage.iter().map(String::as_str).collect();
    let mut session: Vec<&str> = rules.session_storage.iter().map(String::as_str).collect();
    match &rules.bearer {
        Some(Bearer::LocalStorage(key)) => local.push(key),
        Some(Bearer::SessionStorage(key)) => session.push(key),
        Some(Bearer::Cookie(_) | Bearer::Request(_) | Bearer::Response { .. }) | None => {}
    }
    let home = site.base_url.origin().ascii_serialization();
    found.at_home = local.is_empty() && session.is_empty();
    for (kind, keys, items) in
        [(StorageKind::Local, &local, &mut found.local), (StorageKind::Session, &session, &mut found.session)]
    {
        if keys.is_empty() {
            continue;
        }
        match page.storage(kind, keys).await {
            Ok(storage) if storage.origin == home => {
                found.at_home = true;
                *items = storage.values;
            }
            // Elsewhere, or busy with going elsewhere.
            Ok(_) | Err(BrowserError::Timeout(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    found.bearer = bearer(page, rules, &found);
    Ok(found)
}

fn bearer(page: &Page, rules: &SessionRules, found: &Found) -> Option<SecretString> {
    let raw = match rules.bearer.as_ref()? {
        Bearer::LocalStorage(key) => found.local.get(key).cloned()?,
        Bearer::SessionStorage(key) => found.session.get(key).cloned()?,
        Bearer::Cookie(name) => found.cookies.iter().find(|cookie| cookie.name == *name)?.value.clone(),
        Bearer::Request(_) => page.network().bearer()?,
        Bearer::Response { pointer, .. } => {
            let body: serde_json::Value =
                serde_json::from_str(page.network().body()?.expose_secret()).ok()?;
            body.pointer(pointer)?.as_str()?.into()
        }
    };
    Some(unquoted(raw)).filter(|token| !token.expose_secret().is_empty())
}

/// Many pages store strings as JSON.
fn unquoted(token: SecretString) -> SecretString {
    match serde_json::from_str::<String>(token.expose_secret()) {
        Ok(inner) => inner.into(),
        Err(_) => token,
    }
}

/// Whether a cookie is sent to an origin of the site.
fn belongs(cookie: &Cookie, site: &Site) -> bool {
    let host_fits = |origin: &url::Origin| {
        let url: Option<Url> = origin.ascii_serialization().parse().ok();
        url.is_some_and(|url| fits_host(&cookie.domain, url.host_str().unwrap_or_default()))
    };
    site.origins.iter().any(host_fits)
}

/// RFC 6265, section 5.1.3; a leading dot includes subdomains.
fn fits_host(domain: &str, host: &str) -> bool {
    match domain.strip_prefix('.') {
        Some(parent) => host == parent || host.ends_with(domain),
        None => host == domain,
    }
}

/// The rules that nothing fits yet, in the site file's words.
fn missing(rules: &SessionRules, found: &Found) -> Vec<String> {
    let mut missing = Vec::new();
    for pattern in &rules.cookies {
        if !found.cookies.iter().any(|cookie| pattern.matches(&cookie.name)) {
            missing.push(format!("cookie {}", name(pattern)));
        }
    }
    for key in rules.local_storage.iter().filter(|key| !found.local.contains_key(*key)) {
        missing.push(format!("localStorage item {key}"));
    }
    for key in rules.session_storage.iter().filter(|key| !found.session.contains_key(*key)) {
        missing.push(format!("sessionStorage item {key}"));
    }
    if let (Some(rule), None) = (&rules.bearer, &found.bearer) {
        missing.push(match rule {
            Bearer::LocalStorage(key) => format!("bearer in localStorage item {key}"),
            Bearer::SessionStorage(key) => format!("bearer in sessionStorage item {key}"),
            Bearer::Cookie(name) => format!("bearer in cookie {name}"),
            Bearer::Request(path) => format!("bearer in a request to {path}"),
            Bearer::Response { path, pointer } => format!("bearer at {pointer} of an answer from {path}"),
        });
    }
    missing
}

fn name(pattern: &latchkey_shared::site::NamePattern) -> String {
    use latchkey_shared::site::NamePattern;

    match pattern {
        NamePattern::Exact(name) => name.clone(),
        NamePattern::Prefix(prefix) => format!("{prefix}*"),
    }
}

fn build(page: &Page, site: &Site, mut found: Found) -> Result<Session, Trouble> {
    let rules = &site.session;
    found.cookies.retain(|cookie| rules.cookies.iter().any(|pattern| pattern.matches(&cookie.name)));
    found.local.retain(|key, _| rules.local_storage.contains(key));
    found.session.retain(|key, _| rules.session_storage.contains(key));
    let captured_at = Timestamp::now();
    let expires_at = expiry::choose(captured_at, rules.life, found.bearer.as_ref(), &found.cookies);
    if expires_at <= captured_at {
        let what = format!(
            "the captured session ended at {expires_at} already; compare the clocks of site and broker"
        );
        return Err(Trouble::new(Code::CaptureMissing, what));
    }
    Ok(Session {
        cookies: found.cookies,
        bearer: found.bearer,
        local_storage: found.local,
        session_storage: found.session,
        user_agent: page.user_agent(),
        captured_at,
        expires_at,
    })
}

#[cfg(test)]
mod tests {
    use latchkey_shared::site::NamePattern;

    use super::*;

    fn cookie(name: &str) -> Cookie {
        Cookie {
            name: name.to_owned(),
            value: "value".into(),
            domain: "chat.example".to_owned(),
            path: "/".to_owned(),
            secure: false,
            expires_at: None,
        }
    }

    #[test]
    fn every_rule_that_nothing_fits_is_named() {
        let rules = SessionRules {
            cookies: vec![NamePattern::Exact("sid".to_owned()), NamePattern::Prefix("app-".to_owned())],
            local_storage: vec!["token".to_owned()],
            session_storage: Vec::new(),
            bearer: Some(Bearer::Cookie("jwt".to_owned())),
            life: Duration::from_secs(1),
        };
        let found = Found { cookies: vec![cookie("app-1")], ..Found::default() };

        assert_eq!(
            missing(&rules, &found),
            ["cookie sid", "localStorage item token", "bearer in cookie jwt"]
        );
    }

    #[test]
    fn a_cookie_of_a_parent_domain_fits_and_of_a_namesake_does_not() {
        assert!(fits_host(".example.org", "chat.example.org"));
        assert!(fits_host("chat.example.org", "chat.example.org"));
        assert!(!fits_host("example.org", "chat.example.org"));
        assert!(!fits_host(".example.org", "badexample.org"));
    }

    #[test]
    fn a_token_that_is_stored_as_json_loses_its_quotes() {
        assert_eq!(unquoted("\"abc\"".into()).expose_secret(), "abc");
        assert_eq!(unquoted("abc".into()).expose_secret(), "abc");
    }
}
