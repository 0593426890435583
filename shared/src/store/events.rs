//! What changes, as it changes. Pub/sub is lossy: whoever listens also polls, and starts anew on [`StoreEvent::Reconnected`].

use std::time::Duration;

use deadpool_redis::redis::{
    self,
    aio::{PubSubSink, PubSubStream},
};
use futures::StreamExt;
use tokio::time::timeout;

use super::{BrokerStore, Store, StoreError};
use crate::{account::State, id::AccountId, keys};

/// Something happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreEvent {
    /// An account changed: it has a new session, another state, or is gone (then it is `Disabled`).
    Account {
        /// The account.
        id: AccountId,
        /// Generation of its session.
        generation: u64,
        /// Where it stands; `None` in a word of a newer release.
        state: Option<State>,
    },
    /// The line was down and is up again: whatever happened meanwhile was missed.
    Reconnected,
}

/// The events of one listener.
pub struct EventStream {
    store: Store,
    line: Option<(PubSubSink, PubSubStream)>,
}

/// A silent line is asked whether it is one: a server that froze or was cut off says nothing either.
const SILENCE: Duration = Duration::from_secs(2);

impl Store {
    /// Listens from now on. The first event is [`StoreEvent::Reconnected`], once the line is up.
    #[must_use]
    pub fn events(&self) -> EventStream {
        EventStream { store: self.clone(), line: None }
    }

    pub(super) async fn subscribe(&self) -> Result<(PubSubSink, PubSubStream), StoreError> {
        let open = async {
            let mut subscription = self.connections.reach().listen().await?;
            subscription.subscribe(keys::EVENTS).await?;
            Ok(subscription.split())
        };
        let late = |_| StoreError::Unavailable("no answer to SUBSCRIBE".to_owned());
        timeout(self.timeout, open).await.map_err(late)?
    }
}

impl BrokerStore {
    pub(super) async fn announce(
        &self,
        id: AccountId,
        generation: u64,
        state: State,
    ) -> Result<(), StoreError> {
        let message = format!("{id} {generation} {state}");
        self.command(redis::cmd("PUBLISH").arg(keys::EVENTS).arg(message)).await
    }
}

impl EventStream {
    /// Waits for the next event; reconnects by itself, for ever. Cancel-safe.
    pub async fn next(&mut self) -> StoreEvent {
        loop {
            let Some((asking, messages)) = &mut self.line else {
                self.reconnect().await;
                return StoreEvent::Reconnected;
            };
            match timeout(SILENCE, messages.next()).await {
                Ok(Some(message)) => {
                    if let Some(event) = parse(&String::from_utf8_lossy(message.get_payload_bytes())) {
                        return event;
                    }
                }
                Ok(None) => self.line = None,
                Err(_) => match timeout(self.store.timeout, asking.ping::<redis::Value>()).await {
                    Ok(Ok(_)) => {}
                    Ok(Err(_)) | Err(_) => {
                        // Whoever is silent here is silent to calls as well: the next one shall not have to find out.
                        self.store.connections.forget_all();
                        self.line = None;
                    }
                },
            }
        }
    }

    async fn reconnect(&mut self) {
        let mut pause = Duration::from_millis(50);
        loop {
            match self.store.subscribe().await {
                Ok(line) => {
                    self.line = Some(line);
                    return;
                }
                Err(error) => tracing::debug!(error = %error, "cannot listen for events, trying again"),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(5));
        }
    }
}

/// What counts is whose account it is: whoever hears of it reads it anew, whatever else a newer release says.
fn parse(message: &str) -> Option<StoreEvent> {
    let mut words = message.split(' ');
    Some(StoreEvent::Account {
        id: words.next()?.parse().ok()?,
        generation: words.next().and_then(|word| word.parse().ok()).unwrap_or_default(),
        state: words.next().and_then(|word| word.parse().ok()),
    })
}
