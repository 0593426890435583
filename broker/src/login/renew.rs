//! The first strategy: renews a session by the request that the site file describes, with what the browser kept.

use std::time::Duration;

use chrono::{DateTime, Utc};
use cookie::Cookie as SetCookie;
use latchkey_shared::{
    id::SiteName,
    network::NetworkError,
    session::{Cookie, Session},
    site::{
        Bearer, Site,
        chat::{
            request::{BodyTemplate, RequestTemplate},
            text::{TextTemplate, VariableName},
        },
        refresh::{Expires, HttpRefresh},
    },
    time::Timestamp,
};
use reqwest::{Client, RequestBuilder, StatusCode, header, multipart};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;

use super::{
    FailureCode,
    capture::fits_host,
    failure::LoginError,
    parts, probe,
    renewal::{FetchedSession, RenewalOutcome},
};

/// Renews a state; the session is what is left of it by the site file's rules.
pub(super) async fn renew(
    http: &Client,
    site: &Site,
    rule: &HttpRefresh,
    state: &Session,
) -> Result<RenewalOutcome, LoginError> {
    let Some(request) = build(http, site, &rule.request, state) else {
        return Ok(RenewalOutcome::Refused("the browser kept nothing that the request names".to_owned()));
    };
    let asked = tokio::time::timeout(rule.timeout, answer(&site.name, request)).await;
    let answer = asked.unwrap_or_else(|_| {
        NetworkError::timeout("answer").log(&site.name, "the renewal");
        let what = format!("the renewal had no answer within {}", humantime::format_duration(rule.timeout));
        Err(LoginError::new(FailureCode::SiteDown, what))
    })?;
    match answer {
        Ok(answer) => Ok(read(site, rule, state, &answer)),
        Err(status) => Ok(RenewalOutcome::Refused(format!("the site answered the renewal {status}"))),
    }
}

/// What a site said to a renewal.
struct RenewalAnswer {
    url: Url,
    set_cookies: Vec<String>,
    body: Value,
}

/// The answer; or the status with which the site says that it renews nothing.
async fn answer(
    site: &SiteName,
    request: RequestBuilder,
) -> Result<Result<RenewalAnswer, StatusCode>, LoginError> {
    let response = request.send().await.map_err(|error| probe::unanswered(site, "the renewal", &error))?;
    match response.status().as_u16() {
        200..=299 => {}
        429 => {
            return Err(LoginError::new(
                FailureCode::RateLimited,
                "the site asked the renewal to wait (429)",
            ));
        }
        500..=599 => {
            let what = format!("the site answered the renewal {}", response.status());
            return Err(LoginError::new(FailureCode::SiteDown, what));
        }
        _ => return Ok(Err(response.status())),
    }
    let url = response.url().clone();
    let cookies = response.headers().get_all(header::SET_COOKIE).iter();
    let set_cookies = cookies.filter_map(|value| value.to_str().ok()).map(str::to_owned).collect();
    let body = probe::read(site, "the renewal", response).await?;
    Ok(Ok(RenewalAnswer { url, set_cookies, body: serde_json::from_slice(&body).unwrap_or_default() }))
}

