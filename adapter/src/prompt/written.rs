//! The prompt for a site that knows no tools: tools and history written out, and what is needed to read the answer.

use std::sync::Arc;

use latchkey_bridge::{
    catalog::{Catalog, is_heavy},
    dialect::{Dialect, Nonce},
    render::{self, PromptTooLong, RenderNote, choice::ToolChoice},
    sieve::quoted::QuotedTexts,
};
use latchkey_shared::site::Site;
use serde_json::{Value, value::RawValue};
use sha2::{Digest as _, Sha256};

use super::{
    asked::{CallMode, Prompt},
    emulation::{ConversationEnd, Emulation},
    error::PromptError,
    file::PromptFile,
    length::{self, PromptLength},
    parts::{self, OtherParts},
    wanted,
};
use crate::{
    anthropic::converted::without_billing,
    capability, config,
    conversation::{add, digest},
    openai::{
        message::Message,
        request::{ChatRequest, InvalidRequest},
    },
};

/// Fields of a request that the prompt says in words.
const FIELDS: [&str; 2] = ["tool_choice", "parallel_tool_calls"];

/// Makes the prompt. Without tools, now or before, it is the client's own.
///
/// # Errors
/// When it is too long.
pub(super) fn prompt(
    request: ChatRequest,
    site: &Site,
    model: String,
    minted: String,
    settings: &config::ToolCallConfig,
    end_mark: bool,
) -> Result<Prompt, PromptError> {
    let plain = request.tools.is_empty() && !request.messages.iter().any(Message::tells_of_calls);
    let others = if plain { OtherParts::of(site) } else { OtherParts::LeftOut };
    let (request, files) = parts::apart(request, site, others)?;
    let wanted = if plain && !wanted::writes(&request, site)? { None } else { wanted::of(&request)? };
    let ChatRequest { messages, tools, only, stream, mut rest, session, client, effort, .. } = request;
    if plain && wanted.is_none() {
        length::check(site, &messages, &tools).map_err(PromptError::TooLong)?;
        let messages = messages.into_iter().map(Message::unparsed).collect();
        let calls = CallMode::Untouched;
        return Ok(Prompt { model, messages, files, tools, effort, rest, minted, calls });
    }
    let field = |name: &str| rest.get(name).map(|raw| value(raw));
    let mut budget = capability::budget(site);
    let mut catalog = catalog(&tools)?;
    if let Some(only) = &only {
        catalog.retain(&only.iter().map(String::as_str).collect());
    }
    let mut emulation = Emulation {
        prompt_bytes: budget.prompt_bytes,
        catalog: Arc::new(catalog),
        dialect: dialect(site, &messages, client, &settings.nonce_key),
        shown: if plain { None } else { shown(site, &model, &messages, &files) },
        choice: ToolChoice::parse(field("tool_choice").as_ref()),
        parallel: field("parallel_tool_calls") != Some(Value::Bool(false)),
        restricted: only.is_some(),
        told: told(&messages),
        end_mark: end_mark
            && wanted.is_none()
            && settings.judge != config::JudgeMode::Off
            && site.chat.asks_for_end_mark(&model),
        wanted,
        streamed: stream,
        end: ConversationEnd::of(&messages),
    };
    emulation.end_mark &= emulation.offers_tools() && !emulation.requires_call();
    emulation.end.conversation = conversation(site, &model, session.as_deref(), &messages);
    let written = emulation.wanted.is_some().then_some(wanted::FIELD);
    rest.retain(|name, _| !FIELDS.contains(&name.as_str()) && Some(name.as_str()) != written);
    let words = emulation.wanted.as_ref().map(|wanted| wanted.words(emulation.offers_tools()));
    budget.prompt_bytes = budget.prompt_bytes.saturating_sub(words.as_ref().map_or(0, String::len));
    let mut rendered =
        emulation.render(&messages, budget).map_err(|PromptTooLong { bytes, limit_bytes }| {
            PromptError::TooLong(PromptLength::of_bytes(&messages, bytes, limit_bytes))
        })?;
    if !emulation.offers_tools() {
        // Nothing in the answer is a call.
        emulation.catalog = Arc::default();
        emulation.shown = None;
    }
    emulation.end.repeats = rendered.notes.contains(&RenderNote::Repeated);
    tracing::debug!(tier = rendered.tier.map(render::offer::DetailLevel::as_str), notes = ?rendered.notes, "tools are written out");
    if let Some(words) = words {
        rendered.remind(&words);
    }
    let messages =
        rendered.messages.iter().map(|said| Message::text_of(said.role.as_str(), &said.text)).collect();
    let calls = match emulation.offers_tools() || emulation.wanted.is_some() {
        true => CallMode::Emulated(Arc::new(emulation)),
        false => CallMode::Untouched,
    };
    Ok(Prompt { model, messages, files, tools: Vec::new(), effort, rest, minted, calls })
}

