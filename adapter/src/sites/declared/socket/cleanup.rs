//! What is done when an answer is over: it is stopped at the site, over its own socket, if it had not ended; then what
//! it left is removed, and the socket closed.

use std::{sync::Arc, time::Duration};

use latchkey_shared::{
    shutdown::Tasks,
    site::{
        Site,
        chat::socket::{SocketChat, step::SocketStep},
    },
};
use tokio::{sync::oneshot, time::timeout};
use tracing::{Instrument, Span};

use super::{
    super::{reader::ConversationState, upload::Uploads},
    connection::OpenSocket,
    steps::{StepPhase, StepRunner},
};
use crate::{sites::DriverContext, stream::delta::Captures};

/// For all steps together. The account may be free again meanwhile.
const LIMIT_TIME: Duration = Duration::from_secs(10);

/// Owned by the answer: whoever lets go of it stops the site.
pub(super) struct SocketCleanup {
    tasks: Tasks,
    site: Arc<Site>,
    socket: Arc<SocketChat>,
    back: Option<oneshot::Receiver<OpenSocket>>,
    /// What is known of the conversation beyond what the socket has been told.
    pub(super) captures: Captures,
    /// What was uploaded for the question.
    pub(super) uploads: Option<Uploads>,
    span: Span,
    ended: bool,
}

/// The socket, while the answer reads it. Dropped, it goes back to where the answer is stopped.
pub(super) struct SocketLease {
    connection: Option<OpenSocket>,
    back: Option<oneshot::Sender<OpenSocket>>,
}

impl SocketCleanup {
    /// Lends the socket to an answer.
    pub(super) fn new(
        context: &DriverContext,
        site: Arc<Site>,
        socket: Arc<SocketChat>,
        connection: OpenSocket,
    ) -> (Self, SocketLease) {
        let (sender, receiver) = oneshot::channel();
        let tasks = context.tasks.clone();
        let span = context.span.clone();
        let values = Captures::new();
        let back = Some(receiver);
        let after = Self { tasks, site, socket, back, captures: values, uploads: None, span, ended: false };
        (after, SocketLease { connection: Some(connection), back: Some(sender) })
    }

    /// The answer is over.
    pub(super) fn end(mut self, ended: bool, captures: Captures) {
        self.ended = ended;
        self.captures.extend(captures);
    }
}

impl SocketLease {
    pub(super) fn line(&mut self) -> &mut OpenSocket {
        self.connection.as_mut().expect("the socket is lent until this is dropped")
    }
}

impl Drop for SocketLease {
    fn drop(&mut self) {
        if let (Some(line), Some(back)) = (self.connection.take(), self.back.take()) {
            // Nobody waits for it when the process ends.
            back.send(line).ok();
        }
    }
}

impl Drop for SocketCleanup {
    fn drop(&mut self) {
        let Some(back) = self.back.take() else { return };
        let site = Arc::clone(&self.site);
        let socket = Arc::clone(&self.socket);
        let ended = self.ended;
        let values = std::mem::take(&mut self.captures);
        let mut uploads = self.uploads.take();
        let stopping = async move {
            let Ok(mut line) = back.await else { return };
            let values = line.captures.clone().into_iter().chain(values).collect();
            let goes_on = ended && socket.conversation.is_some();
            if goes_on {
                uploads.iter_mut().for_each(Uploads::keep);
            }
            let cancel = if ended { &[][..] } else { &socket.cancel };
            let cleanup = if goes_on { &[][..] } else { &socket.cleanup };
            let all = async {
                take(&site, &mut line, "stop", cancel, &values).await;
                take(&site, &mut line, "clean up", cleanup, &values).await;
                line.close().await;
            };
            if timeout(LIMIT_TIME, all).await.is_err() {
                tracing::warn!(site = %site.name, "the site did not confirm in time that its answer is over");
            }
        };
        self.tasks.spawn(stopping.instrument(self.span.clone()));
    }
}

async fn take(
    site: &Arc<Site>,
    connection: &mut OpenSocket,
    purpose: &str,
    steps: &[SocketStep],
    captures: &Captures,
) {
    if steps.is_empty() {
        return;
    }
    let known = ConversationState { captures: captures.clone(), goes_on: false };
    match StepRunner::new(Arc::clone(site), known, StepPhase::Over).take_each(connection, steps).await {
        Ok(()) => tracing::debug!(site = %site.name, purpose, "the site confirmed that its answer is over"),
        Err(cause) => {
            tracing::info!(site = %site.name, purpose, %cause, "the site did not confirm that its answer is over");
        }
    }
}
