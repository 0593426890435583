//! Further languages, as tables that a person can correct without Rust: `languages/*.toml`, one for each.
//!
//! A phrase is whole words as `words` spells them: lower case, without quotation marks and hyphens. Where the script
//! has no spaces, or endings carry the meaning (kana, Hangul), a phrase is found anywhere.

mod table;
mod users;

use std::sync::LazyLock;

use super::{
    announcement::{Intent, IntentKind},
    words::{self, Sentence, SentenceEnd},
};
use table::{Language, Script, Verb};
pub(super) use users::{asks, depends, orders};

/// Words after "I will" in which the action is sought: some languages put it last.
const REACH_WORDS: usize = 12;
/// Words of a clause before its verb, besides those that lead over.
const EARLY_WORDS: usize = 2;
/// Words between "now" and the action.
const LEAD_WORDS: usize = 5;

static LANGUAGES: LazyLock<Vec<Language>> =
    LazyLock::new(|| table::SOURCES.iter().map(|(_, source)| table::read(source)).collect());

/// The languages that a sentence may be in.
pub(super) fn of(sentence: &Sentence) -> impl Iterator<Item = &'static Language> {
    let spoken = *sentence.languages.get_or_init(|| spoken(&sentence.words));
    LANGUAGES.iter().enumerate().filter(move |(at, _)| spoken & (1 << at) != 0).map(|(_, language)| language)
}

/// Everyday words of English, which has no table here.
const ENGLISH: &[&str] = &[
    " the ", " and ", " i ", " i'll ", " let ", " to ", " is ", " of ", " in ", " it ", " this ", " that ",
    " now ", " will ",
];

/// The language of a text, as ISO 639-1 names it: of which most everyday words are there. For counting only.
pub(super) fn name(text: &str) -> &'static str {
    let words: String = words::sentences(text).iter().map(|sentence| sentence.words.as_str()).collect();
    let count = |common: &mut dyn Iterator<Item = &str>| common.filter(|word| words.contains(*word)).count();
    let score = |language: &Language| match language.script {
        script if !script.is_in(&words) => 0,
        // The one of its script.
        _ if language.common.is_empty() => usize::MAX,
        _ => count(&mut language.common.iter().map(String::as_str)),
    };
    let english = count(&mut ENGLISH.iter().copied());
    let scores = LANGUAGES.iter().map(score).zip(table::SOURCES);
    let best = scores.filter(|(score, _)| *score > english).max_by_key(|(score, _)| *score);
    let is_han = |c: char| ('\u{4e00}'..='\u{9fff}').contains(&c);
    match best {
        Some((_, (code, _))) => code,
        None if text.contains(is_han) => "zh",
        None => "en",
    }
}

/// A bit for each language that these words may be in.
fn spoken(words: &str) -> u16 {
    let scripts: Vec<Script> = [Script::Latin, Script::Cyrillic, Script::Kana, Script::Hangul]
        .into_iter()
        .filter(|script| script.is_in(words))
        .collect();
    let is_spoken = |language: &Language| {
        let consents = || {
            language
                .consent
                .iter()
                .any(|phrase| !phrase.starts_with(" ok") && words.starts_with(phrase.as_str()))
        };
        let speaks = || any(&language.common, words) || any(&language.own, words) || consents();
        scripts.contains(&language.script) && (language.common.is_empty() || speaks())
    };
    let bits = LANGUAGES.iter().enumerate().map(|(at, language)| u16::from(is_spoken(language)) << at);
    bits.fold(0, |all, bit| all | bit)
}

fn any(phrases: &[String], words: &str) -> bool {
    phrases.iter().any(|phrase| words.contains(phrase.as_str()))
}

