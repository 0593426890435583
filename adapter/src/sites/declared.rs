//! The driver of sites whose file declares their requests and their stream: `[chat.http]`.
//!
//! Knows no site. What it sends is filled in from the prompt, the session and values that earlier answers gave.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::StreamExt;
use latchkey_shared::{
    session::Session,
    site::{
        Site,
        chat::{
            conversation::{ConversationRules, RandomKind},
            http::HttpChat,
            request::RequestTemplate,
            stream::{StreamFormat, StreamRules},
        },
    },
};
use rand::RngExt;
use reqwest::Response;
use tokio::time::Instant;
use tracing::{Instrument, Span};

use super::{DriverContext, http, trace::EventBoundary};
use crate::stream::{
    ByteStream, DecodePipeline, DeltaStream, deferred::DeferredFault, delta::Captures, fault::Fault,
};

mod assemble;
pub(super) mod call;
mod cleanup;
mod decode;
mod edits;
mod fill;
mod framing;
mod matching;
mod reader;
pub(super) mod socket;
pub(super) mod upload;
pub(super) mod variables;

use call::SiteClient;
use cleanup::Cleanup;
use decode::DeclaredDecoder;
use reader::ConversationState;
use variables::PromptVariables;

/// What is asked.
pub(super) struct DeclaredRequest {
    pub(super) variables: PromptVariables,
    pub(super) minted: String,
    /// The site's own conversation that it goes on with.
    pub(super) kept: Option<Captures>,
}

/// Asks the site and waits for the beginning of its answer.
///
/// # Errors
/// Whatever keeps the answer from beginning.
pub(super) async fn open(
    context: &DriverContext,
    site: &Arc<Site>,
    declared: &HttpChat,
    session: &Arc<Session>,
    asked: DeclaredRequest,
) -> Result<DeltaStream, Fault> {
    let DeclaredRequest { variables: words, minted, kept } = asked;
    let started = Instant::now();
    let deadline = started + site.limits.first_token.min(site.limits.turn);
    let caller = SiteClient {
        client: context.clients.requests().clone(),
        site: Arc::clone(site),
        session: Arc::clone(session),
        tracer: context.tracer.clone(),
    };
    let goes_on = kept.is_some();
    let values = beginning(&declared.mint, declared.conversation.as_ref(), kept);
    let mut after = Cleanup::new(context, caller.clone(), values);
    let Some((last, before)) = declared.requests.split_last() else {
        return Err(Fault::Unreadable("the site file has no request"));
    };
    for request in before {
        if request.once && request.take.keys().all(|name| after.captures.contains_key(name)) {
            continue;
        }
        after.upload(request, context, &words, deadline).await?;
        let taking = caller.take(request, Some(&words), &after.captures);
        let taken = http::by(deadline, &site.name, http::CHAT, Fault::ResponseTimeout, taking).await??;
        after.captures.extend(taken);
    }
    after.upload(last, context, &words, deadline).await?;
    let sending = caller.send(last, Some(&words), &after.captures);
    let response = http::by(deadline, &site.name, http::CHAT, Fault::ResponseTimeout, sending).await??;
    let known = ConversationState { captures: after.captures.clone(), goes_on };
    let decoder = DeclaredDecoder::new(Arc::clone(site), known, is_framed(&response));
    let stages = DecodePipeline::new(context.tracer.over(Box::new(decoder), cut(&declared.stream)), minted);
    let upstream = match declared.stream.poll {
        None => http::body(response, &site.name, &context.span),
        Some(pause) => {
            let polled = PolledAnswer {
                pause,
                client: caller,
                request: last.clone(),
                variables: words,
                captures: after.captures.clone(),
            };
            polled.answers(response, context.span.clone())
        }
    };
    let farewell = Box::new(move |ended, values| after.end(ended, values));
    let mut deltas = DeltaStream::new(stages, upstream, site.limits, started).with_farewell(farewell);
    deltas.begin().await?;
    Ok(deltas)
}

/// Where the stream's events end, for who looks on.
fn cut(reading: &StreamRules) -> EventBoundary {
    match reading.format {
        StreamFormat::Sse => EventBoundary::Blocks,
        StreamFormat::Ndjson => EventBoundary::Lines,
        // Each answer of a site that is polled is one line.
        StreamFormat::Json if reading.poll.is_some() => EventBoundary::Lines,
        StreamFormat::Json | StreamFormat::Text | StreamFormat::Messages | StreamFormat::Packets => {
            EventBoundary::Nowhere
        }
    }
}

/// The values with which a conversation begins or goes on.
fn beginning(
    mint: &BTreeMap<String, RandomKind>,
    conversation: Option<&ConversationRules>,
    kept: Option<Captures>,
) -> Captures {
    let mut captures: Captures =
        mint.iter().map(|(name, mint)| (name.clone(), minted(*mint).into())).collect();
    if let Some(conversation) = conversation {
        let start = conversation.start.iter();
        captures.extend(start.map(|(name, text)| (name.clone(), text.as_str().into())));
    }
    captures.extend(kept.unwrap_or_default());
    captures
}

fn minted(mint: RandomKind) -> String {
    const ALNUM: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let mut rng = rand::rng();
    match mint {
        RandomKind::Hex => format!("{:032x}", rng.random::<u128>()),
        RandomKind::Alnum => (0..12).map(|_| char::from(ALNUM[rng.random_range(0..ALNUM.len())])).collect(),
        RandomKind::Uuid => {
            let hex = format!("{:032x}", rng.random::<u128>());
            let variant = ['8', '9', 'a', 'b'][rng.random_range(0..4)];
            let a = &hex[..8];
            let b = &hex[8..12];
            let c = &hex[13..16];
            let d = &hex[17..20];
            let e = &hex[20..];
            format!("{a}-{b}-4{c}-{variant}{d}-{e}")
        }
    }
}

/// Whether the body's own end can be told from a cut connection.
fn is_framed(response: &Response) -> bool {
    let chunked = response.headers().contains_key(reqwest::header::TRANSFER_ENCODING);
    chunked || response.content_length().is_some() || response.version() >= reqwest::Version::HTTP_2
}

/// A site that is asked again and again.
struct PolledAnswer {
    pause: Duration,
    client: SiteClient,
    request: RequestTemplate,
    variables: PromptVariables,
    captures: Captures,
}

impl PolledAnswer {
    /// Each answer becomes one line; `span` is the request's, whoever reads.
    fn answers(self, first: Response, span: Span) -> ByteStream {
        futures::stream::unfold((Some(first), self), move |(first, polled)| {
            let next = async move {
                let line = polled.next(first).await.ok_or_else(DeferredFault::told);
                Some((line, (None, polled)))
            };
            next.instrument(span.clone())
        })
        .boxed()
    }

    async fn next(&self, first: Option<Response>) -> Option<Bytes> {
        let Self { pause, client: caller, request, variables: words, captures: values } = self;
        let response = match first {
            Some(response) => response,
            None => {
                tokio::time::sleep(*pause).await;
                caller.send(request, Some(words), values).await.ok()?
            }
        };
        call::line(&caller.site.name, response).await
    }
}
