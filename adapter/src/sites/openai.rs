//! The driver of sites whose own endpoint is like OpenAI's chat completions, behind the site's session.

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use latchkey_shared::{
    session::Session,
    site::{Site, chat::openai::OpenAi},
};
use reqwest::{StatusCode, header};
use tokio::time::{Instant, timeout_at};

use super::{Outside, headers, http, refusal, watch::Cut};
use crate::{
    prompt::Prompt,
    stream::{Decode, Deltas, Stages, fault::Fault},
};

mod decode;
mod wire;

use decode::Decoder;

/// What reads a stream of such a site.
pub(crate) fn decoder() -> impl Decode {
    Decoder::events()
}

/// The body for a prompt; the same for every account.
pub(super) fn body(prompt: &Prompt) -> Bytes {
    let request = wire::Request {
        model: &prompt.model,
        messages: &prompt.messages,
        tools: &prompt.tools,
        stream: true,
        stream_options: wire::StreamOptions { include_usage: true },
        rest: &prompt.rest,
    };
    serde_json::to_vec(&request).expect("texts and JSON always serialize").into()
}

/// Asks the site and waits for the beginning of its answer.
///
/// # Errors
/// Whatever keeps the answer from beginning.
pub(super) async fn open(
    outside: &Outside,
    site: &Site,
    openai: &OpenAi,
    session: &Session,
    body: Bytes,
    minted: String,
) -> Result<Deltas, Fault> {
    let url = site.url(&openai.path);
    let started = Instant::now();
    let request = outside
        .clients
        .requests()
        .post(url.clone())
        .headers(headers(session, &url)?)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::ACCEPT, "text/event-stream, application/json")
        .body(body);
    let deadline = started + site.limits.first_token.min(site.limits.turn);
    let response = timeout_at(deadline, request.send()).await;
    let response = response.map_err(|_| Fault::Silent)?.map_err(|error| http::sending_fault(&error))?;
    outside.watch.answered("POST", &url, response.status());
    let is_html = http::has_type(&response, "text/html");
    if response.status() != StatusCode::OK || is_html {
        return Err(refusal::read(response, is_html, &site.chat).await);
    }
    let is_json = http::has_type(&response, "application/json");
    let decoder = if is_json { Decoder::whole() } else { Decoder::events() };
    let cut = if is_json { Cut::Nowhere } else { Cut::Blocks };
    let decoder = outside.watch.over(Box::new(decoder), cut);
    let upstream = response.bytes_stream().map_err(drop).boxed();
    let mut deltas = Deltas::new(Stages::new(decoder, minted), upstream, site.limits, started);
    deltas.begin().await?;
    Ok(deltas)
}
