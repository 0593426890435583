//! Signing in to the practice site.

use std::time::Duration;

use axum::{
    Json,
    extract::{Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{AppendHeaders, IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    COOKIE, DEVICE_COOKIE, PracticeOptions, REFRESH_COOKIE, SessionParts, SiteState,
    accounts::{Rules, Verdict},
    pages,
};

/// How often it is looked whether something is still held.
const HELD: Duration = Duration::from_millis(10);

/// What the form sends: first the password, then the code.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Submission {
    Password { username: String, password: String },
    Code { pending: String, code: String },
}

#[derive(Deserialize)]
pub(super) struct Ticket {
    ticket: String,
}

pub(super) async fn page(State(site): State<SiteState>, headers: HeaderMap) -> Response {
    let options = site.options();
    let known = cookie(&headers, DEVICE_COOKIE).filter(|_| options.remember);
    if let Some(parts) = known.and_then(|device| site.0.accounts.recognize(device, rules(&options))) {
        return with_cookies(&site, &parts, Redirect::to("/"));
    }
    let elsewhere = match (options.cross_origin, options.foreign_origin) {
        (_, true) => &site.0.origins.foreign,
        (true, false) => &site.0.origins.identity,
        (false, false) => return pages::login(State(site)).await.into_response(),
    };
    Redirect::to(elsewhere.join("/login").unwrap().as_str()).into_response()
}

pub(super) async fn submit(State(site): State<SiteState>, Json(submission): Json<Submission>) -> Response {
    match judge(&site, submission).await {
        Verdict::SignedIn(parts) => with_cookies(&site, &parts, Json(json!({"next": "/"}))),
        refused => answer(refused),
    }
}

pub(super) async fn submit_at_identity(
    State(site): State<SiteState>,
    Json(submission): Json<Submission>,
) -> Response {
    match judge(&site, submission).await {
        Verdict::SignedIn(parts) => {
            let mut next = site.0.origins.site.join("/callback").unwrap();
            next.query_pairs_mut().append_pair("ticket", &site.0.accounts.ticket(parts));
            Json(json!({"next": next.as_str()})).into_response()
        }
        refused => answer(refused),
    }
}

pub(super) async fn submit_at_foreign(State(site): State<SiteState>, body: String) -> Response {
    site.0.foreign.lock().unwrap().push(body);
    answer(Verdict::Rejected)
}

pub(super) async fn callback(State(site): State<SiteState>, Query(ticket): Query<Ticket>) -> Response {
    match site.0.accounts.redeem(&ticket.ticket) {
        Some(parts) => with_cookies(&site, &parts, Redirect::to("/")),
        None => Redirect::to("/login").into_response(),
    }
}

/// Who is signed in by cookie, with the token that the page keeps in `localStorage`.
pub(super) async fn session(State(site): State<SiteState>, headers: HeaderMap) -> Response {
    match signed_in(&site, &headers) {
        Some(parts) => Json(json!({"username": parts.username, "token": parts.token})).into_response(),
        None => not_signed_in(),
    }
}

pub(super) async fn sign_out(State(site): State<SiteState>, headers: HeaderMap) -> Response {
    if let Some(parts) = signed_in(&site, &headers) {
        site.0.accounts.expire(|other| other.token == parts.token);
    }
    StatusCode::NO_CONTENT.into_response()
}

/// The session of a request, by bearer or by cookie.
pub(super) fn signed_in(site: &SiteState, headers: &HeaderMap) -> Option<SessionParts> {
    let text =
        |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).unwrap_or_default();
    let bearer = text(header::AUTHORIZATION).strip_prefix("Bearer ");
    bearer.into_iter().chain(cookie(headers, COOKIE)).find_map(|secret| site.0.accounts.session(secret))
}

fn cookie<'a>(headers: &'a HeaderMap, wanted: &str) -> Option<&'a str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = cookies.flat_map(|cookies| cookies.split("; ")).filter_map(|pair| pair.split_once('='));
    pairs.filter(|(name, _)| *name == wanted).map(|(_, value)| value).next()
}

/// Renews a session, with its refresh cookie and nothing else.
pub(super) async fn renew(State(site): State<SiteState>, headers: HeaderMap) -> Response {
    while site.options().hold_renewals {
        tokio::time::sleep(HELD).await;
    }
    let options = site.options();
    let refresh = cookie(&headers, REFRESH_COOKIE).filter(|_| options.renewals.is_some());
    match refresh.and_then(|refresh| site.0.accounts.renew(refresh, rules(&options))) {
        Some(parts) => {
            let answer = json!({"token": parts.token, "expires_in": options.token_life.as_secs()});
            with_cookies(&site, &parts, Json(answer))
        }
        None => not_signed_in(),
    }
}

pub(super) fn not_signed_in() -> Response {
    (StatusCode::UNAUTHORIZED, Json(json!({"detail": "not signed in"}))).into_response()
}

async fn judge(site: &SiteState, submission: Submission) -> Verdict {
    let options = site.options();
    if !options.slow_login.is_zero() {
        tokio::time::sleep(options.slow_login).await;
    }
    let rules = rules(&options);
    match submission {
        Submission::Password { username, password } => site.0.accounts.password(&username, &password, rules),
        Submission::Code { pending, code } => site.0.accounts.code(&pending, &code, rules),
    }
}

fn answer(verdict: Verdict) -> Response {
    let (status, body): (StatusCode, Value) = match verdict {
        Verdict::SignedIn(_) => (StatusCode::OK, json!({})),
        Verdict::CodeWanted(pending) => (StatusCode::OK, json!({"pending": pending})),
        Verdict::Rejected => (StatusCode::UNAUTHORIZED, json!({"refused": "credentials"})),
        Verdict::Locked => (StatusCode::LOCKED, json!({"refused": "locked"})),
    };
    (status, Json(body)).into_response()
}

fn rules(options: &PracticeOptions) -> Rules {
    let PracticeOptions { lockout_after, token_life, renewals, refuse_codes, codes_once, .. } = *options;
    Rules { lockout_after, token_life, renewals: renewals.unwrap_or_default(), refuse_codes, codes_once }
}

fn with_cookies(site: &SiteState, parts: &SessionParts, answer: impl IntoResponse) -> Response {
    const KEPT_SECS: u32 = 30 * 24 * 3600;

    let options = site.options();
    let life = options.token_life.as_secs();
    let rest = "HttpOnly; SameSite=Lax";
    let mut headers = AppendHeaders(vec![(
        header::SET_COOKIE,
        format!("{COOKIE}={}; Path=/; {rest}; Max-Age={life}", parts.cookie),
    )]);
    if options.renewals.is_some() {
        let cookie =
            format!("{REFRESH_COOKIE}={}; Path=/api/refresh; {rest}; Max-Age={KEPT_SECS}", parts.refresh);
        headers.0.push((header::SET_COOKIE, cookie));
    }
    if options.remember {
        let cookie = format!("{DEVICE_COOKIE}={}; Path=/login; {rest}; Max-Age={KEPT_SECS}", parts.device);
        headers.0.push((header::SET_COOKIE, cookie));
    }
    (headers, answer).into_response()
}
