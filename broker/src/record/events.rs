//! `[chat.http.stream]`: how the answer's bytes become events, which of them say something, and which is the last.

use std::collections::BTreeSet;

use serde_json::Value;

use super::toml;
use crate::browser::RecordedExchange;

/// Keys that tell kinds of events apart, the likeliest first.
const KINDS: [&str; 8] = ["type", "event", "msg", "kind", "op", "object", "status", "role"];

/// One event.
struct StreamEvent {
    name: Option<String>,
    data: String,
    json: Option<Value>,
}

/// Drafts the table; `shown` is what the page showed at the end. `None` where no text is found.
pub(super) fn draft(exchange: &RecordedExchange, shown: &str) -> Option<String> {
    let answer = exchange.answer.as_deref()?;
    let (format, events) = cut(&exchange.content_type, answer)?;
    if format == "text" {
        return Some("[chat.http.stream]\nformat = \"text\"\nbody_ends = true\n".to_owned());
    }
    let place = place(&events, shown)?;
    let mut text = format!("[chat.http.stream]\nformat = {format:?}\n");
    let end = end(&events);
    let rules = rules(&events, &place);
    match end {
        None => {
            text += "# VERIFY: no event was found that is the last; a cut connection looks like a whole answer then.\nbody_ends = true\n";
        }
        Some(condition) => {
            text += &format!("\n[[chat.http.stream.on]]\n{condition}\n");
            let last =
                events.last().and_then(|event| event.json.as_ref()).and_then(|json| json.pointer(&place));
            if last.and_then(Value::as_str).is_some() {
                text += &format!("{} = {place:?}\n", word(&events, &place));
            }
            text += "means = \"end\"\n";
        }
    }
    for rule in rules {
        text += &format!("\n[[chat.http.stream.on]]\n{rule}");
    }
    Some(
        text + "\n# VERIFY: how the site tells an error inside its answer: a rule with means = \"error\", before the others.\n",
    )
}

/// Whether an answer has a text that the page showed at the end.
pub(super) fn is_shown(exchange: &RecordedExchange, shown: &str) -> bool {
    let cut = exchange.answer.as_deref().and_then(|answer| cut(&exchange.content_type, answer));
    let Some((_, events)) = cut else { return false };
    let said = place(&events, shown).map(|place| plain(&said(&events, &place)));
    said.is_some_and(|said| said.len() > 3 && plain(shown).contains(&said))
}

/// The format, and the events.
fn cut(content_type: &str, answer: &str) -> Option<(&'static str, Vec<StreamEvent>)> {
    let json = |data: &str| {
        serde_json::from_str::<Value>(data).ok().filter(|json| json.is_object() || json.is_array())
    };
    let event = |name, data: String| StreamEvent { name, json: json(&data), data };
    if content_type.contains("event-stream") {
        let answer = answer.replace("\r\n", "\n");
        let events = answer.split("\n\n").filter_map(|block| {
            let field = |name: &str| -> Vec<String> {
                let lines = block.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
                lines.map(|value| value.strip_prefix(' ').unwrap_or(value).to_owned()).collect()
            };
            let data = field("data");
            (!data.is_empty()).then(|| event(field("event").pop(), data.join("\n")))
        });
        return Some(("sse", events.collect()));
    }
    let lines: Vec<&str> = answer.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if let Some(Value::Array(items)) = json(answer) {
        return Some(("json", items.iter().map(|item| event(None, item.to_string())).collect()));
    }
    if json(answer).is_some() {
        return Some(("json", vec![event(None, answer.to_owned())]));
    }
    if lines.len() > 1 && lines.iter().all(|line| json(line).is_some()) {
        return Some(("ndjson", lines.into_iter().map(|line| event(None, line.to_owned())).collect()));
    }
    (content_type.starts_with("text/plain") && !answer.trim().is_empty()).then(|| ("text", Vec::new()))
}

/// The pointer under which the answer's text is: the one whose text the page showed, else the longest.
fn place(events: &[StreamEvent], shown: &str) -> Option<String> {
    let pointers: BTreeSet<String> = events
        .iter()
        .filter_map(|event| event.json.as_ref())
        .flat_map(|json| toml::texts(json).into_iter().map(|(pointer, _)| pointer))
        .collect();
    let scored = pointers.into_iter().map(|pointer| {
        let said = said(events, &pointer);
        let is_shown = said.trim().len() > 3 && plain(shown).contains(&plain(&said));
        (is_shown, said.len(), pointer)
    });
    scored.max_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1))).map(|(.., pointer)| pointer)
}

/// Pages render spaces and markup as they like.
fn plain(text: &str) -> String {
    text.chars().filter(|letter| letter.is_alphanumeric()).collect()
}

