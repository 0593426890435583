//! What the browser brought back from a login, and how it goes onto a request.

use std::{collections::BTreeMap, fmt};

use latchkey_site::chat::text::VariableName;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use url::Url;
use zeroize::Zeroizing;

use crate::time::Timestamp;

/// A signed-in state at a site. It has no `Display`, a redacting `Debug`, and leaves memory only sealed.
#[derive(Clone)]
pub struct Session {
    /// Cookies that the site file names.
    pub cookies: Vec<Cookie>,
    /// Sent as `Authorization: Bearer ...` where the site wants one.
    pub bearer: Option<SecretString>,
    /// `localStorage` items that the site file names.
    pub local_storage: BTreeMap<String, SecretString>,
    /// `sessionStorage` items that the site file names.
    pub session_storage: BTreeMap<String, SecretString>,
    /// The browser's own User-Agent, sent on by the adapter so that the site sees one client.
    pub user_agent: String,
    /// When the login ended.
    pub captured_at: Timestamp,
    /// Hard end: nobody uses the session after it.
    pub expires_at: Timestamp,
}

/// One cookie, with what decides where it is sent (RFC 6265, section 5.4).
#[derive(Clone)]
pub struct Cookie {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: SecretString,
    /// Host it belongs to; a leading dot includes subdomains, none means exactly this host.
    pub domain: String,
    /// Path prefix it is sent to.
    pub path: String,
    /// Sent over https only (loopback counts as secure, as in browsers).
    pub secure: bool,
    /// Hidden from the page's scripts.
    pub http_only: bool,
    /// Its expiry; `None` for a session cookie.
    pub expires_at: Option<Timestamp>,
}

/// Bytes that were sealed as a session but are none.
#[derive(Debug, thiserror::Error)]
#[error("the opened record holds no session")]
pub struct NotASession;

impl Session {
    /// What a name of a site file stands for in it, if it names a part of a session.
    #[must_use]
    pub fn value_of(&self, name: &VariableName) -> Option<&SecretString> {
        match name {
            VariableName::Bearer => self.bearer.as_ref(),
            VariableName::Cookie(name) => {
                self.cookies.iter().find(|cookie| cookie.name == *name).map(|cookie| &cookie.value)
            }
            VariableName::LocalStorage(key) => self.local_storage.get(key),
            VariableName::SessionStorage(key) => self.session_storage.get(key),
            VariableName::Prompt
            | VariableName::Messages
            | VariableName::System
            | VariableName::Model
            | VariableName::Effort
            | VariableName::Null
            | VariableName::Value(_) => None,
        }
    }

    /// The value of the `Cookie` header for one URL; `None` when no cookie applies.
    #[must_use]
    pub fn cookie_header(&self, url: &Url) -> Option<SecretString> {
        let pairs: Vec<String> = self
            .cookies
            .iter()
            .filter(|cookie| cookie.applies_to(url))
            .map(|cookie| format!("{}={}", cookie.name, cookie.value.expose_secret()))
            .collect();
        (!pairs.is_empty()).then(|| pairs.join("; ").into())
    }

    /// Every secret in it: what nobody is shown.
    pub fn secrets(&self) -> impl Iterator<Item = &SecretString> {
        let cookies = self.cookies.iter().map(|cookie| &cookie.value);
        cookies.chain(&self.bearer).chain(self.local_storage.values()).chain(self.session_storage.values())
    }

    /// The plaintext that the vault seals.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(serde_json::to_vec(&SessionRecord::from(self)).expect("strings always serialize"))
    }

    /// Reads what [`Session::to_bytes`] wrote.
    ///
    /// # Errors
    /// When the bytes are anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NotASession> {
        let record: SessionRecord<'_> = serde_json::from_slice(bytes).map_err(|_| NotASession)?;
        Ok(record.into())
    }
}

impl Cookie {
    fn applies_to(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default().to_ascii_lowercase();
        let domain = self.domain.to_ascii_lowercase();
        let host_matches = match domain.strip_prefix('.') {
            Some(parent) => host == parent || host.ends_with(&domain),
            None => host == domain,
        };
        let path = url.path();
        let path_matches = path == self.path
            || path
                .strip_prefix(&self.path)
                .is_some_and(|rest| self.path.ends_with('/') || rest.starts_with('/'));
        host_matches && path_matches && (!self.secure || is_secure(url))
    }
}

/// Whether a browser calls the URL trustworthy: https, or plain http to this machine.
fn is_secure(url: &Url) -> bool {
    let loopback = match url.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    };
    url.scheme() == "https" || loopback
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("cookies", &self.cookies)
            .field("bearer", &self.bearer.as_ref().map(|_| "[redacted]"))
            .field("local_storage", &self.local_storage.keys())
            .field("session_storage", &self.session_storage.keys())
            .field("captured_at", &self.captured_at)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Cookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cookie")
            .field("name", &self.name)
            .field("domain", &self.domain)
            .finish_non_exhaustive()
    }
}

