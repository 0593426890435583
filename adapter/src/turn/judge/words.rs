//! A paragraph as sentences of plain words, in which phrases are found by looking for substrings.
//!
//! Quoted speech is dropped, since it is not the model's; inline code becomes one mark. English words are lower case
//! with one space on either side, so " let me " matches whole words; Chinese is simplified and stands without spaces; a
//! comma stands for every break between clauses.

pub(super) mod simplified;

use std::cell::OnceCell;

/// Stands for a span of inline code.
pub(super) const CODE: char = '`';

/// Words of a sentence and its end.
#[derive(Debug, Default)]
pub(super) struct Sentence {
    pub(super) words: String,
    pub(super) end: SentenceEnd,
    /// Which of the tables of languages it may be in, once that was asked.
    pub(super) languages: OnceCell<u16>,
}

/// How a sentence ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum SentenceEnd {
    #[default]
    Open,
    Stop,
    Question,
    /// A colon or an ellipsis: more was to come.
    Colon,
}

impl Sentence {
    pub(super) fn has(&self, phrase: &str) -> bool {
        self.words.contains(phrase)
    }

    pub(super) fn has_any(&self, phrases: &[&str]) -> bool {
        phrases.iter().any(|phrase| self.has(phrase))
    }

    /// Where any of the phrases first begins.
    pub(super) fn first_of(&self, phrases: &[&str]) -> Option<usize> {
        phrases.iter().filter_map(|phrase| self.words.find(phrase)).min()
    }

    fn push(&mut self, c: char) {
        let last = self.words.chars().next_back().unwrap_or(' ');
        match c {
            _ if is_word(c) && last != ' ' && is_wide(c) != is_wide(last) => self.words.extend([' ', c]),
            _ if is_word(c) => self.words.push(c),
            CODE | ',' => self.words.push_str(if last == ' ' { "" } else { " " }),
            _ if last != ' ' => self.words.push(' '),
            _ => {}
        }
        if matches!(c, CODE | ',') {
            self.words.extend([c, ' ']);
        }
    }

    fn is_empty(&self) -> bool {
        !self.words.contains(|c: char| is_word(c) || c == CODE)
    }
}

/// Whether nothing would be seen of `text`.
pub(super) fn is_blank(text: &str) -> bool {
    text.chars()
        .all(|c| c.is_whitespace() || c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{feff}'))
}

/// Splits a paragraph into sentences.
pub(super) fn sentences(paragraph: &str) -> Vec<Sentence> {
    let mut done = Vec::new();
    let mut open = Sentence { words: " ".to_owned(), ..Sentence::default() };
    let mut rest = paragraph;
    while let Some(c) = rest.chars().next() {
        if let Some(span) = quoted(rest) {
            open.push(if c == '`' { CODE } else { ' ' });
            rest = &rest[span..];
            continue;
        }
        rest = &rest[c.len_utf8()..];
        let next = rest.chars().next().unwrap_or(' ');
        match ends(c, next) {
            Some(_) if open.is_empty() => {}
            Some(SentenceEnd::Open) => done.push(finish(&mut open, SentenceEnd::Open)),
            Some(end) => {
                // Closing marks and further stops belong to this sentence.
                rest =
                    rest.trim_start_matches(['.', '。', '…', '!', '！', '?', '？', '؟', '*', '"', ')', '）']);
                done.push(finish(&mut open, end));
            }
            None => open.push(plain(c, next)),
        }
    }
    if !open.is_empty() {
        done.push(finish(&mut open, SentenceEnd::Open));
    }
    mark_colons(paragraph, &mut done);
    done
}

fn finish(open: &mut Sentence, end: SentenceEnd) -> Sentence {
    open.push(' ');
    simplified::write(&mut open.words);
    open.end = end;
    std::mem::replace(open, Sentence { words: " ".to_owned(), ..Sentence::default() })
}

/// A colon or an ellipsis counts at the end of the paragraph only.
fn mark_colons(paragraph: &str, sentences: &mut [Sentence]) {
    let bare = paragraph.trim_end_matches(|c: char| c.is_whitespace() || matches!(c, '*' | '_' | '`'));
    let is_open = [":", "：", "...", "…", "。。。"].iter().any(|mark| bare.ends_with(mark));
    if let (true, Some(last)) = (is_open, sentences.last_mut()) {
        last.end = SentenceEnd::Colon;
    }
}

/// The end that `c` makes.
fn ends(c: char, next: char) -> Option<SentenceEnd> {
    match c {
        '\n' => Some(SentenceEnd::Open),
        '?' | '？' | '؟' => Some(SentenceEnd::Question),
        '。' | '！' => Some(SentenceEnd::Stop),
        '.' | '!' | '…' if next.is_whitespace() || matches!(next, '*' | '"' | ')' | '.' | '…') => {
            Some(SentenceEnd::Stop)
        }
        _ => None,
    }
}

/// Length of the quotation or code span that starts here, if it is closed on the same line.
fn quoted(rest: &str) -> Option<usize> {
    let open = rest.chars().next()?;
    let close = match open {
        '"' => '"',
        '“' => '”',
        '「' => '」',
        '『' => '』',
        '«' => '»',
        '„' => '“',
        '`' => '`',
        _ => return None,
    };
    let inside = &rest[open.len_utf8()..];
    let line = inside.find('\n').map_or(inside, |end| &inside[..end]);
    let end = line.find(close).filter(|end| *end > 0)?;
    Some(open.len_utf8() + end + close.len_utf8())
}

fn plain(c: char, next: char) -> char {
    match c {
        '’' | '\'' => '\'',
        ',' | ';' | '，' | '、' | '；' | '：' | '—' | '–' | '(' | ')' | '（' | '）' => ',',
        ':' if next.is_whitespace() => ',',
        c if c.is_alphanumeric() => c.to_lowercase().next().unwrap_or(c),
        _ => ' ',
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '\''
}

/// Whether it is of a script that has no spaces: Han and kana.
fn is_wide(c: char) -> bool {
    matches!(c, '々' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        sentences(text).into_iter().map(|sentence| sentence.words).collect()
    }

    #[test]
    fn sentences_are_plain_words() {
        assert_eq!(
            words("Good. Let’s re-read a.rs, then “stop”!"),
            [" good ", " let's re read a rs , then "]
        );
        assert_eq!(words("好的，用`ls`看bash。再看"), [" 好的 , 用 ` 看 bash ", " 再看 "]);
    }

    #[test]
    fn ends_are_told_apart() {
        let ends = |text: &str| sentences(text).last().map(|sentence| sentence.end);

        assert_eq!(ends("Is it?"), Some(SentenceEnd::Question));
        assert_eq!(ends("Now the tests:"), Some(SentenceEnd::Colon));
        assert_eq!(ends("正在运行……"), Some(SentenceEnd::Colon));
        assert_eq!(ends("Done.**"), Some(SentenceEnd::Stop));
        assert_eq!(ends(""), None);
    }

    #[test]
    fn unclosed_quote_is_text() {
        assert_eq!(words("a 5\" disk"), [" a 5 disk "]);
    }
}
