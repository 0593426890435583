//! Mends JSON that a model wrote by hand, when its own closer was seen; linear, and never by guessing content.
//!
//! First every quote is believed, and only escapes, line breaks, literals, commas and missing brackets are mended.
//! Only if that fails a quote is believed when JSON goes on behind it; where that is ambiguous, nothing is mended:
//! a wrong call is worse than another question.

mod quote;

use std::collections::HashSet;

use quote::{QuoteMode, StringRole};

pub use super::keys::KnownKeys;

/// Deeper nesting is no tool's arguments.
const DEPTH: usize = 64;

/// Gives valid JSON that says the same, if there is exactly one.
pub fn mend(text: &str, known: &KnownKeys) -> Option<String> {
    let text = text.trim();
    [QuoteMode::Believed, QuoteMode::Doubted]
        .into_iter()
        .find_map(|quotes| JsonRepairer::new(text, known, quotes).all())
}

/// Reads leniently and writes strictly.
struct JsonRepairer<'a> {
    text: &'a str,
    at: usize,
    out: String,
    known: &'a KnownKeys,
    quotes: QuoteMode,
    /// What is open: the closing brackets.
    open: Vec<u8>,
}

impl<'a> JsonRepairer<'a> {
    fn new(text: &'a str, known: &'a KnownKeys, quotes: QuoteMode) -> Self {
        Self { text, at: 0, out: String::with_capacity(text.len() + 16), known, quotes, open: Vec::new() }
    }

    fn all(mut self) -> Option<String> {
        self.value()?;
        // Brackets too many are a habit; anything else is not.
        let rest = self.text[self.at..].trim_matches(|c: char| c.is_whitespace() || c == '}' || c == ']');
        rest.is_empty().then_some(self.out)
    }

    fn value(&mut self) -> Option<()> {
        match self.peek()? {
            '{' => self.object(),
            '[' => self.array(),
            open if quote::is_open(open) => self.string(open, StringRole::Value),
            _ => self.literal(),
        }
    }

    fn object(&mut self) -> Option<()> {
        self.enter('{', b'}')?;
        let mut keys = HashSet::new();
        while self.goes_on(!keys.is_empty())? {
            let from = self.out.len();
            self.key()?;
            if !keys.insert(self.out[from..].to_owned()) {
                return None;
            }
            if self.peek()? != ':' {
                return None;
            }
            self.at += 1;
            self.out.push(':');
            self.value()?;
        }
        Some(())
    }

    fn array(&mut self) -> Option<()> {
        self.enter('[', b']')?;
        let mut some = false;
        while self.goes_on(some)? {
            self.value()?;
            some = true;
        }
        Some(())
    }

    fn enter(&mut self, bracket: char, close: u8) -> Option<()> {
        self.at += 1;
        self.out.push(bracket);
        self.open.push(close);
        (self.open.len() <= DEPTH).then_some(())
    }

    /// Whether another element comes; closes the bracket if not, also where the text just ends.
    fn goes_on(&mut self, some: bool) -> Option<bool> {
        let close = char::from(*self.open.last()?);
        let mut comma = false;
        loop {
            match self.peek() {
                Some(',') if some && !comma => {
                    comma = true;
                    self.at += 1;
                }
                Some(next) if next != close && (comma || !some) && next != ',' => {
                    if some {
                        self.out.push(',');
                    }
                    return Some(true);
                }
                Some(next) if next != close => return None,
                end => {
                    self.at += end.map_or(0, char::len_utf8);
                    self.out.push(close);
                    self.open.pop();
                    return Some(false);
                }
            }
        }
    }

