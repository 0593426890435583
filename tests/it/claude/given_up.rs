//! A model that never writes a call that fits: how often its site is asked over all that a client repeats.

use serde_json::{Value, json};
use support::{
    claude,
    model::Reply,
    opencode::{self, Project},
    world::World,
};

use super::{IDLE, Takes, world};
use crate::opencode::ask::Ask;

/// Calls of this tool lack what it requires, each time; whatever else is asked is answered.
async fn misfit(tool: &'static str) -> World {
    let world = world(Takes::Text).await;
    world.practice.model().always_with(move |request| match Ask::read(request) {
        Some(ask) => Reply::text(&ask.dialect.calls(&[(tool, json!({"nothing": "of it"}))])),
        None => Reply::text("A title"),
    });
    world
}

/// Questions that offer tools: the first answer, and two corrections, are the least.
fn asked(world: &World) -> usize {
    let offers = |body: &Value| Ask::read(body).is_some();
    world.practice.model().calls().iter().filter(|call| offers(&call.body)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn claude_code_is_told_and_does_not_repeat() {
    let world = misfit("Write").await;
    let project = Project::new(&[]);

    let run = claude::run(&world.adapters[0].url, "practice-1", &project, "Write the files", &[IDLE]).await;

    assert!(run.success && run.result().contains("could not be made"), "{:?} {}", run.result(), run.stderr);
    assert_eq!(asked(&world), 3);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn opencode_is_told_and_does_not_repeat() {
    let world = misfit("write").await;
    let project = Project::new(&[]);

    let run = opencode::run(&world.adapters[0].url, &project, "Write the files").await;

    let texts = run.events("text");
    assert!(texts.iter().any(|text| text.to_string().contains("could not be made")), "{texts:?}");
    assert_eq!(asked(&world), 3);
    world.stop().await;
}
