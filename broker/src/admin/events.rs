//! An operation as server-sent events: one `step` for each thing it does, and `end` with the whole operation.
//!
//! Event ids count from 1, so a client that comes back with `Last-Event-ID` goes on where it was.

use std::convert::Infallible;

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures::{Stream, stream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{auth::AdminAuth, found, problem::Problem};
use crate::{operations::OperationRecord, state::App};

pub(super) async fn follow(
    _: AdminAuth,
    found::OperationAtPath(operation): found::OperationAtPath,
    State(app): State<App>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let seen = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok()).unwrap_or(0);
    let reader = EventReader::new(operation.subscribe(), seen, app.tasks.stopping());
    // To a browser's EventSource, only 204 means that there is nothing to come back for.
    if reader.is_at_end() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    Ok(Sse::new(reader.events()).keep_alive(KeepAlive::default()).into_response())
}

struct EventReader {
    record: watch::Receiver<OperationRecord>,
    seen: usize,
    stopping: CancellationToken,
}

impl EventReader {
    /// Goes on after the events that the client says it has seen; it cannot have seen more than there are.
    fn new(record: watch::Receiver<OperationRecord>, seen: usize, stopping: CancellationToken) -> Self {
        let happened = {
            let record = record.borrow();
            record.stages.len() + usize::from(record.outcome.is_some())
        };
        Self { record, seen: seen.min(happened), stopping }
    }

    fn is_at_end(&self) -> bool {
        let record = self.record.borrow();
        record.outcome.is_some() && record.stages.len() < self.seen
    }

    fn events(self) -> impl Stream<Item = Result<Event, Infallible>> {
        stream::unfold(self, async |mut reader| {
            let event = reader.next().await?;
            Some((Ok(event), reader))
        })
    }

    /// The next event; `None` after the last, or when the broker stops.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if self.is_at_end() {
                return None;
            }
            if let Some(event) = self.ready() {
                self.seen += 1;
                return Some(event);
            }
            tokio::select! {
                changed = self.record.changed() => changed.ok()?,
                () = self.stopping.cancelled() => return None,
            }
        }
    }

    /// The event after those seen, if it has happened.
    fn ready(&mut self) -> Option<Event> {
        let record = self.record.borrow_and_update();
        let id = (self.seen + 1).to_string();
        match record.step(self.seen) {
            Some(step) => Some(event("step", &id, &step)),
            None if record.outcome.is_some() => Some(event("end", &id, &record.view())),
            None => None,
        }
    }
}

fn event(name: &str, id: &str, data: &impl serde::Serialize) -> Event {
    let event = Event::default().event(name).id(id);
    event.json_data(data).unwrap_or_else(|_| Event::default().comment("unreadable"))
}

#[cfg(test)]
mod tests {
    use latchkey_shared::id::AccountId;

    use super::*;
    use crate::{
        login::Trigger,
        operations::{OperationId, OperationOutcome},
    };

    #[tokio::test]
    async fn a_reader_that_claims_to_have_seen_more_than_there_is_gets_what_comes() {
        let record =
            watch::Sender::new(OperationRecord::new(OperationId::new(), AccountId::new(), Trigger::Operator));
        let mut reader = EventReader::new(record.subscribe(), usize::MAX, CancellationToken::new());

        record.send_modify(|record| record.end(OperationOutcome::stopped("why")));

        assert!(reader.next().await.is_some());
        assert!(reader.next().await.is_none());
    }
}
