//! What of all that a browser keeps makes a session: what the site file names, and nothing else. Pure.

use latchkey_shared::{
    session::Session,
    site::{Bearer, NamePattern, SessionRules, Site},
    time::Timestamp,
};
use secrecy::{ExposeSecret, SecretString};

use super::{FailureCode, expiry, failure::LoginError};

/// The session in a state; `told` is when the site says that it ends, if it says so.
pub(super) fn session(site: &Site, state: &Session, told: Option<Timestamp>) -> Result<Session, LoginError> {
    let rules = &site.session;
    let mut session = of_session(site, state);
    let now = Timestamp::now();
    let life = told.map_or(rules.life, |told| now.until(told).min(rules.life));
    session.captured_at = now;
    session.expires_at = expiry::choose(now, life, session.bearer.as_ref(), &session.cookies);
    if session.expires_at <= now {
        let what = format!(
            "the session ended at {} already; compare the clocks of site and broker",
            session.expires_at
        );
        return Err(LoginError::new(FailureCode::CaptureMissing, what));
    }
    Ok(session)
}

/// The part of a state that the rules name.
pub(super) fn of_session(site: &Site, state: &Session) -> Session {
    let rules = &site.session;
    let mut session = state.clone();
    session.cookies.retain(|cookie| is_of_session(rules, &cookie.name));
    session.local_storage.retain(|key, _| rules.local_storage.contains(key));
    session.session_storage.retain(|key, _| rules.session_storage.contains(key));
    session
}

/// A state without all that makes the session: whoever is known to the site by something else gets a new one.
pub(super) fn without_session(site: &Site, state: &Session) -> Session {
    let rules = &site.session;
    let (local, session) = named_items(rules);
    let mut rest = state.clone();
    rest.cookies.retain(|cookie| !is_of_session(rules, &cookie.name));
    if let Some(Bearer::Cookie(name)) = &rules.bearer {
        rest.cookies.retain(|cookie| cookie.name != *name);
    }
    rest.local_storage.retain(|key, _| !local.contains(&key.as_str()));
    rest.session_storage.retain(|key, _| !session.contains(&key.as_str()));
    rest.bearer = None;
    rest
}

/// Whether two sessions are the same to the site.
pub(super) fn is_same(one: &Session, other: &Session) -> bool {
    let secrets = |session: &Session| -> Vec<(String, String)> {
        let cookies = session.cookies.iter().map(|cookie| (cookie.name.as_str(), &cookie.value));
        let items = session.local_storage.iter().chain(&session.session_storage);
        let items = items.map(|(key, value)| (key.as_str(), value));
        let bearer = session.bearer.iter().map(|bearer| ("", bearer));
        let all = cookies.chain(items).chain(bearer);
        let mut all: Vec<_> =
            all.map(|(name, value)| (name.to_owned(), value.expose_secret().to_owned())).collect();
        all.sort_unstable();
        all
    };
    secrets(one) == secrets(other)
}

fn is_of_session(rules: &SessionRules, cookie: &str) -> bool {
    rules.cookies.iter().any(|pattern| pattern.matches(cookie))
}

/// Keys of `localStorage` and of `sessionStorage` that the rules name.
pub(super) fn named_items(rules: &SessionRules) -> (Vec<&str>, Vec<&str>) {
    let mut local: Vec<&str> = rules.local_storage.iter().map(String::as_str).collect();
    let mut session: Vec<&str> = rules.session_storage.iter().map(String::as_str).collect();
    match &rules.bearer {
        Some(Bearer::LocalStorage(key)) => local.push(key),
        Some(Bearer::SessionStorage(key)) => session.push(key),
        Some(Bearer::Cookie(_) | Bearer::Request(_) | Bearer::Response { .. }) | None => {}
    }
    (local, session)
}

/// The bearer, where it is kept and not only sent.
pub(super) fn stored_bearer(rules: &SessionRules, state: &Session) -> Option<SecretString> {
    let raw = match rules.bearer.as_ref()? {
        Bearer::LocalStorage(key) => state.local_storage.get(key)?,
        Bearer::SessionStorage(key) => state.session_storage.get(key)?,
        Bearer::Cookie(name) => &state.cookies.iter().find(|cookie| cookie.name == *name)?.value,
        Bearer::Request(_) | Bearer::Response { .. } => return None,
    };
    token(raw.clone())
}

/// A token as it is sent: many pages store strings as JSON.
pub(super) fn token(raw: SecretString) -> Option<SecretString> {
    let token = match serde_json::from_str::<String>(raw.expose_secret()) {
        Ok(inner) => inner.into(),
        Err(_) => raw,
    };
    Some(token).filter(|token| !token.expose_secret().is_empty())
}

/// The rules that nothing fits yet, in the site file's words.
pub(super) fn missing(rules: &SessionRules, state: &Session) -> Vec<String> {
    let mut missing = Vec::new();
    for pattern in &rules.cookies {
        if !state.cookies.iter().any(|cookie| pattern.matches(&cookie.name)) {
            missing.push(format!("cookie {}", name(pattern)));
        }
    }
    for key in rules.local_storage.iter().filter(|key| !state.local_storage.contains_key(*key)) {
        missing.push(format!("localStorage item {key}"));
    }
    for key in rules.session_storage.iter().filter(|key| !state.session_storage.contains_key(*key)) {
        missing.push(format!("sessionStorage item {key}"));
    }
    if let (Some(rule), None) = (&rules.bearer, &state.bearer) {
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

fn name(pattern: &NamePattern) -> String {
    match pattern {
        NamePattern::Exact(name) => name.clone(),
        NamePattern::Prefix(prefix) => format!("{prefix}*"),
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, time::Duration};

    use latchkey_shared::session::Cookie;

    use super::*;

    fn state(cookie: &str) -> Session {
        let cookie = Cookie {
            name: cookie.to_owned(),
            value: "value".into(),
            domain: "chat.example".to_owned(),
            path: "/".to_owned(),
            secure: false,
            http_only: true,
            expires_at: None,
        };
        Session {
            cookies: vec![cookie],
            bearer: None,
            local_storage: BTreeMap::new(),
            session_storage: BTreeMap::new(),
            user_agent: String::new(),
            captured_at: Timestamp::from_secs(1),
            expires_at: Timestamp::from_secs(2),
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

        assert_eq!(
            missing(&rules, &state("app-1")),
            ["cookie sid", "localStorage item token", "bearer in cookie jwt"]
        );
    }

    #[test]
    fn a_token_that_is_stored_as_json_loses_its_quotes() {
        let token = |raw: &str| token(raw.into()).map(|token| token.expose_secret().to_owned());

        assert_eq!(token("\"abc\"").as_deref(), Some("abc"));
        assert_eq!(token("abc").as_deref(), Some("abc"));
        assert_eq!(token("\"\""), None);
    }
}