/// What the client and the person said.
fn told(messages: &[Message]) -> Vec<String> {
    let said = messages.iter().filter(|message| message.role() == "user" || message.is_system());
    said.map(Message::text).collect()
}

/// The tools as declared.
///
/// # Errors
/// When they are more than is taken.
pub(super) fn catalog(tools: &[Box<RawValue>]) -> Result<Catalog, InvalidRequest> {
    let json = || tools.iter().map(|tool| tool.get());
    let catalog = Catalog::read(json()).map_err(|error| InvalidRequest(error.to_string()))?;
    if is_heavy(json()) {
        catalog.compile();
    }
    Ok(catalog)
}

/// The nonce holds for a conversation, which is known by its first words and by the system prompt: they stay when it
/// grows. Its key is the client's own secret, so that no other client can know it.
fn dialect(site: &Site, messages: &[Message], client: Option<[u8; 32]>, key: &config::NonceKey) -> Dialect {
    let first =
        messages.iter().find(|message| message.role() == "user").map(Message::text).unwrap_or_default();
    let system = messages.iter().find(|message| message.is_system()).map(Message::text).unwrap_or_default();
    let mut begun = Sha256::new();
    for part in [key.deployment.as_str(), &steady(&system), &first] {
        add(&mut begun, part);
    }
    let nonce = Nonce::derive(&client.unwrap_or(key.secret), &digest(begun));
    Dialect { form: capability::form(site), nonce }
}

/// A system prompt without what changes by itself: a billing header, and lines with dates, times or versions.
fn steady(system: &str) -> String {
    let lines = without_billing(system).lines();
    lines.filter(|line| !line.contains(|c: char| c.is_ascii_digit())).collect::<Vec<_>>().join("\n")
}

/// The results, files and words of the person that the model is shown.
fn shown(site: &Site, model: &str, messages: &[Message], files: &[PromptFile]) -> Option<Arc<QuotedTexts>> {
    if !site.chat.reads_foreign_calls(model) {
        return None;
    }
    let said = messages.iter().filter(|message| message.role() == "user" || message.is_result());
    let said = said.map(Message::text);
    let files = files.iter().map(|file| String::from_utf8_lossy(&file.content).into_owned());
    let texts: Vec<String> = said.chain(files).collect();
    Some(Arc::new(QuotedTexts::new(texts.iter().map(String::as_str))))
}

/// A digest of what a conversation is known by when it grows: its site, model and session, and its first words.
fn conversation(site: &Site, model: &str, session: Option<&str>, messages: &[Message]) -> String {
    let first =
        messages.iter().find(|message| message.role() == "user").map(Message::text).unwrap_or_default();
    let mut all = Sha256::new();
    for part in [site.name.as_str(), model, session.unwrap_or_default(), &first] {
        add(&mut all, part);
    }
    digest(all)
}

/// Raw JSON as a value; it was parsed once already.
fn value(raw: &RawValue) -> Value {
    serde_json::from_str(raw.get()).unwrap_or_default()
}
