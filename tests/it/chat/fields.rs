//! The table of the adapter's README: what becomes of every field that a chat request may have.

use std::path::Path;

use serde_json::{Map, Value};
use support::{
    model::Reply,
    world::{AdapterClient, World},
};

use super::{adapter, declared};

/// What may become of a field.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    /// The request is refused, and the message names the field.
    Refused,
    /// The site's model gets it as it came.
    PassedOn,
    /// The request is answered as if it were not there.
    LeftOut,
    /// The site is not told, and the answer is as long as it says.
    Kept,
    /// The prompt says it in words, and the answer that is not so is told as such.
    Written,
}

/// A row of the table: fields, and what becomes of them at a site like OpenAI and at any other.
struct FieldRow {
    fields: Map<String, Value>,
    fates: [Fate; 2],
}

fn rows() -> Vec<FieldRow> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../adapter/README.md");
    let text = std::fs::read_to_string(path).unwrap();
    let table = &text[text.find("| the request has |").expect("the README has the table")..];
    let lines = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    lines.map(row).collect()
}

fn row(line: &str) -> FieldRow {
    let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
    let [fields, like_openai, other] = cells[..] else { panic!("a row has three cells: {line}") };
    let fields = serde_json::from_str(fields.trim_matches('`')).unwrap_or_else(|why| panic!("{why}: {line}"));
    FieldRow { fields, fates: [like_openai, other].map(fate) }
}

fn fate(cell: &str) -> Fate {
    match cell {
        "400" => Fate::Refused,
        "passed on" => Fate::PassedOn,
        "left out" => Fate::LeftOut,
        "kept by the adapter" => Fate::Kept,
        "written into the prompt" => Fate::Written,
        other => panic!("the table does not know {other:?}"),
    }
}

#[tokio::test]
async fn every_field_has_the_fate_that_the_readme_tells() {
    let rows = rows();
    let worlds = [adapter().await, adapter().site_file(declared()).await];
    assert!(rows.len() > 5);
    for (index, world) in worlds.iter().enumerate() {
        world.practice.model().always(Reply::pieces(&["Fine", "."]));
        for row in &rows {
            check(world, &row.fields, row.fates[index]).await;
        }
    }
    for world in worlds {
        world.stop().await;
    }
}

async fn check(world: &World, fields: &Map<String, Value>, expected: Fate) {
    let mut body = AdapterClient::question("Hello");
    body.as_object_mut().unwrap().extend(fields.clone());

    let answer = world.adapter().chat(&body).await;

    if expected == Fate::Refused {
        assert_eq!(answer.status, 400, "{fields:?}: {}", answer.body);
        assert!(fields.keys().any(|name| answer.body.contains(name.as_str())), "{fields:?}: {}", answer.body);
        return;
    }
    let text = match expected {
        Fate::Kept => "Fine",
        Fate::Written => "Fine.\n\nThis answer is not the JSON that was asked for.",
        Fate::Refused | Fate::PassedOn | Fate::LeftOut => "Fine.",
    };
    assert_eq!(answer.text(), text, "{fields:?}");
    let call = world.practice.model().last_call();
    if expected == Fate::Written {
        let prompt = call.body["messages"].to_string();
        assert!(prompt.contains("one JSON value that fits"), "{fields:?}: {prompt}");
    }
    for (name, value) in fields {
        let got = (call.body.get(name) == Some(value), expected);
        let as_told =
            matches!(got, (true, Fate::PassedOn) | (false, Fate::LeftOut | Fate::Kept | Fate::Written));
        assert!(as_told, "{name} is not {expected:?}: {}", call.body);
    }
}
