//! One question to one site, for the author of its file: no Redis, no account, nothing kept.
//!
//! `latchkey-broker site try` signs in, starts this beside itself and pipes the session in; here is what the site says
//! to it. So the broker never chats, and the adapter never signs in.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, anyhow, bail};
use latchkey_shared::{
    mask::SecretMask,
    session::Session,
    shutdown::Tasks,
    site::{self, Models, Site, SiteUrls},
    trial::{TrialEvent, TrialQuestion},
};
use zeroize::Zeroizing;

use crate::{
    config::{JudgeMode, NonceKey, ToolCallConfig, ToolMode},
    metrics::Metrics,
    openai::{message::Message, origin::ToolOrigins, request::ChatRequest},
    prompt::Prompt,
    sites::{self, DriverContext, DriverRequest, trace::Tracer},
    stream::{
        delta::Delta,
        fault::{Fault, Rejection},
        finish::StreamEnd,
    },
};

/// A site file, a session and a question are far smaller.
const LONGEST: u64 = 4 * 1024 * 1024;
/// How long the site may take to hear that nobody listens any more.
const LAST_TASKS: Duration = Duration::from_secs(3);

/// Reads the question, asks it and tells everything that comes of it, a line of JSON each. False when there is no
/// answer.
///
/// # Errors
/// When no question comes, or nobody reads what is told.
pub async fn run(input: impl Read, output: impl Write) -> anyhow::Result<bool> {
    let mut line = Zeroizing::new(Vec::new());
    input.take(LONGEST).read_to_end(&mut line).context("cannot read the question")?;
    let question: TrialQuestion = serde_json::from_slice(&line).map_err(|_| {
        anyhow!("expected a question on standard input: run `latchkey-broker site try` instead")
    })?;
    let session = Session::from_bytes(question.session.as_bytes())?;
    let mut telling =
        TrialOutput { output, mask: SecretMask::new(session.secrets()), text: String::new(), first_ms: None };
    let watch = Tracer::on();
    let outside = DriverContext {
        clients: sites::http::HttpClients::new(1).context("cannot make an HTTP client")?,
        tasks: Tasks::new(),
        cancels: Metrics::default().cancels,
        tracer: watch.clone(),
        span: tracing::Span::none(),
    };
    let site = site(&question)?;
    let told = tell(&mut telling, &outside, &site, &Arc::new(session), &question).await?;
    outside.tasks.stop(LAST_TASKS).await;
    telling.all(watch.take())?;
    let last = match told {
        Ok(end) => TrialEvent::End {
            text: telling.mask.hide(&telling.text),
            finish: end.finish.as_str().to_owned(),
            first_ms: telling.first_ms,
            total_ms: watch.elapsed_ms(),
        },
        Err(fault) => {
            let code = fault.label().to_owned();
            let message = fault.to_string();
            TrialEvent::Failed { code, message, remedy: remedy(&fault).to_owned() }
        }
    };
    let answered = matches!(last, TrialEvent::End { .. });
    telling.one(&last)?;
    Ok(answered)
}

fn site(question: &TrialQuestion) -> anyhow::Result<Arc<Site>> {
    let parsed = site::parse(&question.file, &question.text, &SiteUrls::new())?;
    let base_url = question.base_url.parse().context("the question's base_url is no URL")?;
    let urls = SiteUrls::from([(parsed.name, base_url)]);
    let parsed = site::parse(&question.file, &question.text, &urls)?;
    Ok(Arc::new(parsed.site.context("a site with an address is one")?))
}

/// Asks, and tells what comes as it comes.
async fn tell<W: Write>(
    output: &mut TrialOutput<W>,
    context: &DriverContext,
    site: &Arc<Site>,
    session: &Arc<Session>,
    question: &TrialQuestion,
) -> anyhow::Result<Result<StreamEnd, Fault>> {
    let models = match &site.models {
        Models::Fixed(models) => models.clone(),
        Models::Fetched(from) => match sites::models(context.clients.requests(), site, from, session).await {
            Ok(models) => models,
            Err(fault) => return Ok(Err(fault)),
        },
    };
    let Some(asked) = question.model.clone().or_else(|| models.first().cloned()) else {
        bail!("the site lists no model; correct site.models_from, or name one with --model");
    };
    output.one(&TrialEvent::Models { models, asked: asked.clone() })?;
    let prompt = prompt(site, asked, &question.question)?;
    let mut opening = Box::pin(sites::open(context, site, session, DriverRequest::new(site, &prompt)));
    let opened = loop {
        tokio::select! {
            opened = &mut opening => break opened,
            () = context.tracer.news() => output.all(context.tracer.take())?,
        }
    };
    let mut deltas = match opened {
        Ok(deltas) => deltas,
        Err(fault) => return Ok(Err(fault)),
    };
    let mut said = Vec::new();
    loop {
        output.all(context.tracer.take())?;
        match deltas.next(&mut said).await {
            Ok(None) => output.hear(&mut said, context.tracer.elapsed_ms()),
            Ok(Some(end)) => {
                output.hear(&mut said, context.tracer.elapsed_ms());
                return Ok(Ok(end));
            }
            Err(fault) => return Ok(Err(fault)),
        }
    }
}

