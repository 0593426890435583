//! Finds a model that says it has changed a file, where no call of the conversation can have.

use super::{
    chinese, english, grammar, language,
    words::{Sentence, sentences},
};

/// Whether the last paragraph says so.
pub(super) fn is_in(prose: &str) -> bool {
    sentences(prose).iter().any(claims)
}

fn claims(sentence: &Sentence) -> bool {
    if sentence.has_any(english::NOTHING)
        || sentence.has_any(english::CONDITIONS)
        || sentence.has_any(chinese::NOT)
    {
        return false;
    }
    let did = english::HAVE.iter().any(|have| {
        let rest = sentence.words.split_once(have).map(|(_, rest)| rest);
        let first =
            rest.and_then(|rest| rest.split_ascii_whitespace().find(|word| !grammar::is_adverb(word)));
        first.is_some_and(|word| english::CLAIMS.contains(&word))
    });
    did || sentence.has_any(chinese::CLAIMS) || language::claims(sentence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_that_is_told_is_a_claim() {
        for text in [
            "I've updated the file.",
            "I have now successfully renamed it.",
            "The route has been added to `a.ts`.",
            "文件已更新。",
            "Ich habe die Datei angepasst.",
            "J'ai corrigé la fonction.",
            "He actualizado el archivo.",
            "ファイルを更新しました。",
            "Файл обновлён, готово.",
        ] {
            assert!(is_in(text), "{text}");
        }
    }

    #[test]
    fn what_was_only_read_or_not_done_is_none() {
        for text in [
            "I've read the file.",
            "I haven't updated it.",
            "It is updated daily.",
            "If I added it, it breaks.",
        ] {
            assert!(!is_in(text), "{text}");
        }
    }
}
