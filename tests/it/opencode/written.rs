//! A real OpenCode edits a file through real sites that take nothing but a text, and through a real Chainlit over its socket.

use serde_json::{Value, json};
use support::{
    model::{ModelServer, Reply},
    opencode::{Project, run},
    world::World,
};

use super::{
    ask::{Ask, RequestedStep},
    assert_files, done, files,
};
use crate::{chainlit::ChainlitStage, gradio::GradioStage};

/// OpenCode knows its model by the name that all tests use.
fn site_file(toml: &str, model: &str) -> String {
    toml.replace(&format!("[\"{model}\"]"), "[\"practice-1\"]")
}

#[tokio::test]
async fn a_person_of_chainlit_has_one_file_read_and_edited() {
    let file = site_file(include_str!("../../../shared/sites/chainlit.toml"), "chainlit");
    let stage = ChainlitStage::with_site_file(&file).await;
    stage.sign_in().await;
    one_file_is_read_and_edited(&stage.world, &stage.model).await;
    stage.world.stop().await;
}

#[tokio::test]
async fn a_person_of_gradio_has_one_file_read_and_edited() {
    let file = site_file(include_str!("../../../shared/sites/gradio.toml"), "gradio");
    let stage = GradioStage::with_site_file(4, 4, &file).await;
    stage.sign_in().await;
    one_file_is_read_and_edited(&stage.world, &stage.model).await;
    stage.world.stop().await;
}

async fn one_file_is_read_and_edited(world: &World, model: &ModelServer) {
    let project = Project::new(&[("greeting.txt", "Hello, world!\n"), ("other.txt", "stays\n")]);
    model.model.always_with(|request| {
        let Some(ask) = Ask::read(request) else { return Reply::text("A greeting") };
        let edit = json!({"filePath": "greeting.txt", "oldString": "Hello, world!", "newString": "Hello, <b>Oslo</b>!"});
        let done_so_far = match &ask.step {
            RequestedStep::GoOn(results) => results.len(),
            RequestedStep::Begin | RequestedStep::Correct | RequestedStep::Continue | RequestedStep::Act => 0,
        };
        match done_so_far {
            0 => Reply::text(&ask.dialect.calls(&[("read", json!({"filePath": "greeting.txt"}))])),
            1 => Reply::text(&format!("I edit.\n\n{}", ask.dialect.calls(&[("edit", edit)]))),
            _ => done(),
        }
    });

    let run = run(&world.adapters[0].url, &project, "Greet Oslo in greeting.txt").await;

    assert!(run.status.success(), "{run:#?}");
    let names: Vec<&Value> = run.events("tool_use").iter().map(|event| &event["part"]["tool"]).collect();
    assert_eq!(names, ["read", "edit"], "{run:#?}");
    assert_files(&project, &files(&[("greeting.txt", "Hello, <b>Oslo</b>!\n"), ("other.txt", "stays\n")]));
}
