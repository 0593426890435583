//! `[login]`: the recipe, or that there is none because sessions are given.

use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;
use url::Url;

use super::{
    SiteFileSource,
    head::SiteHead,
    steps::{self, RawStep},
};
use crate::{Login, LoginRefusal, RefusalKind, condition::RawCondition, duration::duration};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLogin {
    #[serde(default = "default_login_timeout", deserialize_with = "duration")]
    timeout: Duration,
    #[serde(default = "default_step_timeout", deserialize_with = "duration")]
    step_timeout: Duration,
    given: Option<Spanned<bool>>,
    steps: Option<Spanned<Vec<Spanned<RawStep>>>>,
    #[serde(default)]
    refusals: Vec<Spanned<RawLoginRefusal>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLoginRefusal {
    means: RefusalKind,
    when: RawCondition,
}

fn default_login_timeout() -> Duration {
    Duration::from_secs(90)
}

fn default_step_timeout() -> Duration {
    Duration::from_secs(15)
}

/// Checks the section; what is wrong is kept.
pub(super) fn check(source: &SiteFileSource<'_>, raw: Spanned<RawLogin>, head: &SiteHead) -> Option<Login> {
    let at = raw.span().start;
    let RawLogin { timeout, step_timeout, given, steps, refusals } = raw.into_inner();
    let given_at = given.as_ref().map_or(at, |given| given.span().start);
    let steps = match (given.map(Spanned::into_inner), steps) {
        (None, Some(steps)) => steps::check(source, steps, &head.base_url, &head.origins),
        (Some(true), None) => Ok(Vec::new()),
        (Some(_), Some(_)) => {
            Err(source.mistake(given_at, "given and steps exclude each other; keep one of them"))
        }
        (Some(false) | None, None) => {
            let message =
                "is missing; write [[login.steps]] with goto = \"{base_url}/login\", or given = true";
            Err(source.mistake_about(at, "steps", message))
        }
    };
    let refusals = self::refusals(source, refusals, &head.base_url);
    Some(Login { timeout, step_timeout, steps: source.keep(steps)?, refusals })
}

fn refusals(
    source: &SiteFileSource<'_>,
    raw: Vec<Spanned<RawLoginRefusal>>,
    base_url: &Url,
) -> Vec<LoginRefusal> {
    let mut refusals = Vec::new();
    for refusal in raw {
        let at = refusal.span().start;
        let RawLoginRefusal { means, when } = refusal.into_inner();
        let when = source.keep(when.check(base_url).map_err(|why| source.mistake(at, why)));
        refusals.extend(when.map(|when| LoginRefusal { means, when }));
    }
    refusals
}
