//! `[chat.effort]`: how much a model is to think, in the site's own words.

use serde::Deserialize;
use serde_json::Value;
use toml::Spanned;

use crate::{SiteFileDiagnostic, mistake::SiteFileSource, pointer::is_pointer};

/// How much a model is to think, as clients say it, from the least to the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the words say it")]
pub enum Effort {
    None,
    Minimal,
    Low,
    Medium,
    High,
    Xhigh,
    Max,
}

const WORDS: [Effort; 7] =
    [Effort::None, Effort::Minimal, Effort::Low, Effort::Medium, Effort::High, Effort::Xhigh, Effort::Max];

/// What a site is told for it.
#[derive(Clone, Debug, PartialEq)]
pub struct EffortRules {
    /// Where it stands in the body of `[chat.openai]`: the steps of a JSON pointer. Other drivers name `{effort}`.
    pub field: Vec<String>,
    /// What each word is for the site, from the least to the most.
    words: Vec<(Effort, Value)>,
    /// What it is told where the client says nothing.
    default: Option<Value>,
}

/// The table as it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawEffort {
    field: Option<Spanned<String>>,
    default: Option<Value>,
    none: Option<Value>,
    minimal: Option<Value>,
    low: Option<Value>,
    medium: Option<Value>,
    high: Option<Value>,
    xhigh: Option<Value>,
    max: Option<Value>,
}

impl Effort {
    /// A client's word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        WORDS.into_iter().find(|effort| effort.as_str() == word)
    }

    /// That word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Minimal => "minimal",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Xhigh => "xhigh",
            Self::Max => "max",
        }
    }
}

impl EffortRules {
    /// What the site is told; `None` where that is nothing. A word that the file has not is the nearest below it, else
    /// the least.
    #[must_use]
    pub fn told(&self, wanted: Option<Effort>) -> Option<&Value> {
        let Some(wanted) = wanted else { return self.default.as_ref() };
        let below = self.words.iter().rfind(|(word, _)| *word <= wanted);
        below.or(self.words.first()).map(|(_, value)| value)
    }
}

/// Checks it; `has_body` says whether the driver's body has fields.
///
/// # Errors
/// Its first mistake.
pub(super) fn check(
    source: &SiteFileSource<'_>,
    raw: Spanned<RawEffort>,
    has_body: bool,
) -> Result<EffortRules, SiteFileDiagnostic> {
    let at = raw.span().start;
    let RawEffort { field, default, none, minimal, low, medium, high, xhigh, max } = raw.into_inner();
    let values = WORDS.into_iter().zip([none, minimal, low, medium, high, xhigh, max]);
    let words: Vec<(Effort, Value)> = values.filter_map(|(word, value)| Some((word, value?))).collect();
    if words.is_empty() {
        return Err(source.mistake(at, "says no word; write low = ..., high = ... as the site knows them"));
    }
    let field = match (field, has_body) {
        (None, true) => {
            return Err(
                source.mistake(at, "field: is missing; write where it stands, like \"/reasoning_effort\"")
            );
        }
        (Some(field), false) => {
            let message = "field: is for [chat.openai]; elsewhere a request or step names {effort}";
            return Err(source.mistake(field.span().start, message));
        }
        (Some(field), true) if !is_pointer(field.get_ref()) || field.get_ref().len() < 2 => {
            let message = "field: must be a JSON pointer, like /reasoning_effort";
            return Err(source.mistake(field.span().start, message));
        }
        (Some(field), true) => {
            let steps = field.get_ref().split('/').skip(1);
            steps.map(|step| step.replace("~1", "/").replace("~0", "~")).collect()
        }
        (None, false) => Vec::new(),
    };
    Ok(EffortRules { field, words, default })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_word_that_the_file_has_not_is_the_nearest_below() {
        let rules = EffortRules {
            field: Vec::new(),
            words: vec![(Effort::Low, json!(false)), (Effort::High, json!("deep"))],
            default: None,
        };
        let told = |word: &str| rules.told(Effort::parse(word)).cloned();

        let [quick, deep] = [json!(false), json!("deep")].map(Some);
        for word in ["none", "minimal", "low", "medium"] {
            assert_eq!(told(word), quick, "{word}");
        }
        for word in ["high", "xhigh", "max"] {
            assert_eq!(told(word), deep, "{word}");
        }
        assert_eq!([told("auto"), rules.told(None).cloned()], [None, None]);
    }
}
