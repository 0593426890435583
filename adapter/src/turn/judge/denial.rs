//! Finds a model that says it has no tools, or asks for what a tool would read.

use super::{
    chinese, english,
    words::{Sentence, sentences},
};

/// A denial is short; a long text that says "cannot" somewhere is about something else.
const DENIAL_BYTES: usize = 1200;

/// How the tools are denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ToolDenial {
    /// The model says it cannot reach files or commands.
    Plain,
    /// It asks for a file or code to be brought.
    Bring,
    /// It cannot, and gives a cause.
    Caused,
}

/// Looks through a whole text if it is short, else through its tail.
pub(super) fn find(text: &str, tail: &str) -> Option<ToolDenial> {
    let text = if text.len() <= DENIAL_BYTES { text } else { tail };
    let sentences = sentences(text);
    let found = sentences.iter().find_map(of)?;
    let is_caused = sentences.iter().any(|sentence| has(sentence, english::CAUSES, chinese::CAUSES));
    Some(if is_caused { ToolDenial::Caused } else { found })
}

fn of(sentence: &Sentence) -> Option<ToolDenial> {
    let reach = has(sentence, english::REACH, chinese::REACH);
    let incapable = sentence.has("没有") && sentence.has_any(&["能力", "功能"]);
    if reach && (incapable || has(sentence, english::CANNOT, chinese::CANNOT)) {
        return Some(ToolDenial::Plain);
    }
    let brought = has(sentence, english::BROUGHT, chinese::BROUGHT);
    (brought && has(sentence, english::BRING, chinese::BRING)).then_some(ToolDenial::Bring)
}

fn has(sentence: &Sentence, english: &[&str], chinese: &[&str]) -> bool {
    sentence.has_any(english) || sentence.has_any(chinese)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cause_tells_refusal_from_denial() {
        assert_eq!(find("I can't edit files.", ""), Some(ToolDenial::Plain));
        assert_eq!(find("I can't edit the file because it is generated.", ""), Some(ToolDenial::Caused));
        assert_eq!(find("请把文件内容粘贴过来。", ""), Some(ToolDenial::Bring));
        assert_eq!(find("I can't help with malware.", ""), None);
    }
}
