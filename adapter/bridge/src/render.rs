//! What a text-only site is told: the conversation in plain roles, with tools, calls and results written out.
//!
//! History is written anew in the dialect of the request, whatever it looked like. Nothing is left out without a
//! note in the text itself.

use crate::dialect::Dialect;

pub mod choice;
mod content;
pub mod cut;
mod history;
mod leak;
pub mod offer;
mod prompt;
pub mod reask;
mod request;
mod script;
mod signature;

use choice::ToolChoice;
use history::HistoryEntry;
pub use prompt::{PromptMessage, PromptTooLong, RenderNote, RenderedPrompt, Role};
pub use request::{PromptBudget, RenderRequest};
use script::Transcript;

/// Writes the prompt.
///
/// # Errors
/// When it cannot be made to fit; the client can, by compaction.
pub fn render(
    request: &RenderRequest<'_>,
    dialect: &Dialect,
    budget: PromptBudget,
) -> Result<RenderedPrompt, PromptTooLong> {
    let mut notes = Vec::new();
    let entries: Vec<HistoryEntry> = history::read(request.messages, &mut notes);
    let entries = leak::mend(entries, request.catalog, dialect, &mut notes);
    let mut script = Transcript::write(&entries, request.catalog, dialect, &mut notes);
    let tier = match request.choice {
        ToolChoice::None => None,
        _ if request.catalog.tools().is_empty() => None,
        ToolChoice::Auto | ToolChoice::Required | ToolChoice::Named(_) => {
            let (offer, tier) =
                offer::write(request, dialect, &history::called(&entries), budget.tools_bytes);
            script.instruct(&offer);
            script.remind(&offer::reminder(request, dialect));
            Some(tier)
        }
    };
    cut::fit(&mut script, budget.prompt_bytes, dialect, &mut notes)?;
    Ok(RenderedPrompt { messages: script.into_messages(dialect), tier, notes })
}
