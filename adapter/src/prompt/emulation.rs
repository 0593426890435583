//! The prompt for a site that knows no tools: tools and history written out, and what is needed to read the answer.

use std::{collections::BTreeSet, sync::Arc};

use latchkey_bridge::{
    catalog::Catalog,
    dialect::{Dialect, Nonce},
    render::{
        self, PromptBudget, PromptTooLong, RenderNote, RenderRequest, RenderedPrompt, choice::ToolChoice,
    },
    sieve::quoted::QuotedTexts,
};
use latchkey_shared::site::Site;
use serde_json::{Value, value::RawValue};
use sha2::{Digest as _, Sha256};

use super::{
    CallMode, Prompt, PromptFile, message,
    parts::{self, OtherParts},
    wanted::{self, WantedFormat},
};
use crate::{
    anthropic::converted::without_billing,
    config,
    conversation::{add, digest},
    openai::request::{ChatRequest, InvalidRequest},
    sites,
};

/// How clients tell the model that the person refused a call: OpenCode, then Claude Code (2026-11).
const REFUSALS: [&str; 2] = ["rejected permission to use", "doesn't want to proceed with this tool use"];

/// How to read the answer, and what its judge needs to know of the request.
#[derive(Debug)]
pub(crate) struct Emulation {
    /// The tools.
    pub catalog: Arc<Catalog>,
    /// How calls are written.
    pub dialect: Dialect,
    /// Which may, or must, be called.
    pub choice: ToolChoice,
    /// Whether several may be called at once.
    pub parallel: bool,
    /// The longest prompt that the site takes.
    pub prompt_bytes: usize,
    /// What the model is shown that may hold a call; none where only our own form is read.
    pub shown: Option<Arc<QuotedTexts>>,
    /// Whether the client chose which tools may be called.
    pub restricted: bool,
    /// What the client and the person said: it may name tools that are not declared.
    pub told: Vec<String>,
    /// The form in which the client wants the answer.
    pub wanted: Option<WantedFormat>,
    /// Whether the client is shown each word as it comes.
    pub streamed: bool,
    /// The end of the conversation.
    pub scene: ConversationEnd,
}