/// Whether any language of the sentence has one of its phrases there.
pub(super) fn has(sentence: &Sentence, list: impl Fn(&'static Language) -> &'static Vec<String>) -> bool {
    of(sentence).any(|language| any(list(language), &sentence.words))
}

/// Whether a sentence opens by agreeing to act.
pub(super) fn consents(sentence: &Sentence) -> bool {
    let bare = sentence.words.trim_start();
    LANGUAGES
        .iter()
        .flat_map(|language| &language.consent)
        .any(|phrase| sentence.words.starts_with(phrase.as_str()) || bare.starts_with(phrase.as_str()))
}

/// Whether a sentence says that something was changed.
pub(super) fn claims(sentence: &Sentence) -> bool {
    let words = sentence.words.as_str();
    of(sentence).any(|language| {
        any(&language.done, words) && any(&language.claims, words) && !any(&language.not, words)
    })
}

/// The strongest announcement of a sentence in one of these languages.
pub(super) fn find(sentence: &Sentence) -> Option<Intent> {
    of(sentence).filter_map(|language| language.find(sentence)).max_by_key(|intent| intent.kind)
}

impl Language {
    fn find(&self, sentence: &Sentence) -> Option<Intent> {
        let words = sentence.words.as_str();
        let own = if self.script.has_words() { self.own_words(words) } else { self.own_endings(words) };
        let loose = self.loose(sentence).map(|at| Intent { kind: IntentKind::Loose, at });
        own.into_iter().chain(loose).max_by_key(|intent| intent.kind)
    }

    /// "I will ... read" and "I'll-read" in one word.
    fn own_words(&self, words: &str) -> Option<Intent> {
        let mut best: Option<Intent> = None;
        let mut offer = |kind, at| {
            if best.is_none_or(|intent| intent.kind < kind) {
                best = Some(Intent { kind, at });
            }
        };
        for phrase in &self.own {
            for (at, _) in words.match_indices(phrase.as_str()) {
                // The space before the next word belongs to it.
                let rest = &words[at + phrase.len() - 1..];
                let negated = words[..at + 1].split_ascii_whitespace().next_back();
                let kind = if negated.is_some_and(|word| self.is_not(word)) {
                    IntentKind::Negated
                } else {
                    self.action(rest)
                };
                offer(kind, at);
            }
        }
        for (at, word) in each_word(words) {
            let bare = word.rsplit('\'').next().unwrap_or(word);
            let is_act = self.acts.iter().any(|stem| bare.starts_with(&stem[1..]));
            if is_act && self.says_i(bare) && self.is_verb(words, at, word) {
                let around = words[..at].split_ascii_whitespace().rev().take(2);
                let after = words[at + word.len()..].split_ascii_whitespace().take(2);
                let negated = around.chain(after).any(|word| self.is_not(word));
                offer(if negated { IntentKind::Negated } else { IntentKind::Own }, at);
            }
        }
        best
    }

    fn says_i(&self, word: &str) -> bool {
        self.endings.iter().any(|ending| {
            // A stem and its ending, not an ending alone.
            word.len() > ending.len() + 1 && word.ends_with(ending.as_str())
        }) && !self.unlike.iter().any(|ending| word.ends_with(ending.as_str()))
    }

    /// Whether the word stands where a verb does.
    fn is_verb(&self, words: &str, at: usize, word: &str) -> bool {
        let before = &words[..at];
        match self.verb {
            Verb::Anywhere => true,
            Verb::AfterSubject => false, // has no endings
            Verb::Early => {
                let clause = before.rsplit(',').next().unwrap_or(before);
                let led =
                    self.leads.iter().filter(|lead| clause.starts_with(lead.as_str())).map(String::len).max();
                clause[led.unwrap_or(1) - 1..].split_ascii_whitespace().count() <= EARLY_WORDS
            }
            Verb::BySubject => {
                let is_subject = |word: &str| self.subject.iter().any(|subject| subject == word);
                let elided = word.split_once('\'').is_some_and(|(subject, _)| is_subject(subject));
                let next = words[at + word.len()..].split_ascii_whitespace().next();
                let last = before.split_ascii_whitespace().next_back();
                elided || next.is_some_and(is_subject) || last.is_some_and(is_subject)
            }
        }
    }

    fn is_not(&self, word: &str) -> bool {
        self.not.iter().any(|not| not.trim() == word)
    }

    fn action(&self, rest: &str) -> IntentKind {
        let end = each_word(rest).nth(REACH_WORDS).map_or(rest.len(), |(at, _)| at);
        let rest = rest[..end].replace('\'', " ");
        let first = |stems: &[String]| stems.iter().filter_map(|stem| rest.find(stem.as_str())).min();
        let not = self.not.iter().filter_map(|not| rest.find(not.as_str())).min();
        match (first(&self.acts), first(&self.talk)) {
            (Some(act), Some(talk)) if talk < act => IntentKind::Talk,
            (Some(act), _) if not.is_some_and(|not| not < act) => IntentKind::Negated,
            (Some(_), _) => IntentKind::Own,
            (None, Some(_)) => IntentKind::Talk,
            (None, None) if not.is_some() => IntentKind::Negated,
            (None, None) => IntentKind::Vague,
        }
    }

    /// Where the last words of a sentence carry it: "読みます", "읽겠습니다".
    fn own_endings(&self, words: &str) -> Option<Intent> {
        let said = words.trim_end_matches([' ', ',', '`']);
        let (at, ending) = self.own.iter().filter_map(|own| Some((said.rfind(own.as_str())?, own))).max()?;
        // Further on something else is said.
        if said.len() - at - ending.len() > '字'.len_utf8() * 2 {
            return None;
        }
        let clause = said[..at + ending.len()].rfind(',').map_or(0, |comma| comma + 1);
        let clause = &said[clause..at + ending.len()];
        let last = |stems: &[String]| stems.iter().filter_map(|stem| clause.rfind(stem.as_str())).max();
        let negated = self.not.iter().any(|not| clause.contains(not.as_str()));
        let kind = match (last(&self.acts), last(&self.talk)) {
            _ if negated => IntentKind::Negated,
            (Some(act), Some(talk)) if talk > act => IntentKind::Talk,
            (Some(_), _) => IntentKind::Own,
            (None, Some(_)) => IntentKind::Talk,
            // Polite verbs of any kind end like this.
            (None, None) => return None,
        };
        Some(Intent { kind, at: 0 })
    }

    /// "Now the tests:", "next step: ..." and "the docs are left".
    fn loose(&self, sentence: &Sentence) -> Option<usize> {
        let words = if self.script.has_words() { &sentence.words } else { sentence.words.trim_start() };
        let starts = |phrase: &String| words.starts_with(phrase.as_str());
        let remains = any(&self.remains, words) && !any(&self.done, words);
        if self.alone.iter().any(starts) || remains || self.is_bare(words) || self.is_present(words) {
            return Some(0);
        }
        let mut at = 0;
        let mut is_next = true;
        let mut is_led = false;
        let mut consents = false;
        for clause in words.split(',') {
            if is_next && self.leads_over(clause, sentence.end) {
                return Some(at);
            }
            if is_led && self.acts.iter().any(|stem| clause.starts_with(stem.as_str())) {
                return Some(at);
            }
            let opening = if self.script.has_words() { clause } else { clause.trim_start() };
            if consents && self.alone.iter().any(|phrase| opening.starts_with(phrase.as_str())) {
                return Some(at); // "Sure, one moment"
            }
            consents = self.consent.iter().any(|phrase| opening.starts_with(phrase.as_str()));
            is_led = self.leads.iter().any(|lead| lead == clause);
            // "That is done, now the docs"; else a further clause tells of a sequence.
            is_next = is_led || consents || any(&self.done, clause);
            at += clause.len() + 1;
        }
        None
    }

    /// Whether a clause begins with "now" or "next", and an action follows.
    fn leads_over(&self, clause: &str, end: SentenceEnd) -> bool {
        let clause = if self.script.has_words() { clause } else { clause.trim_start() };
        let lead =
            self.leads.iter().filter(|lead| clause.starts_with(lead.as_str())).max_by_key(|lead| lead.len());
        let Some(lead) = lead else { return false };
        let rest = &clause[lead.len() - usize::from(self.script.has_words())..];
        let reach = each_word(rest).nth(LEAD_WORDS).map_or(rest.len(), |(at, _)| at);
        let acts = self.acts.iter().any(|stem| rest[..reach].contains(stem.as_str()));
        let not = any(&self.not, rest) || any(&self.done, clause);
        end == SentenceEnd::Colon || (acts && !not)
    }

    /// A bare action with a particle of the speaker's at its end.
    fn is_bare(&self, words: &str) -> bool {
        let opens = |clause: &str| self.acts.iter().any(|stem| clause.starts_with(stem.as_str()));
        words.split(',').any(opens)
            && self.particles.iter().any(|particle| words.ends_with(particle.as_str()))
    }

    /// "Tôi đọc tệp": a language whose verbs have no tenses, and no word that says that it is over.
    fn is_present(&self, words: &str) -> bool {
        if self.verb != Verb::AfterSubject || any(&self.done, words) {
            return false;
        }
        words.split(',').any(|clause| {
            let led =
                self.leads.iter().filter(|lead| clause.starts_with(lead.as_str())).map(String::len).max();
            let mut rest = clause[led.unwrap_or(1) - 1..].split_ascii_whitespace();
            let speaks = rest.next().is_some_and(|word| self.subject.iter().any(|subject| subject == word));
            let rest = format!(" {}", rest.take(3).collect::<Vec<_>>().join(" "));
            let behind = rest.find(' ').and_then(|_| rest[1..].find(' ').map(|at| &rest[at + 1..]));
            let acts = |text: &str| self.acts.iter().any(|stem| text.starts_with(stem.as_str()));
            speaks && !any(&self.not, &format!("{rest} ")) && (acts(&rest) || behind.is_some_and(acts))
        })
    }
}

fn each_word(words: &str) -> impl Iterator<Item = (usize, &str)> {
    let starts = words.split(' ').scan(0, |at, word| {
        let start = *at;
        *at += word.len() + 1;
        Some((start, word))
    });
    starts.filter(|(_, word)| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::super::words::sentences;
    use super::*;

    fn kind(text: &str) -> Option<IntentKind> {
        find(&sentences(text)[0]).map(|intent| intent.kind)
    }

    #[test]
    fn every_table_can_be_read() {
        for ((source, _), language) in table::SOURCES.iter().zip(LANGUAGES.iter()) {
            assert!(!language.own.is_empty() && !language.acts.is_empty(), "{source}");
            for phrase in language.own.iter().chain(&language.done).chain(&language.waits) {
                let plain = sentences(phrase);
                let spelled = plain.first().map(|sentence| sentence.words.trim().to_owned());
                assert_eq!(spelled.as_deref(), Some(phrase.trim()), "as words spells it");
            }
        }
    }

    #[test]
    fn own_actions_are_found_in_each_language() {
        for text in [
            "Ich werde jetzt die Datei lesen",
            "Ich prüfe zuerst die Konfiguration",
            "Je vais maintenant corriger le fichier",
            "Ahora voy a actualizar la prueba",
            "Agora vou executar os testes",
            "Ora leggo il file di configurazione",
            "Сейчас прочитаю файл настроек",
            "次にファイルを読みます",
            "이제 파일을 수정하겠습니다",
            "Şimdi dosyayı okuyacağım",
            "Bây giờ tôi sẽ đọc tệp này",
            "Teraz sprawdzę plik konfiguracji",
        ] {
            assert_eq!(kind(text), Some(IntentKind::Own), "{text}");
        }
    }

    #[test]
    fn a_language_is_told_by_its_everyday_words() {
        for (text, code) in [
            ("Ich werde jetzt die Datei lesen und dann die Tests ausführen.", "de"),
            ("Je vais maintenant corriger le fichier `main.rs`.", "fr"),
            ("Ahora voy a actualizar la prueba:", "es"),
            ("Agora vou executar os testes.", "pt"),
            ("Сейчас прочитаю файл настроек", "ru"),
            ("次にファイルを読みます", "ja"),
            ("이제 파일을 수정하겠습니다", "ko"),
            ("现在我来修改文件 `src/main.rs`：", "zh"),
            ("Now let me run the tests:", "en"),
            ("I'll read the file.", "en"),
            ("`src/main.rs`", "en"),
        ] {
            assert_eq!(name(text), code, "{text}");
        }
    }

    #[test]
    fn what_will_not_be_done_is_none() {
        for text in [
            "Ich werde die Datei nicht ändern",
            "Je ne vais pas modifier le fichier",
            "ファイルは変更しません",
        ] {
            assert!(kind(text).is_none_or(|kind| kind != IntentKind::Own), "{text}");
        }
    }
}
