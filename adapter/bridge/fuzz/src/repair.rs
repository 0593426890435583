//! Any text as JSON: what is mended is JSON, and a call that comes of it fits its tool.

use latchkey_bridge::{
    arguments::{
        BlockBody, CallSource, RawCall,
        repair::{self, KnownKeys},
    },
    dialect::CallFormat,
};
use serde_json::Value;

use crate::{
    sieve::{REPEATED, dialect},
    tools::catalog,
};

/// No mended letter takes more bytes than its escape.
const ESCAPED: usize = 6;
/// Brackets that may be added at the end.
const BRACKETS: usize = 64;

/// Checks one input: a byte that decides, and a text.
pub fn check(input: &[u8]) {
    let Some((&choice, text)) = input.split_first() else { return };
    let text = String::from_utf8_lossy(text);
    let known: &[&str] = if choice & 1 == 0 { &[] } else { &["name", "arguments", "command", "content"] };
    let known: Vec<String> = known.iter().map(|&key| key.to_owned()).collect();
    let known = KnownKeys { known, required: vec!["name".to_owned()] };
    mended(&text, &known);
    if choice & !3 == 4 {
        mended(&text.repeat(REPEATED / text.len().max(1)), &known);
    }
    let name = (choice & 2 == 0).then(|| "plan".to_owned());
    for body in [BlockBody::Calls(text.to_string()), BlockBody::Arguments(text.to_string())] {
        fitted(RawCall { name: name.clone(), body });
    }
    let fields = ["steps", "count", "mode", "limit"].map(|key| (key.to_owned(), text.to_string()));
    fitted(RawCall { name, body: BlockBody::Fields(fields.into()) });
}

fn mended(text: &str, known: &KnownKeys) {
    let Some(mended) = repair::mend(text, known) else { return };
    assert!(
        mended.len() <= ESCAPED * text.len() + BRACKETS,
        "it grew from {} to {}",
        text.len(),
        mended.len()
    );
    let value: Value = serde_json::from_str(&mended).expect("what is mended is JSON");
    if let Ok(strict) = serde_json::from_str::<Value>(text) {
        assert_eq!(value, strict, "JSON stays what it is");
    }
    assert_eq!(repair::mend(&mended, known).as_ref(), Some(&mended), "once is enough");
}

/// Whatever becomes a call is one that its tool takes.
fn fitted(found: RawCall) {
    let catalog = catalog();
    for fitting in
        found.validate(&catalog, CallSource::Written(&dialect(CallFormat::Xml).nonce)).into_iter().flatten()
    {
        let tool = catalog.exact(&fitting.name).expect("the tool is declared");
        let arguments: Value = serde_json::from_str(&fitting.arguments).expect("arguments are JSON");
        assert!(arguments.is_object(), "arguments are an object: {arguments}");
        assert_eq!(tool.differences(&arguments), Vec::<String>::new(), "{arguments}");
    }
}
