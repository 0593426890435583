//! Lists that a model writes as `<item>` elements where the schema wants a list.
//!
//! Read only where every letter has its place: elements of known properties, each once, and no markup in their texts.

use serde_json::{Map, Value};

/// Reads `<item>..</item>` one after another; `properties` are those of an item, if it is an object.
pub(super) fn read(text: &str, properties: &[&str]) -> Option<Value> {
    let mut items = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (inner, after) = element(rest, "item")?;
        items.push(if properties.is_empty() {
            Value::from(plain(inner)?)
        } else {
            object(inner, properties)?
        });
        rest = after.trim_start();
    }
    (!items.is_empty()).then_some(Value::Array(items))
}

fn object(text: &str, properties: &[&str]) -> Option<Value> {
    let mut fields = Map::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let name = rest.strip_prefix('<')?.split('>').next()?;
        properties.contains(&name).then_some(())?;
        let (inner, after) = element(rest, name)?;
        if fields.insert(name.to_owned(), Value::from(plain(inner)?)).is_some() {
            return None;
        }
        rest = after.trim_start();
    }
    Some(Value::Object(fields))
}

/// The inside of the element with which a text begins, and what follows it.
fn element<'a>(text: &'a str, name: &str) -> Option<(&'a str, &'a str)> {
    text.strip_prefix(&format!("<{name}>"))?.split_once(&format!("</{name}>"))
}

/// A text without anything that could be markup or an escape: that has more than one meaning.
fn plain(text: &str) -> Option<&str> {
    let escaped = ["&lt;", "&gt;", "&amp;"].iter().any(|escape| text.contains(escape));
    (!text.contains('<') && !escaped).then_some(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_of_elements_are_read_where_they_have_one_meaning() {
        let known = ["content", "status"];
        let two =
            "<item><content>x y</content><status>a</status></item>\n<item>\n<status>b</status>\n</item>";

        assert_eq!(read(two, &known), Some(json!([{"content": "x y", "status": "a"}, {"status": "b"}])));
        assert_eq!(read("<item>a</item><item>b</item>", &[]), Some(json!(["a", "b"])));
        for broken in [
            "<item><content>x</content>",
            "<item><content>x</content></item> and more",
            "<item><content>x</content><content>y</content></item>",
            "<item><other>x</other></item>",
            "<item><content>a</content>b</content></item>",
            "<item><content><item></content></item>",
            "<item>x</item>",
            "",
        ] {
            assert_eq!(read(broken, &known), None, "{broken}");
        }
    }
}
