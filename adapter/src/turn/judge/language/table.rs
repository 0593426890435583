//! One language's table as its file has it.

use serde::Deserialize;

/// ISO 639-1 codes and tables.
pub(super) const SOURCES: [(&str, &str); 12] = [
    ("de", include_str!("../languages/de.toml")),
    ("es", include_str!("../languages/es.toml")),
    ("fr", include_str!("../languages/fr.toml")),
    ("it", include_str!("../languages/it.toml")),
    ("ja", include_str!("../languages/ja.toml")),
    ("ko", include_str!("../languages/ko.toml")),
    ("nl", include_str!("../languages/nl.toml")),
    ("pl", include_str!("../languages/pl.toml")),
    ("pt", include_str!("../languages/pt.toml")),
    ("ru", include_str!("../languages/ru.toml")),
    ("tr", include_str!("../languages/tr.toml")),
    ("vi", include_str!("../languages/vi.toml")),
];

/// What the judge knows of one language.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Language {
    pub(super) script: Script,
    /// Everyday words; a sentence without one is in another language of the script.
    pub(super) common: Vec<String>,
    /// The model speaks of what it does next: "I will", "let me".
    pub(super) own: Vec<String>,
    /// Beginnings of words for what tools do.
    pub(super) acts: Vec<String>,
    /// Endings of such a word that say "I will" themselves.
    pub(super) endings: Vec<String>,
    /// Longer endings that look like those and say something else: a participle, a negation.
    pub(super) unlike: Vec<String>,
    /// Openings of somebody who agrees to act: "sure", "got it".
    pub(super) consent: Vec<String>,
    /// Where such a word stands.
    pub(super) verb: Verb,
    #[serde(default)]
    pub(super) subject: Vec<String>,
    /// Openings that announce by themselves: "next step", "one moment".
    pub(super) alone: Vec<String>,
    /// Work is named as left, anywhere in a sentence.
    pub(super) remains: Vec<String>,
    /// Openings that announce with an action behind them: "now", "first".
    pub(super) leads: Vec<String>,
    /// Beginnings of words for what needs no tool.
    pub(super) talk: Vec<String>,
    pub(super) not: Vec<String>,
    pub(in super::super) done: Vec<String>,
    pub(in super::super) offers: Vec<String>,
    /// The user has to act, answer or agree first.
    pub(in super::super) waits: Vec<String>,
    /// Before an announcement, these make it depend on something.
    pub(super) conditions: Vec<String>,
    /// The next step is the user's.
    pub(in super::super) users: Vec<String>,
    /// Openings of a clause that gives the user something to do for the model: "send me", "you run"; `*` stands for a word
    /// or for its beginning. Its endings, where verbs stand last.
    pub(super) orders: Vec<String>,
    /// With one of these at once behind them, or anywhere where verbs stand last, such a clause gives nothing to do:
    /// "give me a moment", "you are right".
    pub(super) tells: Vec<String>,
    /// A promise for all time to come.
    pub(in super::super) standing: Vec<String>,
    /// Endings of a question that may come without its mark.
    #[serde(default)]
    pub(super) asks: Vec<String>,
    /// With one of these such an ending is part of what is looked for: "see whether".
    #[serde(default)]
    pub(super) wonders: Vec<String>,
    /// Endings that make a bare action the model's own: "first", "right away".
    #[serde(default)]
    pub(super) particles: Vec<String>,
    /// Beginnings of participles: with `done`, the model says that it has changed a file.
    pub(super) claims: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Script {
    Latin,
    Cyrillic,
    Kana,
    Hangul,
}

/// Where a word that says "I will" by its ending is no noun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verb {
    /// Before or behind its subject: "ich lese", "lese ich".
    BySubject,
    /// At the beginning of a clause: "ahora leo".
    Early,
    Anywhere,
    /// At once behind its subject, where a clause begins: "tôi đọc".
    AfterSubject,
}

pub(super) fn read(source: &str) -> Language {
    let mut language: Language = toml::from_str(source).expect("the tables are tested");
    if language.script.has_words() {
        let phrases = [
            &mut language.common,
            &mut language.own,
            &mut language.alone,
            &mut language.remains,
            &mut language.consent,
            &mut language.leads,
            &mut language.not,
            &mut language.done,
            &mut language.offers,
            &mut language.waits,
            &mut language.conditions,
            &mut language.users,
            &mut language.orders,
            &mut language.tells,
            &mut language.standing,
            &mut language.asks,
            &mut language.wonders,
            &mut language.particles,
        ];
        for phrase in phrases.into_iter().flatten() {
            *phrase = format!(" {} ", phrase.trim());
        }
        for stem in language.acts.iter_mut().chain(&mut language.talk).chain(&mut language.claims) {
            stem.insert(0, ' ');
        }
    }
    language
}

impl Script {
    /// Whether spaces part its words, so that whole words can be looked for.
    pub(super) fn has_words(self) -> bool {
        matches!(self, Self::Latin | Self::Cyrillic)
    }

    pub(super) fn is_in(self, words: &str) -> bool {
        words.chars().any(|c| match self {
            Self::Latin => c.is_ascii_alphabetic(),
            Self::Cyrillic => ('\u{400}'..='\u{4ff}').contains(&c),
            Self::Kana => ('\u{3040}'..='\u{30ff}').contains(&c),
            Self::Hangul => ('\u{ac00}'..='\u{d7a3}').contains(&c),
        })
    }
}
