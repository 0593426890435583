//! The driver of sites that chat over a socket: `[chat.socketio]` and `[chat.websocket]`.
//!
//! Steps are taken until the site has been asked; then the socket's messages are read by the rules that every
//! declared answer is read by. A socket that closes before a rule tells the end has cut the answer off.

use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use latchkey_shared::{
    network::NetworkError,
    session::Session,
    site::{
        Site,
        chat::{request::RequestTemplate, socket::SocketChat, text::VariableName, upload::UPLOADS},
    },
};
use tokio::time::{Instant, timeout_at};
use tracing::{Instrument, Span};

use super::{
    DeclaredRequest, beginning, call::SiteClient, decode::DeclaredDecoder, reader::ConversationState,
    upload::Uploads,
};
use crate::{
    sites::{DriverContext, http, trace::EventBoundary},
    stream::{ByteStream, DecodePipeline, DeltaStream, deferred::DeferredFault, fault::Fault},
};

mod cleanup;
mod connection;
mod open;
pub(super) mod packet;
mod steps;

use cleanup::{SocketCleanup, SocketLease};
use steps::{StepPhase, StepRunner};

/// What it is when the deadline passes without the message that a step waits for.
fn no_message(site: &Site, phase: StepPhase) -> Fault {
    NetworkError::timeout("message").log(&site.name, http::CHAT);
    if phase == StepPhase::Before { Fault::ConnectTimeout } else { Fault::ResponseTimeout }
}

/// Asks the site and waits for the beginning of its answer.
///
/// # Errors
/// Whatever keeps the answer from beginning.
pub(in crate::sites) async fn open(
    context: &DriverContext,
    site: &Arc<Site>,
    socket: &SocketChat,
    session: &Arc<Session>,
    asked: DeclaredRequest,
) -> Result<DeltaStream, Fault> {
    let DeclaredRequest { variables: words, minted, kept } = asked;
    let started = Instant::now();
    let deadline = started + site.limits.first_token.min(site.limits.turn);
    let goes_on = kept.is_some();
    let mut known =
        ConversationState { captures: beginning(&socket.mint, socket.conversation.as_ref(), kept), goes_on };
    let caller = |client: &reqwest::Client| SiteClient {
        client: client.clone(),
        site: Arc::clone(site),
        session: Arc::clone(session),
        tracer: context.tracer.clone(),
    };
    // First what is asked over HTTP, then the steps on the socket, with files in the middle of them: a site may say only
    // there where they go. The phase tells whether the prompt got there, and so whether the site may be asked again.
    let requests = caller(context.clients.requests());
    let mut uploads = None;
    for request in &socket.requests {
        if request.once && request.take.keys().all(|name| known.captures.contains_key(name)) {
            continue;
        }
        let names = |name: &VariableName| request.names(name);
        let made = Uploads::before(names, context, &requests, &words, &mut known.captures, deadline).await?;
        uploads = uploads.or(made);
        let taking = requests.take(request, Some(&words), &known.captures);
        let taken = http::by(deadline, &site.name, http::CHAT, Fault::ResponseTimeout, taking).await??;
        known.captures.extend(taken);
    }
    let opener = caller(context.clients.sockets());
    let opening = open::line(&opener, socket, words.clone(), &known.captures);
    let line = http::by(deadline, &site.name, http::CHAT, Fault::ConnectTimeout, opening).await??;
    // From here on, whoever lets go of the answer stops the site, over this very socket.
    let (mut after, mut lent) = SocketCleanup::new(context, Arc::clone(site), Arc::new(socket.clone()), line);
    after.uploads = uploads;
    let told = socket.requests.iter().any(RequestTemplate::tells_the_prompt);
    let mut steps =
        StepRunner::new(Arc::clone(site), known, if told { StepPhase::Asked } else { StepPhase::Before });
    let taken = timeout_at(deadline, async {
        let named = VariableName::Value(UPLOADS.to_owned());
        let first = socket.steps.iter().position(|step| step.names(&named));
        let (before, rest) = socket.steps.split_at(first.unwrap_or(socket.steps.len()));
        steps.take_all(lent.line(), before).await?;
        let mut values = steps.known().captures.clone();
        let uploading =
            Uploads::before(|_| first.is_some(), context, &requests, &words, &mut values, deadline);
        let made = steps.meanwhile(lent.line(), uploading).await?;
        after.uploads = after.uploads.take().or(made);
        steps.learn(values);
        steps.take_each(lent.line(), rest).await
    })
    .await;
    let (known, early, phase) = steps.into_parts();
    after.captures.clone_from(&known.captures);
    taken.map_err(|_| no_message(site, phase))??;
    let decoder = DeclaredDecoder::new(Arc::clone(site), known, false);
    // Each message comes whole.
    let stages = DecodePipeline::new(context.tracer.over(Box::new(decoder), EventBoundary::Nowhere), minted);
    let farewell = Box::new(move |ended, values| after.end(ended, values));
    let mut deltas =
        DeltaStream::new(stages, messages(early, lent, context.span.clone()), site.limits, started)
            .with_farewell(farewell);
    deltas.begin().await?;
    Ok(deltas)
}

/// The messages that came early, and those that are still to come.
fn messages(early: Vec<Bytes>, lease: SocketLease, span: Span) -> ByteStream {
    let later = futures::stream::unfold(lease, move |mut lent| {
        let next = async move {
            match lent.line().receive().await {
                Ok(Some(message)) => Some((Ok(connection::bytes(message)), lent)),
                Ok(None) => None,
                Err(_) => Some((Err(DeferredFault::told()), lent)),
            }
        };
        next.instrument(span.clone())
    });
    futures::stream::iter(early.into_iter().map(Ok)).chain(later).boxed()
}
