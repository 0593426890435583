//! The driver of sites that chat over a socket: `[chat.socketio]` and `[chat.websocket]`.
//!
//! Steps are taken until the site has been asked; then the socket's messages are read by the rules that every
//! declared answer is read by. A socket that closes before a rule tells the end has cut the answer off.

use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use latchkey_shared::{
    network::Broken,
    session::Session,
    site::{
        Site,
        chat::{request::Request, socket::Socket, text::Name, upload::UPLOADS},
    },
};
use tokio::time::{Instant, timeout_at};
use tracing::{Instrument, Span};

use super::{
    Asked, beginning,
    call::Caller,
    decode::{Decoder, Known},
    upload::Uploads,
};
use crate::{
    sites::{Outside, http, watch::Cut},
    stream::{Deltas, Stages, Upstream, cutoff::Cutoff, fault::Fault},
};

mod after;
mod line;
mod open;
pub(super) mod packet;
mod steps;

use after::{After, Lent};
use steps::{Phase, Steps};

/// Asks the site and waits for the beginning of its answer.
///
/// # Errors
/// Whatever keeps the answer from beginning.
pub(in crate::sites) async fn open(
    outside: &Outside,
    site: &Arc<Site>,
    socket: &Socket,
    session: &Arc<Session>,
    asked: Asked,
) -> Result<Deltas, Fault> {
    let Asked { words, minted, kept } = asked;
    let started = Instant::now();
    let deadline = started + site.limits.first_token.min(site.limits.turn);
    let goes_on = kept.is_some();
    let mut known = Known { values: beginning(&socket.mint, socket.conversation.as_ref(), kept), goes_on };
    let caller = |client: &reqwest::Client| Caller {
        client: client.clone(),
        site: Arc::clone(site),
        session: Arc::clone(session),
        watch: outside.watch.clone(),
    };
    let requests = caller(outside.clients.requests());
    let mut uploads = None;
    for request in &socket.requests {
        if request.once && request.take.keys().all(|name| known.values.contains_key(name)) {
            continue;
        }
        let names = |name: &Name| request.names(name);
        let made = Uploads::before(names, outside, &requests, &words, &mut known.values, deadline).await?;
        uploads = uploads.or(made);
        let taking = requests.take(request, Some(&words), &known.values);
        let taken = http::by(deadline, &site.name, http::CHAT, Fault::Silent, taking).await??;
        known.values.extend(taken);
    }
    let opener = caller(outside.clients.sockets());
    let opening = open::line(&opener, socket, words.clone(), &known.values);
    let line = http::by(deadline, &site.name, http::CHAT, Fault::NotAccepted, opening).await??;
    // From here on, whoever lets go of the answer stops the site, over this very socket.
    let (mut after, mut lent) = After::new(outside, Arc::clone(site), Arc::new(socket.clone()), line);
    after.uploads = uploads;
    let told = socket.requests.iter().any(Request::tells_the_prompt);
    let mut steps = Steps::new(Arc::clone(site), known, if told { Phase::Asked } else { Phase::Before });
    let taken = timeout_at(deadline, async {
        let named = Name::Value(UPLOADS.to_owned());
        let first = socket.steps.iter().position(|step| step.names(&named));
        let (before, rest) = socket.steps.split_at(first.unwrap_or(socket.steps.len()));
        steps.take_all(lent.line(), before).await?;
        let mut values = steps.known().values.clone();
        let uploading =
            Uploads::before(|_| first.is_some(), outside, &requests, &words, &mut values, deadline);
        let made = steps.meanwhile(lent.line(), uploading).await?;
        after.uploads = after.uploads.take().or(made);
        steps.learn(values);
        steps.take_each(lent.line(), rest).await
    })
    .await;
    let (known, early, phase) = steps.into_parts();
    after.values.clone_from(&known.values);
    taken.map_err(|_| {
        Broken::timeout("message").log(&site.name, http::CHAT);
        if phase == Phase::Before { Fault::NotAccepted } else { Fault::Silent }
    })??;
    let decoder = Decoder::new(Arc::clone(site), known, false);
    // Each message comes whole.
    let stages = Stages::new(outside.watch.over(Box::new(decoder), Cut::Nowhere), minted);
    let farewell = Box::new(move |ended, values| after.end(ended, values));
    let mut deltas = Deltas::new(stages, messages(early, lent, outside.span.clone()), site.limits, started)
        .with_farewell(farewell);
    deltas.begin().await?;
    Ok(deltas)
}

/// The messages that came early, and those that are still to come.
fn messages(early: Vec<Bytes>, lent: Lent, span: Span) -> Upstream {
    let later = futures::stream::unfold(lent, move |mut lent| {
        let next = async move {
            match lent.line().receive().await {
                Ok(Some(message)) => Some((Ok(line::bytes(message)), lent)),
                Ok(None) => None,
                Err(_) => Some((Err(Cutoff::told()), lent)),
            }
        };
        next.instrument(span.clone())
    });
    futures::stream::iter(early.into_iter().map(Ok)).chain(later).boxed()
}
