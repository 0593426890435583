//! What is judged, and the verdict.

use latchkey_bridge::sieve::quoted::QuotedTexts;
use serde_json::Value;

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
    /// The model can be relied on to mark the end of its work, and did not.
    pub unmarked: bool,
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
    /// The language of what is nudged, as ISO 639-1 names it; `-` where nothing is.
    pub language: &'static str,
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
    /// The mark of the end is not there, of a model that keeps to it.
    Unmarked,
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
            Self::Unmarked => "unmarked",
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
