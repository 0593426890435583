//! What Playwright's `storageState` writes: cookies of every site, and `localStorage` by origin.

use std::{collections::BTreeSet, time::Duration};

use latchkey_shared::{
    session::{Cookie, Session},
    site::Site,
    time::Timestamp,
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

use super::cookie::{is_cookie_name, is_cookie_value};
use crate::login::capture;

/// The file. What newer versions add besides is left.
#[derive(Debug, Deserialize)]
pub(crate) struct StorageState {
    #[serde(default)]
    cookies: Vec<StoredCookie>,
    #[serde(default)]
    origins: Vec<StoredOrigin>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct StoredCookie {
    name: String,
    value: SecretString,
    domain: String,
    path: String,
    /// Seconds since the epoch; -1 for a session cookie.
    expires: Option<f64>,
    #[serde(default)]
    http_only: bool,
    #[serde(default)]
    secure: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct StoredOrigin {
    origin: String,
    #[serde(default)]
    local_storage: Vec<StoredItem>,
}

#[derive(Debug, Deserialize)]
struct StoredItem {
    name: String,
    value: SecretString,
}

impl StorageState {
    /// Puts into a state what is the site's, as a browser that has been there would keep it.
    pub(super) fn fill(&self, site: &Site, state: &mut Session) -> Result<(), String> {
        let now = Timestamp::now();
        let of_site: Vec<Cookie> =
            self.cookies.iter().map(Cookie::from).filter(|cookie| capture::belongs(cookie, site)).collect();
        if !of_site.iter().all(can_be_sent) {
            return Err("a cookie of the site is malformed: no header carries its name or value".to_owned());
        }
        let (living, ended): (Vec<_>, Vec<_>) =
            of_site.into_iter().partition(|cookie| cookie.expires_at.is_none_or(|end| now < end));
        state.cookies = living;
        let home = site.base_url.origin();
        let is_home =
            |stored: &&StoredOrigin| stored.origin.parse::<Url>().is_ok_and(|origin| origin.origin() == home);
        for item in self.origins.iter().filter(is_home).flat_map(|stored| &stored.local_storage) {
            state.local_storage.insert(item.name.clone(), item.value.clone());
        }
        if !state.cookies.is_empty() || !state.local_storage.is_empty() {
            return Ok(());
        }
        let home = home.ascii_serialization();
        if let Some(last) = ended.iter().filter_map(|cookie| cookie.expires_at).max() {
            return Err(format!("what it holds for {home} ended at {last}; give one that lives"));
        }
        Err(format!("it holds nothing for {home}{}", self.places()))
    }

    /// Whose things are in it, for whoever picked the wrong file.
    fn places(&self) -> String {
        const SHOWN: usize = 5;

        let domains = self.cookies.iter().map(|cookie| cookie.domain.as_str());
        let origins = self.origins.iter().map(|stored| stored.origin.as_str());
        let plain = |place: &&str| place.len() <= 253 && place.bytes().all(|byte| byte.is_ascii_graphic());
        let places: BTreeSet<&str> = domains.chain(origins).filter(plain).collect();
        if places.is_empty() {
            return String::new();
        }
        let shown: Vec<&str> = places.iter().copied().take(SHOWN).collect();
        let more = if SHOWN < places.len() { " and others" } else { "" };
        format!(", only for {}{more}", shown.join(", "))
    }
}

fn can_be_sent(cookie: &Cookie) -> bool {
    is_cookie_name(&cookie.name) && is_cookie_value(cookie.value.expose_secret())
}

impl From<&StoredCookie> for Cookie {
    fn from(stored: &StoredCookie) -> Self {
        // Whatever is not after the epoch is no end.
        let end = stored.expires.filter(|secs| *secs > 0.0);
        let end = end.map(|secs| Timestamp::default() + Duration::from_secs_f64(secs.min(1e12)));
        Self {
            name: stored.name.clone(),
            value: stored.value.clone(),
            domain: stored.domain.to_ascii_lowercase(),
            path: stored.path.clone(),
            secure: stored.secure,
            http_only: stored.http_only,
            expires_at: end,
        }
    }
}
