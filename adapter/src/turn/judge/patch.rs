//! Finds an edit printed as text: a diff, a whole file in a fence, or instructions for the user's own hands.
//!
//! The only part of the judge that reads a whole text: the code may stand anywhere in it.

use super::{
    chinese, english,
    path::is_path,
    tail::{fence, last},
    words::{Sentence, sentences},
};

/// Lines from which on a fence may be a whole file rather than a snippet.
const FILE_LINES: usize = 4;

/// Bytes of the line before a fence that are looked at.
const LEAD_BYTES: usize = 400;

/// What was printed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct PrintedPatch {
    pub(super) diff: bool,
    pub(super) file: bool,
    /// The user is told to make an edit.
    pub(super) by_hand: bool,
    /// The user is told to run a command.
    pub(super) command: bool,
    /// It reports what was done before.
    pub(super) applied: bool,
}

/// Looks through a text once.
pub(super) fn find(text: &str, tail: &str) -> PrintedPatch {
    let mut scan = PatchScan::default();
    text.lines().for_each(|line| scan.line(line));
    scan.close();
    let mut printed = scan.printed;
    // A shell's prompt: the command is the last that was said.
    printed.command |= text.trim_end().lines().last().is_some_and(|line| line.trim().starts_with("$ "));
    for sentence in sentences(tail) {
        printed.by_hand |= has(&sentence, english::BY_HAND, chinese::BY_HAND);
        printed.applied |= has(&sentence, english::APPLIED, chinese::APPLIED);
    }
    printed
}

#[derive(Debug, Default)]
struct PatchScan<'a> {
    printed: PrintedPatch,
    /// The last line of prose.
    lead: &'a str,
    fence: Option<CodeFence<'a>>,
    /// How much of a diff outside a fence was seen.
    minus: bool,
    search: bool,
}

#[derive(Debug)]
struct CodeFence<'a> {
    mark: &'a str,
    language: &'a str,
    first: &'a str,
    lines: usize,
}

impl<'a> PatchScan<'a> {
    fn line(&mut self, line: &'a str) {
        self.marks(line);
        let bare = line.trim();
        let Some(open) = &mut self.fence else {
            match fence(bare) {
                Some((mark, language)) => {
                    self.fence = Some(CodeFence { mark, language, first: "", lines: 0 });
                }
                None if !bare.is_empty() => self.lead = bare,
                None => {}
            }
            return;
        };
        if bare.starts_with(open.mark) && bare.trim_start_matches(['`', '~']).is_empty() {
            self.close();
            return;
        }
        if open.lines == 0 {
            open.first = bare;
        }
        open.lines += 1;
    }

    /// Marks of a diff, inside of a fence or not.
    fn marks(&mut self, line: &str) {
        let in_diff = self.fence.as_ref().is_some_and(|fence| matches!(fence.language, "diff" | "patch"));
        self.printed.diff |= line.starts_with("*** Begin Patch")
            || (self.minus && line.starts_with("+++ "))
            || (self.search && line.starts_with(">>>>>>>"))
            || (in_diff && line.starts_with("@@ "));
        self.minus = line.starts_with("--- ");
        self.search |= line.starts_with("<<<<<<<");
    }

    fn close(&mut self) {
        let Some(fence) = self.fence.take() else { return };
        let line = last(std::mem::take(&mut self.lead), LEAD_BYTES);
        let lead = sentences(line);
        let any =
            |english: &[&str], chinese: &[&str]| lead.iter().any(|sentence| has(sentence, english, chinese));
        self.printed.by_hand |= any(english::HANDED_OVER, chinese::HANDED_OVER);
        self.printed.command |= any(english::COMMAND_HANDED_OVER, chinese::COMMAND_HANDED_OVER);
        self.printed.applied |= any(english::APPLIED, chinese::APPLIED);
        let is_new = any(english::NEW_FILE, chinese::NEW_FILE);
        self.printed.file |= fence.lines >= FILE_LINES && names_file(line, &fence, is_new);
    }
}

/// Whether a fence is a new state of a named file.
fn names_file(lead: &str, fence: &CodeFence<'_>, is_new: bool) -> bool {
    let alone = lead.trim_matches(|c: char| matches!(c, '*' | '`' | '#' | ':' | '：' | ' '));
    let is_title = !alone.contains(' ') && is_path(alone);
    let is_named =
        has_path(lead) || has_path(fence.language) || has_path(fence.first) || lead.contains("file");
    is_title || has_path(fence.language) || (is_new && is_named)
}

/// Whether a word of `line` looks like the name of a file.
pub(super) fn has_path(line: &str) -> bool {
    line.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/'))).any(is_path)
}

fn has(sentence: &Sentence, english: &[&str], chinese: &[&str]) -> bool {
    sentence.has_any(english) || sentence.has_any(chinese)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn diff_needs_its_marks() {
        assert!(find("--- a/x\n+++ b/x\n", "").diff);
        assert!(find("```diff\n@@ -1 +1 @@\n-a\n+b\n```", "").diff);
        assert!(!find("```diff\n-a\n+b\n```", "").diff);
        assert!(!find("---\n\n+++ \n", "").diff);
    }

    #[test]
    fn whole_file_needs_a_name_and_some_length() {
        assert!(find("Here is the full `a.rs`:\n```rust\n1\n2\n3\n4\n```", "").file);
        assert!(find("src/a.rs\n```\n1\n2\n3\n4\n```", "").file);
        assert!(!find("Here is the full `a.rs`:\n```rust\n1\n```", "").file);
        assert!(!find("The bug is in `a.rs`:\n```rust\n1\n2\n3\n4\n```", "").file);
    }
}