/// The end of the conversation.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConversationEnd {
    /// The system prompt.
    pub system: String,
    /// What the person said last.
    pub user: String,
    /// Whether the answer is to tool results.
    pub after_result: bool,
    /// The tools that were called, each once.
    pub called: BTreeSet<String>,
    /// Whether a call was refused since the person last spoke.
    pub refused: bool,
    /// Whether the last calls were the same and gave the same: the prompt says so, and that is enough.
    pub repeats: bool,
    /// How many answers there were before.
    pub turn: u64,
    /// Which conversation it is, for what is counted over several turns.
    pub conversation: String,
}

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
) -> Result<Prompt, InvalidRequest> {
    let plain =
        request.tools.is_empty() && !request.messages.iter().any(|message| tells_of_calls(&value(message)));
    let others = if plain { OtherParts::of(site) } else { OtherParts::LeftOut };
    let (request, files) = parts::apart(request, site, others)?;
    let wanted = if plain && !wanted::writes(&request, site) { None } else { wanted::of(&request) };
    let ChatRequest { messages, mut tools, only, stream, mut rest, session, client, .. } = request;
    if plain && wanted.is_none() {
        return Ok(Prompt { model, messages, files, tools, rest, minted, calls: CallMode::Untouched });
    }
    let values: Vec<Value> = messages.iter().map(|message| value(message)).collect();
    let field = |name: &str| rest.get(name).map(|raw| value(raw));
    let mut budget = sites::budget(site);
    if let Some(only) = &only {
        tools.retain(|tool| declares_one_of(tool, only));
    }
    let mut emulation = Emulation {
        prompt_bytes: budget.prompt_bytes,
        catalog: Arc::new(catalog(&tools)),
        dialect: dialect(site, &values, client, &settings.nonce_key),
        shown: if plain { None } else { shown(site, &values, &files) },
        choice: ToolChoice::parse(field("tool_choice").as_ref()),
        parallel: field("parallel_tool_calls") != Some(Value::Bool(false)),
        restricted: only.is_some(),
        told: values
            .iter()
            .filter(|message| role(message) == "user" || is_system(message))
            .map(text)
            .collect(),
        wanted,
        streamed: stream,
        scene: ConversationEnd::of(&values),
    };
    emulation.scene.conversation = conversation(site, &model, session.as_deref(), &values);
    rest.remove("tool_choice");
    rest.remove("parallel_tool_calls");
    if emulation.wanted.is_some() {
        rest.remove(wanted::FIELD);
    }
    let words = emulation.wanted.as_ref().map(|wanted| wanted.words(emulation.offers_tools()));
    budget.prompt_bytes = budget.prompt_bytes.saturating_sub(words.as_ref().map_or(0, String::len));
    let mut rendered =
        emulation.render(&values, budget).map_err(|PromptTooLong { bytes, limit_bytes }| {
            InvalidRequest(format!(
                "messages: {bytes} bytes are longer than the maximum context length of {limit_bytes}"
            ))
        })?;
    if !emulation.offers_tools() {
        // Nothing in the answer is a call.
        (emulation.catalog, emulation.shown) = (Arc::default(), None);
    }
    emulation.scene.repeats = rendered.notes.contains(&RenderNote::Repeated);
    tracing::debug!(tier = rendered.tier.map(render::offer::DetailLevel::as_str), notes = ?rendered.notes, "tools are written out");
    if let Some(words) = words {
        rendered.remind(&words);
    }
    let messages = rendered.messages.iter().map(|said| message(said.role.as_str(), &said.text)).collect();
    let calls = match emulation.offers_tools() || emulation.wanted.is_some() {
        true => CallMode::Emulated(Arc::new(emulation)),
        false => CallMode::Untouched,
    };
    Ok(Prompt { model, messages, files, tools: Vec::new(), rest, minted, calls })
}

/// Whether a declaration is of a tool with one of these names.
fn declares_one_of(tool: &RawValue, names: &[String]) -> bool {
    Catalog::new(&[value(tool)]).tools().iter().any(|tool| names.contains(&tool.name))
}

/// The tools as declared.
pub(super) fn catalog(tools: &[Box<RawValue>]) -> Catalog {
    let values: Vec<Value> = tools.iter().map(|tool| value(tool)).collect();
    Catalog::new(&values)
}

impl Emulation {
    /// Whether the answer must call a tool.
    pub(crate) fn requires_call(&self) -> bool {
        matches!(self.choice, ToolChoice::Required | ToolChoice::Named(_))
    }

    /// Whether there are tools that may be called.
    pub(crate) fn offers_tools(&self) -> bool {
        self.choice != ToolChoice::None && !self.catalog.tools().is_empty()
    }

    /// Whether what the client and the person said names a tool: clients run tools that they only tell of.
    pub(crate) fn tells_of(&self, tool: &str) -> bool {
        let within = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
        let names = |text: &String| {
            text.match_indices(tool).any(|(at, _)| {
                !within(text[..at].chars().next_back()) && !within(text[at + tool.len()..].chars().next())
            })
        };
        !tool.is_empty() && self.told.iter().any(names)
    }

    fn render(&self, messages: &[Value], budget: PromptBudget) -> Result<RenderedPrompt, PromptTooLong> {
        let Self { catalog, choice, parallel, dialect, .. } = self;
        let request = RenderRequest { messages, catalog, choice, parallel: *parallel };
        render::render(&request, dialect, budget)
    }
}

