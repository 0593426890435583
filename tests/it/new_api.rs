//! New-api's channels, planned, applied, moved in stages and taken back, by the built binary against a stand-in.

use std::time::Duration;

use insta::assert_snapshot;
use serde_json::{Value, json};
use support::{
    command::{self, CommandOutput},
    new_api::{NewApi, TOKEN, USER},
    wait,
};
use tempfile::TempDir;
use tokio::process::Child;

mod mistakes;
mod status;

const LIMIT: Duration = Duration::from_secs(30);
/// The key of the channels: a shared secret of the adapters.
const KEY: &str = "shared-secret-of-two-adapters";

/// A rollout file and what it names, in a directory of its own.
struct Rollout {
    directory: TempDir,
}

impl Rollout {
    /// Two adapters behind this new-api; `more` is added to the file.
    fn new(new_api: &NewApi, more: &str) -> Self {
        let rollout = Self { directory: tempfile::tempdir().unwrap() };
        rollout.write("token", TOKEN);
        rollout.write("key", KEY);
        let adapters = r#"["http://10.0.0.1:7802", "http://10.0.0.2:7802/"]"#;
        rollout.write(
            "rollout.toml",
            &format!(
                "url = \"{}\"\nuser = {USER}\ntoken_file = \"token\"\nkey_file = \"key\"\nadapters = {adapters}\n{more}",
                new_api.url
            ),
        );
        rollout
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.directory.path().join(name), text).unwrap();
    }

    fn arguments<'a>(&'a self, command: &'a str) -> Vec<String> {
        let file = self.directory.path().join("rollout.toml").display().to_string();
        let words = ["new-api", "--rollout", &file].map(str::to_owned).into_iter();
        words.chain(command.split(' ').map(str::to_owned)).collect()
    }

    async fn run(&self, command: &str) -> CommandOutput {
        let arguments = self.arguments(command);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let ran = command::run("latchkey-ops", &arguments, &[], "", LIMIT).await;
        for secret in [TOKEN, KEY] {
            assert!(!ran.shown().contains(secret), "a secret is printed: {}", ran.shown());
        }
        ran
    }

    /// As [`Rollout::run`], and it must do well.
    async fn does(&self, command: &str) -> String {
        let ran = self.run(command).await;
        assert_eq!(ran.code, 0, "{}", ran.shown());
        ran.stdout
    }

    fn start(&self, command: &str) -> Child {
        let arguments = self.arguments(command);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        command::start("latchkey-ops", &arguments, &[])
    }

    /// What is told, without what differs from run to run.
    fn shown(&self, text: &str) -> String {
        let text = text.replace(&self.directory.path().display().to_string(), "[dir]");
        crate::admin::shown::redacted(&text)
    }
}

/// A new-api with two channels: one that serves the model now, and one that has nothing to do with it.
async fn with_old_channels() -> NewApi {
    let new_api = NewApi::start().await;
    new_api.add(&json!({
        "name": "old way", "base_url": "http://10.0.9.9:3000", "models": "practice-1,other", "group": "default,vip",
        "priority": 5, "weight": 10, "header_override": "{\"X-Own\": \"1\"}",
    }));
    new_api.add(&json!({"name": "elsewhere", "models": "gpt-5", "weight": 3, "test_model": "gpt-5"}));
    new_api
}

#[tokio::test]
async fn a_plan_is_shown_and_changes_nothing() {
    let new_api = with_old_channels().await;
    let rollout = Rollout::new(&new_api, "models = [\"practice-1\"]\n");

    let shown = rollout.does("plan").await;
    let json: Value = serde_json::from_str(&rollout.does("plan --json").await).unwrap();

    assert_snapshot!(rollout.shown(&shown));
    assert_eq!(json["plan"]["creations"][0]["name"], "latchkey@10.0.0.1:7802");
    assert_eq!(json["plan"]["creations"][0]["fields"]["priority"], 4);
    assert_eq!((new_api.changes(), &json["settings"][0]["verdict"]), (0, &"bites".into()));
}

