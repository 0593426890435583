//! Proves a captured session on the site's own API, before anybody relies on it.

use futures::StreamExt;
use latchkey_shared::{
    credentials::Credentials, id::SiteName, network::NetworkError, session::Session, site::Site,
};
use reqwest::{Client, Response, StatusCode, header};
use secrecy::ExposeSecret;
use serde_json::Value;

use super::{FailureCode, failure::LoginError};

/// A user's own record is small; a page in its place is not worth reading further.
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// Asks the site with the session, as the adapter will; gives what was seen. A 200 proves nothing: many sites answer
/// every path with their login page.
pub(super) async fn check(
    http: &Client,
    site: &Site,
    session: &Session,
    credentials: Option<&Credentials>,
) -> Result<String, LoginError> {
    judge(site, &ask(http, site, session).await?, credentials)?;
    Ok(format!("the site's {} was answered with {}", site.probe.path, site.probe.pointer))
}

/// What the site answers to the session.
pub(super) async fn ask(http: &Client, site: &Site, session: &Session) -> Result<Value, LoginError> {
    let limit = site.probe.timeout;
    let asked = tokio::time::timeout(limit, answer(http, site, session)).await;
    asked.unwrap_or_else(|_| {
        NetworkError::timeout("answer").log(&site.name, "the probe");
        let what = format!("the probe had no answer within {}", humantime::format_duration(limit));
        Err(LoginError::new(FailureCode::SiteDown, what))
    })
}

/// Whether the answer says that the account is signed in.
pub(super) fn judge(
    site: &Site,
    answer: &Value,
    credentials: Option<&Credentials>,
) -> Result<(), LoginError> {
    let equals = site.probe.equals.as_ref().zip(credentials);
    let expected = equals.map(|(template, Credentials { username, password, .. })| {
        template.fill(&site.base_url, username, password)
    });
    says(answer, &site.probe.pointer, expected.as_ref().map(ExposeSecret::expose_secret))
}

async fn answer(http: &Client, site: &Site, session: &Session) -> Result<Value, LoginError> {
    let url = site.url(&site.probe.path);
    let mut request = http.get(url.clone()).header(header::ACCEPT, "application/json");
    if let Some(cookies) = session.cookie_header(&url) {
        request = request.header(header::COOKIE, cookies.expose_secret());
    }
    if let Some(bearer) = &session.bearer {
        request = request.bearer_auth(bearer.expose_secret());
    }
    let sent = request.header(header::USER_AGENT, &session.user_agent).send().await;
    let answer = sent.map_err(|error| unanswered(&site.name, "the probe", &error))?;
    refused(answer.status())?;
    let body = read(&site.name, "the probe", answer).await?;
    serde_json::from_slice(&body)
        .map_err(|_| failed("the probe was answered 200 with something that is no JSON"))
}

fn refused(status: StatusCode) -> Result<(), LoginError> {
    match status.as_u16() {
        200..=299 => Ok(()),
        300..=399 => Err(failed(format!("the probe was sent elsewhere ({status})"))),
        429 => Err(LoginError::new(FailureCode::RateLimited, "the site asked the probe to wait (429)")),
        500..=599 => {
            Err(LoginError::new(FailureCode::SiteDown, format!("the site answered the probe {status}")))
        }
        _ => Err(failed(format!("the site answered the probe {status}"))),
    }
}

/// The body of an answer; `call` is what was asked, for people.
pub(super) async fn read(site: &SiteName, call: &str, answer: Response) -> Result<Vec<u8>, LoginError> {
    let mut body = Vec::new();
    let mut pieces = answer.bytes_stream();
    while let Some(piece) = pieces.next().await {
        body.extend_from_slice(&piece.map_err(|error| unanswered(site, call, &error))?);
        if body.len() > MAX_BODY_BYTES {
            return Err(failed(format!("the answer to {call} is longer than 1 MiB")));
        }
    }
    Ok(body)
}

/// Whether the answer says that somebody is signed in, and who is expected.
fn says(answer: &Value, pointer: &str, expected: Option<&str>) -> Result<(), LoginError> {
    let found = answer.pointer(pointer).filter(|value| says_something(value));
    let Some(found) = found else {
        return Err(failed(format!("the probe's answer has nothing at {pointer}")));
    };
    let text = found.as_str().map_or_else(|| found.to_string(), str::to_owned);
    if expected.is_none_or(|expected| expected == text) {
        Ok(())
    } else {
        Err(failed(format!("the probe's answer has something unexpected at {pointer}")))
    }
}

fn says_something(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        Value::Bool(true) | Value::Number(_) => true,
    }
}

fn failed(what: impl Into<String>) -> LoginError {
    LoginError::new(FailureCode::ProbeFailed, what)
}

/// Why there is no answer; the network's own words are for the log.
pub(super) fn unanswered(site: &SiteName, call: &str, error: &reqwest::Error) -> LoginError {
    let broken = NetworkError::of(error);
    broken.log(site, call);
    if broken.cause.is_tls() {
        return LoginError::new(
            FailureCode::TlsError,
            format!("the site's certificate was refused by {call}"),
        );
    }
    let what = if error.is_connect() {
        format!("{call} cannot reach the site")
    } else {
        format!("the answer to {call} broke off")
    };
    LoginError::new(FailureCode::SiteDown, what)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_must_say_who_is_signed_in() {
        let answer = json!({"username": "alice", "id": 7, "role": "", "list": [], "none": null});

        assert!(says(&answer, "/username", Some("alice")).is_ok());
        assert!(says(&answer, "/id", Some("7")).is_ok());
        assert!(says(&answer, "/username", None).is_ok());
        for (pointer, expected) in
            [("/username", Some("bob")), ("/role", None), ("/list", None), ("/none", None), ("/nosuch", None)]
        {
            assert_eq!(
                says(&answer, pointer, expected).unwrap_err().code,
                FailureCode::ProbeFailed,
                "{pointer}"
            );
        }
    }

    #[test]
    fn a_status_tells_whose_trouble_it_is() {
        let code = |status: u16| refused(StatusCode::from_u16(status).unwrap()).unwrap_err().code;

        assert!(refused(StatusCode::OK).is_ok());
        assert_eq!(code(302), FailureCode::ProbeFailed);
        assert_eq!(code(401), FailureCode::ProbeFailed);
        assert_eq!(code(429), FailureCode::RateLimited);
        assert_eq!(code(503), FailureCode::SiteDown);
    }
}