impl ConversationEnd {
    fn of(messages: &[Value]) -> Self {
        let spoke = messages.iter().rposition(|message| role(message) == "user");
        let since = &messages[spoke.map_or(0, |at| at + 1)..];
        let texts = |wanted: &[&str]| -> Vec<String> {
            messages.iter().filter(|message| wanted.contains(&role(message))).map(text).collect()
        };
        let refuses = |message: &Value| {
            let text = text(message);
            is_result(message) && REFUSALS.iter().any(|refusal| text.contains(refusal))
        };
        Self {
            system: texts(&["system", "developer"]).join("\n"),
            user: spoke.map(|at| text(&messages[at])).unwrap_or_default(),
            after_result: messages.last().is_some_and(is_result),
            called: called(messages),
            refused: since.iter().any(refuses),
            repeats: false,
            turn: messages.iter().filter(|message| role(message) == "assistant").count() as u64,
            conversation: String::new(),
        }
    }
}

fn called(messages: &[Value]) -> BTreeSet<String> {
    let calls = messages.iter().filter_map(|message| message["tool_calls"].as_array()).flatten();
    calls.filter_map(|call| call["function"]["name"].as_str()).map(str::to_owned).collect()
}

/// The nonce holds for a conversation, which is known by its first words and by the system prompt: they stay when it
/// grows. Its key is the client's own secret, so that no other client can know it.
fn dialect(site: &Site, messages: &[Value], client: Option<[u8; 32]>, key: &config::NonceKey) -> Dialect {
    let first = messages.iter().find(|message| role(message) == "user").map(text).unwrap_or_default();
    let system = messages.iter().find(|message| is_system(message)).map(text).unwrap_or_default();
    let mut begun = Sha256::new();
    for part in [key.deployment.as_str(), &steady(&system), &first] {
        add(&mut begun, part);
    }
    let nonce = Nonce::derive(&client.unwrap_or(key.secret), &digest(begun));
    Dialect { form: sites::form(site), nonce }
}

/// A system prompt without what changes by itself: a billing header, and lines with dates, times or versions.
fn steady(system: &str) -> String {
    let lines = without_billing(system).lines();
    lines.filter(|line| !line.contains(|c: char| c.is_ascii_digit())).collect::<Vec<_>>().join("\n")
}

/// The results, files and words of the person that the model is shown.
fn shown(site: &Site, messages: &[Value], files: &[PromptFile]) -> Option<Arc<QuotedTexts>> {
    if !site.chat.foreign_calls {
        return None;
    }
    let said = messages.iter().filter(|message| role(message) == "user" || is_result(message)).map(text);
    let files = files.iter().map(|file| String::from_utf8_lossy(&file.content).into_owned());
    let texts: Vec<String> = said.chain(files).collect();
    Some(Arc::new(QuotedTexts::new(texts.iter().map(String::as_str))))
}

fn is_system(message: &Value) -> bool {
    matches!(role(message), "system" | "developer")
}

/// A digest of what a conversation is known by when it grows: its site, model and session, and its first words.
fn conversation(site: &Site, model: &str, session: Option<&str>, messages: &[Value]) -> String {
    let first = messages.iter().find(|message| role(message) == "user").map(text).unwrap_or_default();
    let mut all = Sha256::new();
    for part in [site.name.as_str(), model, session.unwrap_or_default(), &first] {
        add(&mut all, part);
    }
    digest(all)
}

fn tells_of_calls(message: &Value) -> bool {
    is_result(message) || message.get("tool_calls").is_some_and(Value::is_array)
}

fn is_result(message: &Value) -> bool {
    matches!(role(message), "tool" | "function")
}

fn role(message: &Value) -> &str {
    message.get("role").and_then(Value::as_str).unwrap_or_default()
}

/// The text of a message, its parts joined.
fn text(message: &Value) -> String {
    match message.get("content") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            let texts = parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str));
            texts.collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}

/// Raw JSON as a value; it was parsed once already.
fn value(raw: &RawValue) -> Value {
    serde_json::from_str(raw.get()).unwrap_or_default()
}
