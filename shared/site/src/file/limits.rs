//! `[limits]` of a site file.

use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use crate::{SharedLimits, SiteFileDiagnostic, SiteLimits, duration::some_duration, mistake::SiteFileSource};

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLimits {
    concurrency: Option<Spanned<u32>>,
    requests_per_minute: Option<Spanned<u32>>,
    #[serde(default)]
    site: RawSiteLimits,
    #[serde(default, deserialize_with = "some_duration")]
    first_token: Option<Duration>,
    #[serde(default, deserialize_with = "some_duration")]
    idle: Option<Duration>,
    #[serde(default, deserialize_with = "some_duration")]
    turn: Option<Duration>,
    logins_per_minute: Option<Spanned<u32>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RawSiteLimits {
    concurrency: Option<Spanned<u32>>,
    requests_per_minute: Option<Spanned<u32>>,
}

impl RawLimits {
    pub(super) fn check(self, source: &SiteFileSource<'_>) -> Result<SiteLimits, SiteFileDiagnostic> {
        let default = SiteLimits::default();
        let turn = self.turn.unwrap_or(default.turn);
        let limit = |raw| at_least_one(source, raw);
        Ok(SiteLimits {
            concurrency: limit(self.concurrency)?.unwrap_or(default.concurrency),
            requests_per_minute: limit(self.requests_per_minute)?,
            logins_per_minute: limit(self.logins_per_minute)?.unwrap_or(default.logins_per_minute),
            site: SharedLimits {
                concurrency: limit(self.site.concurrency)?,
                requests_per_minute: limit(self.site.requests_per_minute)?,
            },
            first_token: self.first_token.unwrap_or(default.first_token.min(turn)),
            idle: self.idle.unwrap_or(default.idle.min(turn)),
            turn,
        })
    }
}

fn at_least_one(
    source: &SiteFileSource<'_>,
    raw: Option<Spanned<u32>>,
) -> Result<Option<u32>, SiteFileDiagnostic> {
    match raw {
        Some(zero) if *zero.get_ref() == 0 => Err(source.mistake(zero.span().start, "must be at least 1")),
        limit => Ok(limit.map(Spanned::into_inner)),
    }
}
