//! What a sentence announces.

/// An announcement and where it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Intent {
    pub(super) kind: IntentKind,
    pub(super) at: usize,
}

/// Strongest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum IntentKind {
    /// Something is announced that needs no tool.
    Talk,
    /// Something unknown is announced.
    Vague,
    /// An action, without saying who takes it.
    Loose,
    /// The action will not be taken.
    Negated,
    /// The model takes an action.
    Own,
}

/// Keeps the stronger of two, and of equals the first.
pub(super) fn offer(best: &mut Option<Intent>, kind: IntentKind, at: usize) {
    if best.is_none_or(|intent| intent.kind < kind) {
        *best = Some(Intent { kind, at });
    }
}