    fn key(&mut self) -> Option<()> {
        match self.peek()? {
            open if quote::is_open(open) => self.string(open, StringRole::Key),
            _ => {
                let rest = &self.text[self.at..];
                let end =
                    rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '$' || c == '-'))?;
                if end == 0 {
                    return None;
                }
                self.out.push('"');
                self.out.push_str(&rest[..end]);
                self.out.push('"');
                self.at += end;
                Some(())
            }
        }
    }

    /// Numbers and names; Python's too.
    fn literal(&mut self) -> Option<()> {
        let rest = &self.text[self.at..];
        let end =
            rest.find(|c: char| matches!(c, ',' | '}' | ']') || c.is_whitespace()).unwrap_or(rest.len());
        let literal = match &rest[..end] {
            "True" | "true" | "TRUE" => "true",
            "False" | "false" | "FALSE" => "false",
            "None" | "null" | "undefined" => "null",
            number if number.parse::<serde_json::Number>().is_ok() => number,
            _ => return None,
        };
        self.out.push_str(literal);
        self.at += end;
        Some(())
    }

    fn string(&mut self, open: char, place: StringRole) -> Option<()> {
        self.at += open.len_utf8();
        self.out.push('"');
        let mut doubted = false;
        loop {
            let rest = &self.text[self.at..];
            let c = rest.chars().next()?;
            self.at += c.len_utf8();
            match c {
                '\\' if place == StringRole::Value && self.is_unsure(open) => return None,
                '\\' => self.escape()?,
                c if quote::is_close(open, c) => {
                    if self.ends(place, doubted)? {
                        self.out.push('"');
                        return Some(());
                    }
                    doubted = true;
                    self.push(c);
                }
                c => self.push(c),
            }
        }
    }

    /// Whether the quote just read ends its text; none if that cannot be told.
    fn ends(&self, place: StringRole, doubted: bool) -> Option<bool> {
        match self.quotes {
            QuoteMode::Believed => Some(true),
            QuoteMode::Doubted => quote::ends(&self.text[self.at..], place, &self.open, self.known, doubted),
        }
    }

    /// Whether the backslash just read may end a text whose quotes nobody escaped: `a \","key":`.
    fn is_unsure(&self, open: char) -> bool {
        let rest = &self.text[self.at..];
        let next = rest.chars().next().filter(|&next| quote::is_close(open, next));
        self.quotes == QuoteMode::Doubted
            && next.is_some_and(|next| quote::may_end(&rest[next.len_utf8()..], &self.open, self.known))
    }

    fn escape(&mut self) -> Option<()> {
        let rest = &self.text[self.at..];
        let next = rest.chars().next()?;
        match next {
            '"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't' => self.out.extend(['\\', next]),
            'u' if unit(rest).is_some() => {
                let size = letter(rest)?;
                self.out.push('\\');
                self.out.push_str(&rest[..size]);
                self.at += size;
                return Some(());
            }
            // A pattern's or a path's own backslash.
            c if c.is_alphanumeric() || c.is_whitespace() => {
                self.out.push_str("\\\\");
                self.push(c);
            }
            c => self.push(c),
        }
        self.at += next.len_utf8();
        Some(())
    }

    fn push(&mut self, c: char) {
        match c {
            '"' => self.out.push_str("\\\""),
            '\n' => self.out.push_str("\\n"),
            '\r' => self.out.push_str("\\r"),
            '\t' => self.out.push_str("\\t"),
            c if c < ' ' => self.out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => self.out.push(c),
        }
    }

    /// The next letter that is no blank.
    fn peek(&mut self) -> Option<char> {
        let rest = self.text[self.at..].trim_start();
        self.at = self.text.len() - rest.len();
        rest.chars().next()
    }
}

/// The number that an escape stands for, from its `u` on.
fn unit(escape: &str) -> Option<u16> {
    let digits = escape.strip_prefix('u')?.get(..4)?;
    digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then(|| u16::from_str_radix(digits, 16).ok())?
}