/// `None` when the state lacks what the request names.
pub(super) fn build(
    http: &Client,
    site: &Site,
    request: &RequestTemplate,
    state: &Session,
) -> Option<RequestBuilder> {
    let value = |name: &VariableName| -> Result<Value, ()> {
        match name {
            VariableName::Null => Ok(Value::Null),
            name => Ok(state.value_of(name).ok_or(())?.expose_secret().into()),
        }
    };
    let url = site.url(&request.path.fill_path(&value).ok()?);
    let method: reqwest::Method = request.method.as_str().parse().expect("it is a method's name");
    let mut builder = http
        .request(method, url.clone())
        .header(header::ACCEPT, "application/json")
        .header(header::USER_AGENT, &state.user_agent);
    if let Some(cookies) = state.cookie_header(&url) {
        builder = builder.header(header::COOKIE, cookies.expose_secret());
    }
    for (name, text) in &request.headers {
        builder = builder.header(name, text.fill(&value).ok()?);
    }
    let fields = |fields: &[(String, TextTemplate)]| {
        let field = |(name, text): &(String, TextTemplate)| Some((name.clone(), text.fill(&value).ok()?));
        fields.iter().map(field).collect::<Option<Vec<_>>>()
    };
    Some(match &request.body {
        BodyTemplate::None => builder,
        BodyTemplate::Json(shape) => builder.json(&shape.fill(&value).ok()?),
        BodyTemplate::Form(form) => builder.form(&fields(form)?),
        BodyTemplate::Multipart(parts) => {
            let form = multipart::Form::new();
            builder
                .multipart(fields(parts)?.into_iter().fold(form, |form, (name, text)| form.text(name, text)))
        }
    })
}

/// The state after an answer. A 200 alone proves nothing: all that the site file expects must be in it.
fn read(site: &Site, rule: &HttpRefresh, state: &Session, answer: &RenewalAnswer) -> RenewalOutcome {
    let text = |pointer: &String| {
        answer.body.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty())
    };
    if rule.request.expect.iter().any(|(pointer, value)| answer.body.pointer(pointer) != Some(value)) {
        return RenewalOutcome::Refused(
            "the answer to the renewal is not as the site file expects".to_owned(),
        );
    }
    let mut state = state.clone();
    for header in &answer.set_cookies {
        set_cookie(&mut state.cookies, header, &answer.url);
    }
    for (key, pointer) in &rule.local_storage {
        match text(pointer) {
            Some(value) => drop(state.local_storage.insert(key.clone(), value.into())),
            None => return lacks(pointer),
        }
    }
    match &rule.bearer {
        Some(pointer) => match text(pointer) {
            Some(bearer) => put_bearer(site, &mut state, bearer.into()),
            None => return lacks(pointer),
        },
        None => state.bearer = parts::stored_bearer(&site.session, &state).or(state.bearer),
    }
    let missing = parts::missing(&site.session, &state);
    if !missing.is_empty() {
        return RenewalOutcome::Refused(format!(
            "after the renewal there is no {}",
            missing.join(" and no ")
        ));
    }
    let told = match rule.expires.as_ref().map(|expires| end(expires, &answer.body)) {
        Some(None) => {
            return RenewalOutcome::Refused(
                "the answer to the renewal has no time where the site file expects it".to_owned(),
            );
        }
        told => told.flatten(),
    };
    match parts::session(site, &state, told) {
        Ok(session) => RenewalOutcome::Up(Box::new(FetchedSession { state, session })),
        Err(trouble) => RenewalOutcome::Refused(trouble.what),
    }
}

fn lacks(pointer: &str) -> RenewalOutcome {
    RenewalOutcome::Refused(format!("the answer to the renewal has nothing at {pointer}"))
}

/// Also where the page would keep it, so that a browser that is restored later finds the new one.
pub(super) fn put_bearer(site: &Site, state: &mut Session, bearer: SecretString) {
    match &site.session.bearer {
        Some(Bearer::LocalStorage(key)) => {
            state.local_storage.insert(key.clone(), bearer.clone());
        }
        Some(Bearer::SessionStorage(key)) => {
            state.session_storage.insert(key.clone(), bearer.clone());
        }
        Some(Bearer::Cookie(_) | Bearer::Request(_) | Bearer::Response { .. }) | None => {}
    }
    state.bearer = Some(bearer);
}

