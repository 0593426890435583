//! What clients and operators see of a call.

use std::time::Duration;

use latchkey_adapter::bridge::dialect::Form;
use support::model::Reply;

use super::{Site, adapter, calls, ended, native, task};

#[tokio::test]
async fn a_long_call_is_whole_and_comments_fill_the_wait() {
    let start = adapter(Form::Xml).adapter_env("LATCHKEY_HEARTBEAT", "50ms");
    let site = Site::start(start, Form::Xml).await;
    let block = site.bash("sleep 1");
    let (head, rest) = block.split_at(60);
    site.model().will(Reply::text(head).wait(Duration::from_millis(300)).piece(rest));

    let stream = site.stream().await;

    ended(&stream, "");
    assert!(stream.comments.len() >= 2);
    assert_eq!(calls(&stream).len(), 1);
}

#[tokio::test]
async fn half_a_native_call_is_never_made() {
    let world = native().await;
    let reply =
        Reply::text("I write.").tool_call(0, "a", "bash", "{\"command\": \"rm -rf /tmp/a").finish("length");
    world.practice.model().will(reply);

    let stream = world.adapter().stream(&task()).await;

    assert_eq!((stream.tool_calls().len(), stream.finish_reason()), (0, "length"));
}

#[tokio::test]
async fn what_became_of_calls_is_counted() {
    let site = Site::start(adapter(Form::Json), Form::Json).await;
    site.model().will(Reply::text("Now let me run the tests:"));
    site.model().will(Reply::text(&site.bash("ls")));
    site.stream().await;

    let metrics = site.world.adapter().get("/metrics").await.body;

    let labels = "site=\"practice\",model=\"practice-1\",dialect=\"json\"";
    for line in [
        format!("toolcall_emitted_total{{{labels},step=\"read\",outcome=\"own\"}} 1"),
        format!("toolcall_nudge_total{{{labels},step=\"announced\",outcome=\"call\"}} 1"),
        format!("toolcall_turn_end_total{{{labels},step=\"announced\",outcome=\"tool_calls\"}} 1"),
    ] {
        assert!(metrics.contains(&line), "{line}\n{metrics}");
    }
}
