//! Decides whether a turn that ended without a call announced one and stopped.
//!
//! It weighs what the model said last; it never asks, waits or reads a clock. Without a call
//! parsed and with tools declared, one of six readings may hold (announced, call or patch as text, denial, a change claimed, nothing said);
//! each is scored on its own and the best one counts. Being wrong towards a nudge costs a site call, so every reading
//! has signals against it. Cost is linear in the text.

mod announcement;
#[rustfmt::skip] // tables: one phrase a line would hide them
mod chinese;
mod claim;
mod denial;
#[rustfmt::skip]
mod english;
mod grammar;
mod handed;
mod intent;
mod language;
mod patch;
mod path;
#[cfg(test)]
mod proof;
mod request;
mod shape;
mod signals;
mod silent;
mod tail;
mod turn;
mod unread;
mod words;

use request::UserRequest;
use signals::Signals;
use tail::LastParagraph;
pub(crate) use turn::{JudgedTool, JudgedTurn, NudgeCount, PrecedingMessage, Verdict, VerdictReason};

/// At and above this score a turn is nudged. Set on the tuning half of `judge/labelled.jsonl`.
pub(crate) const THRESHOLD: i32 = 50;

/// In so many turns, this one included, a conversation is nudged twice at most.
pub(crate) const WINDOW: u64 = 10;
const NUDGES_IN_WINDOW: u32 = 2;

/// Whether a call of this tool may change a file.
pub(crate) fn may_edit(tool: &str) -> bool {
    signals::may_edit(tool)
}

/// Judges a turn that ended without a call.
pub(crate) fn judge(turn: &JudgedTurn<'_>) -> Verdict {
    let (reason, mut signals) = reading(turn);
    if turn.nudges.this_turn > 0 || turn.nudges.last_ten_turns >= NUDGES_IN_WINDOW {
        signals.add(signals::SPENT);
    }
    let score = signals.score();
    let nudge = score >= THRESHOLD;
    let reason = if nudge { reason } else { signals.against() };
    let language = if nudge { language::name(LastParagraph::of(turn.text).prose) } else { "-" };
    Verdict { score, threshold: THRESHOLD, nudge, reason, language, signals: signals.into_pairs() }
}

/// The reading with the most behind it.
fn reading(turn: &JudgedTurn<'_>) -> (VerdictReason, Signals) {
    if words::is_blank(silent::cut(turn.text)) {
        return (VerdictReason::Empty, Signals::of(signals::EMPTY));
    }
    if turn.required {
        return (VerdictReason::RequiredMissing, Signals::of(signals::REQUIRED));
    }
    let tail = LastParagraph::of(turn.text);
    let request = UserRequest::of(turn.user, turn.system);
    let mut best = (VerdictReason::Announced, signals::announced(turn, &tail, request));
    let others = [
        (VerdictReason::CallAsText, signals::call_as_text(turn, request)),
        (VerdictReason::PatchAsText, signals::patch_as_text(turn, &tail, request)),
        (VerdictReason::Denial, signals::denial(turn, &tail, request)),
        (VerdictReason::Claimed, signals::claimed(turn, &tail, request)),
    ];
    for other in others {
        if other.1.score() > best.1.score() && other.1.score() >= THRESHOLD {
            best = other;
        }
    }
    if turn.unmarked && best.1.score() < THRESHOLD {
        best.1.add(signals::UNMARKED);
        best.0 = VerdictReason::Unmarked;
    }
    best
}
