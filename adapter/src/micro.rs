//! Stages of an answer by themselves, for `scripts/bench`: what a chunk costs without a connection, and a turn's end.

use bytes::BytesMut;

use crate::{
    openai::stream::ChunkEncoder,
    sites::openai_decoder,
    stream::{Decode, delta::Delta},
    turn::judge::{JudgedTool, JudgedTurn, NudgeCount, PrecedingMessage, judge},
};

/// Reads a stream of OpenAI's chunks; gives how many deltas came of it.
///
/// # Panics
/// When it is none.
#[must_use]
pub fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> usize {
    let mut decoder = openai_decoder();
    let mut deltas = Vec::new();
    let mut count = 0;
    for piece in pieces {
        decoder.push(piece, &mut deltas).expect("the stream is right");
        count += deltas.drain(..).count();
    }
    count
}

/// Writes texts as OpenAI's chunks; gives how many bytes they are.
#[must_use]
pub fn encode(texts: impl IntoIterator<Item = String>) -> usize {
    let mut chunks = ChunkEncoder::new("chatcmpl-1", 0, "model");
    let mut out = BytesMut::new();
    let mut bytes = 0;
    for text in texts {
        chunks.push(&Delta::Text(text), &mut out);
        bytes += out.len();
        out.clear();
    }
    bytes
}

/// Judges texts as ends of turns without a call; gives how many of them announce one.
#[must_use]
pub fn announce<'a>(texts: impl IntoIterator<Item = &'a str>) -> usize {
    let tool = |name, argument| JudgedTool { name, parameters: vec![argument], required: vec![argument] };
    let tools = [tool("read", "filePath"), tool("edit", "filePath"), tool("bash", "command")];
    let announces = |text: &&str| {
        let turn = JudgedTurn {
            text,
            answers: PrecedingMessage::ToolResult,
            required: false,
            tools: &tools,
            shown: None,
            user: "Fix the failing test.",
            system: "You are a coding agent.",
            edited: true,
            refused: false,
            unmarked: false,
            nudges: NudgeCount::default(),
        };
        judge(&turn).nudge
    };
    texts.into_iter().filter(announces).count()
}
