//! An answer that shall be JSON of a schema, as a client asks for it by `response_format`.

use serde_json::Value;

use super::{coerce, repair, unique};
use crate::{catalog::Tool, text::unfence};

/// The JSON of an answer, out of the fence that may be around it and checked like arguments; `wanted` holds the schema.
///
/// # Errors
/// A sentence for the model: what is wrong with it.
pub fn read(text: &str, wanted: &Tool) -> Result<String, String> {
    let json = unfence(text.trim());
    if let Some(key) = unique::doubled(json) {
        return Err(format!("the key \"{key}\" is given twice in one object"));
    }
    let (mut value, mended) = match serde_json::from_str::<Value>(json) {
        Ok(value) => (value, false),
        Err(error) => {
            let mended = repair::mend(json, &repair::KnownKeys::of(&wanted.schema));
            let value = mended.and_then(|json| serde_json::from_str(&json).ok());
            (value.ok_or_else(|| format!("it is not JSON: {error}"))?, true)
        }
    };
    let coerced = wanted.bears(&value) && coerce::towards(&mut value, &wanted.schema);
    let differences = wanted.differences(&value);
    if !differences.is_empty() {
        return Err(differences.join("; "));
    }
    Ok(if mended || coerced { value.to_string() } else { json.to_owned() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::catalog::Catalog;

    #[test]
    fn json_is_unwrapped_and_checked() {
        let schema = json!({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]});
        let catalog = Catalog::new(&[json!({"name": "answer", "parameters": schema})]);
        let wanted = &catalog.tools()[0];

        for text in ["{\"n\": 1}", "```json\n{\"n\": 1}\n```", "\n~~~\n{\"n\": 1}\n~~~ "] {
            assert_eq!(read(text, wanted).as_deref(), Ok("{\"n\": 1}"), "{text}");
        }
        assert_eq!(read("{\"n\": \"1\"}", wanted).as_deref(), Ok("{\"n\":1}"));
        for text in
            ["Here it is: {\"n\": 1}", "{\"n\": \"x\"}", "{}", "{\"n\": 1, \"n\": 2}", "[1]", "n is 1"]
        {
            assert!(read(text, wanted).is_err(), "{text}");
        }
    }
}
