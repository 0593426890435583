//! Tools that a client tells of in its prompt and does not declare: it runs a call of them all the same.

use serde_json::{Value, json};
use support::model::Reply;

use super::{FORMS, ToolsSite, adapter, calls, ended, task};

const NAMES: &str = "The following deferred tools are available: CronCreate, mcp__notes__add.";

/// The task of a client that names tools in its system prompt, or in a reminder of the person's words.
fn naming(role: &str) -> Value {
    let mut body = task();
    let messages = body["messages"].as_array_mut().unwrap();
    match role {
        "system" => messages.insert(0, json!({"role": "system", "content": NAMES})),
        _ => messages.insert(
            0,
            json!({"role": "user", "content": format!("<system-reminder>{NAMES}</system-reminder>")}),
        ),
    }
    body
}

#[tokio::test]
async fn a_call_of_a_tool_that_the_client_tells_of_is_passed_on_after_one_question() {
    for form in FORMS {
        let mut site = ToolsSite::start(adapter(form), form).await;
        for role in ["system", "user"] {
            let body = naming(role);
            site.learn(&body).await;
            let one = site.block(&[("CronCreate", json!({"cron": "1 2", "prompt": "<b>\nx"}))]);
            let two = site
                .block(&[("CronCreate", json!({"cron": "1 2"})), ("mcp__notes__add", json!({"text": "a"}))]);
            for (block, expected) in [(one, 1), (two, 2)] {
                site.model().always(Reply::text(&block));
                let stream = site.world.adapter().stream(&body).await;
                assert_eq!((ended(&stream, role).as_str(), calls(&stream).len()), ("tool_calls", expected));
                assert_eq!(calls(&stream)[0].1["cron"], "1 2");
                assert_eq!(site.model().calls().len(), 2);
                site.model().reset();
            }
            // Whoever finds the right tool then is not stopped.
            site.model().will(Reply::text(&site.block(&[("CronCreate", json!({}))])));
            site.model().will(Reply::text(&site.bash("ls")));
            let stream = site.world.adapter().stream(&body).await;
            assert_eq!(calls(&stream), [("bash".to_owned(), json!({"command": "ls"}))]);
        }
    }
}

#[tokio::test]
async fn nothing_else_is_passed_on() {
    for form in FORMS {
        let mut site = ToolsSite::start(adapter(form), form).await;
        let body = naming("system");
        site.learn(&body).await;
        let cron = site.block(&[("CronCreate", json!({"cron": "1 2"}))]);
        let foreign = "<tool_calls><invoke name=\"CronCreate\"><parameter name=\"cron\">1 2</parameter></invoke></tool_calls>";
        let chosen = |choice: Value| {
            let mut body = body.clone();
            body["tool_choice"] = choice;
            body
        };
        let mut result = body.clone();
        let messages = result["messages"].as_array_mut().unwrap();
        messages.remove(0);
        let call = json!({"id": "a", "type": "function", "function": {"name": "bash", "arguments": "{}"}});
        messages.push(json!({"role": "assistant", "content": "", "tool_calls": [call]}));
        messages.push(json!({"role": "tool", "tool_call_id": "a", "content": NAMES}));

        for (body, answer) in [
            (body.clone(), site.block(&[("CronDelete", json!({"id": "1"}))])),
            (body.clone(), site.block(&[("Cron", json!({"id": "1"}))])),
            (
                body.clone(),
                site.block(&[("CronCreate", json!({"cron": "1 2"})), ("shell", json!({"a": "b"}))]),
            ),
            (body.clone(), cron[..cron.len() * 2 / 3].to_owned()),
            (body.clone(), foreign.to_owned()),
            (chosen(json!("none")), cron.clone()),
            (chosen(json!({"type": "function", "function": {"name": "read"}})), cron.clone()),
        ] {
            site.model().reset();
            site.model().always(Reply::text(&answer));
            let stream = site.world.adapter().stream(&body).await;
            assert!(stream.tool_calls().is_empty() && !stream.text().is_empty(), "{answer}");
        }
        // A result is no word of the client's.
        site.learn(&result).await;
        site.model().always(Reply::text(&site.block(&[("CronCreate", json!({"cron": "1 2"}))])));
        let stream = site.world.adapter().stream(&result).await;
        assert!(
            stream.tool_calls().is_empty() && stream.text().contains("could not be made"),
            "{}",
            stream.text()
        );
    }
}
