//! How much a model is to think: what each API's clients say, and what a site is told, by its file.

use reqwest::Method;
use serde_json::{Map, Value, json};
use support::{
    model::Reply,
    world::{AdapterClient, World},
};

use super::{SITE_FILE, adapter, declared};

const EFFORT: &str = r#"
[chat.effort]
field = "/chat_template_kwargs/enable_thinking"
none = false
medium = true
xhigh = "deep"
"#;

/// What a client says, to which API, and what of it a site is told: the client's word, and one of the file's.
type Said = (&'static str, Value, Option<&'static str>, Value);

fn said() -> Vec<Said> {
    let chat = "/v1/chat/completions";
    let responses = "/v1/responses";
    let messages = "/v1/messages";
    vec![
        (chat, json!({"reasoning_effort": "none"}), Some("none"), json!(false)),
        (chat, json!({"reasoning_effort": "high"}), Some("high"), json!(true)),
        (chat, json!({}), None, Value::Null),
        // Codex 0.171: none, minimal, low, medium, high, xhigh.
        (responses, json!({"reasoning": {"effort": "minimal"}}), Some("minimal"), json!(false)),
        (responses, json!({"reasoning": {"effort": "xhigh"}}), Some("xhigh"), json!("deep")),
        // Claude Code 2.1: low, medium, high, max; `thinking` for older models.
        (
            messages,
            json!({"output_config": {"effort": "max"}, "thinking": {"type": "adaptive"}}),
            Some("max"),
            json!("deep"),
        ),
        (messages, json!({"output_config": {"effort": "medium"}}), Some("medium"), json!(true)),
        (
            messages,
            json!({"thinking": {"type": "enabled", "budget_tokens": 1024}}),
            Some("low"),
            json!(false),
        ),
        (
            messages,
            json!({"thinking": {"type": "enabled", "budget_tokens": 31999}}),
            Some("high"),
            json!(true),
        ),
        (messages, json!({"thinking": {"type": "disabled"}}), Some("none"), json!(false)),
        (messages, json!({"output_config": {"effort": "a new word"}}), None, Value::Null),
    ]
}

/// What the model of a site like OpenAI, or of a declared one, was asked.
async fn asked(world: &World, path: &str, fields: &Value) -> Value {
    let mut body = match path {
        "/v1/responses" => json!({"model": "practice-1", "input": "Hello"}),
        _ => AdapterClient::question("Hello"),
    };
    body["max_tokens"] = 100.into();
    body.as_object_mut().unwrap().extend(fields.as_object().cloned().unwrap_or_else(Map::new));
    let answer = world.adapter().send(Method::POST, path, Some(&body)).await;
    assert_eq!(answer.status, 200, "{path} {fields}: {}", answer.body);
    world.practice.model().last_call().body
}

#[tokio::test]
async fn a_site_is_told_by_its_own_switch() {
    let path = "path = \"/api/chat/completions\"";
    let file = SITE_FILE.replace(path, &format!("{path}\nfields = [\"chat_template_kwargs\"]"));
    let like_openai = adapter().site_file(format!("{file}{EFFORT}")).await;
    let field = "json = { model = \"{model}\",";
    let named = declared().replace(field, &format!("{field} think = \"{{effort}}\","));
    let rules = EFFORT.replace("field = \"/chat_template_kwargs/enable_thinking\"\n", "");
    let with_rules = adapter().site_file(format!("{named}{rules}")).await;
    let without = adapter().site_file(named).await;
    for world in [&like_openai, &with_rules, &without] {
        world.practice.model().always(Reply::text("Fine."));
    }

    for (path, fields, word, own) in said() {
        let body = asked(&like_openai, path, &fields).await;
        let switch = body.pointer("/chat_template_kwargs/enable_thinking").cloned().unwrap_or_default();
        assert_eq!((&switch, &body["reasoning_effort"]), (&own, &Value::Null), "{path} {fields}");
        assert_eq!(asked(&with_rules, path, &fields).await["think"], own, "{path} {fields}");
        assert_eq!(asked(&without, path, &fields).await["think"], json!(word), "{path} {fields}");
    }
    let beside = json!({"reasoning_effort": "high", "chat_template_kwargs": {"a": 1}});
    let body = asked(&like_openai, "/v1/chat/completions", &beside).await;
    assert_eq!(body["chat_template_kwargs"], json!({"a": 1, "enable_thinking": true}));
    for world in [like_openai, with_rules, without] {
        world.stop().await;
    }
}

#[tokio::test]
async fn without_a_switch_a_site_is_told_what_a_client_chose_and_no_default_of_one() {
    let world = adapter().await;
    world.practice.model().always(Reply::text("Fine."));
    for (path, fields, word, _) in said() {
        let told = asked(&world, path, &fields).await["reasoning_effort"].clone();
        let expected = if path == "/v1/messages" { Value::Null } else { json!(word) };
        assert_eq!(told, expected, "{path} {fields}");
    }
    world.stop().await;
}
