//! What `latchkey-ops client` prints is what a real client works with, and the key is not in it.

use std::time::Duration;

use serde_json::Value;
use support::{
    claude, codex, command,
    command::CommandOutput,
    model::Reply,
    opencode::{self, Project},
    world::{SHARED_SECRET, World},
};
use tempfile::TempDir;

const LIMIT: Duration = Duration::from_secs(30);
const PROMPT: &str = "How is it in Oslo?";
const ANSWER: &str = "It is mild in Oslo today.";

/// A world whose model answers one thing, and a file with the key.
struct ClientStage {
    world: World,
    directory: TempDir,
}

impl ClientStage {
    async fn start() -> Self {
        let file = include_str!("../../shared/sites/practice.toml");
        let file = format!("{file}\n[models.practice-1]\ncontext = 100000\noutput = 8000\n");
        let world = World::start().without_broker().site_file(file).with_session("alice").await;
        world.practice.model().always(Reply::text(ANSWER));
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("key"), format!("{SHARED_SECRET}\n")).unwrap();
        Self { world, directory }
    }

    async fn run(&self, arguments: &[&str]) -> CommandOutput {
        let key = self.directory.path().join("key");
        let url = self.world.adapters[0].url.as_str();
        let mut all = vec!["client"];
        all.extend(arguments);
        all.extend(["--url", url, "--key-file", key.to_str().unwrap()]);
        command::run("latchkey-ops", &all, &[], "", LIMIT).await
    }

    async fn printed(&self, client: &str) -> String {
        let ran = self.run(&[client]).await;
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{}", ran.stdout);
        assert!(!ran.stdout.contains(SHARED_SECRET), "the key is printed: {}", ran.stdout);
        ran.stdout
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn opencode_works_with_what_is_printed() {
    let stage = ClientStage::start().await;
    let settings: Value = serde_json::from_str(&stage.printed("opencode").await).unwrap();
    let limit = &settings["provider"]["latchkey"]["models"]["practice-1"]["limit"];
    assert_eq!(limit, &serde_json::json!({"context": 100_000, "output": 8_000}));

    let run = opencode::run_told(&settings, &Project::new(&[]), PROMPT).await;

    let said = run.events("text").iter().any(|event| event["part"]["text"] == ANSWER);
    assert!(run.status.success() && said, "{:?} {}", run.events, run.stderr);
    stage.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn claude_code_works_with_what_is_printed() {
    let stage = ClientStage::start().await;

    let run = claude::run_told(&stage.printed("claude").await, &Project::new(&[]), PROMPT).await;

    assert!(run.success && run.result() == ANSWER, "{:?} {}", run.events, run.stderr);
    stage.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn codex_works_with_what_is_printed() {
    let stage = ClientStage::start().await;
    let settings = stage.printed("codex").await;
    assert!(settings.contains("supports_websockets = true"), "{settings}");

    let run = codex::run_told(&settings, &Project::new(&[]), PROMPT).await;

    assert!(run.success && run.result() == ANSWER, "{:?} {}", run.events, run.stderr);
    stage.world.stop().await;
}

#[tokio::test]
async fn gateways_are_told_where_and_which_models() {
    let stage = ClientStage::start().await;
    let url = stage.world.adapters[0].url.as_str().trim_end_matches('/').to_owned();

    let litellm: Value = yaml_serde::from_str(&stage.printed("litellm").await).unwrap();
    let model = &litellm["model_list"][0];
    assert_eq!(model["model_name"], "practice-1");
    assert_eq!(model["litellm_params"]["api_base"], format!("{url}/v1"));
    assert_eq!(model["litellm_params"]["api_key"], "os.environ/UPSTREAM_KEY");
    assert_eq!(model["model_info"]["max_input_tokens"], 100_000);
    assert!(stage.printed("portkey").await.contains(&format!("x-portkey-custom-host: {url}/v1")));
    stage.world.stop().await;
}

#[tokio::test]
async fn a_mistake_is_told_with_what_was_expected_and_without_the_key() {
    let stage = ClientStage::start().await;
    let unknown = stage.run(&["codex", "--model", "none"]).await;
    assert_eq!(unknown.code, 1);
    assert!(unknown.stderr.contains("--model: expected one of practice-1"), "{}", unknown.stderr);

    let key = stage.directory.path().join("key");
    std::fs::write(&key, format!("{SHARED_SECRET} pool=team-a\n")).unwrap();
    let more = stage.run(&["codex"]).await;
    assert!(more.stderr.contains("expected the key alone"), "{}", more.stderr);
    std::fs::write(&key, "not-a-secret-of-ours").unwrap();
    let wrong = stage.run(&["codex"]).await;
    assert!(
        wrong.stderr.contains("does not list its models") && wrong.stderr.contains("401"),
        "{}",
        wrong.stderr
    );
    for told in [unknown, more, wrong] {
        assert!(
            !told.stderr.contains(SHARED_SECRET) && !told.stderr.contains("not-a-secret"),
            "{}",
            told.stderr
        );
    }
    stage.world.stop().await;
}
