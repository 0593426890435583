//! Reads one tag, drifted or not: models put bars, name spaces, odd quotes and capitals where none belong.
//!
//! What it says of the beginning of a text never changes when more of the text arrives, unless it said "partial".

use super::{
    nonce::{NONCE_BYTES, Nonce},
    words::{OWN, SPACED, SPACES, TagWord, WORDS},
};
use crate::text::head;

mod rest;

use rest::{Rest, rest};

/// No tag of ours or of a known model is longer.
const TAG_BYTES: usize = 256;

/// What is looked at of a text: the longest tag, and the letter behind it.
const WINDOW_BYTES: usize = TAG_BYTES + 4;

/// A nonce had four letters once, and histories hold such tags.
const OLD_NONCE_BYTES: usize = 4;

/// No word is longer, name space and nonce included.
const WORD_BYTES: usize = 40;

/// One tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tag {
    pub(crate) word: TagWord,
    /// Whether it carries our nonce.
    pub(crate) own: bool,
    pub(crate) closes: bool,
    /// Whether it opens and closes at once.
    pub(crate) empty: bool,
    /// What its `name` says, or the `type` of `details`.
    pub(crate) name: Option<String>,
    /// Its length in bytes.
    pub(crate) size: usize,
}

/// What the beginning of a text is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Lexed {
    Tag(Tag),
    /// The text ends too early to say.
    Partial(Partial),
    NotATag,
}

/// What an unfinished tag may become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Partial {
    /// A tag of ours.
    pub(crate) own: bool,
    /// The end of thinking.
    pub(crate) thought: bool,
}

/// Knows our nonce.
#[derive(Clone, Debug)]
pub(crate) struct Lexicon {
    nonce: Nonce,
    /// How our closers of a call begin, bracket apart.
    invoke: String,
    call: String,
}

/// What a word is made of, read so far.
struct WordScan {
    /// Without bars, zero-width letters and case.
    word: String,
    size: usize,
    /// Whether the text ended within it.
    ended: bool,
}

impl Lexicon {
    pub(crate) fn new(nonce: &Nonce) -> Self {
        Self { invoke: format!("/invoke_{nonce}"), call: format!("/tool_call_{nonce}"), nonce: nonce.clone() }
    }

    /// Reads the tag with which a text begins.
    pub(crate) fn lex(&self, text: &str) -> Lexed {
        let text = head(text, WINDOW_BYTES);
        let close = match text.as_bytes().first() {
            Some(b'<') => '>',
            Some(b'[') => ']',
            _ => return Lexed::NotATag,
        };
        let closes = text[1..].starts_with(['/', '|', '｜']) && has_slash(&text[1..]);
        let Some(letters) = letters(&text[1..]) else { return Lexed::NotATag };
        let bracket = close == ']';
        if letters.ended {
            return self.unfinished(&letters.word, closes, bracket);
        }
        let Some((word, own)) = self.resolve(&letters.word) else { return Lexed::NotATag };
        if bracket && !own {
            return Lexed::NotATag;
        }
        let from = 1 + letters.size;
        match rest(&text[from..], close, word) {
            Rest::Whole { name, empty, size } if from + size <= TAG_BYTES => {
                Lexed::Tag(Tag { word, own, closes, empty, name, size: from + size })
            }
            Rest::Partial if text.len() < TAG_BYTES => {
                Lexed::Partial(Partial { own, thought: closes && is_thought(word) })
            }
            Rest::Whole { .. } | Rest::Partial | Rest::No => Lexed::NotATag,
        }
    }

    /// How our closer of a call begins, bracket apart.
    pub(crate) fn closing(&self, word: TagWord) -> &str {
        if word == TagWord::Call { &self.call } else { &self.invoke }
    }