/// How long the escape of one letter is, from its `u` on; none for half a pair, which is no letter and no JSON.
fn letter(escape: &str) -> Option<usize> {
    match unit(escape)? {
        0xd800..=0xdbff => {
            let low = escape[5..].strip_prefix('\\').and_then(unit)?;
            (0xdc00..=0xdfff).contains(&low).then_some(11)
        }
        0xdc00..=0xdfff => None,
        _ => Some(5),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn mended(text: &str) -> Option<String> {
        let known: Vec<String> = ["a", "b", "content"].map(str::to_owned).into();
        mend(text, &KnownKeys { known, required: vec!["b".to_owned()] })
    }

    #[test]
    fn what_has_one_meaning_is_mended() {
        let pairs = [
            ("{\"a\":\"x\ny\",}", r#"{"a":"x\ny"}"#),
            (r#"{"a":"say "hi", you"}"#, r#"{"a":"say \"hi\", you"}"#),
            (r#"{"content":"p("x")","a":1}"#, r#"{"content":"p(\"x\")","a":1}"#),
            (r#"{"a":"p("x")","b":"1"}"#, r#"{"a":"p(\"x\")","b":"1"}"#),
            (r#"{"a":"p("x")","b":1}"#, r#"{"a":"p(\"x\")","b":1}"#),
            (r#"{'a': 'it\'s', b: True, "content": None}"#, r#"{"a":"it's","b":true,"content":null}"#),
            (r#"{"a":"\d \$x C:\q"}"#, r#"{"a":"\\d $x C:\\q"}"#),
            (r#"{"a":"p("x") \" \"b\" c:\"","b":1}"#, r#"{"a":"p(\"x\") \" \"b\" c:\"","b":1}"#),
            (r#"{"a":[1,2,{"b":"c"}"#, r#"{"a":[1,2,{"b":"c"}]}"#),
            (r#"{"a":1}}"#, r#"{"a":1}"#),
            (r#"{“a”: “b”}"#, r#"{"a":"b"}"#),
            (r#"{'a':"\ud83d\ude80"}"#, r#"{"a":"\ud83d\ude80"}"#),
            (r#"{"a":"\u00e9\u00"}"#, r#"{"a":"\u00e9\\u00"}"#),
        ];

        for (broken, whole) in pairs {
            assert_eq!(mended(broken).as_deref(), Some(whole), "{broken}");
        }
    }

    #[test]
    fn what_is_cut_or_ambiguous_is_refused() {
        let broken = [
            r#"{"a":"x"#,
            r#"{"a":"#,
            r#"{"a""#,
            r#"{"content":"say "hi"","c":"d"}"#,
            r#"{"a":"{"b": "c", "a": "d"}"}"#,
            r#"{"a":"x"}{"a":"y"}"#,
            r#"{"a":"x"},{"a":"y"}"#,
            r#"{"a":"x"} and then {"a":"y"}"#,
            r#"{"b":"echo '{"b": "c", "a": "d"}'"}"#,
            r#"{"content":"p("x")","a":"1"}"#,
            r#"{"a":"p("x") \","b":"q("y")","content":1}"#,
            r#"{"a":["p("x") \","q("y")"]}"#,
            r#"{'a':'p('x') \','b':'q('y')','content':1}"#,
            r#"{"a":1 "b":2}"#,
            r#"{"a":nul}"#,
            r#"{"a":1} and more"#,
            r#"{"a":"\ud83d"}"#,
            r#"{"a":"\ude80\ud83d"}"#,
            r#"{"a":"\ud83dx"}"#,
            "",
        ];

        for broken in broken {
            assert_eq!(mended(broken), None, "{broken}");
        }
    }

    proptest! {
        #[test]
        fn the_result_is_json_and_json_stays_what_it_is(text in "[{}\\[\\]\",:ab\\\\ 1n\n']{0,40}") {
            let strict = serde_json::from_str::<Value>(&text).ok();

            let Some(result) = mended(&text) else { return Ok(()) };

            let result: Value = serde_json::from_str(&result).unwrap();
            prop_assert!(strict.is_none_or(|strict| strict == result));
        }
    }
}