/// RFC 6265, section 5.3, as far as one answer of one site goes.
fn set_cookie(cookies: &mut Vec<Cookie>, header: &str, url: &Url) {
    let Ok(set) = SetCookie::parse(header) else { return };
    let host = url.host_str().unwrap_or_default();
    let domain = match set.domain() {
        Some(domain) if !domain.eq_ignore_ascii_case(host) => format!(".{}", domain.to_ascii_lowercase()),
        Some(_) | None => host.to_owned(),
    };
    if !fits_host(&domain, host) {
        return;
    }
    let path = match set.path() {
        Some(path) if path.starts_with('/') => path.to_owned(),
        Some(_) | None => default_path(url),
    };
    let now = Timestamp::now();
    let secs = |secs: i64| Duration::from_secs(u64::try_from(secs).unwrap_or_default());
    let expires_at = match (set.max_age(), set.expires_datetime()) {
        (Some(age), _) => Some(now + secs(age.whole_seconds())),
        (None, Some(at)) => Some(Timestamp::default() + secs(at.unix_timestamp())),
        (None, None) => None,
    };
    cookies.retain(|old| (&old.name, &old.domain, &old.path) != (&set.name().to_owned(), &domain, &path));
    if expires_at.is_none_or(|at| now < at) {
        cookies.push(Cookie {
            name: set.name().to_owned(),
            value: set.value().into(),
            domain,
            path,
            secure: set.secure().unwrap_or_default(),
            http_only: set.http_only().unwrap_or_default(),
            expires_at,
        });
    }
}

fn default_path(url: &Url) -> String {
    match url.path().rsplit_once('/') {
        Some(("", _)) | None => "/".to_owned(),
        Some((directory, _)) => directory.to_owned(),
    }
}

/// The moment that an answer tells. More digits than seconds have today are milliseconds.
fn end(expires: &Expires, body: &Value) -> Option<Timestamp> {
    const MILLIS_FROM: u64 = 100_000_000_000;

    match expires {
        Expires::In(pointer) => {
            Some(Timestamp::now() + Duration::from_secs(body.pointer(pointer)?.as_u64()?))
        }
        Expires::At(pointer) => match body.pointer(pointer)? {
            Value::String(text) => {
                let at: DateTime<Utc> = text.parse().ok()?;
                Some(Timestamp::from_millis(u64::try_from(at.timestamp_millis()).ok()?))
            }
            number => {
                let number = number.as_u64()?;
                let millis = MILLIS_FROM <= number;
                Some(if millis { Timestamp::from_millis(number) } else { Timestamp::from_secs(number) })
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn after(headers: &[&str]) -> Vec<(String, String, String)> {
        let url: Url = "https://chat.example/api/auth/refresh".parse().unwrap();
        let mut cookies = Vec::new();
        for header in headers {
            set_cookie(&mut cookies, header, &url);
        }
        let told = |cookie: Cookie| (cookie.name, cookie.domain, cookie.path);
        cookies.into_iter().map(told).collect()
    }

    fn cookie(name: &str, domain: &str, path: &str) -> (String, String, String) {
        (name.to_owned(), domain.to_owned(), path.to_owned())
    }

    #[test]
    fn cookies_are_taken_as_a_browser_would() {
        assert_eq!(after(&["a=1"]), [cookie("a", "chat.example", "/api/auth")]);
        assert_eq!(after(&["a=1; Path=/; Domain=example"]), [cookie("a", ".example", "/")]);
        assert_eq!(after(&["a=1; Path=/", "a=2; Path=/"]), [cookie("a", "chat.example", "/")]);
        assert_eq!(after(&["a=1; Path=/", "a=; Path=/; Max-Age=0"]), []);
        assert_eq!(after(&["a=1; Domain=other.example", "=", ""]), []);
    }

    #[test]
    fn an_end_is_read_in_every_form_that_sites_use() {
        let body = json!({"secs": 1_795_420_800, "millis": 1_795_420_800_000_u64, "text": "2026-11-23T08:00:00Z", "no": {}});
        let at = |pointer: &str| end(&Expires::At(pointer.to_owned()), &body);

        for pointer in ["/secs", "/millis", "/text"] {
            assert_eq!(at(pointer), Some(Timestamp::from_secs(1_795_420_800)), "{pointer}");
        }
        assert_eq!(at("/no"), None);
        assert_eq!(end(&Expires::In("/none".to_owned()), &body), None);
    }
}
