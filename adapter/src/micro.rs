//! Two stages of an answer by themselves, for `scripts/bench micro`: what a chunk costs without a connection.

use bytes::BytesMut;

use crate::{
    openai::stream::ChunkEncoder,
    sites::openai_decoder,
    stream::{Decode, delta::Delta},
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
