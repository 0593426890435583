//! A real OpenCode edits a file through a real Gradio, whose chat takes nothing but a text.

use serde_json::{Value, json};
use support::{
    model::Reply,
    opencode::{Project, run},
};

use super::{
    ask::{Ask, RequestedStep},
    assert_files, done, files,
};
use crate::gradio::GradioStage;

#[tokio::test]
async fn a_person_has_one_file_read_and_edited() {
    // OpenCode knows its model by the name that all tests use.
    let site_file =
        include_str!("../../../shared/sites/gradio.toml").replace("[\"gradio\"]", "[\"practice-1\"]");
    let stage = GradioStage::with_site_file(4, 4, &site_file).await;
    stage.sign_in().await;
    let project = Project::new(&[("greeting.txt", "Hello, world!\n"), ("other.txt", "stays\n")]);
    stage.model.model.always_with(|request| {
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

    let run = run(&stage.world.adapters[0].url, &project, "Greet Oslo in greeting.txt").await;

    assert!(run.status.success(), "{run:#?}");
    let names: Vec<&Value> = run.events("tool_use").iter().map(|event| &event["part"]["tool"]).collect();
    assert_eq!(names, ["read", "edit"], "{run:#?}");
    assert_files(&project, &files(&[("greeting.txt", "Hello, <b>Oslo</b>!\n"), ("other.txt", "stays\n")]));
    stage.world.stop().await;
}
