//! What was recorded of a person and a page.

use chromiumoxide::cdp::browser_protocol::network::RequestId;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;
use url::Url;

/// The longest body that is kept for what it shares with a question's: more is no order to answer it.
const LONGEST_FOLLOWER: usize = 4096;

/// One thing that a person did.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct UserEvent {
    /// Where.
    #[serde(deserialize_with = "url")]
    pub url: Url,
    /// What.
    pub what: UserAction,
    /// To which element.
    pub selector: String,
    /// What was typed, chosen or pressed; never a secret.
    pub text: Option<String>,
}

fn url<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Url, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

/// What a person does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserAction {
    /// Types into a field.
    Fill,
    /// Types a password.
    Password,
    /// Types a one-time code.
    Code,
    /// Chooses an option.
    Choose,
    /// Clicks.
    Click,
    /// Presses Enter.
    Press,
}

/// A request of the page and what came of it.
#[derive(Clone, Debug)]
pub struct RecordedExchange {
    pub(super) id: RequestId,
    /// Its method.
    pub method: String,
    /// Its address.
    pub url: Url,
    /// Its headers, as the page set them.
    pub headers: Vec<(String, SecretString)>,
    /// Its body, where it belongs to a question.
    pub body: Option<String>,
    /// The answer's status.
    pub status: Option<u16>,
    /// The answer's content type.
    pub content_type: String,
    /// The answer, if it is a text.
    pub answer: Option<String>,
    /// What came of an answer that is a stream: whoever breaks one off leaves nothing else of it.
    pub(super) streamed: Vec<u8>,
    /// Whether nothing more comes.
    pub ended: bool,
    /// How many touches came before it.
    pub after: usize,
}

/// What was seen so far.
#[derive(Debug)]
pub struct RecordedTraffic {
    /// What the person did, in order.
    pub touches: Vec<UserEvent>,
    /// What the page asked for by script, in order; pages and pictures are left out.
    pub exchanges: Vec<RecordedExchange>,
    /// Sockets that the page opened.
    pub sockets: Vec<Url>,
    /// When the network was last heard of.
    pub last: Instant,
}

impl RecordedExchange {
    /// The stream as a text.
    pub(super) fn streamed_text(&self) -> Option<String> {
        let text = String::from_utf8_lossy(&self.streamed).into_owned();
        (!text.is_empty()).then_some(text)
    }
}

#[cfg(test)]
impl RecordedExchange {
    /// One that ended well, for tests of what reads tapes.
    pub(crate) fn answered(after: usize, method: &str, url: &str, content_type: &str, answer: &str) -> Self {
        Self {
            id: RequestId::new(url),
            method: method.to_owned(),
            url: url.parse().unwrap(),
            headers: Vec::new(),
            body: None,
            status: Some(200),
            content_type: content_type.to_owned(),
            answer: Some(answer.to_owned()),
            streamed: Vec::new(),
            ended: true,
            after,
        }
    }
}

impl RecordedTraffic {
    /// Whether a password or a code was typed.
    #[must_use]
    pub fn has_secret(&self) -> bool {
        self.touches.iter().any(|touch| matches!(touch.what, UserAction::Password | UserAction::Code))
    }

    /// What was typed openly after the last secret, as JSON writes it.
    #[must_use]
    pub fn open_texts(&self) -> Vec<String> {
        let is_secret = |event: &UserEvent| matches!(event.what, UserAction::Password | UserAction::Code);
        let from = self.touches.iter().rposition(is_secret).map_or(0, |at| at + 1);
        let fills = self.touches[from..].iter().filter(|touch| touch.what == UserAction::Fill);
        let texts = fills.filter_map(|touch| touch.text.clone()).filter(|text| text.trim().len() > 3);
        texts
            .map(|text| serde_json::to_string(text.trim()).unwrap_or_default().trim_matches('"').to_owned())
            .collect()
    }

    /// Whether a body belongs to a question: it has text in it that was typed openly after the last secret, or what
    /// the page made up for such a request.
    #[must_use]
    pub(super) fn is_of_a_question(&self, body: &str) -> bool {
        let has = |text: &String| body.contains(text.as_str());
        let made_up =
            || self.exchanges.iter().filter_map(|exchange| exchange.body.as_deref()).flat_map(made_up);
        self.open_texts().iter().any(has)
            || (body.len() <= LONGEST_FOLLOWER && made_up().any(|text| has(&text)))
    }
}

/// Texts in the JSON of a request that look like the page's own names for this visit.
fn made_up(body: &str) -> Vec<String> {
    let mut pending: Vec<Value> = serde_json::from_str(body).into_iter().collect();
    let mut found = Vec::new();
    while let Some(value) = pending.pop() {
        match value {
            Value::Array(items) => pending.extend(items),
            Value::Object(fields) => pending.extend(fields.into_iter().map(|(_, field)| field)),
            Value::String(text) => {
                let is_name = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
                let has_digit = text.bytes().any(|byte| byte.is_ascii_digit());
                found.extend((text.len() >= 8 && is_name && has_digit).then_some(text));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_body_that_belongs_to_a_question_is_kept() {
        let touch = |what: UserAction, text: Option<&str>| UserEvent {
            url: "http://chat.test/".parse().unwrap(),
            what,
            selector: "input".to_owned(),
            text: text.map(str::to_owned),
        };
        let touches = vec![touch(UserAction::Password, None), touch(UserAction::Fill, Some("What is it?"))];
        let mut ask = RecordedExchange::answered(2, "POST", "http://chat.test/ask", "application/json", "{}");
        ask.body = Some(r#"{"text":"What is it?","visit":"ab3x9k2m","kind":"question"}"#.to_owned());
        let mut tape =
            RecordedTraffic { touches, exchanges: Vec::new(), sockets: Vec::new(), last: Instant::now() };

        let follower = r#"{"visit":"ab3x9k2m"}"#;
        assert!(!tape.is_of_a_question(follower));
        tape.exchanges.push(ask);

        assert!(tape.is_of_a_question(follower) && tape.is_of_a_question(r#"["What is it?"]"#));
        assert!(!tape.is_of_a_question(r#"{"password":"correct-horse","kind":"question"}"#));
        assert!(!tape.is_of_a_question(&format!(r#"{{"visit":"ab3x9k2m","all":"{}"}}"#, "x".repeat(4096))));
    }
}
