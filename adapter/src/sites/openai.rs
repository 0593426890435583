//! The driver of sites whose own endpoint is like OpenAI's chat completions, behind the site's session.

use std::{borrow::Cow, sync::Arc};

use bytes::Bytes;
use latchkey_shared::{
    session::Session,
    site::{
        Site,
        chat::{effort::EffortRules, openai::OpenAiChat, upload::UPLOADS},
    },
};
use reqwest::{StatusCode, header};
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::{
    DriverContext,
    declared::{call::SiteClient, upload::Uploads, variables::PromptVariables},
    effort, headers, http, refusal,
    trace::EventBoundary,
};
use crate::{
    prompt::Prompt,
    stream::{Decode, DecodePipeline, DeltaStream, delta::Captures, fault::Fault},
};

mod decode;
mod voices;
mod wire;

use decode::OpenAiDecoder;

/// OpenAI's own fields of a chat request, beside those that we write or refuse (its client for Node, 7.59.0, 2026-11).
const FIELDS: [&str; 25] = [
    "frequency_penalty",
    "logit_bias",
    "max_completion_tokens",
    "max_tokens",
    "metadata",
    "moderation",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning_effort",
    "response_format",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop",
    "store",
    "temperature",
    "tool_choice",
    "top_p",
    "user",
    "verbosity",
    "web_search_options",
];

/// What reads a stream of such a site.
pub(crate) fn decoder() -> impl Decode {
    OpenAiDecoder::default()
}

/// What is asked.
pub(super) struct OpenAiRequest {
    pub(super) body: Bytes,
    /// What it takes to upload files, where there are any.
    pub(super) variables: Option<PromptVariables>,
    pub(super) minted: String,
}

/// The body for a prompt; the same for every account. A site may do more with a field than answer (`files`, `chat_id`), for
/// everybody who shares the account: none goes there but OpenAI's own and those that its file names. What is told of effort
/// is as the file has it.
pub(super) fn body(prompt: &Prompt, openai: &OpenAiChat, effort: Option<&EffortRules>) -> Bytes {
    let is_known = |name: &str| FIELDS.contains(&name) || openai.fields.iter().any(|field| field == name);
    let rest = prompt.rest.iter().filter(|(name, _)| is_known(name));
    let mut rest: wire::Fields<'_> =
        rest.map(|(name, value)| (name.as_str(), Cow::Borrowed(&**value))).collect();
    effort::tell(&mut rest, prompt.effort, effort);
    let request = wire::Request {
        model: &prompt.model,
        messages: &prompt.messages,
        tools: &prompt.tools,
        stream: true,
        stream_options: wire::StreamOptions { include_usage: true },
        rest,
    };
    serde_json::to_vec(&request).expect("texts and JSON always serialize").into()
}

/// Asks the site and waits for the beginning of its answer.
///
/// # Errors
/// Whatever keeps the answer from beginning.
pub(super) async fn open(
    context: &DriverContext,
    site: &Arc<Site>,
    openai: &OpenAiChat,
    session: &Arc<Session>,
    asked: OpenAiRequest,
) -> Result<DeltaStream, Fault> {
    let OpenAiRequest { mut body, variables: words, minted } = asked;
    let url = site.url(&openai.path);
    let started = Instant::now();
    let deadline = started + site.limits.first_token.min(site.limits.turn);
    let mut uploads = None;
    if let Some((words, field)) = words.zip(openai.uploads.as_ref()) {
        let client = context.clients.requests().clone();
        let watch = context.tracer.clone();
        let caller =
            SiteClient { client, site: Arc::clone(site), session: Arc::clone(session), tracer: watch };
        let mut values = Captures::new();
        uploads = Uploads::before(|_| true, context, &caller, &words, &mut values, deadline).await?;
        body = listing(&body, field, values.remove(UPLOADS).unwrap_or_default());
    }
    let request = context
        .clients
        .requests()
        .post(url.clone())
        .headers(headers::of(session, &url)?)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::ACCEPT, "text/event-stream, application/json")
        .body(body);
    let response = http::by(deadline, &site.name, http::CHAT, Fault::ResponseTimeout, request.send()).await?;
    let response = response.map_err(|error| http::sending_fault(&site.name, http::CHAT, &error))?;
    context.tracer.answered("POST", &url, response.status());
    let is_html = http::has_type(&response, "text/html");
    if response.status() != StatusCode::OK || is_html {
        return Err(refusal::read(response, is_html, site).await);
    }
    let is_json = http::has_type(&response, "application/json");
    let cut = if is_json { EventBoundary::Nowhere } else { EventBoundary::Blocks };
    let decoder = context.tracer.over(Box::new(OpenAiDecoder::default()), cut);
    let upstream = http::body(response, &site.name, &context.span);
    let mut deltas = DeltaStream::new(DecodePipeline::new(decoder, minted), upstream, site.limits, started);
    if let Some(uploads) = uploads {
        // The site needs them as long as it answers.
        deltas = deltas.with_farewell(Box::new(move |_, _| drop(uploads)));
    }
    deltas.begin().await?;
    Ok(deltas)
}

/// The body with what was uploaded in one of its fields, behind what the client itself has put there where it may.
fn listing(body: &[u8], field: &str, uploads: Value) -> Bytes {
    let mut body: Map<String, Value> = serde_json::from_slice(body).unwrap_or_default();
    match (body.get_mut(field), uploads) {
        (Some(Value::Array(listed)), Value::Array(uploads)) => listed.extend(uploads),
        (_, uploads) => drop(body.insert(field.to_owned(), uploads)),
    }
    serde_json::to_vec(&body).expect("texts and JSON always serialize").into()
}