    /// Whether a text holds the beginning of a tag of ours, however drifted. What was made harmless is none.
    pub(crate) fn marks(&self, text: &str) -> bool {
        memchr::memchr2_iter(b'<', b'[', text.as_bytes()).any(|at| {
            letters(&text[at + 1..])
                .is_some_and(|letters| self.resolve(&letters.word).is_some_and(|(_, own)| own))
        })
    }

    /// Whether a text begins like the opener of a call or parameter, whole or broken.
    pub(crate) fn opens_call(&self, text: &str) -> bool {
        let Some(inner) = text.strip_prefix(['<', '[']).filter(|inner| !has_slash(inner)) else {
            return false;
        };
        let word = letters(inner).and_then(|letters| self.resolve(&letters.word));
        let is_call =
            |word| matches!(word, TagWord::Invoke | TagWord::Call | TagWord::Function | TagWord::Parameter);
        word.is_some_and(|(word, own)| is_call(word) && (own || text.starts_with('<')))
    }

    /// Our nonce.
    pub(crate) fn nonce(&self) -> &Nonce {
        &self.nonce
    }

    /// Whether a text shows a tag of ours.
    pub(crate) fn is_in(&self, text: &str) -> bool {
        OWN.iter().any(|(word, _)| text.contains(&self.owned(word)))
    }

    fn unfinished(&self, word: &str, closes: bool, bracket: bool) -> Lexed {
        // A name space may still come before any word, ours included.
        let space = SPACES.iter().any(|space| space.starts_with(word));
        let stem = strip_space(word);
        let own = space || OWN.iter().any(|(own, _)| self.owned(own).starts_with(stem));
        let spaced = stem.len() < word.len() && SPACED.iter().any(|(known, _)| known.starts_with(stem));
        let foreign = !bracket && (spaced || WORDS.iter().any(|(known, _)| known.starts_with(stem)));
        if !own && !foreign {
            return Lexed::NotATag;
        }
        let thought = (closes || word.is_empty())
            && WORDS.iter().any(|(known, meaning)| is_thought(*meaning) && known.starts_with(stem));
        Lexed::Partial(Partial { own, thought })
    }

    fn resolve(&self, word: &str) -> Option<(TagWord, bool)> {
        let own = strip_space(word).strip_suffix(self.nonce.as_str()).and_then(|word| word.strip_suffix('_'));
        if let Some((_, meaning)) = own.and_then(|own| OWN.iter().find(|(known, _)| *known == own)) {
            return Some((*meaning, true));
        }
        known(word).map(|word| (word, false))
    }

    fn owned(&self, word: &str) -> String {
        format!("{word}_{}", self.nonce)
    }
}

/// Whether a text begins with a word that calls or results are made of.
pub(crate) fn is_word(text: &str) -> bool {
    letters(text).and_then(|letters| known(&letters.word)).is_some_and(|meaning| !is_thought(meaning))
}

/// What a word means in other models' forms.
fn known(word: &str) -> Option<TagWord> {
    let stem = strip_space(word);
    let spaced = SPACED.iter().filter(|_| stem.len() < word.len());
    WORDS.iter().chain(spaced).find(|(known, _)| *known == stem).map(|(_, meaning)| *meaning)
}

/// Whether a text begins with a word of ours under any nonce.
pub(crate) fn is_owned(text: &str) -> bool {
    let Some(letters) = letters(text) else { return false };
    let Some((word, nonce)) = strip_space(&letters.word).rsplit_once('_') else { return false };
    (nonce.len() == NONCE_BYTES || nonce.len() == OLD_NONCE_BYTES)
        && OWN.iter().any(|(known, _)| *known == word)
}

fn is_thought(word: TagWord) -> bool {
    matches!(word, TagWord::Think | TagWord::Details)
}

fn strip_space(word: &str) -> &str {
    SPACES.iter().find_map(|space| word.strip_prefix(space)).unwrap_or(word)
}

/// Whether a closing slash comes before the first letter; bars may stand before it.
fn has_slash(text: &str) -> bool {
    text.chars().find(|c| !is_bar(*c)) == Some('/')
}

