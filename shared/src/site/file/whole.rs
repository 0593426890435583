//! What must hold between the parts of a file that are right by themselves.

use std::time::Duration;

use super::Source;
use crate::site::{Limits, Login, Site, step::Action};

/// Keeps every mistake.
pub(super) fn check(source: &Source<'_>, site: &Site) {
    limits(source, site.limits);
    login(source, &site.login);
}

fn limits(source: &Source<'_>, limits: Limits) {
    for (key, limit) in [("limits.first_token", limits.first_token), ("limits.idle", limits.idle)] {
        longer(source, key, limit, "limits.turn", limits.turn);
    }
}

fn login(source: &Source<'_>, login: &Login) {
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
fn longer(source: &Source<'_>, key: &str, part: Duration, of: &str, whole: Duration) {
    if whole < part {
        let (part, whole) = (humantime::format_duration(part), humantime::format_duration(whole));
        source.wrong(key, format!("{part} is longer than {of}, which is {whole}; shorten it, or raise {of}"));
    }
}
