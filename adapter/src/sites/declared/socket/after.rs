//! What is done when an answer is over: it is stopped at the site, over its own socket, if it had not ended; then what
//! it left is removed, and the socket closed.

use std::{sync::Arc, time::Duration};

use latchkey_shared::{
    shutdown::Tasks,
    site::{
        Site,
        chat::socket::{Socket, step::Step},
    },
};
use tokio::{sync::oneshot, time::timeout};
use tracing::{Instrument, Span};

use super::{
    super::{decode::Known, upload::Uploads},
    line::Line,
    steps::{Phase, Steps},
};
use crate::{sites::Outside, stream::delta::Values};

/// For all steps together. The account may be free again meanwhile.
const LIMIT_TIME: Duration = Duration::from_secs(10);

/// Owned by the answer: whoever lets go of it stops the site.
pub(super) struct After {
    tasks: Tasks,
    site: Arc<Site>,
    socket: Arc<Socket>,
    back: Option<oneshot::Receiver<Line>>,
    /// What is known of the conversation beyond what the socket has been told.
    pub(super) values: Values,
    /// What was uploaded for the question.
    pub(super) uploads: Option<Uploads>,
    span: Span,
    ended: bool,
}

/// The socket, while the answer reads it. Dropped, it goes back to where the answer is stopped.
pub(super) struct Lent {
    line: Option<Line>,
    back: Option<oneshot::Sender<Line>>,
}

impl After {
    /// Lends the socket to an answer.
    pub(super) fn new(outside: &Outside, site: Arc<Site>, socket: Arc<Socket>, line: Line) -> (Self, Lent) {
        let (sender, receiver) = oneshot::channel();
        let (tasks, span, values) = (outside.tasks.clone(), outside.span.clone(), Values::new());
        let back = Some(receiver);
        let after = Self { tasks, site, socket, back, values, uploads: None, span, ended: false };
        (after, Lent { line: Some(line), back: Some(sender) })
    }

    /// The answer is over.
    pub(super) fn end(mut self, ended: bool, values: Values) {
        self.ended = ended;
        self.values.extend(values);
    }
}

impl Lent {
    pub(super) fn line(&mut self) -> &mut Line {
        self.line.as_mut().expect("the socket is lent until this is dropped")
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let (Some(line), Some(back)) = (self.line.take(), self.back.take()) {
            // Nobody waits for it when the process ends.
            back.send(line).ok();
        }
    }
}

impl Drop for After {
    fn drop(&mut self) {
        let Some(back) = self.back.take() else { return };
        let (site, socket, ended) = (Arc::clone(&self.site), Arc::clone(&self.socket), self.ended);
        let values = std::mem::take(&mut self.values);
        let mut uploads = self.uploads.take();
        let stopping = async move {
            let Ok(mut line) = back.await else { return };
            let values = line.values.clone().into_iter().chain(values).collect();
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

async fn take(site: &Arc<Site>, line: &mut Line, purpose: &str, steps: &[Step], values: &Values) {
    if steps.is_empty() {
        return;
    }
    let known = Known { values: values.clone(), goes_on: false };
    match Steps::new(Arc::clone(site), known, Phase::Over).take_each(line, steps).await {
        Ok(()) => tracing::debug!(site = %site.name, purpose, "the site confirmed that its answer is over"),
        Err(cause) => {
            tracing::info!(site = %site.name, purpose, %cause, "the site did not confirm that its answer is over");
        }
    }
}
