//! Fills placeholders in.

use std::fmt::Write;

use serde_json::{Map, Value};

use super::text::{JsonTemplate, TextPiece, TextTemplate, VariableName};

impl TextTemplate {
    /// The text, with what `value` says in place of each name.
    ///
    /// # Errors
    /// The first that `value` gives.
    pub fn fill<E>(&self, value: &impl Fn(&VariableName) -> Result<Value, E>) -> Result<String, E> {
        self.write(value, |plain, out| out.push_str(plain))
    }

    /// A path: what is filled in is percent-encoded, and so cannot lead elsewhere.
    ///
    /// # Errors
    /// The first that `value` gives.
    pub fn fill_path<E>(&self, value: &impl Fn(&VariableName) -> Result<Value, E>) -> Result<String, E> {
        self.write(value, encode)
    }

    fn write<E>(
        &self,
        value: &impl Fn(&VariableName) -> Result<Value, E>,
        named: impl Fn(&str, &mut String),
    ) -> Result<String, E> {
        let mut out = String::new();
        for piece in &self.0 {
            match piece {
                TextPiece::Plain(plain) => out.push_str(plain),
                TextPiece::Named(name) => match value(name)? {
                    Value::String(text) => named(&text, &mut out),
                    other => named(&other.to_string(), &mut out),
                },
            }
        }
        Ok(out)
    }
}

impl JsonTemplate {
    /// The JSON, with what `value` says in place of each name.
    ///
    /// # Errors
    /// The first that `value` gives.
    pub fn fill<E>(&self, value: &impl Fn(&VariableName) -> Result<Value, E>) -> Result<Value, E> {
        Ok(match self {
            Self::Plain(value) => value.clone(),
            Self::Text(text) => match text.whole_name() {
                Some(name) => value(name)?,
                None => text.fill(value)?.into(),
            },
            Self::List(items) => items.iter().map(|item| item.fill(value)).collect::<Result<_, _>>()?,
            Self::Fields(fields) => {
                let field = |(key, shape): &(String, Self)| Ok((key.clone(), shape.fill(value)?));
                Value::Object(fields.iter().map(field).collect::<Result<Map<_, _>, E>>()?)
            }
        })
    }
}

/// Percent-encodes all but unreserved characters (RFC 3986, section 2.3).
fn encode(text: &str, out: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(byte.into()),
            other => write!(out, "%{other:02X}").expect("a string takes all"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_filled_into_a_path_cannot_lead_elsewhere() {
        let mut out = String::new();
        encode("a b/ü?#%", &mut out);

        assert_eq!(out, "a%20b%2F%C3%BC%3F%23%25");
    }
}
