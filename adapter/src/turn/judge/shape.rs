//! Shapes of an end that say in any language that work goes on: a list with open boxes, a stage direction.

use super::{chinese, grammar, tail};

/// Bytes of a text's end that are looked at.
const END_BYTES: usize = 4 << 10;
const OPEN_BOXES: &[&str] = &["[ ]", "☐", "⏳", "🔲", "⬜", "🔄"];
const TICKED_BOXES: &[&str] = &["[x]", "[X]", "✅", "✔", "☑", "🟩"];

/// Whether the text ends with a list of which some is ticked and some is not.
pub(super) fn is_unfinished_list(text: &str) -> bool {
    let end = tail::last(text, END_BYTES).trim_end();
    let items = end.lines().rev().map(str::trim).take_while(|line| is_item(line) || line.is_empty());
    let mut open = false;
    let mut ticked = false;
    for item in items {
        let has = |boxes: &[&str]| boxes.iter().any(|mark| item.contains(mark));
        open |= has(OPEN_BOXES);
        ticked |= has(TICKED_BOXES);
    }
    open && ticked
}

fn is_item(line: &str) -> bool {
    let marked = line.starts_with(['-', '*', '+', '•'])
        || [OPEN_BOXES, TICKED_BOXES].iter().any(|boxes| boxes.iter().any(|mark| line.starts_with(mark)));
    marked || line.starts_with(|c: char| c.is_ascii_digit())
}

/// "*opens the file*", "(running the tests)", "[reading a.rs]".
pub(super) fn is_stage_direction(prose: &str) -> bool {
    let line = prose.trim().lines().last().unwrap_or("").trim();
    let pairs = [('*', '*'), ('_', '_'), ('(', ')'), ('[', ']')];
    let inside = pairs.iter().find_map(|(open, close)| line.strip_prefix(*open)?.strip_suffix(*close));
    let Some(inside) = inside.filter(|inside| !inside.contains(['*', '(', ')', '[', ']'])) else {
        return false;
    };
    let first = inside.split_whitespace().next().unwrap_or("").to_lowercase();
    let acts = line.starts_with(['*', '_']) && grammar::is_third_person(&first);
    acts || grammar::is_gerund(&first) || chinese::ACTIONS.iter().any(|action| first.starts_with(action))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_boxes_count_beside_ticked_ones() {
        assert!(is_unfinished_list("So far:\n\n- [x] a\n- [ ] b\n"));
        assert!(!is_unfinished_list("- [ ] a\n- [ ] b"), "a plan");
        assert!(!is_unfinished_list("- [x] a\n- [ ] b\n\nWhich one first?"));
    }

    #[test]
    fn stage_directions_are_actions() {
        assert!(is_stage_direction("Sure.\n*opens the file*"));
        assert!(is_stage_direction("(running the tests)") && is_stage_direction("*打开配置文件*"));
        assert!(!is_stage_direction("(on Linux only)") && !is_stage_direction("**Notes**"));
    }
}
