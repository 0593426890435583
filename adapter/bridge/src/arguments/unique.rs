//! Finds a key that one object of a JSON text holds twice: which of the two was meant cannot be told.

use std::{cell::RefCell, collections::HashSet, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A longer key is told no longer than this.
const KEY_BYTES: usize = 64;

/// The first key that comes twice in one object of whole JSON; none where there is none, or no JSON.
pub(super) fn doubled(json: &str) -> Option<String> {
    let found = RefCell::new(None);
    let mut values = serde_json::Deserializer::from_str(json);
    // Whatever is no JSON is somebody else's fault.
    let _ = UniqueKeys { found: &found }.deserialize(&mut values);
    found.into_inner()
}

/// Goes through one value.
#[derive(Clone, Copy)]
struct UniqueKeys<'a> {
    found: &'a RefCell<Option<String>>,
}

impl<'de> DeserializeSeed<'de> for UniqueKeys<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, values: D) -> Result<(), D::Error> {
        values.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for UniqueKeys<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<(), A::Error> {
        while values.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let mut keys = HashSet::new();
        while let Some(key) = fields.next_key::<String>()? {
            if keys.contains(&key) {
                *self.found.borrow_mut() = Some(crate::text::head(&key, KEY_BYTES).to_owned());
                fields.next_value::<IgnoredAny>()?;
                return Err(A::Error::custom("a key comes twice"));
            }
            keys.insert(key);
            fields.next_value_seed(self)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_comes_twice_is_found_at_any_depth() {
        for json in
            [r#"{"a":1,"b":2,"a":3}"#, r#"{"x":[1.5,{"a":null,"a":true}]}"#, r#"[{"\u0061":"x","a":-1}]"#]
        {
            assert_eq!(doubled(json).as_deref(), Some("a"), "{json}");
        }
        for json in [r#"{"a":{"a":{"a":1}}}"#, r#"[{"a":1},{"a":1}]"#, r#"{"a":1,"b""#, "", "nul"] {
            assert_eq!(doubled(json), None, "{json}");
        }
    }
}
