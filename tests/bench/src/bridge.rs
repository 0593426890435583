//! What a byte of a call costs the bridge when a site sends it letter by letter, at doubling sizes. If the cost of a
//! byte does not grow with the call, one size costs per byte what the one before does.

use std::sync::Arc;

use anyhow::ensure;
use latchkey_bridge::{
    catalog::Catalog,
    dialect::{CallFormat, Dialect, Nonce, WrittenCall},
    sieve::{AnswerEnd, Sieve, SieveLimits, event::SieveEvent},
};
use serde_json::{Map, Value, json};

use crate::clock;

/// The argument of a call, from smallest to largest.
const KIB: [usize; 4] = [640, 1280, 2560, 5120];
/// More for a byte than this, twice as long, and it is not linear.
const RATIO: f64 = 1.3;
/// The fastest of so many counts: whatever else the machine does only adds.
const ROUNDS: usize = 5;
/// What arguments are made of: code, and what looks like the end of a call at every turn.
const CONTENTS: [(&str, &str); 2] = [
    ("code", "    if a < b && list[0] > 1 { say(\"</p>\\n\"); }\n"),
    ("closers", "</invoke></parameter>\n[/x]"),
];

/// Measures and prints a table.
///
/// # Errors
/// When a byte of a longer call costs more.
#[expect(clippy::print_stdout, reason = "the result of the run")]
pub(crate) fn run() -> anyhow::Result<()> {
    println!("  {:<8}{:<10}{:>10}{:>14}{:>9}", "dialect", "argument", "KiB", "ns per byte", "ratio");
    let mut worst = 0.0_f64;
    for form in [CallFormat::Xml, CallFormat::Json, CallFormat::Fence] {
        for (name, lines) in CONTENTS {
            let mut before = None;
            for kib in KIB {
                let cost = cost(form, &lines.repeat((kib << 10) / lines.len()))?;
                let ratio = before.map(|before| cost / before);
                let shown = ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}"));
                println!("  {:<8}{name:<10}{kib:>10}{cost:>14.1}{shown:>9}", form.as_str());
                worst = worst.max(ratio.unwrap_or_default());
                before = Some(cost);
            }
        }
    }
    println!("\nThe worst ratio is {worst:.2}; linear is below {RATIO}.");
    ensure!(worst < RATIO, "the cost of a byte grows with the call");
    Ok(())
}

/// CPU nanoseconds per byte of a call with this argument, each letter a piece of its own.
fn cost(form: CallFormat, content: &str) -> anyhow::Result<f64> {
    let dialect = Dialect { form, nonce: Nonce::derive(b"a secret", "a conversation") };
    let parameters = json!({"type": "object", "properties": {"content": {"type": "string"}}});
    let catalog = Arc::new(Catalog::new(&[json!({"function": {"name": "write", "parameters": parameters}})]));
    let arguments = Map::from_iter([("content".to_owned(), Value::from(content))]);
    let block = dialect.calls(&[WrittenCall { name: "write", arguments: &arguments }]);
    let mut fastest = u64::MAX;
    for _ in 0..ROUNDS {
        let mut sieve = Sieve::new(Arc::clone(&catalog), &dialect, SieveLimits::default());
        let mut events = Vec::new();
        let begun = clock::cpu_nanos();
        for (at, letter) in block.char_indices() {
            sieve.push_text(&block[at..at + letter.len_utf8()], &mut events);
        }
        sieve.finish(AnswerEnd::Complete, &mut events);
        fastest = fastest.min(clock::cpu_nanos() - begun);
        let read = events
            .iter()
            .find_map(|event| if let SieveEvent::Call(call) = event { Some(call) } else { None });
        let read: Value = serde_json::from_str(read.map_or("", |call| &call.arguments))?;
        ensure!(read == Value::Object(arguments.clone()), "the call did not come back");
    }
    Ok(fastest as f64 / block.len() as f64)
}
