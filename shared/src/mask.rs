//! Hides secrets in what a person is shown of a site's answers.

use secrecy::{ExposeSecret, SecretString};

/// What stands in a secret's place.
const HIDDEN: &str = "[masked]";
/// Shorter values stand in many texts by chance: hiding them would hide the text.
const SHORTEST: usize = 6;

/// Secrets that may be in an answer.
pub struct SecretMask(Vec<SecretString>);

impl SecretMask {
    /// For these secrets, in the forms in which a site may send them back.
    #[must_use]
    pub fn new<'a>(secrets: impl Iterator<Item = &'a SecretString>) -> Self {
        let mut forms: Vec<String> = Vec::new();
        for secret in secrets.map(ExposeSecret::expose_secret).filter(|secret| secret.len() >= SHORTEST) {
            let json = serde_json::to_string(secret).unwrap_or_default();
            let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
            forms.extend([secret.to_owned(), json.trim_matches('"').to_owned(), encoded]);
        }
        // The longest first: one may be part of another.
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        forms.dedup();
        Self(forms.into_iter().map(SecretString::from).collect())
    }

    /// The text without the secrets, and without whatever looks like a JWT.
    #[must_use]
    pub fn hide(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.0 {
            text = text.replace(secret.expose_secret(), HIDDEN);
        }
        without_jwts(&text)
    }
}

impl std::fmt::Debug for SecretMask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Mask({})", self.0.len())
    }
}

/// Whether a word is a JWT: three parts in base64url, of which the first is JSON (RFC 7519).
#[must_use]
pub fn is_jwt(word: &str) -> bool {
    let parts: Vec<&str> = word.split('.').collect();
    let encoded =
        |part: &&str| part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    parts.len() == 3 && word.len() > 30 && word.starts_with("ey") && parts.iter().all(encoded)
}

fn without_jwts(text: &str) -> String {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    let mut hidden = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(is_part) {
        let length = rest[start..].find(|letter| !is_part(letter)).unwrap_or(rest.len() - start);
        let (word, after) = rest[start..].split_at(length);
        hidden.push_str(&rest[..start]);
        hidden.push_str(if is_jwt(word) { HIDDEN } else { word });
        rest = after;
    }
    hidden + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_in_every_form_and_jwts_unasked() {
        let secrets = [SecretString::from("pass\"word/1"), SecretString::from("abc")];
        let mask = SecretMask::new(secrets.iter());
        let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl";

        let hidden =
            mask.hide(&format!("pass\"word/1 pass\\\"word/1 pass%22word%2F1 abc {jwt}, e.g. v1.2.3"));

        assert_eq!(hidden, "[masked] [masked] [masked] abc [masked], e.g. v1.2.3");
        assert!(!format!("{mask:?}").contains("pass"));
    }
}
