//! `[models.NAME]`: what clients are told of a model, and by which other names they may ask for it.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU64,
};

use serde::Deserialize;

use crate::mistake::SiteFileSource;

/// The name under which a file tells of all models that it does not name.
pub const ANY_MODEL: &str = "*";

/// What is known of a model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelInfo {
    /// The tokens of a question, its conversation and its answer together.
    pub context: Option<NonZeroU64>,
    /// The tokens of an answer.
    pub output: Option<NonZeroU64>,
    /// What it takes; nothing is told where it is empty.
    #[serde(default)]
    pub modalities: Vec<Modality>,
    /// Other names of it.
    #[serde(default)]
    pub aliases: Vec<String>,
}

/// What a model takes, in `OpenRouter`'s words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the words say it")]
pub enum Modality {
    Text,
    Image,
    Audio,
    Video,
    File,
}

/// Keeps what is wrong with the names of models and their aliases; `known` are all models, where the file names them.
pub(super) fn check(
    source: &SiteFileSource<'_>,
    known: Option<&[String]>,
    told: &BTreeMap<String, ModelInfo>,
) {
    let mut taken = BTreeSet::new();
    for (name, info) in told {
        if name != ANY_MODEL && known.is_some_and(|known| !known.contains(name)) {
            let message = format!("there is no such model; add {name:?} to site.models");
            source.wrong(&format!("models.{name}"), message);
        }
        let key = format!("models.{name}.aliases");
        if name == ANY_MODEL && !info.aliases.is_empty() {
            source.wrong(&key, "another name is that of one model; write it below that model");
        }
        for alias in &info.aliases {
            if alias.is_empty() || alias.contains(char::is_whitespace) {
                source.wrong(&key, "a name has no blanks, like claude-sonnet-4-5");
            }
            if !taken.insert(alias) {
                source.wrong(&key, format!("{alias:?} is a name of two models; keep one of them"));
            }
        }
    }
}
