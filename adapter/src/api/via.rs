//! By which way an answer reaches its client: a gateway between us reads some ends of a stream for what they are not.
//!
//! Facts: new-api v1.0.0-rc.24, each beginning and each end of a stream tried in each kind of channel (2026-11). On
//! channels that pass Messages on (types 14, 58, 60) an error event behind the first byte makes it ask again into the
//! same answer; where it converts a chat to a message (type 1), it ends an error event well.

use axum::http::{HeaderMap, header::USER_AGENT};

/// The way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClientPath {
    /// The client reads what we write; or a gateway that passes everything on as it is.
    Direct,
    /// new-api, below `/new-api` or `/claude`: chats and responses are passed on with their errors, messages are not.
    NewApi,
    /// new-api makes a message of a chat.
    Converted,
}

impl ClientPath {
    /// The way of a chat that came by this one: of a Claude client's, a gateway made it.
    pub(super) fn of_chat(self, headers: &HeaderMap, is_claudes: bool) -> Self {
        if is_claudes || is_claude(headers) { Self::Converted } else { self }
    }

    /// The way of a message. new-api speaks by Go's own client, and a client of Messages has a name of its own: so a
    /// channel whose base URL lacks the prefix is known all the same.
    pub(super) fn of_message(self, headers: &HeaderMap) -> Self {
        match self {
            Self::Direct if agent(headers).starts_with("go-http-client/") => Self::NewApi,
            way => way,
        }
    }
}

fn agent(headers: &HeaderMap) -> String {
    let agent = headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    agent.to_ascii_lowercase()
}

/// Whether headers of a Claude client were passed on: no client of OpenAI's API has them.
fn is_claude(headers: &HeaderMap) -> bool {
    let agent = agent(headers);
    headers.contains_key("anthropic-version")
        || ["claude-cli", "claude-code", "claude-vscode", "anthropic/"]
            .iter()
            .any(|name| agent.starts_with(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chat_of_a_claude_client_is_known_by_what_it_brings() {
        let headers = |name: &'static str, value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            headers
        };

        for (name, value) in [
            ("anthropic-version", "2023-06-01"),
            ("user-agent", "claude-cli/2.1.332 (external, cli)"),
            ("user-agent", "Anthropic/Python 2.14.0"),
        ] {
            assert_eq!(
                ClientPath::Direct.of_chat(&headers(name, value), false),
                ClientPath::Converted,
                "{value}"
            );
        }
        assert_eq!(
            ClientPath::NewApi.of_chat(&headers("user-agent", "opencode/1.18.33"), false),
            ClientPath::NewApi
        );
        assert_eq!(ClientPath::NewApi.of_chat(&HeaderMap::new(), true), ClientPath::Converted);
        assert_eq!(
            ClientPath::Direct.of_message(&headers("user-agent", "Go-http-client/1.1")),
            ClientPath::NewApi
        );
        assert_eq!(
            ClientPath::Direct.of_message(&headers("user-agent", "claude-cli/2.1.332")),
            ClientPath::Direct
        );
    }
}
