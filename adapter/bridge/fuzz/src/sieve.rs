//! Any text through the sieve: in any split the same, every byte accounted for, no call without its end, and none that
//! nobody wrote.

use latchkey_bridge::{
    dialect::{CallFormat, Dialect, Nonce, WrittenCall},
    sieve::{
        AnswerEnd, Expectation, Sieve, SieveLimits,
        event::{AnswerSummary, CallOrigin, SieveEvent},
    },
};
use serde_json::{Map, Value};

use crate::{mutated, tools::catalog};

/// The forms, by the first byte of an input.
pub(crate) const FORMS: [CallFormat; 3] = [CallFormat::Xml, CallFormat::Json, CallFormat::Fence];
/// Parts text from thinking; no byte of UTF-8.
pub(crate) const TURN: u8 = 0xff;
/// A byte may be looked at so often: a tag has 256 at most, and is looked at anew for each that comes.
const LOOKS: u64 = 300;
/// A short text is repeated up to here, so that whatever is not linear takes minutes.
pub(crate) const REPEATED: usize = 64 << 10;
/// Without these nothing can end: no tag, no fence, no JSON, no special token.
const ENDS: &[char] = &['/', '}', ']', '`', '~', 'd', 'D'];

/// What the first bytes of an input decide.
struct Plan {
    form: CallFormat,
    end: AnswerEnd,
    limits: SieveLimits,
    seed: u64,
    cut: u8,
    repeats: bool,
}

/// A piece of what a site says.
#[derive(Clone)]
enum Piece {
    Text(String),
    Reasoning(String),
}

/// What a run gave before the end, and then.
struct Run {
    before: Vec<SieveEvent>,
    last: Vec<SieveEvent>,
    summary: AnswerSummary,
}

/// The dialect of all inputs.
pub(crate) fn dialect(form: CallFormat) -> Dialect {
    Dialect { form, nonce: Nonce::derive(b"a secret", "a conversation") }
}

/// Checks one input: four bytes that decide, and what is said.
pub fn check(input: &[u8]) {
    let Some((head, said)) = input.split_first_chunk::<4>() else { return };
    let plan = Plan::of(*head);
    let pieces = pieces(said);
    let whole = plan.run(&pieces, plan.end);
    account(&whole);
    fits(&whole);
    subsequence(&whole, &pieces);
    let split = split(&pieces, plan.seed);
    let letters = letters(&pieces);
    for parts in [&split, &letters] {
        let run = plan.run(parts, plan.end);
        assert_eq!(run.all(), whole.all(), "another split, another answer");
        assert_eq!(run.booked(), whole.booked());
        assert!(run.summary.scanned <= LOOKS * (run.summary.account.received + 1), "{:?}", run.summary);
    }
    nothing_ends_by_itself(&plan, &pieces);
    comes_back(plan.form, said);
    mutated::check(plan.form, said, [head[3], head[1], head[2]]);
    if plan.repeats {
        let text = text_of(&pieces);
        let times = REPEATED / text.len().max(1);
        account(&plan.run(&[Piece::Text(text.repeat(times))], plan.end));
    }
}

impl Plan {
    fn of([form, seed, cut, limits]: [u8; 4]) -> Self {
        let default = SieveLimits::default();
        let limits = match limits & 3 {
            0 => default,
            1 => SieveLimits { calls: 1, ..default },
            2 => SieveLimits { call_bytes: 64, ..default },
            _ => SieveLimits { turn_bytes: 96, calls: 2, ..default },
        };
        Self {
            form: FORMS[usize::from(form) % FORMS.len()],
            end: if form & 0x80 == 0 { AnswerEnd::Complete } else { AnswerEnd::Cut },
            limits,
            seed: u64::from(seed),
            cut,
            repeats: form & 0x40 != 0,
        }
    }

    fn run(&self, pieces: &[Piece], end: AnswerEnd) -> Run {
        let mut sieve = Sieve::new(catalog(), &dialect(self.form), self.limits);
        let mut before = Vec::new();
        let mut last = Vec::new();
        for piece in pieces {
            let over = sieve.expectation() == Expectation::Nothing;
            let given = before.len();
            match piece {
                Piece::Text(text) => sieve.push_text(text, &mut before),
                Piece::Reasoning(text) => sieve.push_reasoning(text, &mut before),
            }
            let thoughts = before[given..].iter().all(|event| matches!(event, SieveEvent::Reasoning(_)));
            assert!(!over || thoughts, "what was not expected is given");
        }
        let summary = sieve.finish(end, &mut last);
        Run { before, last, summary }
    }
}

impl Run {
    /// All events, neighbours of one kind as one.
    fn all(&self) -> Vec<SieveEvent> {
        let mut merged: Vec<SieveEvent> = Vec::new();
        for event in self.before.iter().chain(&self.last) {
            match (merged.last_mut(), event) {
                (Some(SieveEvent::Text(before)), SieveEvent::Text(text)) => before.push_str(text),
                (Some(SieveEvent::Reasoning(before)), SieveEvent::Reasoning(text)) => before.push_str(text),
                (_, event) => merged.push(event.clone()),
            }
        }
        merged
    }

    /// The summary without its cost.
    fn booked(&self) -> AnswerSummary {
        AnswerSummary { scanned: 0, ..self.summary.clone() }
    }

    fn events(&self) -> impl Iterator<Item = &SieveEvent> {
        self.before.iter().chain(&self.last)
    }