fn is_bar(c: char) -> bool {
    matches!(c, '|' | '｜' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}')
}

/// Reads the word after the bracket, slash included; none when it is too long to be one.
fn letters(text: &str) -> Option<WordScan> {
    let mut word = String::new();
    let mut slash = false;
    for (size, c) in text.char_indices() {
        match c {
            '/' if word.is_empty() && !slash => slash = true,
            '▁' | '-' => word.push('_'),
            ':' | '_' => word.push(c),
            _ if is_bar(c) => {}
            // DeepSeek puts a blank, or the end of a line, behind the bars.
            _ if c.is_whitespace() && word == "dsml" => {}
            _ if c.is_ascii_alphanumeric() => word.push(c.to_ascii_lowercase()),
            _ => return Some(WordScan { word, size, ended: false }),
        }
        if word.len() > WORD_BYTES || size > TAG_BYTES {
            return None;
        }
    }
    Some(WordScan { word, size: text.len(), ended: true })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lexicon() -> Lexicon {
        Lexicon { nonce: Nonce("k7qp".to_owned()), invoke: String::new(), call: String::new() }
    }

    fn read(text: &str) -> String {
        match lexicon().lex(text) {
            Lexed::Tag(Tag { word, own, closes, empty, name, size }) => {
                assert_eq!(size, text.len());
                format!(
                    "{}{word:?} {} {}",
                    if closes { "/" } else { "" },
                    name.unwrap_or_default(),
                    u8::from(own) + u8::from(empty) * 2
                )
            }
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn drifted_tags_are_read() {
        let tags = [
            ("<invoke name=\"a\">", "Invoke a 0"),
            ("<INVOKE name='a' >", "Invoke a 0"),
            ("<｜｜DSML｜｜invoke name=“a”>", "Invoke a 0"),
            ("</|DSML|parameter>", "/Parameter  0"),
            ("<|/DSML|parameter>", "/Parameter  0"),
            ("<｜tool▁calls▁begin｜>", "Section  0"),
            ("<parameter name=\"a\" string=\"true\">", "Parameter a 0"),
            ("<function=a.b>", "Function a.b 0"),
            ("<invoke_k7qp name=\"a\"/>", "Invoke a 3"),
            ("[tool_calls_k7qp]", "Calls  1"),
            ("<invoke name=\"\">", "Invoke  0"),
            ("<parameter name=\"a\" type=\"number\">", "Parameter a 0"),
            ("<parameter type=\"number\" Name=\"a\">", "Parameter a 0"),
            ("<parameter name=\"a\" name=\"b\">", "Parameter  0"),
            ("<｜｜DSML｜｜ calls>", "Calls  0"),
            ("</｜｜DSML｜｜\ncalls>", "/Calls  0"),
            ("<｜DSML｜ invoke\nname=\"a\">", "Invoke a 0"),
            ("<minimax:tool_call>", "Call  0"),
            ("<xai:function_call name=\"a\">", "Call a 0"),
            ("<details type=\"reasoning\" done=\"true\">", "Details reasoning 0"),
        ];

        for (tag, expected) in tags {
            assert_eq!(read(tag), expected, "{tag}");
        }
    }

    #[test]
    fn what_is_no_tag_is_none_and_stays_so() {
        for text in [
            "<div>",
            "<",
            "<tool_callsx>",
            "[tool_calls]",
            "<invoke,",
            "<t ",
            "<calls>",
            "<invoke name=\"a\" b>",
            "a",
        ] {
            let mut settled = None;
            for end in 0..=text.len() {
                let lexed = lexicon().lex(&text[..end]);
                assert!(!matches!(lexed, Lexed::Tag(_)), "{text}");
                if end > 0 && lexed == Lexed::NotATag {
                    settled = Some(end);
                }
                assert!(settled.is_none() || lexed == Lexed::NotATag, "{text}");
            }
        }
    }
}
