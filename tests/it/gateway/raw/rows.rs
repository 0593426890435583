//! What upstreams do, and what a client is told of it.

use super::super::{
    cells::{CellApi, Path, path},
    words::Word,
};

/// One measured row.
#[derive(Clone, Debug)]
pub(super) struct MeasuredRow {
    pub(super) about: &'static str,
    pub(super) paths: &'static [Path],
    pub(super) status: u16,
    pub(super) steps: Vec<UpstreamStep>,
    /// Whether it answers well when it is asked again.
    pub(super) recovers: bool,
    /// Whether the gateway pings.
    pub(super) pings: bool,
    pub(super) word: Word,
    pub(super) asked: usize,
}

/// A step of an upstream.
#[derive(Clone, Debug)]
pub(super) enum UpstreamStep {
    Say(&'static str),
    /// Longer than the gateway's ping.
    Late,
    Cut,
}

const CHAT: &[Path] = &[path(CellApi::Chat, 1), path(CellApi::Chat, 60)];
const RESPONSES: &[Path] = &[path(CellApi::Responses, 1), path(CellApi::Responses, 60)];
const CONVERTED: &[Path] = &[path(CellApi::Messages, 1)];
const PASSED: &[Path] = &[path(CellApi::Messages, 14), path(CellApi::Messages, 60)];

const COMMENT: UpstreamStep = UpstreamStep::Say(": hb\n\n");
const ROLE: UpstreamStep = UpstreamStep::Say(
    "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\"},\"finish_reason\":null}]}\n\n",
);
const NOTHING: UpstreamStep = UpstreamStep::Say(
    "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":null}]}\n\n",
);
const HALF: UpstreamStep = UpstreamStep::Say(
    "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Alpha \"},\"finish_reason\":null}]}\n\n",
);
const ERROR: UpstreamStep = UpstreamStep::Say(
    "data: {\"error\":{\"message\":\"no\",\"type\":\"api_error\",\"code\":\"api_error\"}}\n\n",
);
const CREATED: UpstreamStep = UpstreamStep::Say(
    "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"r\",\"object\":\"response\",\"status\":\"in_progress\"}}\n\n",
);
const RESPONSE_FAILED: UpstreamStep = UpstreamStep::Say(
    "event: response.failed\ndata: {\"type\":\"response.failed\",\"response\":{\"id\":\"r\",\"object\":\"response\",\"status\":\"failed\",\"error\":{\"code\":\"server_error\",\"message\":\"no\"}}}\n\n",
);
const MESSAGE: UpstreamStep = UpstreamStep::Say(
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[],\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}}\n\n",
);
const HALF_BLOCK: UpstreamStep = UpstreamStep::Say(
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\nevent: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Alpha \"}}\n\n",
);
const MESSAGE_ERROR: UpstreamStep = UpstreamStep::Say(
    "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"no\"}}\n\n",
);

pub(super) const WHOLE_CHAT: &str = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\"},\"finish_reason\":null}]}\n\n\
data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Alpha gamma.\"},\"finish_reason\":null}]}\n\n\
data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n\
data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2,\"total_tokens\":3}}\n\n\
data: [DONE]\n\n";
pub(super) const WHOLE_MESSAGE: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[],\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}}\n\n\
event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n\
event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Alpha gamma.\"}}\n\n\
event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n\
event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":2}}\n\n\
event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
pub(super) const WHOLE_RESPONSE: &str = "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"r\",\"object\":\"response\",\"status\":\"in_progress\"}}\n\n\
event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"item_id\":\"i\",\"output_index\":0,\"content_index\":0,\"delta\":\"Alpha gamma.\"}\n\n\
event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"id\":\"r\",\"object\":\"response\",\"status\":\"completed\",\"usage\":{\"input_tokens\":1,\"output_tokens\":2,\"total_tokens\":3}}}\n\n";

fn row(
    about: &'static str,
    paths: &'static [Path],
    steps: &[UpstreamStep],
    word: Word,
    asked: usize,
) -> MeasuredRow {
    MeasuredRow {
        about,
        paths,
        status: 200,
        steps: steps.to_vec(),
        recovers: false,
        pings: false,
        word,
        asked,
    }
}

/// A status before the first byte.
fn status(status: u16, paths: &'static [Path], word: Word, asked: usize) -> MeasuredRow {
    MeasuredRow { status, ..row("a status", paths, &[], word, asked) }
}

fn recovering(row: MeasuredRow) -> MeasuredRow {
    MeasuredRow { recovers: true, ..row }
}

fn behind_a_ping(row: MeasuredRow) -> MeasuredRow {
    MeasuredRow { pings: true, ..row }
}

/// All rows.
pub(super) fn all() -> Vec<MeasuredRow> {
    [chats(), responses(), converted(), passed(), statuses()].concat()
}

