//! Puts native tool calls together: fragments in, whole calls out.
//!
//! Calls are held until the answer ends: fragments of several calls may be interleaved, and clients lose a call
//! whose parts they cannot tell apart. Malformed fragments are made whole where their meaning is plain.

use super::{
    delta::{CallFragment, Delta, ToolCall},
    fault::Fault,
};

/// Bound of all held arguments together.
const LIMIT_BYTES: usize = 16 * 1024 * 1024;
/// Bound of calls in one answer.
const LIMIT_CALLS: usize = 256;

/// Assembles fragments.
#[derive(Debug)]
pub(crate) struct FragmentAssembler {
    minted: String,
    open: Vec<OpenCall>,
    held_bytes: usize,
}

#[derive(Debug, Default)]
struct OpenCall {
    index: Option<u64>,
    id: Option<String>,
    name: Option<String>,
    arguments: String,
}

impl FragmentAssembler {
    /// A stage whose own ids start with `minted`, which is unique to the answer.
    pub(crate) fn new(minted: String) -> Self {
        Self { minted, open: Vec::new(), held_bytes: 0 }
    }

    /// Whether a call with a name is on its way.
    pub(crate) fn has_call(&self) -> bool {
        self.open.iter().any(|call| call.name.is_some())
    }

    /// Passes a delta on, or keeps it when it is a fragment.
    ///
    /// # Errors
    /// More calls or arguments than anybody means.
    pub(crate) fn push(&mut self, delta: Delta, out: &mut Vec<Delta>) -> Result<(), Fault> {
        let Delta::Fragment(fragment) = delta else {
            out.push(delta);
            return Ok(());
        };
        self.held_bytes += fragment.arguments.len();
        if self.held_bytes > LIMIT_BYTES {
            return Err(Fault::Unreadable("tool arguments are too long"));
        }
        match self.belongs_to(&fragment) {
            Some(at) => self.open[at].take(fragment),
            None if self.open.len() == LIMIT_CALLS => return Err(Fault::Unreadable("too many tool calls")),
            None => {
                let mut call = OpenCall { index: fragment.index, ..OpenCall::default() };
                call.take(fragment);
                self.open.push(call);
            }
        }
        Ok(())
    }

    /// Forgets the last call of an answer that a limit cut, unless it is whole: half a call must never be made.
    pub(crate) fn drop_half(&mut self) {
        self.open.pop_if(|call| !is_object(&call.arguments));
    }

    /// Gives the calls, each whole, in the order in which they began. One without a name is dropped.
    pub(crate) fn finish(&mut self, out: &mut Vec<Delta>) {
        let mut used: Vec<String> = Vec::new();
        for (at, call) in std::mem::take(&mut self.open).into_iter().enumerate() {
            let Some(name) = call.name else { continue };
            let id = match call.id {
                Some(id) if !used.contains(&id) => id,
                _ => format!("call_{}_{at}", self.minted),
            };
            used.push(id.clone());
            let empty = call.arguments.trim().is_empty();
            let arguments = if empty { "{}".to_owned() } else { call.arguments };
            out.push(Delta::Call(ToolCall { id, name, arguments }));
        }
    }

    /// Which open call a fragment continues.
    fn belongs_to(&self, fragment: &CallFragment) -> Option<usize> {
        let same_id = |call: &OpenCall| fragment.id.is_some() && call.id == fragment.id;
        let found = match fragment.index {
            Some(_) => self.open.iter().rposition(|call| call.index == fragment.index),
            None if fragment.id.is_some() => {
                self.open.iter().rposition(same_id).or_else(|| self.unnamed(fragment))
            }
            None => self.open.len().checked_sub(1),
        }?;
        (!self.open[found].ended_before(fragment)).then_some(found)
    }

    /// The last call, when a fragment without index only adds a late id or piece to it.
    fn unnamed(&self, fragment: &CallFragment) -> Option<usize> {
        if fragment.name.is_some() { None } else { self.open.len().checked_sub(1) }
    }
}

