//! A JSON body whose every mistake is named by its field.

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE},
    response::IntoResponse,
};
use latchkey_shared::nearest::nearest;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use tokio::time::{Duration, timeout};

use super::problem::Problem;
use crate::state::App;

/// 64 KiB need less on any line that an operator works over.
const ARRIVAL: Duration = Duration::from_secs(5);

/// Tells `null` from a field that is not there.
pub(super) fn given<'de, T, D>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::deserialize(deserializer).map(Some)
}

/// A body of fields.
pub(super) struct FieldBody<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<App> for FieldBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::UnsupportedMediaType);
        }
        let bytes = match timeout(ARRIVAL, Bytes::from_request(request, app)).await {
            Ok(Ok(bytes)) => bytes,
            Ok(Err(rejection)) => return Err(unread(rejection.into_response().status())),
            Err(_) => return Err(Problem::BodyTimeout(ARRIVAL.as_secs())),
        };
        parse(&bytes).map(Self)
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let essence = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()?.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

fn unread(status: StatusCode) -> Problem {
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        return Problem::BodyTooLarge;
    }
    Problem::InvalidJson("it ended early".to_owned())
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // serde would take an array for the fields in their order.
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(Problem::InvalidJson("it does not begin with `{`".to_owned()));
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        mistake(&path, &error.into_inner())
    })?;
    json.end().map_err(|error| Problem::InvalidJson(place(&error)))?;
    Ok(value)
}

fn mistake(path: &str, error: &serde_json::Error) -> Problem {
    if !error.is_data() {
        return Problem::InvalidJson(place(error));
    }
    let text = error.to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
    if let Some(name) = quoted(text, "missing field `") {
        return Problem::invalid(join(path, name), "it is missing");
    }
    if let Some(name) = quoted(text, "unknown field `") {
        let known: Vec<&str> = text.split('`').skip(3).step_by(2).collect();
        let hint = nearest(name, known.iter().copied());
        let hint = hint.map(|hint| format!("; did you mean `{hint}`?")).unwrap_or_default();
        let parent = path.strip_suffix(name).unwrap_or(path).trim_end_matches('.');
        return Problem::invalid(
            join(parent, name),
            format!("there is no such field{hint} (known: {})", known.join(", ")),
        );
    }
    // serde repeats the value that it found, and the value may be a password.
    let expected = match text.rsplit_once("expected ") {
        Some((_, expected)) if expected.starts_with("struct ") => "an object",
        Some((_, "u32")) => "a whole number",
        Some((_, "a sequence")) => "a list",
        Some((_, expected)) => expected,
        None => "something else",
    };
    Problem::invalid(path, format!("expected {expected}"))
}

fn quoted<'a>(text: &'a str, before: &str) -> Option<&'a str> {
    text.strip_prefix(before)?.split('`').next()
}

fn join(parent: &str, name: &str) -> String {
    if matches!(parent, "" | ".") { name.to_owned() } else { format!("{parent}.{name}") }
}

/// Where JSON breaks, without what stands there.
fn place(error: &serde_json::Error) -> String {
    format!("it breaks at line {} column {}", error.line(), error.column())
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its mistakes matter")]
    struct OuterFields {
        label: String,
        inner: InnerFields,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its mistakes matter")]
    struct InnerFields {
        password: String,
    }

    fn detail(json: &str) -> String {
        parse::<OuterFields>(json.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn a_mistake_is_named_by_its_field_and_never_repeats_a_value() {
        let cases = [
            (r#"{"label":"a"}"#, "inner: it is missing"),
            (r#"{"label":"a","inner":{}}"#, "inner.password: it is missing"),
            (
                r#"{"label":"a","inner":{"pasword":"hush"}}"#,
                "inner.pasword: there is no such field; did you mean `password`? (known: password)",
            ),
            (
                r#"{"lable":"a"}"#,
                "lable: there is no such field; did you mean `label`? (known: label, inner)",
            ),
            (r#"{"label":"a","inner":"hush, expected x"}"#, "inner: expected an object"),
            (r#"{"label":"a","inner":"expected hush at line 7"}"#, "inner: expected an object"),
            (r#"{"label":"a","inner":{"password":7}}"#, "inner.password: expected a string"),
            (r#"{"label":"a","#, "the body is no JSON object: it breaks at line 1 column 13"),
            (
                r#"{"label":"a","inner":{"password":"x"}} x"#,
                "the body is no JSON object: it breaks at line 1 column 40",
            ),
            ("[]", "the body is no JSON object: it does not begin"),
        ];
        for (json, expected) in cases {
            assert!(detail(json).starts_with(expected), "{json}: {}", detail(json));
        }
    }
}
