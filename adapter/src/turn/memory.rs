//! Goes on with a conversation that the site itself keeps, and notes it for the next turn.

use std::{sync::Arc, time::Duration};

use latchkey_shared::{
    site::Site,
    store::{AdapterStore, StoredConversation},
    vault::SessionVault,
};

use super::{TurnContext, TurnError};
use crate::{
    capability,
    conversation::ConversationDigests,
    openai::request::ChatRequest,
    pool::{OpenAnswer, PoolError},
    prompt::{CallMode, Prompt},
    scope::AccountScope,
    stream::{collect::CollectedAnswer, delta::Delta},
};

/// What was said in a conversation that its site keeps.
pub(super) struct ConversationMemory {
    store: AdapterStore,
    vault: SessionVault,
    digests: ConversationDigests,
    /// `None` when it was too much.
    said: Option<CollectedAnswer>,
}

impl ConversationMemory {
    /// For a site that keeps conversations.
    pub(super) fn of(
        context: &TurnContext,
        site: &Site,
        scope: &AccountScope,
        model: &str,
        request: &ChatRequest,
    ) -> Option<Self> {
        capability::remembers(site)?;
        let thread = ConversationDigests::read(site, scope, model, request);
        let TurnContext { store, vault, .. } = context;
        let said = Some(CollectedAnswer::default());
        Some(Self { store: store.clone(), vault: vault.clone(), digests: thread, said })
    }

    /// The same, for what the site is asked: it was told once how calls are written, nonce and all.
    pub(super) fn with(self, prompt: &Prompt) -> Self {
        let CallMode::Emulated(emulation) = &prompt.calls else { return self };
        let dialect = &emulation.dialect;
        let form = format!("{} {}", dialect.form.as_str(), dialect.nonce);
        Self { digests: self.digests.written(form), ..self }
    }

    /// Takes what the client is told.
    pub(super) fn push(&mut self, delta: &Delta) {
        if self.said.as_mut().is_some_and(|said| said.push(delta.clone()).is_err()) {
            self.said = None;
        }
    }

    /// Notes where the conversation is. If that fails, all of it is told anew next time.
    pub(super) async fn keep(&self, conversation: Option<(StoredConversation, Duration)>) {
        let (Some(said), Some((conversation, ttl))) = (&self.said, conversation) else { return };
        let digest = self.digests.after(said);
        let record = serde_json::to_vec(&conversation).expect("texts and JSON always serialize");
        let sealed = self.vault.seal_conversation(&record, &digest);
        if let Err(error) = self.store.keep_conversation(&digest, &sealed, ttl).await {
            tracing::warn!(account.id = %conversation.account, %error, "cannot note the conversation");
        }
    }
}

/// Goes on with the request's conversation, if the site has it.
///
/// # Errors
/// When the site may have taken the prompt, but gives no answer.
pub(super) async fn go_on(
    context: &TurnContext,
    site: &Arc<Site>,
    scope: &AccountScope,
    prompt: &Prompt,
    memory: Option<&ConversationMemory>,
) -> Result<Option<OpenAnswer>, TurnError> {
    let Some(before) = memory.and_then(|memory| memory.digests.before.as_deref()) else { return Ok(None) };
    let sealed = match context.store.take_conversation(before).await {
        Ok(Some(sealed)) => sealed,
        Ok(None) => return Ok(None),
        Err(error) => {
            tracing::warn!(%error, "cannot look for the conversation, all of it is told anew");
            return Ok(None);
        }
    };
    let opened = context.vault.open_conversation(&sealed, before);
    let Some(conversation) = opened.ok().and_then(|record| serde_json::from_slice(&record).ok()) else {
        tracing::warn!("cannot open the conversation, all of it is told anew");
        return Ok(None);
    };
    let held = context.pool.go_on(site, scope, prompt, conversation).await.map_err(PoolError::Fault)?;
    tracing::debug!(site = %site.name, goes_on = held.is_some(), "the site knows the conversation");
    Ok(held)
}
