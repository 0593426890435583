//! Joins a cut answer with its continuation: only where both provably overlap.

use crate::text::{head, tail};

/// A shorter overlap may be chance.
const OVERLAP_BYTES: usize = 16;

/// A longer one is not looked for: the site was shown only the end.
const SEEN_BYTES: usize = 4096;

/// Appends a continuation without what it repeats; none if it does not repeat the end of what was said.
pub fn join(said: &str, continuation: &str) -> Option<String> {
    let end = tail(said, SEEN_BYTES);
    let begin = head(continuation, SEEN_BYTES);
    let overlap = overlap(end.as_bytes(), begin.as_bytes());
    let whole = overlap >= OVERLAP_BYTES && continuation.is_char_boundary(overlap);
    whole.then(|| [said, &continuation[overlap..]].concat())
}

/// The longest end of one text with which the other begins, by the failure function of the second.
fn overlap(tail: &[u8], head: &[u8]) -> usize {
    let mut failure = vec![0; head.len()];
    for at in 1..head.len() {
        failure[at] = step(head, &failure, failure[at - 1], head[at]);
    }
    tail.iter().fold(0, |matched, &byte| step(head, &failure, matched, byte))
}

fn step(head: &[u8], failure: &[usize], mut matched: usize, byte: u8) -> usize {
    loop {
        match head.get(matched) {
            Some(&next) if next == byte => return matched + 1,
            _ if matched == 0 => return 0,
            _ => matched = failure[matched - 1],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_proven_overlap_is_joined() {
        let said = "abc fn main() { println!(\"";

        assert_eq!(
            join(said, "fn main() { println!(\"x\")").as_deref(),
            Some("abc fn main() { println!(\"x\")")
        );
        assert_eq!(join(said, "x\")"), None);
        assert_eq!(join(said, "println!(\"x"), None);
        assert_eq!(
            join("aaaaaaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaaaaaab").as_deref(),
            Some("aaaaaaaaaaaaaaaaaaaab")
        );
        assert_eq!(join("", ""), None);
    }
}