fn chats() -> Vec<MeasuredRow> {
    vec![
        row("a whole answer", CHAT, &[UpstreamStep::Say(WHOLE_CHAT)], Word::Ok, 1),
        row("comments and a cut", CHAT, &[COMMENT, UpstreamStep::Cut], Word::DoneOnly, 1),
        row("comments and an error", CHAT, &[COMMENT, ERROR], Word::Event, 1),
        behind_a_ping(row(
            "comments, a ping, an error",
            CHAT,
            &[COMMENT, UpstreamStep::Late, ERROR],
            Word::Event,
            1,
        )),
        row("the role and a cut", CHAT, &[ROLE, UpstreamStep::Cut], Word::DoneOnly, 1),
        row("the role and an error", CHAT, &[ROLE, ERROR], Word::Event, 1),
        row("half and a cut", CHAT, &[ROLE, HALF, UpstreamStep::Cut], Word::DoneOnly, 1),
        row("half and an error", CHAT, &[ROLE, HALF, ERROR], Word::Event, 1),
    ]
}

fn responses() -> Vec<MeasuredRow> {
    vec![
        row("a whole answer", RESPONSES, &[UpstreamStep::Say(WHOLE_RESPONSE)], Word::Ok, 1),
        row("comments and a cut", RESPONSES, &[COMMENT, UpstreamStep::Cut], Word::Empty, 1),
        row("a beginning and a cut", RESPONSES, &[CREATED, UpstreamStep::Cut], Word::Cut, 1),
        row("a beginning and an error", RESPONSES, &[CREATED, RESPONSE_FAILED], Word::Event, 1),
        behind_a_ping(row(
            "a beginning, a ping, an error",
            RESPONSES,
            &[CREATED, UpstreamStep::Late, RESPONSE_FAILED],
            Word::Event,
            1,
        )),
    ]
}

fn converted() -> Vec<MeasuredRow> {
    vec![
        row("a whole answer", CONVERTED, &[UpstreamStep::Say(WHOLE_CHAT)], Word::Ok, 1),
        row("comments and a cut", CONVERTED, &[COMMENT, UpstreamStep::Cut], Word::Empty, 1),
        row("the role and a cut", CONVERTED, &[ROLE, UpstreamStep::Cut], Word::Empty, 1),
        row("an empty piece and a cut", CONVERTED, &[ROLE, NOTHING, UpstreamStep::Cut], Word::Cut, 1),
        row("an empty piece and an error", CONVERTED, &[ROLE, NOTHING, ERROR], Word::Lie, 1),
        row("half and a cut", CONVERTED, &[ROLE, HALF, HALF, UpstreamStep::Cut], Word::Cut, 1),
        row("half and an error", CONVERTED, &[ROLE, HALF, HALF, ERROR], Word::Lie, 1),
    ]
}

fn passed() -> Vec<MeasuredRow> {
    let error_first =
        || row("comments and an error", PASSED, &[COMMENT, MESSAGE_ERROR], Word::Status(500), 2);
    vec![
        row("a whole answer", PASSED, &[UpstreamStep::Say(WHOLE_MESSAGE)], Word::Ok, 1),
        row("comments and a cut", PASSED, &[COMMENT, UpstreamStep::Cut], Word::Empty, 1),
        error_first(),
        MeasuredRow { word: Word::Ok, ..recovering(error_first()) },
        behind_a_ping(row(
            "comments, a ping, an error",
            PASSED,
            &[COMMENT, UpstreamStep::Late, MESSAGE_ERROR],
            Word::Empty,
            2,
        )),
        row("a beginning and a cut", PASSED, &[MESSAGE, UpstreamStep::Cut], Word::Cut, 1),
        recovering(row("a beginning and an error", PASSED, &[MESSAGE, MESSAGE_ERROR], Word::Mix, 2)),
        row("half and a cut", PASSED, &[MESSAGE, HALF_BLOCK, UpstreamStep::Cut], Word::Cut, 1),
        recovering(row("half and an error", PASSED, &[MESSAGE, HALF_BLOCK, MESSAGE_ERROR], Word::Mix, 2)),
    ]
}

fn statuses() -> Vec<MeasuredRow> {
    let mut rows = Vec::new();
    for paths in [CHAT, RESPONSES, CONVERTED, PASSED] {
        for repeated in [401, 404, 429, 500, 502, 503] {
            rows.push(status(repeated, paths, Word::Status(repeated), 2));
        }
        for last in [400, 408, 504, 524] {
            rows.push(status(last, paths, Word::Status(last), 1));
        }
        rows.push(MeasuredRow { word: Word::Ok, ..recovering(status(500, paths, Word::Ok, 2)) });
        rows.push(MeasuredRow { word: Word::Empty, ..behind_a_ping(status(500, paths, Word::Empty, 2)) });
    }
    rows
}