/// The sealed form. Only here do a session's secrets become JSON.
#[derive(Serialize, Deserialize)]
struct SessionRecord<'a> {
    cookies: Vec<CookieRecord<'a>>,
    bearer: Option<Zeroizing<String>>,
    local_storage: BTreeMap<String, Zeroizing<String>>,
    session_storage: BTreeMap<String, Zeroizing<String>>,
    user_agent: std::borrow::Cow<'a, str>,
    captured_at: Timestamp,
    expires_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct CookieRecord<'a> {
    name: std::borrow::Cow<'a, str>,
    value: Zeroizing<String>,
    domain: std::borrow::Cow<'a, str>,
    path: std::borrow::Cow<'a, str>,
    secure: bool,
    #[serde(default)]
    http_only: bool,
    expires_at: Option<Timestamp>,
}

fn exposed(secret: &SecretString) -> Zeroizing<String> {
    Zeroizing::new(secret.expose_secret().to_owned())
}

fn exposed_map(map: &BTreeMap<String, SecretString>) -> BTreeMap<String, Zeroizing<String>> {
    map.iter().map(|(key, value)| (key.clone(), exposed(value))).collect()
}

fn hidden(text: &Zeroizing<String>) -> SecretString {
    SecretString::from(text.as_str())
}

fn hidden_map(map: &BTreeMap<String, Zeroizing<String>>) -> BTreeMap<String, SecretString> {
    map.iter().map(|(key, value)| (key.clone(), hidden(value))).collect()
}

impl<'a> From<&'a Session> for SessionRecord<'a> {
    fn from(session: &'a Session) -> Self {
        let cookie = |cookie: &'a Cookie| CookieRecord {
            name: cookie.name.as_str().into(),
            value: exposed(&cookie.value),
            domain: cookie.domain.as_str().into(),
            path: cookie.path.as_str().into(),
            secure: cookie.secure,
            http_only: cookie.http_only,
            expires_at: cookie.expires_at,
        };
        Self {
            cookies: session.cookies.iter().map(cookie).collect(),
            bearer: session.bearer.as_ref().map(exposed),
            local_storage: exposed_map(&session.local_storage),
            session_storage: exposed_map(&session.session_storage),
            user_agent: session.user_agent.as_str().into(),
            captured_at: session.captured_at,
            expires_at: session.expires_at,
        }
    }
}

impl From<SessionRecord<'_>> for Session {
    fn from(record: SessionRecord<'_>) -> Self {
        let cookie = |cookie: CookieRecord<'_>| Cookie {
            name: cookie.name.into_owned(),
            value: hidden(&cookie.value),
            domain: cookie.domain.into_owned(),
            path: cookie.path.into_owned(),
            secure: cookie.secure,
            http_only: cookie.http_only,
            expires_at: cookie.expires_at,
        };
        Self {
            cookies: record.cookies.into_iter().map(cookie).collect(),
            bearer: record.bearer.as_ref().map(hidden),
            local_storage: hidden_map(&record.local_storage),
            session_storage: hidden_map(&record.session_storage),
            user_agent: record.user_agent.into_owned(),
            captured_at: record.captured_at,
            expires_at: record.expires_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cookie(name: &str, domain: &str, path: &str, secure: bool) -> Cookie {
        Cookie {
            name: name.to_owned(),
            value: format!("{name}-value").into(),
            domain: domain.to_owned(),
            path: path.to_owned(),
            secure,
            http_only: false,
            expires_at: None,
        }
    }

    fn session(cookies: Vec<Cookie>) -> Session {
        Session {
            cookies,
            bearer: Some("bearer-value".into()),
            local_storage: BTreeMap::from([("token".to_owned(), "stored-value".into())]),
            session_storage: BTreeMap::new(),
            user_agent: "Chromium".to_owned(),
            captured_at: Timestamp::from_secs(1),
            expires_at: Timestamp::from_secs(2),
        }
    }

    #[test]
    fn cookies_go_only_where_a_browser_would_send_them() {
        let session = session(vec![
            cookie("host", "chat.example", "/", false),
            cookie("parent", ".example", "/", false),
            cookie("path", "chat.example", "/api", false),
            cookie("secure", "chat.example", "/", true),
        ]);
        let header = |url: &str| {
            let header = session.cookie_header(&url.parse().unwrap());
            header.map(|header| header.expose_secret().to_owned()).unwrap_or_default()
        };

        assert_eq!(header("http://chat.example/"), "host=host-value; parent=parent-value");
        assert_eq!(header("http://chat.example/apix"), "host=host-value; parent=parent-value");
        assert!(header("https://chat.example/api/x").ends_with("path=path-value; secure=secure-value"));
        assert_eq!(header("http://x.chat.example/"), "parent=parent-value");
        assert_eq!(header("http://badexample/"), "");
    }

    #[test]
    fn a_session_survives_the_sealed_form_and_hides_in_debug() {
        let before = session(vec![cookie("a", "chat.example", "/", true)]);

        let after = Session::from_bytes(&before.to_bytes()).unwrap();

        assert_eq!(*after.to_bytes(), *before.to_bytes());
        assert!(!format!("{after:?}").contains("-value"), "{after:?}");
    }
}
