//! Knows lines that say nothing: decoration, marks of chat templates, paths, signatures.

use super::path::is_path;

/// Bytes of a line that may be a signature or a sign-off.
const SIGNATURE_BYTES: usize = 60;

/// How letters are ended: of no meaning to the work.
const SIGN_OFFS: &[&str] = &[
    "best",
    "best regards",
    "kind regards",
    "regards",
    "cheers",
    "thanks",
    "thank you",
    "sincerely",
    "yours",
    "viele grüße",
    "mit freundlichen grüßen",
    "cordialement",
    "saludos",
    "atenciosamente",
    "cordiali saluti",
    "с уважением",
    "以上",
    "以上です",
    "此致",
    "敬礼",
];

/// Whether a line, trimmed and not empty, says nothing.
pub(super) fn is(line: &str) -> bool {
    let bare = cut(line);
    let bare = bare.trim_matches(|c: char| matches!(c, '*' | '_' | '`' | '~' | ' '));
    !bare.contains(char::is_alphanumeric) || is_lone_path(bare) || is_signature(bare) || is_comment(bare)
}

/// The text without the marks that templates leave at its end: `</response>`, `<|im_end|>`, `[DONE]`.
pub(super) fn cut(text: &str) -> &str {
    let mut text = text.trim();
    while let Some(start) = mark_at_end(text) {
        text = text[..start].trim_end();
    }
    text
}

/// The text without the lines at its end that say nothing, but for those that may close a call.
pub(super) fn strip(text: &str) -> &str {
    let mut text = cut(text);
    while let Some((rest, line)) = text.rsplit_once('\n') {
        if line.contains([')', '}', ']', '>']) || !is(line.trim()) {
            break;
        }
        text = cut(rest);
    }
    text
}

/// Where a mark begins that ends the text.
fn mark_at_end(text: &str) -> Option<usize> {
    let (open, close) = match text.chars().next_back()? {
        '>' => ('<', '>'),
        ']' => ('[', ']'),
        '｜' | '▁' => return None,
        _ => return None,
    };
    let start = text.rfind(open)?;
    let inside = &text[start + 1..text.len() - close.len_utf8()];
    is_mark(inside, open).then_some(start)
}

/// Whether what stands in angles is a closing tag or a token, or what stands in brackets is one in capitals.
fn is_mark(inside: &str, open: char) -> bool {
    let name = inside.trim_start_matches(['/', '|', '｜', '▁']).trim_end_matches(['/', '|', '｜', '▁']);
    let is_name = (1..=40).contains(&name.len())
        && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | ':' | '.' | '▁' | '|'));
    let is_closing = inside.len() != name.len();
    match open {
        '<' => is_name && (is_closing || matches!(name, "s" | "eos" | "end" | "br" | "end_of_turn" | "eot")),
        _ => is_name && name.chars().all(|c| c.is_ascii_uppercase() || c == '_'),
    }
}

fn is_lone_path(bare: &str) -> bool {
    let path = bare.trim_end_matches([':', '：']).trim_matches('`');
    !path.contains(|c: char| c.is_whitespace() || matches!(c, '：' | '，' | '`'))
        && path.contains('.')
        && is_path(path.trim_start_matches(['/', '.', '~']))
}

/// "— Claude", "Cheers,", "Best regards".
fn is_signature(bare: &str) -> bool {
    if bare.len() > SIGNATURE_BYTES {
        return false;
    }
    let dashed =
        bare.strip_prefix('—').or_else(|| bare.strip_prefix('–')).or_else(|| bare.strip_prefix("-- "));
    let is_name = |rest: &str| {
        let words = rest.split_whitespace();
        (1..=3).contains(&words.clone().count())
            && words
                .into_iter()
                .all(|word| word.starts_with(|c: char| c.is_uppercase() || !c.is_alphabetic()))
    };
    let plain = bare.trim_end_matches([',', '!', '.', '，', '！', '。']).to_lowercase();
    dashed.is_some_and(is_name) || SIGN_OFFS.contains(&plain.as_str())
}

fn is_comment(bare: &str) -> bool {
    bare.starts_with("<!--") && bare.ends_with("-->")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoration_says_nothing() {
        for line in [
            "---",
            "***",
            "🚀",
            "✅ 🎉",
            "</response>",
            "<|im_end|>",
            "<｜end▁of▁sentence｜>",
            "</s>",
            "[DONE]",
            "src/main.rs",
            "`src/main.rs`",
            "— Claude",
            "-- Your Assistant",
            "Cheers!",
            "Best regards,",
            "<!-- end -->",
        ] {
            assert!(is(line), "{line}");
        }
    }

    #[test]
    fn words_say_something() {
        for line in [
            "Done.",
            "OK",
            "好",
            "Let me read it.",
            "I'll read src/main.rs",
            "— I will read it now",
            "`a`",
            "1.",
        ] {
            assert!(!is(line), "{line}");
        }
    }

    #[test]
    fn marks_at_the_end_are_cut() {
        assert_eq!(cut("Let me read it.</answer> <|im_end|>\n"), "Let me read it.");
        assert_eq!(cut("It is `Vec<u8>`"), "It is `Vec<u8>`");
        assert_eq!(cut("It is Vec<u8>"), "It is Vec<u8>");
        assert_eq!(cut("see [the docs]"), "see [the docs]");
    }
}
