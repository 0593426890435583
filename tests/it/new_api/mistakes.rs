//! What is told when something is wrong: each with what to do, before anything is changed.

use insta::assert_snapshot;
use serde_json::json;
use support::{new_api::NewApi, server::Server};

use super::{Rollout, with_old_channels};

const MODELS: &str = "models = [\"practice-1\"]\n";

#[tokio::test]
async fn a_new_api_that_will_not_do_is_told_with_what_to_do() {
    let new_api = with_old_channels().await;
    let rollout = Rollout::new(&new_api, MODELS);
    let mut told = OperatorMessages(String::new());

    told.add("nothing applied", &rollout, "stage 5").await;
    told.add("nothing to take back", &rollout, "rollback").await;
    rollout.write("token", "another-token");
    told.add("a wrong token", &rollout, "apply").await;
    rollout.write("token", "");
    told.add("no token", &rollout, "apply").await;
    rollout.write("token", support::new_api::TOKEN);
    new_api.is_version("v0.9.25");
    told.add("too old", &rollout, "plan").await;

    assert_eq!(new_api.changes(), 0);
    assert_snapshot!(told.0);
}

#[tokio::test]
async fn whatever_else_answers_is_told() {
    let nowhere = Rollout::new(&NewApi::start().await, MODELS);
    let stranger = Server::start(axum::Router::new()).await;
    let mut told = OperatorMessages(String::new());
    let at = |rollout: &Rollout, url: &str| {
        let file = rollout.directory.path().join("rollout.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        let lines: Vec<String> = text
            .lines()
            .map(|line| if line.starts_with("url") { format!("url = \"{url}\"") } else { line.to_owned() })
            .collect();
        std::fs::write(file, lines.join("\n")).unwrap();
    };

    at(&nowhere, "http://127.0.0.1:1");
    told.add("unreachable", &nowhere, "plan").await;
    at(&nowhere, stranger.url().as_str());
    told.add("a stranger", &nowhere, "plan").await;
    at(&nowhere, "127.0.0.1:3000");
    told.add("no address", &nowhere, "plan").await;

    assert_snapshot!(told.0);
}

#[tokio::test]
async fn a_wrong_rollout_file_is_told_by_its_line() {
    let new_api = NewApi::start().await;
    let mut told = OperatorMessages(String::new());

    told.add("a typing mistake", &Rollout::new(&new_api, "modles = [\"a\"]\n"), "plan").await;
    let mapping = "models = [\"a\"]\nmapping = { b = \"c\" }\n";
    told.add("a mapping of nothing", &Rollout::new(&new_api, mapping), "plan").await;
    let rollout = Rollout::new(&new_api, MODELS);
    let file = rollout.directory.path().join("rollout.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("10.0.0.1:7802", "10.0.0.1:7802/v1")).unwrap();
    told.add("a base URL with /v1", &rollout, "plan").await;

    assert_snapshot!(told.0);
}

#[tokio::test]
async fn two_channels_of_one_name_are_nobodys_guess() {
    let new_api = with_old_channels().await;
    for _ in 0..2 {
        new_api.add(&json!({"name": "latchkey@10.0.0.1:7802", "tag": "latchkey"}));
    }
    let rollout = Rollout::new(&new_api, MODELS);

    let ran = rollout.run("apply").await;

    let told = "exit 1\nstderr: error: two channels are called latchkey@10.0.0.1:7802: rename or delete one";
    assert_eq!(ran.shown(), told);
    assert_eq!(new_api.changes(), 0);
}

/// What was told, in order.
struct OperatorMessages(String);

impl OperatorMessages {
    async fn add(&mut self, what: &str, rollout: &Rollout, command: &str) {
        let ran = rollout.run(command).await;
        self.0 += &format!("{what}\n{}\n\n", rollout.shown(&ran.shown()));
    }
}