/// The question as it stands: no tools, no instructions.
fn prompt(site: &Site, model: String, question: &str) -> anyhow::Result<Prompt> {
    let request = ChatRequest {
        model: model.clone(),
        messages: vec![Message::text_of("user", question)],
        stream: true,
        tools: Vec::new(),
        only: None,
        origins: ToolOrigins::default(),
        session: None,
        client: None,
        effort: None,
        rest: BTreeMap::new(),
    };
    let nonce_key = NonceKey { secret: [0; 32], deployment: String::new() };
    let calls = ToolCallConfig { tools: ToolMode::Off, repair: false, judge: JudgeMode::Off, nonce_key };
    Ok(Prompt::new(request, site, model, "trial".to_owned(), &calls, false)?)
}

/// Writes what is told, without secrets.
struct TrialOutput<W> {
    output: W,
    mask: SecretMask,
    text: String,
    first_ms: Option<u64>,
}

impl<W: Write> TrialOutput<W> {
    /// Keeps what the answer says.
    fn hear(&mut self, deltas: &mut Vec<Delta>, at_ms: u64) {
        for delta in deltas.drain(..) {
            let text = matches!(delta, Delta::Text(_) | Delta::Reasoning(_)) && !delta.is_blank();
            if text {
                self.first_ms.get_or_insert(at_ms);
            }
            if let Delta::Text(text) = delta {
                self.text += &text;
            }
        }
    }

    fn all(&mut self, event: Vec<TrialEvent>) -> anyhow::Result<()> {
        for told in event {
            self.one(&told)?;
        }
        Ok(())
    }

    fn one(&mut self, event: &TrialEvent) -> anyhow::Result<()> {
        let told = match event.clone() {
            TrialEvent::Event { raw, mut said, at_ms } => {
                for said in &mut said {
                    said.piece = self.mask.hide(&said.piece);
                }
                TrialEvent::Event { raw: self.mask.hide(&raw), said, at_ms }
            }
            other => other,
        };
        let line = serde_json::to_string(&told)? + "\n";
        self.output.write_all(line.as_bytes()).context("nobody reads what is told")?;
        self.output.flush().context("nobody reads what is told")
    }
}

/// What the author of a site file does about a fault.
fn remedy(fault: &Fault) -> &'static str {
    match fault {
        Fault::SessionDead => {
            "the probe accepted the session and the chat did not: compare [session] with what the page sends to the \
             chat, and [chat.expired] with what the site answered"
        }
        Fault::RateLimited { .. } | Fault::Busy { .. } => "wait, and try again; the file tells it well",
        Fault::ConversationGone => "compare the rules that mean \"forgotten\" with the events above",
        Fault::Rejected(Rejection::Model) => "name another model with --model, or correct site.models",
        Fault::Rejected(Rejection::TooLong) => "ask a shorter question",
        Fault::Rejected(Rejection::Invalid) => {
            "compare the request in [chat] with the one that the page sends: method, path, headers, body"
        }
        Fault::Unreachable | Fault::ConnectTimeout => {
            "see whether the site runs, and base_url is its address"
        }
        Fault::ResponseTimeout => {
            "see whether the request is the one that the page sends, or raise [limits] first_token or idle"
        }
        Fault::Status(_) => "see the path in [chat], and the site's own log",
        Fault::UpstreamError => {
            "read the last event above; it is the site's own error, or a rule that means \"error\" is too wide"
        }
        Fault::Empty => "compare text, text_so_far or text_edits in the rules with the events above",
        Fault::Truncated => "compare the rule that means \"end\" with the last event above, or set body_ends",
        Fault::InvalidToolCall | Fault::ShuttingDown | Fault::AccountDisabled => "try again",
        Fault::Unreadable(_) => {
            "compare the request, the pointers and the format in [chat] with what came above"
        }
    }
}
