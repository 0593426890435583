//! Letters that a site parts over two pieces: halves of UTF-16 escapes, or of UTF-8.
//!
//! Sites written in JavaScript cut texts at UTF-16 units, and write half a letter as an escape of JSON that means
//! nothing by itself. It is kept until the other half comes. One that stays alone is U+FFFD: nothing is swallowed.

use std::borrow::Cow;

/// What stands for half a letter whose other half never came.
const LONE: char = char::REPLACEMENT_CHARACTER;
/// What no text has, a noncharacter (Unicode, 23.7), tells that the letter behind it is the mark of a half.
const ESCAPE: char = '\u{10FFFE}';
/// The first of these letters stands for U+D800. By itself it is a letter like others.
const MARK: u32 = 0x10_F000;
/// How many halves there are, and where they begin.
const UNITS: u32 = 0x800;
const FIRST: u32 = 0xD800;

/// Puts the halves of one voice together.
#[derive(Debug, Default)]
pub(crate) struct SurrogateJoiner {
    held: Vec<u8>,
    lone: bool,
}

impl SurrogateJoiner {
    /// Takes a piece of a text, in UTF-8 or with halves of UTF-16 in it (WTF-8), and gives all letters that are whole.
    pub(crate) fn take(&mut self, piece: &[u8]) -> String {
        if piece.is_empty() {
            return String::new();
        }
        let mut all = std::mem::take(&mut self.held);
        all.extend_from_slice(piece);
        let mut text = String::with_capacity(all.len());
        let mut rest = all.as_slice();
        loop {
            let broken = match std::str::from_utf8(rest) {
                Ok(whole) => {
                    text.push_str(whole);
                    return text;
                }
                Err(broken) => broken,
            };
            let (whole, after) = rest.split_at(broken.valid_up_to());
            text.push_str(std::str::from_utf8(whole).unwrap_or_default());
            let size = match (unit(after), broken.error_len()) {
                (Some(high), _) if high < 0xDC00 && after.len() == 3 => {
                    self.held = after.to_vec();
                    return text;
                }
                (Some(high), _) => {
                    let pair = pair(high, unit(&after[3..]));
                    self.lone |= pair.is_none();
                    text.push(pair.unwrap_or(LONE));
                    if pair.is_some() { 6 } else { 3 }
                }
                (None, None) => {
                    self.held = after.to_vec();
                    return text;
                }
                (None, Some(size)) => {
                    self.lone = true;
                    text.push(LONE);
                    size
                }
            };
            rest = &after[size..];
        }
    }

    /// Whether a half came that stayed alone.
    pub(crate) fn is_broken(&self) -> bool {
        self.lone
    }

    /// Whether half a letter waits for its other half.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.held.is_empty()
    }

    /// What stands for the half that waits, now that nothing more comes.
    pub(crate) fn rest(&mut self) -> Option<char> {
        (!std::mem::take(&mut self.held).is_empty()).then_some(LONE)
    }
}

/// The half of a letter with which bytes begin, in WTF-8.
fn unit(bytes: &[u8]) -> Option<u32> {
    match bytes {
        [0xED, second @ 0xA0..=0xBF, third @ 0x80..=0xBF, ..] => {
            Some(0xD000 | u32::from(second & 0x3F) << 6 | u32::from(third & 0x3F))
        }
        _ => None,
    }
}

fn pair(high: u32, low: Option<u32>) -> Option<char> {
    let low = low.filter(|low| (FIRST..0xDC00).contains(&high) && (0xDC00..0xE000).contains(low))?;
    char::from_u32(0x1_0000 + ((high - FIRST) << 10) + (low - 0xDC00))
}

