//! A site that knows only text: every situation in every dialect, with the real OpenCode at the other end.

use std::fmt::Write;

use futures::future::join_all;
use support::{
    model::Reply,
    opencode::{OpenCode, Project, run},
    world::World,
};

use super::{
    CONTENT, Files,
    ask::Ask,
    assert_files,
    dialect::Form,
    files,
    situations::{self, OpencodeSituation},
};

const SITE_FILE: &str = include_str!("../../../shared/sites/practice.toml");

/// How a situation ended: with so many extra calls of the site, or badly.
type MatrixCell = Result<usize, String>;

/// An adapter alone, before a site that takes no tools.
async fn world(form: Form) -> World {
    let chat = format!("tools = false\ndialect = \"{}\"", form.as_str());
    let site = SITE_FILE.replace("tools = true", &chat);
    World::start().without_broker().site_file(site).with_session("alice").await
}

/// Has the site's model be in a situation from now on.
fn script(world: &World, answer: fn(&Ask) -> Reply) {
    world.practice.model().reset();
    world.practice.model().always_with(move |request| match Ask::read(request) {
        Some(ask) => answer(&ask),
        None => Reply::text("A title"),
    });
}

#[tokio::test]
async fn a_person_has_a_file_written_by_a_model_without_tools() {
    let world = world(Form::Xml).await;
    let situation = situations::all().swap_remove(0);
    let project = Project::new(&[]);
    script(&world, situation.answer);

    let run = run(&world.adapters[0].url, &project, "Write the file").await;

    assert!(run.status.success(), "{run:#?}");
    assert_files(&project, &files(&[("a.rs", CONTENT)]));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_situation_ends_well_in_every_dialect() {
    let worlds = join_all(Form::ALL.map(world)).await;
    let adapters: Vec<_> =
        Form::ALL.iter().zip(&worlds).map(|(form, world)| (form.as_str(), &world.adapters[0].url)).collect();
    let opencode = OpenCode::start(&adapters).await;

    let columns = Form::ALL.iter().zip(&worlds).map(|(form, world)| column(&opencode, form.as_str(), world));
    let columns = join_all(columns).await;

    let (table, red) = table(&columns);
    print(&table);
    assert!(red.is_empty(), "{table}\n{red}");
    for world in worlds {
        world.stop().await;
    }
}

/// Every situation in one dialect, one after another: they share the site's model.
async fn column(opencode: &OpenCode, form: &str, world: &World) -> Vec<MatrixCell> {
    let mut cells = Vec::new();
    for situation in situations::all() {
        let cell = cell(opencode, form, world, &situation).await;
        cells.push(cell.map_err(|why| format!("{why}; {}", last_asked(world))));
    }
    cells
}

/// What the site was asked last, for whoever has to find out what went wrong.
fn last_asked(world: &World) -> String {
    let calls = world.practice.model().calls();
    let last = calls.last().and_then(|call| call.body["messages"].as_array()?.last()?["content"].as_str());
    let last: String = last.unwrap_or_default().chars().take(300).collect();
    format!("the site was asked {} times, at last {last:?}", calls.len())
}

async fn cell(opencode: &OpenCode, form: &str, world: &World, situation: &OpencodeSituation) -> MatrixCell {
    let before: Vec<(&str, &str)> =
        situation.before.iter().map(|(name, content)| (name.as_str(), content.as_str())).collect();
    let project = Project::new(&before);
    script(world, situation.answer);

    let turn = opencode.prompt(form, &project, "Write the files").await?;

    let calls = turn.calls();
    if calls.iter().any(|(_, outcome)| outcome != "completed") {
        return Err(format!("a call was refused: {calls:?}"));
    }
    check_files(&project.files(), &situation.after)?;
    if !turn.text().contains(situation.said) {
        return Err(format!("the client was told {:?}", turn.text()));
    }
    // Calls of one turn come back together: a turn for each round of them, and one for the last words.
    let extra = world.practice.model().calls().len().saturating_sub(situation.rounds + 1);
    if extra != situation.extra {
        return Err(format!("{extra} extra calls of the site in place of {}", situation.extra));
    }
    Ok(extra)
}

fn check_files(files: &Files, expected: &Files) -> Result<(), String> {
    for (name, content) in expected {
        let Some(found) = files.get(name) else { return Err(format!("there is no {name}")) };
        if found != content {
            let found_bytes = found.len();
            let bytes = content.len();
            return Err(format!("{name} has {found_bytes} other bytes in place of {bytes}: {found:.400}"));
        }
    }
    match files.keys().find(|name| !expected.contains_key(*name)) {
        Some(name) => Err(format!("there is a {name}")),
        None => Ok(()),
    }
}

/// The table, and below it what is red.
fn table(columns: &[Vec<MatrixCell>]) -> (String, String) {
    let mut table = format!("{:<26}", "extra calls of the site");
    let mut red = String::new();
    for form in Form::ALL {
        write!(table, "{:>7}", form.as_str()).unwrap();
    }
    for (row, situation) in situations::all().iter().enumerate() {
        write!(table, "\n{:<26}", situation.name).unwrap();
        for (form, column) in Form::ALL.iter().zip(columns) {
            match &column[row] {
                Ok(extra) => write!(table, "{extra:>7}").unwrap(),
                Err(why) => {
                    write!(table, "{:>7}", "RED").unwrap();
                    writeln!(red, "{} in {}: {why}", situation.name, form.as_str()).unwrap();
                }
            }
        }
    }
    (table, red)
}

#[expect(clippy::print_stdout, reason = "the table is what this test shows")]
fn print(table: &str) {
    println!("{table}");
}
