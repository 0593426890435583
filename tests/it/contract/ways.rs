//! By which way an answer goes: what the base URL says, and what a request brings where that says too little.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use support::{model::Reply, world::World};

use super::{Answered, gateway, question, world};

const BILLING: &str =
    "x-anthropic-billing-header: cc_version=2.1.332.1a2; cc_entrypoint=cli;You are Claude Code.";

/// What comes of an answer that breaks.
async fn broken(world: &World, request: RequestBuilder) -> Answered {
    world.practice.model().will(Reply::text("Good ").cut());
    let answered = Answered::of(request.send().await.unwrap()).await;
    assert!(answered.status == 200 && !answered.whole, "{}", answered.body);
    answered
}

fn chat(world: &World, path: &str, body: &Value) -> RequestBuilder {
    world.adapter().request(Method::POST, path, Some(body))
}

/// A chat that begins with these words of this role.
fn begun_by(role: &str, content: &Value) -> Value {
    let mut body = question(true);
    body["messages"] = json!([{"role": role, "content": content}, {"role": "user", "content": "hi"}]);
    body
}

#[tokio::test]
async fn a_chat_of_a_claude_client_breaks_without_an_event_whatever_its_url() {
    let world = world().await;
    let plain = question(true);
    let parts = json!([{"type": "text", "text": BILLING}]);
    let bodies = [
        begun_by("system", &BILLING.into()),
        begun_by("system", &parts),
        // A gateway writes so where the model's name is like one of OpenAI's.
        begun_by("developer", &BILLING.into()),
    ];
    let headers = [
        ("anthropic-version", "2023-06-01"),
        ("user-agent", "claude-cli/2.1.332 (external, cli)"),
        ("user-agent", "Anthropic/Python 2.14.0"),
    ];

    for path in ["/v1/chat/completions", "/new-api/v1/chat/completions", "/claude/v1/chat/completions"] {
        let mut requests: Vec<RequestBuilder> = bodies.iter().map(|body| chat(&world, path, body)).collect();
        requests.extend(headers.map(|(name, value)| chat(&world, path, &plain).header(name, value)));
        for request in requests {
            let answered = broken(&world, request).await;
            let read = gateway::read(&answered.body).unwrap();
            assert!(!read.error && read.chunks > 1, "{path}: {}", answered.body);
        }
    }
    // Whoever writes of it is no Claude client.
    for body in [begun_by("user", &BILLING.into()), begun_by("system", &"Be brief.".into())] {
        let answered = broken(&world, chat(&world, "/new-api/v1/chat/completions", &body)).await;
        assert!(gateway::read(&answered.body).unwrap().error, "{}", answered.body);
    }
    world.stop().await;
}

#[tokio::test]
async fn a_message_is_told_of_its_failure_unless_a_gateway_would_ask_again() {
    let world = world().await;
    let ask = |path: &str, agent: &str| {
        world.adapter().request(Method::POST, path, Some(&question(true))).header("user-agent", agent)
    };

    for (path, agent, told) in [
        ("/v1/messages", "claude-cli/2.1.332 (external, cli)", true),
        ("/v1/messages", "Anthropic/Go 1.20.0", true),
        // What new-api calls itself, where no client's name is passed on.
        ("/v1/messages", "Go-http-client/1.1", false),
        ("/v1/messages", "Go-http-client/2.0", false),
        ("/new-api/v1/messages", "claude-cli/2.1.332 (external, cli)", false),
        ("/claude/v1/messages", "claude-cli/2.1.332 (external, cli)", false),
    ] {
        let answered = broken(&world, ask(path, agent)).await;
        assert_eq!(answered.body.contains("event: error"), told, "{agent} at {path}: {}", answered.body);
        assert!(!answered.body.contains("message_stop"), "{}", answered.body);
    }
    world.stop().await;
}

#[tokio::test]
async fn everything_that_a_client_asks_is_below_each_base_url() {
    let world = world().await;
    let status = async |method: Method, path: &str| {
        let body = (method == Method::POST).then(|| question(false));
        world.adapter().send(method, path, body.as_ref()).await.status
    };

    for base in ["", "/new-api", "/claude"] {
        for path in ["", "/", "/api/hello"] {
            assert_eq!(status(Method::HEAD, &format!("{base}{path}")).await, 200, "{base}{path}");
        }
        assert_eq!(status(Method::GET, &format!("{base}/v1/models")).await, 200, "{base}");
        for path in ["chat/completions", "messages", "messages/count_tokens", "responses"] {
            assert_eq!(status(Method::POST, &format!("{base}/v1/{path}")).await, 200, "{base}/v1/{path}");
        }
        // An odd 200 there makes a gateway switch its channel off.
        assert_eq!(status(Method::GET, &format!("{base}/v1/dashboard/billing/usage")).await, 404, "{base}");
    }
    assert_eq!(status(Method::POST, "/new-api/new-api/v1/messages").await, 404);
    world.stop().await;
}
