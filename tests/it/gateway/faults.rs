//! What a site does with a question: a row of the matrix each.

use std::time::Duration;

use serde_json::{Value, json};
use support::model::Reply;

use super::{
    cells::{GatewayCell, Tools},
    stage::pace,
};
use crate::claude::asked::ModelRequest;

/// What the whole answer ends with.
pub(super) const LAST: &str = "gamma.";
/// The tool, and what it is called with.
pub(super) const TOOL: &str = "read";
pub(super) const ARGUMENT: (&str, &str) = ("path", "docs/alpha.txt");

/// Longer than what the gateway's ping waits, shorter than what the adapter does.
const LATE: Duration = Duration::from_millis(1400);
/// Long enough for two pieces to be two reads.
const APART: Duration = Duration::from_millis(50);

/// What a site does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    /// It answers.
    None,
    /// 500 before the first byte.
    Status500,
    /// 503 before the first byte.
    Status503,
    /// 504 before the first byte.
    Status504,
    /// 500, and an answer to whoever asks again.
    StatusOnce,
    /// It takes the question and closes the connection.
    Closes,
    /// The first thing that it says is an error.
    ErrorFirst,
    /// It ends well without a word.
    EmptyAnswer,
    /// It breaks off after some text.
    CutText,
    /// It breaks off after some text, and answers whoever asks again.
    CutTextOnce,
    /// An error comes after some text.
    ErrorText,
    /// An error comes after some text, and an answer to whoever asks again.
    ErrorTextOnce,
    /// It breaks off within a call that follows text.
    CutCallAfterText,
    /// It breaks off within its first call.
    CutFirstCall,
    /// It falls silent after some text.
    SilentText,
    /// It takes the question and is silent.
    SilentFirst,
    /// Its filter ends the answer.
    Filter,
    /// The answer is too long.
    Length,
    /// It refuses the question.
    BadRequest,
}

impl Fault {
    pub(super) const ALL: [Self; 19] = [
        Self::None,
        Self::Status500,
        Self::Status503,
        Self::Status504,
        Self::StatusOnce,
        Self::Closes,
        Self::ErrorFirst,
        Self::EmptyAnswer,
        Self::CutText,
        Self::CutTextOnce,
        Self::ErrorText,
        Self::ErrorTextOnce,
        Self::CutCallAfterText,
        Self::CutFirstCall,
        Self::SilentText,
        Self::SilentFirst,
        Self::Filter,
        Self::Length,
        Self::BadRequest,
    ];

    /// Whether an answer may end well: it is whole, or its end says that it is not.
    pub(super) fn may_end_well(self) -> bool {
        self.recovers() || matches!(self, Self::None | Self::Filter | Self::Length)
    }

    /// Whether whoever asks again is answered.
    fn recovers(self) -> bool {
        matches!(self, Self::StatusOnce | Self::CutTextOnce | Self::ErrorTextOnce)
    }

    /// Whether the adapter itself asks again, where it writes the calls out.
    pub(super) fn is_repaired(self) -> bool {
        matches!(self, Self::EmptyAnswer | Self::CutFirstCall | Self::CutCallAfterText | Self::Length)
    }

    /// What the site answers to a question that it sees for the first time or again.
    pub(super) fn reply(self, cell: GatewayCell, request: &Value, again: bool) -> Reply {
        let begun = |reply: Reply| if cell.pings { reply.wait(pace() * LATE) } else { reply };
        let late = |reply: Reply| if cell.pings { reply.headers_after(pace() * LATE) } else { reply };
        let status = |status: u16| late(Reply::status(status, &refusal(status)));
        let text = || begun(Reply::new()).piece("Alpha ").wait(APART).piece("beta ");
        match self {
            Self::None => whole(begun(Reply::new()), cell, request),
            _ if again && self.recovers() => whole(Reply::new(), cell, request),
            Self::Status500 => status(500),
            Self::Status503 => status(503),
            Self::Status504 => status(504),
            Self::StatusOnce => status(500),
            Self::Closes => begun(Reply::new()).cut(),
            Self::ErrorFirst => begun(Reply::new()).bytes(event(&refusal(500))).cut(),
            Self::EmptyAnswer => begun(Reply::new()).finish("stop"),
            Self::CutText | Self::CutTextOnce => text().wait(APART).cut(),
            Self::ErrorText | Self::ErrorTextOnce => {
                text().wait(APART).bytes(event(&refusal(500))).wait(APART).cut()
            }
            Self::CutCallAfterText => half_a_call(text(), cell, request).wait(APART).cut(),
            Self::CutFirstCall => half_a_call(begun(Reply::new()), cell, request).wait(APART).cut(),
            Self::SilentText => text().silence(),
            Self::SilentFirst => Reply::new().silence(),
            Self::Filter => text().finish("content_filter"),
            Self::Length => text().finish("length"),
            Self::BadRequest => status(400),
        }
    }
}

fn refusal(status: u16) -> Value {
    json!({"error": {"message": format!("the site fails with {status}"), "type": "server_error", "code": "failed"}})
}

fn event(data: &Value) -> String {
    format!("data: {data}\n\n")
}

/// A whole answer: a text, or a text and a call.
fn whole(reply: Reply, cell: GatewayCell, request: &Value) -> Reply {
    let reply = reply.piece("Alpha ").wait(APART).piece("beta ");
    let arguments = json!({ARGUMENT.0: ARGUMENT.1});
    match cell.tools {
        Tools::None => reply.piece(LAST),
        Tools::Native => reply.tool_call(0, "call_1", TOOL, &arguments.to_string()),
        Tools::Emulated => {
            reply.piece("\n\n").piece(&ModelRequest::read(request).written(&[(TOOL, arguments)]))
        }
    }
}

/// The first half of a call; without tools, of nothing.
fn half_a_call(reply: Reply, cell: GatewayCell, request: &Value) -> Reply {
    let arguments = json!({ARGUMENT.0: ARGUMENT.1});
    match cell.tools {
        Tools::None => reply,
        Tools::Native => {
            let function = json!({"name": TOOL, "arguments": "{\"path\": \"docs"});
            let call = json!({"index": 0, "id": "call_1", "type": "function", "function": function});
            reply.tool_calls(&json!([call]))
        }
        Tools::Emulated => {
            let written = ModelRequest::read(request).written(&[(TOOL, arguments)]);
            let half: String = written.chars().take(written.chars().count() / 2).collect();
            reply.piece("\n\n").piece(&half)
        }
    }
}