/// What the events say under a pointer, all together.
fn said(events: &[StreamEvent], pointer: &str) -> String {
    let pieces = values(events, pointer);
    if grows(&pieces) { pieces.last().copied().unwrap_or_default().to_owned() } else { pieces.concat() }
}

fn values<'e>(events: &'e [StreamEvent], pointer: &str) -> Vec<&'e str> {
    let value = |event: &'e StreamEvent| event.json.as_ref()?.pointer(pointer)?.as_str();
    events.iter().filter_map(value).collect()
}

/// Whether each text is the one before it, and more.
fn grows(pieces: &[&str]) -> bool {
    let follows = pieces.windows(2).all(|pair| pair[1].starts_with(pair[0]));
    pieces.len() > 1
        && follows
        && pieces.first().is_some_and(|first| !first.is_empty())
        && pieces.first() != pieces.last()
}

fn has_edits(events: &[StreamEvent], pointer: &str) -> bool {
    let is_edit = |value: &Value| value.get(0).and_then(|edit| edit.get(0)).is_some_and(Value::is_string);
    events.iter().filter_map(|event| event.json.as_ref()?.pointer(pointer)).any(is_edit)
}

/// The key of a rule for the text.
fn word(events: &[StreamEvent], pointer: &str) -> &'static str {
    match () {
        () if has_edits(events, pointer) || grows(&values(events, pointer)) => "text_so_far",
        () => "text",
    }
}

/// The rules for what is said, one for each kind of event.
fn rules(events: &[StreamEvent], place: &str) -> Vec<String> {
    let says = |event: &&StreamEvent| event.json.as_ref().is_some_and(|json| json.pointer(place).is_some());
    let saying: Vec<&StreamEvent> = events.iter().filter(says).collect();
    let kind = KINDS.iter().map(|key| format!("/{key}")).find(|pointer| {
        saying.iter().all(|event| {
            event.json.as_ref().and_then(|json| json.pointer(pointer)).is_some_and(Value::is_string)
        })
    });
    let edits = if has_edits(events, place) { "text_edits" } else { word(events, place) };
    let Some(kind) = kind else {
        let name = saying.first().and_then(|event| event.name.as_ref());
        let named = name.map(|name| format!("event = {name:?}\n")).unwrap_or_default();
        return vec![format!("{named}has = [{place:?}]\n{edits} = {place:?}\n")];
    };
    let mut kinds: Vec<&str> = Vec::new();
    for event in &saying {
        let value = event.json.as_ref().and_then(|json| json.pointer(&kind)).and_then(Value::as_str);
        kinds.extend(value.filter(|value| !kinds.contains(value)));
    }
    let rule = |value: &str| {
        let of_kind = |event: &&&StreamEvent| {
            event.json.as_ref().and_then(|json| json.pointer(&kind)) == Some(&value.into())
        };
        let has_array = saying.iter().filter(of_kind).any(|event| {
            event.json.as_ref().and_then(|json| json.pointer(place)).is_some_and(Value::is_array)
        });
        let word = if has_array { "text_edits" } else { word(events, place) };
        format!("when = {{ {kind:?} = {value:?} }}\nhas = [{place:?}]\n{word} = {place:?}\n")
    };
    kinds.into_iter().map(rule).collect()
}

/// What is true of the last event and of none before it.
fn end(events: &[StreamEvent]) -> Option<String> {
    let (last, before) = events.split_last()?;
    if last.json.is_none() {
        return Some(format!("data = {:?}", last.data.trim()));
    }
    if last.name.is_some() && before.iter().all(|event| event.name != last.name) {
        return last.name.as_ref().map(|name| format!("event = {name:?}"));
    }
    let fields = last.json.as_ref()?.as_object()?;
    let is_new = |(key, value): &(&String, &Value)| {
        let short =
            value.is_boolean() || value.as_str().is_some_and(|text| text.len() < 40 && !text.is_empty());
        short
            && before
                .iter()
                .all(|event| event.json.as_ref().is_none_or(|json| json.get(key.as_str()) != Some(value)))
    };
    let mut new: Vec<(&String, &Value)> = fields.iter().filter(is_new).collect();
    new.sort_by_key(|(key, value)| {
        let known = KINDS.iter().position(|kind| kind == key).unwrap_or(KINDS.len());
        (!value.is_boolean() && known == KINDS.len(), known)
    });
    let (key, value) = new.first().filter(|_| !before.is_empty())?;
    Some(format!("when = {{ {:?} = {value} }}", format!("/{}", key.replace('~', "~0").replace('/', "~1"))))
}
