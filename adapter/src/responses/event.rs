//! The events of a response on the wire.

use bytes::{BufMut, BytesMut};
use serde::Serialize;

use super::answer::{Item, Part, Response};

/// What all events have, around what each has.
#[derive(Serialize)]
pub(super) struct ResponseEvent<'a, T> {
    #[serde(rename = "type")]
    pub(super) name: &'a str,
    pub(super) sequence_number: u64,
    #[serde(flatten)]
    pub(super) what: T,
}

#[derive(Serialize)]
pub(super) struct ResponseField<'a> {
    pub(super) response: Response<'a>,
}

#[derive(Serialize)]
pub(super) struct ItemField<'a> {
    pub(super) output_index: usize,
    pub(super) item: &'a Item,
}

#[derive(Serialize)]
pub(super) struct PartField<'a> {
    pub(super) item_id: &'a str,
    pub(super) output_index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) summary_index: Option<usize>,
    pub(super) part: &'a Part,
}

#[derive(Serialize)]
pub(super) struct TextDone<'a> {
    pub(super) item_id: &'a str,
    pub(super) output_index: usize,
    pub(super) content_index: usize,
    pub(super) text: &'a str,
    pub(super) logprobs: [(); 0],
}

#[derive(Serialize)]
pub(super) struct ReasoningDone<'a> {
    pub(super) item_id: &'a str,
    pub(super) output_index: usize,
    pub(super) summary_index: usize,
    pub(super) text: &'a str,
}

#[derive(Serialize)]
pub(super) struct CallDelta<'a> {
    pub(super) item_id: &'a str,
    pub(super) output_index: usize,
    pub(super) delta: &'a str,
}

#[derive(Serialize)]
pub(super) struct ArgumentsDone<'a> {
    pub(super) item_id: &'a str,
    pub(super) output_index: usize,
    pub(super) name: &'a str,
    pub(super) arguments: &'a str,
}

#[derive(Serialize)]
pub(super) struct InputDone<'a> {
    pub(super) item_id: &'a str,
    pub(super) output_index: usize,
    pub(super) input: &'a str,
}

pub(super) fn event(out: &mut BytesMut, name: &str, sequence_number: u64, what: impl Serialize) {
    out.put_slice(b"event: ");
    out.put_slice(name.as_bytes());
    out.put_slice(b"\ndata: ");
    write_json(out, &ResponseEvent { name, sequence_number, what });
    out.put_slice(b"\n\n");
}

pub(super) fn write_json(out: &mut BytesMut, value: &(impl Serialize + ?Sized)) {
    serde_json::to_writer(out.writer(), value).expect("strings and numbers always serialize");
}
