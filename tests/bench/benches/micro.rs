//! What one chunk costs each stage alone: the decoder, the sieve, the encoder. `scripts/bench micro`.

use std::sync::Arc;

use divan::{Bencher, counter::ItemsCount};
use latchkey_adapter::micro;
use latchkey_bridge::{
    catalog::Catalog,
    dialect::{CallFormat, Dialect, Nonce, WrittenCall},
    sieve::{AnswerEnd, Sieve, SieveLimits},
};
use serde_json::{Map, Value, json};

/// Chunks of one answer.
const CHUNKS: usize = 1000;

fn main() {
    divan::main();
}

/// Pieces of a plain answer, as long as tokens are.
fn words() -> Vec<String> {
    (0..CHUNKS).map(|number| format!(" if a{number} <")).collect()
}

#[divan::bench]
fn decoder(bencher: Bencher<'_, '_>) {
    let event = |text: &String| {
        let choice = json!({"index": 0, "delta": {"content": text}, "finish_reason": null});
        let head = json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m",
            "choices": [choice]});
        format!("data: {head}\n\n").into_bytes()
    };
    let events: Vec<Vec<u8>> = words().iter().map(event).collect();
    bencher
        .counter(ItemsCount::new(CHUNKS))
        .bench(|| assert_eq!(micro::decode(events.iter().map(Vec::as_slice)), CHUNKS));
}

#[divan::bench]
fn encoder(bencher: Bencher<'_, '_>) {
    bencher.counter(ItemsCount::new(CHUNKS)).with_inputs(words).bench_values(micro::encode);
}

fn dialect(form: CallFormat) -> Dialect {
    Dialect { form, nonce: Nonce::derive(b"a secret", "a conversation") }
}

fn tools() -> Arc<Catalog> {
    let parameters = json!({"type": "object", "properties": {"content": {"type": "string"}}});
    Arc::new(Catalog::new(&[json!({"function": {"name": "write", "parameters": parameters}})]))
}

/// How many events an answer has.
fn sieved(catalog: &Arc<Catalog>, dialect: &Dialect, pieces: &[String]) -> usize {
    let mut sieve = Sieve::new(Arc::clone(catalog), dialect, SieveLimits::default());
    let mut events = Vec::new();
    let mut count = 0;
    for piece in pieces {
        sieve.push_text(piece, &mut events);
        count += events.drain(..).count();
    }
    sieve.finish(AnswerEnd::Complete, &mut events);
    count + events.len()
}

/// Text that has no call in it, and many places at which one might begin.
#[divan::bench(args = ["xml", "json", "fence"])]
fn sieve_plain(bencher: Bencher<'_, '_>, form: &str) {
    let catalog = tools();
    let dialect = dialect(parsed(form));
    let pieces = words();
    bencher.counter(ItemsCount::new(CHUNKS)).bench(|| sieved(&catalog, &dialect, &pieces));
}

/// One call whose argument is all of the answer.
#[divan::bench(args = ["xml", "json", "fence"])]
fn sieve_call(bencher: Bencher<'_, '_>, form: &str) {
    let catalog = tools();
    let dialect = dialect(parsed(form));
    let arguments = Map::from_iter([("content".to_owned(), Value::from(words().concat()))]);
    let block = dialect.calls(&[WrittenCall { name: "write", arguments: &arguments }]);
    let letters: Vec<char> = block.chars().collect();
    let pieces: Vec<String> =
        letters.chunks(letters.len().div_ceil(CHUNKS)).map(|chunk| chunk.iter().collect()).collect();
    bencher.counter(ItemsCount::new(pieces.len())).bench(|| sieved(&catalog, &dialect, &pieces));
}

fn parsed(form: &str) -> CallFormat {
    match form {
        "xml" => CallFormat::Xml,
        "json" => CallFormat::Json,
        _ => CallFormat::Fence,
    }
}