impl OpenCall {
    /// Whether a fragment with the same index begins another call: sites number parallel calls all 0.
    fn ended_before(&self, fragment: &CallFragment) -> bool {
        let Some(_) = fragment.name else { return false };
        let other_id = fragment.id.is_some() && self.id.is_some() && fragment.id != self.id;
        let more_after_whole =
            self.name.is_some() && !fragment.arguments.is_empty() && is_object(&self.arguments);
        (other_id && self.name.is_some()) || more_after_whole
    }

    fn take(&mut self, fragment: CallFragment) {
        self.id = self.id.take().or(fragment.id);
        self.name = self.name.take().or(fragment.name);
        self.arguments.push_str(&fragment.arguments);
    }
}

fn is_object(text: &str) -> bool {
    text.trim_start().starts_with('{') && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    type Piece<'a> = (Option<u64>, Option<&'a str>, Option<&'a str>, &'a str);

    fn calls(pieces: &[Piece<'_>]) -> Vec<String> {
        let mut stage = FragmentAssembler::new("m".to_owned());
        let mut out = Vec::new();
        for (index, id, name, arguments) in pieces {
            let fragment = CallFragment {
                index: *index,
                id: id.map(str::to_owned),
                name: name.map(str::to_owned),
                arguments: (*arguments).to_owned(),
            };
            stage.push(Delta::Fragment(fragment), &mut out).unwrap();
        }
        assert_eq!(out, []);
        stage.finish(&mut out);
        let text = |delta| match delta {
            Delta::Call(ToolCall { id, name, arguments }) => format!("{id} {name} {arguments}"),
            other => format!("{other:?}"),
        };
        out.into_iter().map(text).collect()
    }

    #[test]
    fn interleaved_calls_are_told_apart_by_index() {
        let pieces = [
            (Some(0), Some("a"), Some("read"), ""),
            (Some(1), Some("b"), Some("write"), "{"),
            (Some(0), None, None, "{\"x\":1}"),
            (Some(1), None, None, "}"),
        ];

        assert_eq!(calls(&pieces), ["a read {\"x\":1}", "b write {}"]);
    }

    #[test]
    fn one_index_for_two_calls_is_two_calls() {
        let by_id = [(Some(0), Some("a"), Some("read"), "{}"), (Some(0), Some("b"), Some("read"), "{}")];
        let by_whole =
            [(Some(0), None, Some("read"), "{\"x\":1}"), (Some(0), None, Some("read"), "{\"x\":2}")];

        assert_eq!(calls(&by_id), ["a read {}", "b read {}"]);
        assert_eq!(calls(&by_whole), ["call_m_0 read {\"x\":1}", "call_m_1 read {\"x\":2}"]);
    }

    #[test]
    fn a_missing_index_follows_the_id_or_the_last_call() {
        let pieces = [
            (None, Some("a"), Some("read"), "{"),
            (None, None, None, "\"x\":"),
            (None, Some("a"), None, "1}"),
            (None, Some("b"), Some("write"), "{}"),
        ];

        assert_eq!(calls(&pieces), ["a read {\"x\":1}", "b write {}"]);
    }

    #[test]
    fn a_missing_or_repeated_id_is_replaced() {
        let pieces = [
            (Some(0), Some("a"), Some("read"), "{}"),
            (Some(1), Some("a"), Some("read"), "{}"),
            (Some(2), None, Some("read"), "{}"),
        ];

        assert_eq!(calls(&pieces), ["a read {}", "call_m_1 read {}", "call_m_2 read {}"]);
    }

    #[test]
    fn a_late_or_repeated_name_and_a_changing_id_stay_one_call() {
        let pieces = [
            (Some(0), Some("a"), None, ""),
            (Some(0), None, Some("read"), "{\"x\""),
            (Some(0), Some("b"), None, ":1"),
            (Some(0), None, Some("read"), "}"),
        ];

        assert_eq!(calls(&pieces), ["a read {\"x\":1}"]);
    }

    #[test]
    fn a_call_without_a_name_is_dropped_and_no_arguments_are_an_object() {
        assert_eq!(calls(&[(Some(0), Some("a"), None, "{}")]), Vec::<String>::new());
        assert_eq!(calls(&[(Some(0), Some("a"), Some("list"), "")]), ["a list {}"]);
    }
}
