//! The three APIs that are relayed, and what each kind of channel makes of them.
//!
//! Measured on v1.0.0-rc.24: type 1 makes a chat of a message; 14, 58 and 60 pass it on, and so does each kind with the
//! others.

use std::collections::BTreeMap;

use serde_json::Value;

/// An API that clients speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClientApi {
    Chat,
    Messages,
    Responses,
}

/// How a request goes on.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) url: String,
    /// Whether a message becomes a chat.
    pub(super) converts: bool,
}

impl ClientApi {
    pub(super) fn of(path: &str) -> Option<Self> {
        [Self::Chat, Self::Messages, Self::Responses].into_iter().find(|wire| wire.path() == path)
    }

    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Chat => "/v1/chat/completions",
            Self::Messages => "/v1/messages",
            Self::Responses => "/v1/responses",
        }
    }

    /// Where a channel sends it; `None` where the channel has no route for it.
    pub(super) fn route(self, channel: &Value) -> Option<Route> {
        let base = channel["base_url"].as_str().unwrap_or_default();
        let at = |path: &str, converts| Some(Route { url: format!("{base}{path}"), converts });
        match channel["type"].as_u64() {
            Some(58) => {
                let settings: Value = serde_json::from_str(channel["settings"].as_str()?).ok()?;
                let routes = settings["advanced_custom"]["advanced_routes"].as_array()?;
                let route = routes.iter().find(|route| route["incoming_path"] == self.path())?;
                at(
                    route["upstream_path"].as_str()?,
                    route["converter"].as_str().is_some_and(|name| name != "none"),
                )
            }
            Some(1) if self == Self::Messages => at(Self::Chat.path(), true),
            _ => at(self.path(), false),
        }
    }

    /// An error in this API's words; a message names it by the code, whatever that is.
    pub(super) fn error(self, error: &Value) -> Value {
        if self != Self::Messages {
            return serde_json::json!({ "error": error });
        }
        let code = match &error["code"] {
            Value::Null => "<nil>".to_owned(),
            Value::String(code) => code.clone(),
            other => other.to_string(),
        };
        serde_json::json!({"type": "error", "error": {"type": code, "message": error["message"]}})
    }
}

/// The headers that a channel adds, some of them from the client.
pub(super) fn overrides(
    channel: &Value,
    client: &dyn Fn(&str) -> Option<String>,
) -> BTreeMap<String, String> {
    let text = channel["header_override"].as_str().unwrap_or_default();
    let Ok(wanted) = serde_json::from_str::<BTreeMap<String, String>>(text) else { return BTreeMap::new() };
    let filled = wanted.into_iter().filter_map(|(name, value)| {
        let passed = value.strip_prefix("{client_header:").and_then(|rest| rest.strip_suffix('}'));
        match passed {
            Some(header) => Some((name, client(header)?)),
            None => Some((name, value)),
        }
    });
    filled.collect()
}