/// JSON whose escapes of lone halves are marks, for readers that know only whole letters; none where there are none.
pub(crate) fn marked(json: &str) -> Option<String> {
    let mut out = String::with_capacity(json.len());
    let mut from = 0;
    let mut at = 0;
    let mut found = false;
    while let Some(escape) = memchr::memchr(b'\\', &json.as_bytes()[at..]) {
        at += escape;
        let Some(first) = escaped(&json[at..]) else {
            // Whatever is escaped is no backslash that escapes.
            at = (at + 2).min(json.len());
            while !json.is_char_boundary(at) {
                at += 1;
            }
            continue;
        };
        if pair(first, escaped(&json[at + 6..])).is_some() {
            at += 12;
            continue;
        }
        if let Some(unit) = first.checked_sub(FIRST).filter(|unit| *unit < UNITS) {
            out.push_str(&json[from..at]);
            out.push(ESCAPE);
            out.extend(char::from_u32(MARK + unit));
            from = at + 6;
            found = true;
        }
        at += 6;
    }
    out.push_str(&json[from..]);
    found.then_some(out)
}

/// The number in an escape `\uXXXX` with which a text begins.
fn escaped(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u32::from_str_radix(digits, 16).ok()
}

/// The text with its marks as halves again (WTF-8).
pub(crate) fn unmarked(text: &str) -> Cow<'_, [u8]> {
    let half = |rest: &str| {
        let unit = u32::from(rest.chars().next()?).checked_sub(MARK).filter(|unit| *unit < UNITS)?;
        Some(FIRST + unit)
    };
    let mut parts = text.split(ESCAPE);
    let first = parts.next().unwrap_or_default();
    if first.len() == text.len() {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut bytes = first.as_bytes().to_vec();
    for part in parts {
        let rest = match half(part) {
            Some(half) => {
                let low = |shift: u32| (0x80 | (half >> shift & 0x3F)) as u8;
                bytes.extend([0xED, low(6), low(0)]);
                &part[4..]
            }
            None => {
                bytes.extend_from_slice(ESCAPE.encode_utf8(&mut [0; 4]).as_bytes());
                part
            }
        };
        bytes.extend_from_slice(rest.as_bytes());
    }
    Cow::Owned(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn halves_that_stay_alone_are_told_as_such() {
        let mut halves = SurrogateJoiner::default();

        assert_eq!(halves.take(b"a\xED\xA0\xBDb\xED\xB2\xA9\xFF"), "a\u{FFFD}b\u{FFFD}\u{FFFD}");
        assert_eq!(halves.take(b"\xED\xA0\xBD"), "");
        assert_eq!((halves.rest(), halves.rest()), (Some(LONE), None));
    }

    #[test]
    fn only_lone_halves_are_marked() {
        let json = r#"{"a":"\ud83d\ude80 \\ud83d \u00e9","b":"\ud83d","c":"\ude80"}"#;

        let marked = marked(json).unwrap();

        let value: serde_json::Value = serde_json::from_str(&marked).unwrap();
        assert_eq!(value["a"], "🚀 \\ud83d é");
        let mut halves = SurrogateJoiner::default();
        let text = |key: &str| unmarked(value[key].as_str().unwrap()).into_owned();
        assert_eq!(halves.take(&text("b")) + &halves.take(&text("c")), "🚀");
        assert_eq!(super::marked(r#"{"a":"\ud83d\ude80","b":"\\ud83d"}"#), None);
    }

    proptest! {
        #[test]
        fn a_text_comes_back_wherever_it_is_cut(text in "[a-é🚀\u{10FFFF}\u{FFFF}\u{10F000}-\u{10F7FF}]{0,8}", cuts in prop::collection::vec(0..40_usize, 0..6)) {
            let units: Vec<u16> = text.encode_utf16().collect();
            let mut places: Vec<usize> = cuts.iter().map(|cut| cut % (units.len() + 1)).collect();
            places.extend([0, units.len()]);
            places.sort_unstable();
            let mut halves = SurrogateJoiner::default();

            let joined: String = places
                .windows(2)
                .map(|cut| {
                    let escapes: String = units[cut[0]..cut[1]].iter().map(|unit| format!("\\u{unit:04x}")).collect();
                    let json = format!("\"{escapes}\"");
                    let piece: String = serde_json::from_str(marked(&json).as_deref().unwrap_or(&json)).unwrap();
                    halves.take(&unmarked(&piece))
                })
                .collect();

            prop_assert_eq!(joined, text.clone());
            let joined: String = text.as_bytes().iter().map(|byte| halves.take(&[*byte])).collect();
            prop_assert_eq!(joined, text);
        }
    }
}
