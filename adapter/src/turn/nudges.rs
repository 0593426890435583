//! How often a conversation was nudged lately in vain. The client's history does not tell: what a nudge brought looks like any
//! other answer. So the adapters count together, in Redis.

use std::time::Duration;

use latchkey_shared::store::AdapterStore;

use super::judge::WINDOW;
use crate::prompt::{CallMode, Prompt, emulation::ConversationEnd};

/// How long a conversation is remembered that nobody goes on with.
const TTL: Duration = Duration::from_secs(24 * 60 * 60);

/// How many of the last turns were nudged in vain. Where Redis does not say, none: a nudge too many costs one question.
pub(super) async fn recent(store: &AdapterStore, prompt: &Prompt) -> u32 {
    let Some(ConversationEnd { turn, conversation, .. }) = scene(prompt) else { return 0 };
    // The first turn follows no other.
    if *turn == 0 {
        return 0;
    }
    let from = turn.saturating_sub(WINDOW - 1);
    store.nudges(conversation, from, *turn).await.unwrap_or_else(|error| {
        tracing::warn!(%error, "cannot count the nudges of the conversation");
        0
    })
}

/// Notes that this turn was nudged in vain.
pub(super) async fn note(store: &AdapterStore, prompt: &Prompt) {
    let Some(ConversationEnd { turn, conversation, .. }) = scene(prompt) else { return };
    if let Err(error) = store.note_nudge(conversation, *turn, TTL).await {
        tracing::warn!(%error, "cannot note the nudge");
    }
}

fn scene(prompt: &Prompt) -> Option<&ConversationEnd> {
    match &prompt.calls {
        CallMode::Emulated(emulation) => Some(&emulation.end),
        CallMode::Untouched | CallMode::Native(_) => None,
    }
}