    fn calls(&self) -> impl Iterator<Item = &latchkey_bridge::sieve::event::ParsedCall> {
        self.events().filter_map(|event| if let SieveEvent::Call(call) = event { Some(call) } else { None })
    }

    fn size(&self, pick: fn(&SieveEvent) -> usize) -> u64 {
        self.events().map(pick).sum::<usize>() as u64
    }
}

/// Every byte is somewhere, and the events say the same as the account.
fn account(run: &Run) {
    let account = run.summary.account;
    let sum = account.text + account.reasoning + account.markup + account.dropped;
    assert_eq!(account.received, sum, "{account:?}");
    let text = run.size(|event| if let SieveEvent::Text(text) = event { text.len() } else { 0 });
    let reasoning = run.size(|event| if let SieveEvent::Reasoning(text) = event { text.len() } else { 0 });
    let dropped = run.size(|event| if let SieveEvent::Dropped(size) = event { *size } else { 0 });
    assert_eq!((account.text, account.reasoning, account.dropped), (text, reasoning, dropped));
    assert_eq!(run.summary.calls, run.calls().count());
}

/// Every call is of a declared tool, which takes its arguments.
fn fits(run: &Run) {
    let catalog = catalog();
    for call in run.calls() {
        let tool = catalog.exact(&call.name).expect("the tool is declared");
        let arguments: Value = serde_json::from_str(&call.arguments).expect("arguments are JSON");
        assert_eq!(tool.differences(&arguments), Vec::<String>::new(), "{arguments}");
    }
}

/// What is given as text was said as text, in this order.
fn subsequence(run: &Run, pieces: &[Piece]) {
    let said = text_of(pieces);
    let mut said = said.chars();
    for event in run.events() {
        let SieveEvent::Text(text) = event else { continue };
        for letter in text.chars() {
            assert!(said.any(|said| said == letter), "{letter:?} was not said there");
        }
    }
}

/// At the end of the input no open block becomes a call: not of a prefix, and not of a text without any ends.
fn nothing_ends_by_itself(plan: &Plan, pieces: &[Piece]) {
    let text = text_of(pieces);
    let mut at = text.len() * usize::from(plan.cut) / 255;
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    for end in [AnswerEnd::Complete, AnswerEnd::Cut] {
        let run = plan.run(&[Piece::Text(text[..at].to_owned())], end);
        for event in &run.last {
            let SieveEvent::Call(call) = event else { continue };
            assert!(
                end == AnswerEnd::Complete && call.reading != CallOrigin::Own,
                "made at the end: {call:?}"
            );
        }
        let endless: Vec<Piece> = pieces.iter().map(Piece::without_ends).collect();
        assert_eq!(plan.run(&endless, end).calls().count(), 0, "a call without an end");
    }
}

impl Piece {
    fn without_ends(&self) -> Self {
        match self {
            Self::Text(text) => Self::Text(text.replace(ENDS, "")),
            Self::Reasoning(text) => Self::Reasoning(text.replace(ENDS, "")),
        }
    }
}

/// What is written in a dialect is read as it was, whatever it holds.
fn comes_back(form: CallFormat, content: &[u8]) {
    let content = String::from_utf8_lossy(content).into_owned();
    let arguments = Map::from_iter([
        ("filePath".to_owned(), Value::from("a")),
        ("content".to_owned(), Value::from(content)),
    ]);
    let block = dialect(form).calls(&[WrittenCall { name: "write", arguments: &arguments }]);
    let plan = Plan {
        form,
        end: AnswerEnd::Complete,
        limits: SieveLimits::default(),
        seed: 0,
        cut: 0,
        repeats: false,
    };
    let run = plan.run(&[Piece::Text(block.clone())], AnswerEnd::Complete);
    let read: Vec<Value> =
        run.calls().map(|call| serde_json::from_str(&call.arguments).expect("arguments are JSON")).collect();
    assert_eq!(read, [Value::Object(arguments)], "{block}");
}

/// Text and thinking by turns.
fn pieces(said: &[u8]) -> Vec<Piece> {
    let parts = said.split(|byte| *byte == TURN).enumerate();
    parts
        .map(|(at, part)| {
            let part = String::from_utf8_lossy(part).into_owned();
            if at % 2 == 0 { Piece::Text(part) } else { Piece::Reasoning(part) }
        })
        .collect()
}

fn text_of(pieces: &[Piece]) -> String {
    let text = |piece: &Piece| if let Piece::Text(text) = piece { text.clone() } else { String::new() };
    pieces.iter().map(text).collect()
}

/// Every piece in parts of up to sixteen letters.
fn split(pieces: &[Piece], seed: u64) -> Vec<Piece> {
    let mut state = seed;
    let mut size = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % 16 + 1
    };
    parts(pieces, &mut size)
}

fn letters(pieces: &[Piece]) -> Vec<Piece> {
    parts(pieces, &mut || 1)
}

fn parts(pieces: &[Piece], size: &mut dyn FnMut() -> usize) -> Vec<Piece> {
    let mut out = Vec::new();
    for piece in pieces {
        let (text, make): (_, fn(String) -> Piece) = match piece {
            Piece::Text(text) => (text, Piece::Text),
            Piece::Reasoning(text) => (text, Piece::Reasoning),
        };
        let mut letters = text.chars().peekable();
        while letters.peek().is_some() {
            out.push(make(letters.by_ref().take(size()).collect()));
        }
    }
    out
}
