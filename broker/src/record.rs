//! Drafts a site file from what a person did at a site and what the page asked for meanwhile.
//!
//! Pure: a recording in, a text out. It knows no secret's value by name, and writes none: of a token only the place.

use latchkey_shared::site::{self, SiteFileDiagnostic, SiteUrls};
use url::Url;

use crate::browser::{RecordedExchange, RecordedTraffic, UserAction, UserEvent};

mod answer;
mod chat;
mod events;
mod login;
mod probe;
mod session;
mod toml;

pub(crate) use answer::RecordedAnswer;

use answer::RecordedQuestion;

/// Why there is no draft.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoDraft {
    /// No secret was typed.
    #[error("no password was typed: sign in at the site, and ask it one question")]
    NoLogin,
    /// No question was found in any request.
    #[error(
        "no request of the page has your question in it: ask one after signing in; a chat over a WebSocket is written by \
         hand, see [chat.websocket] in shared/README.md"
    )]
    NoQuestion,
    /// The draft is none, which is a fault of ours.
    #[error("the draft has a mistake: {0}; please report it")]
    Wrong(SiteFileDiagnostic),
}

/// Drafts the file for a site with this name.
///
/// # Errors
/// What is missing in the recording.
pub(crate) fn draft(name: &str, seen: &RecordedAnswer<'_>) -> Result<String, NoDraft> {
    let is_secret = |event: &UserEvent| matches!(event.what, UserAction::Password | UserAction::Code);
    let last_secret = seen.tape.touches.iter().rposition(is_secret).ok_or(NoDraft::NoLogin)?;
    let asked = asked(seen.tape, last_secret, seen.shown).ok_or(NoDraft::NoQuestion)?;
    let (chat, models) = chat::draft(seen, &asked);
    let text = [
        head(name, seen.base_url, &models),
        login::draft(seen, last_secret, asked.event),
        session::draft(seen, asked.exchange),
        probe::draft(seen),
        chat,
    ]
    .join("\n");
    match site::check(&format!("{name}.toml"), &text, &SiteUrls::new()) {
        Ok(_) => Ok(text),
        Err(mistakes) => Err(mistakes.into_iter().next().map_or(NoDraft::NoQuestion, NoDraft::Wrong)),
    }
}

/// Whether a recording has a question whose answer is complete, as far as one can tell.
pub(crate) fn is_complete(tape: &RecordedTraffic) -> bool {
    let is_secret = |event: &UserEvent| matches!(event.what, UserAction::Password | UserAction::Code);
    let last_secret = tape.touches.iter().rposition(is_secret);
    let asked = last_secret.and_then(|last_secret| asked(tape, last_secret, ""));
    asked.is_some_and(|asked| {
        let since = tape.exchanges.iter().filter(|exchange| asked.exchange.after <= exchange.after);
        since.filter(|exchange| exchange.status.is_some()).all(|exchange| exchange.ended)
            && asked.exchange.ended
    })
}

fn asked<'t>(tape: &'t RecordedTraffic, last_secret: usize, shown: &str) -> Option<RecordedQuestion<'t>> {
    let fills = tape.touches.iter().enumerate().skip(last_secret + 1).rev();
    for (index, touch) in fills.filter(|(_, touch)| touch.what == UserAction::Fill) {
        let text = touch.text.as_deref().unwrap_or_default().trim().to_owned();
        if text.len() < 4 {
            continue;
        }
        let json = toml::json_inside(&text);
        let holds = |exchange: &RecordedExchange| {
            index < exchange.after && exchange.body.as_ref().is_some_and(|body| body.contains(&json))
        };
        if let Some(exchange) = asking(tape, holds, shown) {
            return Some(RecordedQuestion { event: touch, text, exchange });
        }
    }
    None
}

/// Of the requests that hold the question, the one that is answered by a stream: pages send it elsewhere too, for a
/// title or to show it. Of several streams, the one whose text the page shows.
fn asking<'t>(
    tape: &'t RecordedTraffic,
    holds: impl Fn(&RecordedExchange) -> bool,
    shown: &str,
) -> Option<&'t RecordedExchange> {
    let is_stream = |exchange: &&RecordedExchange| exchange.content_type.contains("event-stream");
    let with_question = || tape.exchanges.iter().filter(|exchange| holds(exchange));
    let first = with_question().next()?;
    let itself = with_question().find(is_stream);
    let streams = tape.exchanges.iter().enumerate();
    let streams = streams.filter(|(_, exchange)| first.after <= exchange.after && is_stream(exchange));
    let stream = streams.max_by_key(|(index, exchange)| (events::is_shown(exchange, shown), *index));
    let before = stream.and_then(|(at, _)| tape.exchanges[..at].iter().rfind(|exchange| holds(exchange)));
    Some(itself.or(before).unwrap_or(first))
}

/// Whether an answer told who is signed in: what `[probe]` needs.
pub(crate) fn names_user(tape: &RecordedTraffic, base_url: &Url) -> bool {
    probe::names_user(tape, base_url)
}

/// Where sites usually tell who is signed in.
pub(crate) const USUAL: [&str; 8] = [
    "/api/me",
    "/api/user",
    "/api/users/me",
    "/api/auth/session",
    "/api/v1/auths/",
    "/config",
    "/me",
    "/user",
];

fn head(name: &str, base_url: &Url, models: &str) -> String {
    let address = base_url.as_str().trim_end_matches('/');
    format!(
        "# Drafted from one recording: a person verifies what is marked VERIFY.\n\
         # `latchkey-broker site check` and `site try` tell whether it works.\n\
         version = 1\n\n[site]\nname = {name:?}\ntitle = {name:?}\nbase_url = {address:?}\n{models}\n"
    )
}

#[cfg(test)]
mod tests;
