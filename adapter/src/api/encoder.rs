//! An answer in the words of its client's API, so that each end of it is read for what it is.

use bytes::BytesMut;

use super::{error::ApiError, via::ClientPath};
use crate::{
    anthropic::stream as messages,
    anthropic::stream::MessageEncoder,
    openai::stream as chat,
    openai::stream::ChunkEncoder,
    responses::{answer::Item, stream::ResponseEncoder},
    serving::ResponseShelf,
    stream::{
        delta::{Delta, FinishReason, Usage},
        sse,
    },
};

/// Writes one answer.
pub(super) struct AnswerEncoder {
    words: Surface,
    via: ClientPath,
    /// Whether the opening is written.
    begun: bool,
    /// Whether a word is written, or an empty one in its place.
    said: bool,
}

/// What an answer is known by.
#[derive(Clone, Copy, Debug)]
pub(super) struct AnswerHead<'a> {
    /// Its id, as chats write it: `chatcmpl-...`.
    pub id: &'a str,
    /// Unix time in seconds.
    pub created: u64,
    /// The model as the client named it.
    pub model: &'a str,
}

/// In whose words.
pub(super) enum Surface {
    /// OpenAI's chat completions.
    Chat(ChunkEncoder),
    /// Anthropic's messages.
    Messages(MessageEncoder),
    /// OpenAI's responses, and where the items are kept, if they are.
    Responses(Box<ResponseEncoder>, Option<ResponseShelf>),
}

/// How a stream ends that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StreamFailure {
    /// The connection breaks.
    Cut,
    /// What was written is an end of its own.
    Told,
}

impl Surface {
    /// Whether a prompt that is too long is told in a stream: Codex makes its conversation shorter by that event, and
    /// takes every 400 for its end (0.171, 2026-11).
    pub(super) fn tells_length(&self) -> bool {
        matches!(self, Self::Responses(..))
    }
}

impl AnswerEncoder {
    /// For an answer that goes this way.
    pub(super) fn new(words: Surface, via: ClientPath) -> Self {
        Self { words, via, begun: false, said: false }
    }

    /// Opens an answer of which nothing is known yet, by what commits to nothing and still lets a failure be told.
    pub(super) fn wait(&mut self, out: &mut BytesMut) {
        match (&self.words, self.via) {
            // A comment: the error event behind it is the first, and is passed on.
            (Surface::Chat(_), ClientPath::Direct | ClientPath::NewApi) => {
                out.extend_from_slice(sse::HEARTBEAT);
            }
            (Surface::Chat(_), ClientPath::Converted) => {
                self.begin(out);
                self.say(out);
            }
            // Comments would do as well for a message, but only while the gateway has sent no ping: behind one, an
            // error that comes first is a 200 with nothing in it, and a message that was begun is still a broken one.
            (Surface::Messages(_) | Surface::Responses(..), _) => self.begin(out),
        }
    }

    /// Opens the answer, once.
    pub(super) fn begin(&mut self, out: &mut BytesMut) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        match &mut self.words {
            Surface::Chat(chunks) => chunks.begin(out),
            Surface::Messages(events) => events.begin(out),
            Surface::Responses(events, _) => events.begin(out),
        }
    }

    /// Says an empty word in a converted chat that has said none. A break behind a role alone is a 200 with nothing in
    /// it; behind a word it is a break.
    fn say(&mut self, out: &mut BytesMut) {
        if let (Surface::Chat(chunks), ClientPath::Converted, false) = (&self.words, self.via, self.said) {
            chunks.nothing(out);
        }
        self.said = true;
    }

    pub(super) fn push(&mut self, delta: &Delta, out: &mut BytesMut) {
        match delta {
            Delta::Text(_) | Delta::Reasoning(_) | Delta::Call(_) => self.said = true,
            // A call that is being written: it is sent when it is whole, and until then all may break.
            Delta::Fragment(_) => self.say(out),
            Delta::Usage(_) | Delta::Finish(_) => {}
        }
        match &mut self.words {
            Surface::Chat(chunks) => chunks.push(delta, out),
            Surface::Messages(events) => events.push(delta, out),
            Surface::Responses(events, _) => events.push(delta, out),
        }
    }

    /// A sign of life.
    pub(super) fn silence(&mut self, out: &mut BytesMut) {
        match &mut self.words {
            Surface::Chat(_) => out.extend_from_slice(sse::HEARTBEAT),
            Surface::Messages(events) => events.silence(out),
            Surface::Responses(events, _) => events.silence(out),
        }
    }

    /// Ends the answer well. What is kept of it is there before its client can know of it.
    pub(super) async fn end(&mut self, finish: FinishReason, usage: Usage, out: &mut BytesMut) {
        match &mut self.words {
            Surface::Chat(chunks) => chunks.end(finish, usage, out),
            Surface::Messages(events) => events.end(finish, usage, out),
            Surface::Responses(events, shelf) => {
                events.end(finish, usage, out);
                if let Some(shelf) = shelf {
                    let (id, items) = events.output();
                    Box::pin(shelf.keep(id, &written(items))).await;
                }
            }
        }
    }

    /// Tells of a fault, where whoever reads it takes it for one.
    pub(super) fn fault(&mut self, error: &ApiError, out: &mut BytesMut) -> StreamFailure {
        self.say(out);
        match (&mut self.words, self.via) {
            (Surface::Chat(_), ClientPath::Direct | ClientPath::NewApi) => {
                error.view(|view| chat::fault(view, out));
            }
            (Surface::Messages(_), ClientPath::Direct) => {
                error.anthropic_view(|view| messages::fault(view, out));
            }
            // Only a broken connection tells the gateway that the answer is not whole.
            (Surface::Chat(_), ClientPath::Converted)
            | (Surface::Messages(_), ClientPath::NewApi | ClientPath::Converted) => {}
            (Surface::Responses(events, _), _) => {
                error.response_view(|code, message| events.fault(code, message, out));
                return StreamFailure::Told;
            }
        }
        StreamFailure::Cut
    }
}

/// The items of a response as they are kept.
pub(super) fn written(items: &[Item]) -> Vec<u8> {
    serde_json::to_vec(items).expect("texts and numbers always serialize")
}
