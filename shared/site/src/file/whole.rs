//! What must hold between the parts of a file that are right by themselves.

use std::time::Duration;

use super::SiteFileSource;
use crate::{Login, SessionRules, Site, SiteLimits, step::Action, text};

/// Keeps every mistake.
pub(super) fn check(source: &SiteFileSource<'_>, site: &Site) {
    limits(source, site.limits);
    login(source, &site.login);
    unfilled(source);
    if !site.login.is_given() {
        captured(source, &site.session);
    }
}

/// Where nothing is filled in, a placeholder would be sent, or looked for, as it stands.
fn unfilled(source: &SiteFileSource<'_>) {
    const PLAIN: [&str; 8] = [
        "logout.path",
        "probe.path",
        "probe.pointer",
        "refresh.http.bearer",
        "refresh.http.expires_",
        "refresh.http.local_storage",
        "refresh.signed_in.response",
        "site.models_from",
    ];
    for (at, text) in PLAIN.into_iter().flat_map(|table| source.texts(table)) {
        let Some(name) = text::names(text).next() else { continue };
        let remedy = match name {
            "username" => "to compare it, write probe.equals = \"{username}\"",
            "base_url" => "leave it out: all of this is below the base URL",
            _ => "write the text itself",
        };
        let mistake: Result<(), _> =
            Err(source.mistake(at, format!("{{{name}}} is not filled in here; {remedy}")));
        source.keep(mistake);
    }
}

/// What the chat puts into its requests out of the session must be in it.
fn captured(source: &SiteFileSource<'_>, session: &SessionRules) {
    for (at, text) in source.texts("chat.") {
        for name in text::names(text) {
            let remedy = match name.split_once('.') {
                None if name == "bearer" && session.bearer.is_none() => {
                    "write session.bearer = { local_storage = \"...\" }, or wherever the site keeps it"
                        .to_owned()
                }
                Some(("cookie", cookie)) if !session.cookies.iter().any(|rule| rule.matches(cookie)) => {
                    format!("add \"{cookie}\" to session.cookies")
                }
                Some(("local_storage", key)) if !session.local_storage.iter().any(|known| known == key) => {
                    format!("add \"{key}\" to session.local_storage")
                }
                Some(("session_storage", key))
                    if !session.session_storage.iter().any(|known| known == key) =>
                {
                    format!("add \"{key}\" to session.session_storage")
                }
                _ => continue,
            };
            let message = format!("{{{name}}} stands for nothing that is captured; {remedy}");
            let mistake: Result<(), _> = Err(source.mistake(at, message));
            source.keep(mistake);
        }
    }
}

fn limits(source: &SiteFileSource<'_>, limits: SiteLimits) {
    for (key, limit) in [("limits.first_token", limits.first_token), ("limits.idle", limits.idle)] {
        longer(source, key, limit, "limits.turn", limits.turn);
    }
}

fn login(source: &SiteFileSource<'_>, login: &Login) {
    longer(source, "login.step_timeout", login.step_timeout, "login.timeout", login.timeout);
    for (index, step) in login.steps.iter().enumerate() {
        let key = format!("login.steps[{}]", index + 1);
        if let Some(timeout) = step.timeout {
            longer(source, &format!("{key}.timeout"), timeout, "login.timeout", login.timeout);
        }
        let Action::Fill { selector, value } = &step.action else { continue };
        if selector.to_ascii_lowercase().contains("password") && !value.has_any() {
            let message = "a password is never written here; write value = \"{password}\"";
            source.wrong(&format!("{key}.value"), message);
        }
    }
}

/// Nothing may take longer than the whole that it is part of.
fn longer(source: &SiteFileSource<'_>, key: &str, part: Duration, of: &str, whole: Duration) {
    if whole < part {
        let part = humantime::format_duration(part);
        let whole = humantime::format_duration(whole);
        source.wrong(key, format!("{part} is longer than {of}, which is {whole}; shorten it, or raise {of}"));
    }
}
