//! The driver of sites whose own endpoint is like OpenAI's chat completions, behind the site's session.

use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use latchkey_shared::{
    session::Session,
    site::{
        Site,
        chat::{Expired, openai::OpenAi},
    },
};
use reqwest::{Response, StatusCode, header};
use tokio::time::{Instant, timeout_at};

use super::{headers, http};
use crate::{
    prompt::Prompt,
    stream::{Deltas, Stages, fault::Fault},
};

mod decode;
mod refusal;
mod wire;

use decode::Decoder;
use refusal::Refusal;

/// How much of a refusal is read, and for how long: enough for any JSON that explains it.
const REFUSAL_BYTES: usize = 64 * 1024;
const REFUSAL_TIME: Duration = Duration::from_secs(5);

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
    client: &reqwest::Client,
    site: &Site,
    openai: &OpenAi,
    session: &Session,
    ask: super::Ask,
) -> Result<Deltas, Fault> {
    let url = site.url(&openai.path);
    let started = Instant::now();
    let request = client
        .post(url.clone())
        .headers(headers(session, &url)?)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::ACCEPT, "text/event-stream, application/json")
        .body(ask.body);
    let deadline = started + site.limits.first_token.min(site.limits.turn);
    let response = timeout_at(deadline, request.send()).await;
    let response = response.map_err(|_| Fault::Silent)?.map_err(|error| http::sending_fault(&error))?;
    let is_html = http::has_type(&response, "text/html");
    if response.status() != StatusCode::OK || is_html {
        return Err(refusal(response, is_html, &site.chat.expired).await);
    }
    let is_json = http::has_type(&response, "application/json");
    let decoder = if is_json { Decoder::whole() } else { Decoder::events() };
    let upstream = response.bytes_stream().map_err(drop).boxed();
    let mut deltas = Deltas::new(Stages::new(Box::new(decoder), ask.minted), upstream, site.limits, started);
    deltas.begin().await?;
    Ok(deltas)
}

async fn refusal(response: Response, is_html: bool, expired: &Expired) -> Fault {
    let status = response.status().as_u16();
    let retry_after = http::retry_after(&response);
    let body = http::beginning(response, REFUSAL_BYTES, REFUSAL_TIME).await;
    Refusal { status, is_html, retry_after, body: &body }.fault(expired)
}
