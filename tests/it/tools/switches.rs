//! Each switch brings the plain behaviour back.

use latchkey_bridge::dialect::CallFormat;
use serde_json::json;
use support::model::Reply;

use super::{ToolsSite, adapter, calls, ended, native, task};

const ANNOUNCED: &str = "Now let me run the tests:";

#[tokio::test]
async fn tools_go_to_the_site_only_where_they_may() {
    for mode in ["native", "off"] {
        let world = adapter(CallFormat::Xml).adapter_env("LATCHKEY_TOOLS", mode).await;
        assert_eq!(world.adapter().chat(&task()).await.status, 400, "{mode}");
    }
    let emulated = ToolsSite::start(native().adapter_env("LATCHKEY_TOOLS", "emulate"), CallFormat::Xml).await;
    emulated.model().will(Reply::text(&emulated.bash("ls")));
    assert_eq!(calls(&emulated.stream().await).len(), 1);
    assert!(emulated.model().last_call().body["tools"].is_null());
}

#[tokio::test]
async fn without_repair_no_site_is_asked_twice() {
    let site =
        ToolsSite::start(adapter(CallFormat::Xml).adapter_env("LATCHKEY_REPAIR", "off"), CallFormat::Xml)
            .await;
    let bad = site.block(&[("bash", json!({"cmd": "ls"}))]);
    let half = site.bash("ls").replace("</", "");

    for (reply, status) in [
        (Reply::text(ANNOUNCED), 200),
        (Reply::new(), 502),
        (Reply::text(&bad), 200),
        (Reply::text(&half), 200),
    ] {
        site.model().reset();
        site.model().always(reply);
        assert_eq!(site.world.adapter().chat(&task()).await.status, status);
        assert_eq!(site.model().calls().len(), 1);
    }
}

#[tokio::test]
async fn a_judge_who_is_off_or_in_the_shadow_is_not_obeyed() {
    for (mode, counted) in [("off", false), ("shadow", true)] {
        let site =
            ToolsSite::start(adapter(CallFormat::Xml).adapter_env("LATCHKEY_JUDGE", mode), CallFormat::Xml)
                .await;
        site.model().always(Reply::text(ANNOUNCED));

        let stream = site.stream().await;

        assert_eq!((ended(&stream, mode).as_str(), site.model().calls().len()), ("stop", 1));
        let metrics = site.world.adapter().get("/metrics").await.body;
        let nudge = metrics.lines().any(|line| line.starts_with("latchkey_adapter_toolcall_nudge_total{"));
        assert_eq!(nudge, counted, "{mode}");
    }
}

#[tokio::test]
async fn native_calls_are_mended_unless_tools_are_off() {
    let broken = "{\"command\": \"ls\", \"timeout\": \"5\",}";
    for (mode, expected) in [("auto", "{\"command\":\"ls\",\"timeout\":5}"), ("off", broken)] {
        let world = native().adapter_env("LATCHKEY_TOOLS", mode).await;
        world.practice.model().will(Reply::new().tool_call(0, "a", "bash", broken));

        let stream = world.adapter().stream(&task()).await;

        assert_eq!(stream.tool_calls()[0]["function"]["arguments"], expected, "{mode}");
    }
}

#[tokio::test]
async fn a_site_or_one_of_its_models_is_set_to_our_form_alone() {
    let foreign = "<tool_call>\n{\"name\": \"bash\", \"arguments\": {\"command\": \"ls\"}}\n</tool_call>";
    let of_model = |name: &str, reads: bool| format!("[chat.models.{name}]\nforeign_calls = {reads}\n");
    for (of_site, more, reads) in [
        ("true", String::new(), true),
        ("false", String::new(), false),
        ("true", of_model("practice-1", false), false),
        ("false", of_model("practice-1", true), true),
        ("true", of_model("practice-2", false), true),
    ] {
        let chat = format!("tools = false\nforeign_calls = {of_site}");
        let file = super::SITE_FILE
            .replace("tools = true", &chat)
            .replace("[chat.openai]", &format!("{more}[chat.openai]"));
        let start = native().site_file(file).adapter_env("LATCHKEY_JUDGE", "off");
        let site = ToolsSite::start(start, CallFormat::Xml).await;
        site.model().will(Reply::text(foreign));
        let stream = site.stream().await;
        assert_eq!(calls(&stream).len(), usize::from(reads), "{of_site} {more}: {}", stream.raw);
        // Our own form is read in any case.
        site.model().reset();
        site.model().will(Reply::text(&site.bash("ls")));
        assert_eq!(calls(&site.stream().await).len(), 1);
    }
}
