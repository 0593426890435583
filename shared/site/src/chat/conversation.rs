//! How a site's own conversation is gone on with, and the random values that name one.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde::Deserialize;
use toml::Spanned;

use super::text;
use crate::{SiteFileDiagnostic, duration::duration, mistake::SiteFileSource};

/// A kind of random value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RandomKind {
    /// A UUID of version 4 (RFC 9562).
    Uuid,
    /// 32 hexadecimal digits.
    Hex,
    /// 12 of a-z and 0-9.
    Alnum,
}

/// How a conversation is gone on with.
#[derive(Clone, Debug, PartialEq)]
pub struct ConversationRules {
    /// The values with which it is.
    pub keep: BTreeSet<String>,
    /// Those which nobody mints or takes before the first request, and what they are then.
    pub start: BTreeMap<String, String>,
    /// How long the site remembers it at least.
    pub ttl: Duration,
}

/// The table as it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawConversation {
    keep: BTreeSet<String>,
    #[serde(default)]
    pub(super) start: BTreeMap<String, String>,
    #[serde(default = "default_ttl", deserialize_with = "duration")]
    ttl: Duration,
}

fn default_ttl() -> Duration {
    Duration::from_secs(30 * 60)
}

/// The names that are known before anything is asked: those that are `given`, minted or begun with.
pub(super) fn known(
    given: &BTreeSet<String>,
    mint: &BTreeMap<String, RandomKind>,
    conversation: Option<&Spanned<RawConversation>>,
) -> BTreeSet<String> {
    let start = conversation.into_iter().flat_map(|raw| raw.get_ref().start.keys());
    given.iter().chain(mint.keys()).chain(start).cloned().collect()
}

/// Checks the table `table`; it may keep the values that are `known`.
///
/// # Errors
/// Its first mistake.
pub(super) fn check(
    source: &SiteFileSource<'_>,
    table: &str,
    raw: Spanned<RawConversation>,
    known: &BTreeSet<String>,
) -> Result<ConversationRules, SiteFileDiagnostic> {
    let at = raw.span().start;
    let RawConversation { keep, start, ttl } = raw.into_inner();
    if keep.is_empty() {
        return Err(source.mistake(at, format!("{table}.keep: expected at least one value")));
    }
    match keep.iter().find(|name| !known.contains(*name)) {
        Some(name) => {
            let message = format!("{table}.keep: {}", text::unknown_value(name, known));
            Err(source.mistake_near(at, name, message))
        }
        None => Ok(ConversationRules { keep, start, ttl }),
    }
}
