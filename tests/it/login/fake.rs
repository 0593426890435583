//! Small pages that do what no honest site does, for one test each.

use axum::{
    Json, Router,
    http::HeaderMap,
    response::Html,
    routing::{get, post},
};
use latchkey_shared::site::Site;
use reqwest::Url;
use serde_json::{Value, json};
use support::server::{self, Server};

use super::bench;

/// A page with a script; `/api/me` answers who has the bearer `fake-token`.
pub(super) async fn page(script: &'static str) -> (Server, Url) {
    let listener = server::listener().await;
    let url: Url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let html = format!(
        "<!doctype html><meta charset=utf-8><link rel=icon href=data:,><form>\
         <input name=username value=preset><input name=password type=password>\
         <select name=realm><option value=1>Staff<option value=2>Guests</select>\
         <button type=submit>go</button></form><p id=say></p><script>\
         const form = document.querySelector('form'), say = document.querySelector('#say');{script}</script>"
    );
    let router = Router::new()
        .route("/login", get(move || async { Html(html) }))
        .route("/api/signin", post(async || Json(json!({"data": {"token": "fake-token"}}))))
        .route("/api/me", get(me));
    (Server::on(listener, router), url)
}

async fn me(headers: HeaderMap) -> Json<Value> {
    let known = headers.get("authorization").is_some_and(|value| value == "Bearer fake-token");
    Json(if known { json!({"username": "alice"}) } else { json!({}) })
}

/// Ends a recipe: submits, and waits.
pub(super) fn submit_and_wait_for(condition: &str) -> String {
    format!("[[login.steps]]\nclick = \"button\"\n[[login.steps]]\nwait_for = {condition}")
}

/// Types the credentials and goes on with the other steps; the session is a bearer by a rule.
pub(super) fn site(url: &Url, bearer: &str, steps: &str) -> Site {
    let toml = format!(
        r#"
version = 1
[site]
name = "fake"
title = "Fake"
models = ["fake"]
[login]
step_timeout = "2s"
[[login.steps]]
goto = "{{base_url}}/login"
[[login.steps]]
fill = "input[name=username]"
value = "{{username}}"
[[login.steps]]
fill = "input[name=password]"
value = "{{password}}"
{steps}
[session]
bearer = {bearer}
[probe]
path = "/api/me"
pointer = "/username"
equals = "{{username}}"
[chat.openai]
path = "/api/chat"
"#
    );
    bench::site(url, &toml)
}
