//! By what an answer is known to be one that a client has asked for already.

use hkdf::HkdfExtract;
use sha2::Sha256;

use crate::openai::request::ChatRequest;

/// What the answer to the same question is found by.
#[derive(Clone, Debug)]
pub(super) struct RequestFingerprint {
    /// A keyed digest of the question, under the client's secret: what was asked cannot be guessed from it.
    pub digest: String,
    /// How the client tells this conversation from its others, if it does.
    pub session: Option<String>,
}

impl RequestFingerprint {
    /// Of a request with tools. Whether it wants a stream, and how long an answer may be, does not count: clients
    /// change both when they ask again.
    pub(super) fn of(client: &[u8; 32], request: &ChatRequest) -> Option<Self> {
        if request.tools.is_empty() {
            return None;
        }
        let mut digest = FingerprintHasher(HkdfExtract::<Sha256>::new(Some(client)));
        digest.add(&request.model);
        digest.add(request.session.as_deref().unwrap_or_default());
        digest.list(request.messages.iter().map(|message| message.json()));
        digest.list(request.tools.iter().map(|raw| raw.get()));
        let rest = request.rest.iter().filter(|(name, _)| !name.starts_with("max_"));
        digest.list(rest.flat_map(|(name, raw)| [name.as_str(), raw.get()]));
        let (bytes, _) = digest.0.finalize();
        let digest = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Some(Self { digest, session: request.session.clone() })
    }
}

/// Each part with its length, so that no two questions are one.
struct FingerprintHasher(HkdfExtract<Sha256>);

impl FingerprintHasher {
    fn add(&mut self, part: &str) {
        self.0.input_ikm(&(part.len() as u64).to_be_bytes());
        self.0.input_ikm(part.as_bytes());
    }

    fn list<'a>(&mut self, parts: impl Iterator<Item = &'a str>) {
        let mut count: u64 = 0;
        for part in parts {
            self.add(part);
            count += 1;
        }
        self.0.input_ikm(&count.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn digest(client: u8, change: impl FnOnce(&mut Value)) -> Option<String> {
        let mut body = json!({"model": "m", "stream": true, "max_tokens": 32000, "temperature": 1,
            "messages": [{"role": "user", "content": "a"}], "tools": [{"type": "function", "function": {"name": "read"}}]});
        change(&mut body);
        let request = ChatRequest::parse(body.to_string().as_bytes()).unwrap();
        RequestFingerprint::of(&[client; 32], &request).map(|claim| claim.digest)
    }

    #[test]
    fn the_same_question_is_known_whether_or_not_it_is_streamed() {
        let first = digest(1, |_| {}).unwrap();

        let again = digest(1, |body| {
            body["stream"] = false.into();
            body["max_tokens"] = 21000.into();
        });

        assert_eq!(again, Some(first.clone()));
        assert_ne!(digest(2, |_| {}), Some(first.clone()), "another client");
        assert_ne!(digest(1, |body| body["temperature"] = 2.into()), Some(first.clone()), "another field");
        assert_ne!(
            digest(1, |body| body["messages"][0]["content"] = "b".into()),
            Some(first),
            "another word"
        );
        assert_eq!(digest(1, |body| body["tools"] = json!([])), None, "a person's question");
    }
}
