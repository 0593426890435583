//! Goes on with a conversation that the site itself keeps, and notes it for the next turn.

use std::{sync::Arc, time::Duration};

use latchkey_shared::{
    site::Site,
    store::{Conversation, Store},
};

use super::TurnError;
use crate::{
    conversation::Thread,
    openai::request::ChatRequest,
    pool::{Held, PoolError},
    prompt::{Calls, Prompt},
    scope::Scope,
    sites,
    state::AppState,
    stream::{collect::Collected, delta::Delta},
};

/// What was said in a conversation that its site keeps.
#[derive(Debug)]
pub(super) struct Memory {
    store: Store,
    thread: Thread,
    /// `None` when it was too much.
    said: Option<Collected>,
}

impl Memory {
    /// For a site that keeps conversations.
    pub(super) fn of(
        app: &AppState,
        site: &Site,
        scope: &Scope,
        model: &str,
        request: &ChatRequest,
    ) -> Option<Self> {
        sites::remembers(site)?;
        let thread = Thread::read(site, scope, model, request);
        Some(Self { store: app.store.clone(), thread, said: Some(Collected::default()) })
    }

    /// The same, for what the site is asked: it was told once how calls are written, nonce and all.
    pub(super) fn with(self, prompt: &Prompt) -> Self {
        let Calls::Emulated(emulation) = &prompt.calls else { return self };
        let dialect = &emulation.dialect;
        let form = format!("{} {}", dialect.form.as_str(), dialect.nonce);
        Self { thread: self.thread.written(form), ..self }
    }

    /// Takes what the client is told.
    pub(super) fn push(&mut self, delta: &Delta) {
        if self.said.as_mut().is_some_and(|said| said.push(delta.clone()).is_err()) {
            self.said = None;
        }
    }

    /// Notes where the conversation is. If that fails, all of it is told anew next time.
    pub(super) async fn keep(&self, conversation: Option<(Conversation, Duration)>) {
        let (Some(said), Some((conversation, ttl))) = (&self.said, conversation) else { return };
        let digest = self.thread.after(said);
        if let Err(error) = self.store.keep_conversation(&digest, &conversation, ttl).await {
            tracing::warn!(account.id = %conversation.account, %error, "cannot note the conversation");
        }
    }
}

/// Goes on with the request's conversation, if the site has it.
///
/// # Errors
/// When the site may have taken the prompt, but gives no answer.
pub(super) async fn go_on(
    app: &AppState,
    site: &Arc<Site>,
    scope: &Scope,
    prompt: &Prompt,
    memory: Option<&Memory>,
) -> Result<Option<Held>, TurnError> {
    let Some(before) = memory.and_then(|memory| memory.thread.before.as_deref()) else { return Ok(None) };
    let conversation = match app.store.take_conversation(before).await {
        Ok(Some(conversation)) => conversation,
        Ok(None) => return Ok(None),
        Err(error) => {
            tracing::warn!(%error, "cannot look for the conversation, all of it is told anew");
            return Ok(None);
        }
    };
    let held = app.pool.go_on(site, scope, prompt, conversation).await.map_err(PoolError::Fault)?;
    tracing::debug!(site = %site.name, goes_on = held.is_some(), "the site knows the conversation");
    Ok(held)
}