#[tokio::test]
async fn a_channel_whose_clients_may_write_the_user_bites_and_a_literal_stays() {
    let new_api = with_old_channels().await;
    let rollout = Rollout::new(&new_api, "models = [\"practice-1\"]\n");
    let channel = |overridden: &str| {
        json!({
            "name": "latchkey@10.0.0.1:7802", "base_url": "http://10.0.0.1:7802/new-api", "models": "practice-1",
            "group": "default", "tag": "latchkey", "header_override": overridden,
        })
    };
    let verdict = async || {
        let json: Value = serde_json::from_str(&rollout.does("plan --json").await).unwrap();
        let settings = json["settings"].as_array().unwrap();
        let row = settings.iter().find(|row| row["name"] == "X-Latchkey-User").unwrap();
        (
            row["verdict"].clone(),
            row["value"].clone(),
            json["plan"]["changes"][0]["fields"]["header_override"].clone(),
        )
    };
    assert_eq!(verdict().await.0, "ok");
    new_api.add(&channel(r#"{"X-Latchkey-User": "pool=team-a"}"#));

    let (word, _, changed) = verdict().await;
    assert_eq!(word, "ok");
    let kept: Value = serde_json::from_str(changed.as_str().unwrap()).unwrap();
    assert_eq!(kept["X-Latchkey-User"], "pool=team-a", "what the operator chose is not taken away");

    let other = NewApi::start().await;
    other.add(&channel(r#"{"X-Latchkey-User": "{client_header:X-User}"}"#));
    let rollout = Rollout::new(&other, "models = [\"practice-1\"]\n");
    let json: Value = serde_json::from_str(&rollout.does("plan --json").await).unwrap();
    let row =
        json["settings"].as_array().unwrap().iter().find(|row| row["name"] == "X-Latchkey-User").unwrap();
    assert_eq!((&row["verdict"], &row["value"]), (&json!("bites"), &json!("latchkey@10.0.0.1:7802")));
}

#[tokio::test]
async fn applied_twice_nothing_changes_the_second_time() {
    let new_api = with_old_channels().await;
    let rollout = Rollout::new(&new_api, "models = [\"practice-1\"]\n");

    rollout.does("apply").await;
    let channels = new_api.channels();
    let changes = new_api.changes();
    let again = rollout.does("apply").await;

    assert_snapshot!(rollout.shown(&again));
    assert_eq!((new_api.channels(), new_api.changes(), changes), (channels.clone(), 2, 2));
    assert_eq!(new_api.key("latchkey@10.0.0.2:7802"), KEY);
    let passed: Value = serde_json::from_str(channels[2]["header_override"].as_str().unwrap()).unwrap();
    assert_snapshot!(passed, @r#"{"Anthropic-Version":"{client_header:Anthropic-Version}","Session-Id":"{client_header:Session-Id}","User-Agent":"{client_header:User-Agent}","X-Claude-Code-Session-Id":"{client_header:X-Claude-Code-Session-Id}","X-Session-Affinity":"{client_header:X-Session-Affinity}"}"#);
}

#[tokio::test]
async fn what_somebody_else_changed_is_corrected() {
    let new_api = with_old_channels().await;
    let rollout = Rollout::new(&new_api, "models = [\"public\"]\nmapping = { public = \"practice-1\" }\n");
    rollout.does("apply").await;
    let rollout_before = new_api.channels();

    let file = rollout.directory.path().join("rollout.toml");
    let text = std::fs::read_to_string(&file).unwrap().replace("10.0.0.2", "10.0.0.3");
    std::fs::write(file, text).unwrap();
    let told = rollout.does("apply").await;
    rollout.does("rollback").await;

    assert!(
        told.contains("note: latchkey@10.0.0.2:7802 is of an adapter that the rollout file does not name")
    );
    assert_eq!(new_api.channels(), rollout_before);
}

#[tokio::test]
async fn traffic_moves_in_stages_while_the_old_channel_stays() {
    let new_api = with_old_channels().await;
    let rollout = Rollout::new(&new_api, "models = [\"practice-1\"]\n");
    let before = new_api.channels();
    rollout.does("apply").await;

    let mut standing = String::new();
    for stage in ["5", "25", "50", "100"] {
        rollout.does(&format!("stage {stage}")).await;
        standing += &format!("stage {stage}\n");
        for channel in new_api.channels() {
            let [name, priority, weight] = ["name", "priority", "weight"].map(|field| &channel[field]);
            standing += &format!("  {} priority {priority} weight {weight}\n", name.as_str().unwrap());
        }
    }
    rollout.does("rollback --all").await;

    assert_snapshot!(standing);
    assert_eq!(new_api.channels(), before);
}

#[tokio::test]
async fn one_command_takes_one_step_back() {
    let new_api = with_old_channels().await;
    let rollout = Rollout::new(&new_api, "models = [\"practice-1\"]\n");
    rollout.does("apply").await;
    rollout.does("stage 5").await;
    let at_five = new_api.channels();
    rollout.does("stage 50").await;

    let told = rollout.does("rollback").await;

    assert_snapshot!(rollout.shown(&told));
    assert_eq!(new_api.channels(), at_five);
    assert!(rollout.does("plan").await.contains("nothing to change"));
}

#[tokio::test]
async fn a_crash_anywhere_is_taken_back_to_just_what_was_before() {
    let new_api = with_old_channels().await;
    let rollout = Rollout::new(&new_api, "models = [\"practice-1\"]\n");

    for (command, changes) in [("apply", 2), ("stage 25", 3), ("stage 100", 3)] {
        for at in 0..changes {
            let before = new_api.channels();
            kill_at(&new_api, &rollout, command, at).await;
            assert_eq!(new_api.channels() == before, at == 0, "{command}, killed at change {at}");

            rollout.does("rollback").await;
            assert_eq!(new_api.channels(), before, "{command}, killed at change {at}");
        }
        rollout.does(command).await;
    }
}

#[tokio::test]
async fn a_crash_is_gone_on_with_by_the_same_command() {
    let new_api = with_old_channels().await;
    let rollout = Rollout::new(&new_api, "models = [\"practice-1\"]\n");
    let before = new_api.channels();

    kill_at(&new_api, &rollout, "apply", 1).await;
    let broken_off = rollout.does("plan").await;
    rollout.does("apply").await;
    let whole = new_api.channels().len();
    kill_at(&new_api, &rollout, "rollback", 1).await;
    rollout.does("rollback").await;

    assert!(broken_off.contains("apply was broken off"), "{broken_off}");
    assert_eq!(whole, 4);
    assert_eq!(new_api.channels(), before);
}

/// Kills a command while it waits for its change number `at`, from 0, which is never done.
async fn kill_at(new_api: &NewApi, rollout: &Rollout, command: &str, at: usize) {
    let already = new_api.changes();
    new_api.hang_after(at);
    let mut running = rollout.start(command);
    wait::until(LIMIT, || new_api.changes() == already + at + 1).await;
    running.kill().await.unwrap();
    new_api.go_on();
}
