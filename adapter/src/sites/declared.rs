//! The driver of sites whose file declares their requests and their stream: `[chat.http]`.
//!
//! Knows no site. What it sends is filled in from the prompt, the session and values that earlier answers gave.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures::{StreamExt, TryStreamExt};
use latchkey_shared::{
    session::Session,
    site::{
        Site,
        chat::{
            conversation::{Conversation, Mint},
            http::Http,
            request::Request,
            stream::{Format, Reading},
        },
    },
};
use rand::RngExt;
use reqwest::Response;
use tokio::time::{Instant, timeout_at};

use super::{Outside, watch::Cut};
use crate::stream::{Deltas, Stages, Upstream, delta::Values, fault::Fault};

mod after;
pub(super) mod call;
mod decode;
mod edits;
mod fill;
mod framing;
mod matching;
mod reader;
mod said;
pub(super) mod socket;
pub(super) mod upload;
pub(super) mod words;

use after::After;
use call::Caller;
use decode::{Decoder, Known};
use words::Words;

/// What is asked.
pub(super) struct Asked {
    pub(super) words: Words,
    pub(super) minted: String,
    /// The site's own conversation that it goes on with.
    pub(super) kept: Option<Values>,
}

/// Asks the site and waits for the beginning of its answer.
///
/// # Errors
/// Whatever keeps the answer from beginning.
pub(super) async fn open(
    outside: &Outside,
    site: &Arc<Site>,
    http: &Http,
    session: &Arc<Session>,
    asked: Asked,
) -> Result<Deltas, Fault> {
    let Asked { words, minted, kept } = asked;
    let started = Instant::now();
    let deadline = started + site.limits.first_token.min(site.limits.turn);
    let caller = Caller {
        client: outside.clients.requests().clone(),
        site: Arc::clone(site),
        session: Arc::clone(session),
        watch: outside.watch.clone(),
    };
    let goes_on = kept.is_some();
    let values = beginning(&http.mint, http.conversation.as_ref(), kept);
    let mut after = After::new(outside, caller.clone(), values);
    let Some((last, before)) = http.requests.split_last() else {
        return Err(Fault::Unreadable("the site file has no request"));
    };
    for request in before {
        if request.once && request.take.keys().all(|name| after.values.contains_key(name)) {
            continue;
        }
        after.upload(request, outside, &words, deadline).await?;
        let taken = timeout_at(deadline, caller.take(request, Some(&words), &after.values)).await;
        after.values.extend(taken.map_err(|_| Fault::Silent)??);
    }
    after.upload(last, outside, &words, deadline).await?;
    let response = timeout_at(deadline, caller.send(last, Some(&words), &after.values)).await;
    let response = response.map_err(|_| Fault::Silent)??;
    let known = Known { values: after.values.clone(), goes_on };
    let decoder = Decoder::new(Arc::clone(site), known, is_framed(&response));
    let stages = Stages::new(outside.watch.over(Box::new(decoder), cut(&http.stream)), minted);
    let upstream = match http.stream.poll {
        None => response.bytes_stream().map_err(drop).boxed(),
        Some(pause) => polled(response, pause, caller, last.clone(), words, after.values.clone()),
    };
    let farewell = Box::new(move |ended, values| after.end(ended, values));
    let mut deltas = Deltas::new(stages, upstream, site.limits, started).with_farewell(farewell);
    deltas.begin().await?;
    Ok(deltas)
}

/// Where the stream's events end, for who looks on.
fn cut(reading: &Reading) -> Cut {
    match reading.format {
        Format::Sse => Cut::Blocks,
        Format::Ndjson => Cut::Lines,
        // Each answer of a site that is polled is one line.
        Format::Json if reading.poll.is_some() => Cut::Lines,
        Format::Json | Format::Text | Format::Messages | Format::Packets => Cut::Nowhere,
    }
}

/// The values with which a conversation begins or goes on.
fn beginning(
    mint: &BTreeMap<String, Mint>,
    conversation: Option<&Conversation>,
    kept: Option<Values>,
) -> Values {
    let mut values: Values = mint.iter().map(|(name, mint)| (name.clone(), minted(*mint).into())).collect();
    if let Some(conversation) = conversation {
        let start = conversation.start.iter();
        values.extend(start.map(|(name, text)| (name.clone(), text.as_str().into())));
    }
    values.extend(kept.unwrap_or_default());
    values
}

fn minted(mint: Mint) -> String {
    const ALNUM: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let mut rng = rand::rng();
    match mint {
        Mint::Hex => format!("{:032x}", rng.random::<u128>()),
        Mint::Alnum => (0..12).map(|_| char::from(ALNUM[rng.random_range(0..ALNUM.len())])).collect(),
        Mint::Uuid => {
            let hex = format!("{:032x}", rng.random::<u128>());
            let variant = ['8', '9', 'a', 'b'][rng.random_range(0..4)];
            let (a, b, c, d, e) = (&hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..]);
            format!("{a}-{b}-4{c}-{variant}{d}-{e}")
        }
    }
}

/// Whether the body's own end can be told from a cut connection.
fn is_framed(response: &Response) -> bool {
    let chunked = response.headers().contains_key(reqwest::header::TRANSFER_ENCODING);
    chunked || response.content_length().is_some() || response.version() >= reqwest::Version::HTTP_2
}

/// Asks again and again; each answer becomes one line.
fn polled(
    first: Response,
    pause: Duration,
    caller: Caller,
    request: Request,
    words: Words,
    values: Values,
) -> Upstream {
    let state = (Some(first), caller, request, words, values);
    futures::stream::unfold(state, move |(first, caller, request, words, values)| async move {
        let response = match first {
            Some(response) => Ok(response),
            None => {
                tokio::time::sleep(pause).await;
                caller.send(&request, Some(&words), &values).await
            }
        };
        let line = match response {
            Ok(response) => call::line(response).await.ok_or(()),
            Err(_) => Err(()),
        };
        Some((line, (None, caller, request, words, values)))
    })
    .boxed()
}
