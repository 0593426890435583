//! `opencode serve`: one OpenCode for many sessions, each in a project of its own.

use std::time::Duration;

use reqwest::{Client, Url};
use serde_json::{Value, json};
use tokio::process::Command;

use super::{LIMIT, MODEL, Project, home::Home, run::Group};
use crate::{http, wait};

/// Its own bearer; without one it warns that anybody may use it.
const PASSWORD: &str = "password-of-a-test-opencode";
const ANNOUNCED: &str = "listening on ";

/// A prompt is done within a second, or within twenty where others want both cores; OpenCode asks a failing adapter
/// again and again, for minutes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running OpenCode. Dropped, it is killed.
#[derive(Debug)]
pub struct OpenCode {
    url: Url,
    http: Client,
    _group: Group,
    /// Gone after the process that lives in it.
    _home: Home,
}

/// What came of one prompt.
#[derive(Clone, Debug)]
pub struct Turn {
    /// The messages of the whole session, as OpenCode keeps them.
    pub messages: Vec<Value>,
}

impl OpenCode {
    /// Starts one whose only providers are these adapters.
    ///
    /// # Panics
    /// When it does not start; the message has the end of its log.
    pub async fn start(adapters: &[(&str, &Url)]) -> Self {
        let home = Home::new(adapters);
        let mut command: Command = home.command().await;
        command
            .args(["serve", "--pure", "--hostname", "127.0.0.1", "--port", "0"])
            .env("OPENCODE_SERVER_PASSWORD", PASSWORD)
            .current_dir(home.path())
            .stdout(std::fs::File::create(home.file("stdout")).unwrap())
            .stderr(std::fs::File::create(home.file("stderr")).unwrap());
        let mut group = Group::start(&mut command);
        let url = wait::until_some(LIMIT, async || {
            let ended = group.child.try_wait().unwrap();
            assert!(ended.is_none(), "OpenCode stopped by itself: {}", home.tail("stderr"));
            let printed = home.tail("stdout");
            let (_, url) = printed.split_once(ANNOUNCED)?;
            url.split_once('\n')?.0.trim().parse().ok()
        })
        .await;
        Self { url, http: http::client(), _group: group, _home: home }
    }

    /// Has it do what a prompt says, in a session of its own in this project, by the model behind an adapter.
    ///
    /// # Errors
    /// When it says that it failed, or does not end in time; then the session is aborted.
    pub async fn prompt(&self, adapter: &str, project: &Project, text: &str) -> Result<Turn, String> {
        // With a title of its own a session asks for none.
        let session = self.post(project, "/session", &json!({"title": "practice"})).await?;
        let id = session["id"].as_str().ok_or("a session has an id")?;
        let model = json!({"providerID": adapter, "modelID": MODEL});
        let body = json!({"model": model, "parts": [{"type": "text", "text": text}]});
        let path = format!("/session/{id}/message");
        let answer = match self.post(project, &path, &body).await {
            Ok(answer) => answer,
            Err(error) => {
                self.post(project, &format!("/session/{id}/abort"), &json!({})).await.unwrap_or_default();
                return Err(error);
            }
        };
        if !answer["info"]["error"].is_null() {
            return Err(answer["info"]["error"].to_string());
        }
        let request = self.http.get(self.at(project, &path)).basic_auth("opencode", Some(PASSWORD));
        let response = request.send().await.map_err(|error| error.to_string())?;
        Ok(Turn { messages: response.json().await.map_err(|error| error.to_string())? })
    }

    async fn post(&self, project: &Project, path: &str, body: &Value) -> Result<Value, String> {
        let said = |error: reqwest::Error| match error.is_timeout() {
            true => format!("OpenCode was not done within {PATIENCE:?}"),
            false => format!("{path}: {error}"),
        };
        let request = self.http.post(self.at(project, path)).basic_auth("opencode", Some(PASSWORD));
        request.json(body).timeout(PATIENCE).send().await.map_err(said)?.json().await.map_err(said)
    }

    fn at(&self, project: &Project, path: &str) -> Url {
        let mut url = self.url.join(path).unwrap();
        url.query_pairs_mut().append_pair("directory", project.path().to_str().unwrap());
        url
    }
}

impl Turn {
    /// All tool calls that it made: name and outcome, `completed` or `error`.
    #[must_use]
    pub fn calls(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        self.parts("tool").map(|part| (text(&part["tool"]), text(&part["state"]["status"]))).collect()
    }

    /// The text of the assistant.
    #[must_use]
    pub fn text(&self) -> String {
        self.parts("text").filter_map(|part| part["text"].as_str()).collect()
    }

    fn parts(&self, name: &str) -> impl Iterator<Item = &Value> {
        let answers = self.messages.iter().filter(|message| message["info"]["role"] == "assistant");
        let parts = answers.filter_map(|message| message["parts"].as_array()).flatten();
        parts.filter(move |part| part["type"] == name)
    }
}
