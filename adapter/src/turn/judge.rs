//! Decides whether a turn that ended without a call announced one and stopped.
//!
//! It weighs what the model said last; it never asks, waits or reads a clock. Without a call
//! parsed and with tools declared, one of six readings may hold (announced, call or patch as text, denial, a change claimed, nothing said);
//! each is scored on its own and the best one counts. Being wrong towards a nudge costs a site call, so every reading
//! has signals against it. Cost is linear in the text.

#[rustfmt::skip] // tables: one phrase a line would hide them
mod chinese;
mod claim;
mod denial;
#[rustfmt::skip]
mod english;
mod grammar;
mod intent;
mod language;
mod patch;
#[cfg(test)]
mod proof;
mod request;
mod shape;
mod signals;
mod silent;
mod tail;
mod unread;
mod words;

use latchkey_bridge::sieve::quoted::QuotedTexts;
use request::UserRequest;
use serde_json::Value;
use signals::Signals;
use tail::LastParagraph;

/// At and above this score a turn is nudged. Set on the tuning half of `judge/labelled.jsonl`.
pub(crate) const THRESHOLD: i32 = 50;

/// In so many turns, this one included, a conversation is nudged twice at most.
pub(crate) const WINDOW: u64 = 10;
const NUDGES_IN_WINDOW: u32 = 2;

/// What the judge knows of a turn without a call.
///
/// The caller asks only if tools are declared and `tool_choice` is not `none`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct JudgedTurn<'a> {
    /// The visible text of the turn, without reasoning: a turn of reasoning only is an empty one.
    pub text: &'a str,
    /// Whether the turn answers tool results or the user's words.
    pub answers: PrecedingMessage,
    /// `tool_choice` demands a call.
    pub required: bool,
    /// The declared tools.
    pub tools: &'a [JudgedTool<'a>],
    /// What the conversation showed the model: a call that stands there is quoted.
    pub shown: Option<&'a QuotedTexts>,
    /// What the user said last, reminders of the client included: that is where both clients announce plan mode.
    pub user: &'a str,
    /// The system prompt.
    pub system: &'a str,
    /// A call of the conversation may have changed a file.
    pub edited: bool,
    /// The user or the client refused a tool call since the user last spoke.
    pub refused: bool,
    pub nudges: NudgeCount,
}

/// A declared tool, as far as a call of it can be told by.
#[derive(Debug, Clone)]
pub(crate) struct JudgedTool<'a> {
    /// As the client spelled it.
    pub name: &'a str,
    /// Names of all its arguments.
    pub parameters: Vec<&'a str>,
    /// Of those without which no call is one.
    pub required: Vec<&'a str>,
}

impl<'a> JudgedTool<'a> {
    /// Reads what its JSON schema says.
    pub(crate) fn new(name: &'a str, schema: &'a Value) -> Self {
        let properties = schema["properties"].as_object();
        let required = schema["required"].as_array();
        Self {
            name,
            parameters: properties.into_iter().flat_map(|all| all.keys().map(String::as_str)).collect(),
            required: required.into_iter().flatten().filter_map(Value::as_str).collect(),
        }
    }
}

/// The message before the turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PrecedingMessage {
    User,
    ToolResult,
}

/// Nudges that brought no call.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct NudgeCount {
    pub this_turn: u32,
    pub last_ten_turns: u32,
}

/// The judgement, with what led to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub score: i32,
    pub threshold: i32,
    pub nudge: bool,
    pub reason: VerdictReason,
    /// Signals of the winning reading, in the order in which they were weighed.
    pub signals: Vec<(&'static str, i32)>,
}

/// Why a turn is nudged, or left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum VerdictReason {
    /// An action was announced and not taken.
    Announced,
    /// A call was written as text, in a form that is none.
    CallAsText,
    /// An edit was printed, or handed to the user to make.
    PatchAsText,
    /// The model says it has no tools.
    Denial,
    /// A change is reported that no call of the conversation can have made.
    Claimed,
    /// Nothing visible was said.
    Empty,
    /// `tool_choice` demanded a call.
    RequiredMissing,
    /// The user is asked, or has to act first.
    Asked,
    /// More help is offered.
    Offered,
    /// The work is reported as finished.
    Finished,
    /// The action was announced as not to be taken.
    Negated,
    /// The user wants a plan or an explanation.
    Planned,
    /// A tool call was refused before.
    Refused,
    /// The nudges are spent.
    Spent,
    /// Nothing speaks for a missing call.
    Unclear,
}

impl VerdictReason {
    /// The label used in metrics.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Announced => "announced",
            Self::CallAsText => "call_as_text",
            Self::PatchAsText => "patch_as_text",
            Self::Denial => "denial",
            Self::Claimed => "claimed",
            Self::Empty => "empty",
            Self::RequiredMissing => "required_missing",
            Self::Asked => "asked",
            Self::Offered => "offered",
            Self::Finished => "finished",
            Self::Negated => "negated",
            Self::Planned => "planned",
            Self::Refused => "refused",
            Self::Spent => "spent",
            Self::Unclear => "unclear",
        }
    }
}

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
    Verdict { score, threshold: THRESHOLD, nudge, reason, signals: signals.into_pairs() }
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
    best
}
