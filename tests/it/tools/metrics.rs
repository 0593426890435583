//! What an operator sees of calls: each metric, labelled by site, model and dialect.

use std::time::Duration;

use latchkey_bridge::dialect::CallFormat;
use serde_json::json;
use support::model::Reply;

use super::{ToolsSite, adapter};

const LABELS: &str = "site=\"practice\",model=\"practice-1\",dialect=\"xml\"";

#[tokio::test]
async fn every_trouble_with_a_call_is_counted() {
    let site =
        ToolsSite::start(adapter(CallFormat::Xml).adapter_env("LATCHKEY_HEARTBEAT", "50ms"), CallFormat::Xml)
            .await;
    let good = site.bash("cargo test --workspace");
    let (head, rest) = good.split_at(good.find("test").unwrap());
    let unknown = site.block(&[("shell", json!({"command": "ls"}))]);
    let slow = Reply::text(head).wait(Duration::from_millis(300)).piece(rest).piece("\nThe result is: fine.");
    let again = || Reply::text(&good);

    for replies in [
        vec![slow],
        vec![Reply::new(), again()],
        vec![Reply::text(&unknown), again()],
        vec![Reply::text(head), again()],
        vec![Reply::text("Now let me run the tests:"), again()],
        vec![Reply::text(&format!("It is written as `{good}`, like this."))],
    ] {
        site.model().reset();
        replies.into_iter().for_each(|reply| site.model().will(reply));
        site.model().always(Reply::text("Nothing more."));
        site.stream().await;
    }

    let metrics = site.world.adapter().get("/metrics").await.body;
    for name in [
        "toolcall_emitted_total",
        "toolcall_leak_total",
        "toolcall_repair_total",
        "toolcall_truncated_total",
        "toolcall_nudge_total",
        "toolcall_invalid_total",
        "toolcall_turn_end_total",
        "toolcall_empty_turn_total",
        "toolcall_suffix_dropped_bytes_total",
        "toolcall_hold_seconds_count",
        "heartbeats_total",
    ] {
        assert!(value(&metrics, name, LABELS) >= 1.0, "{name}\n{metrics}");
    }
    let unknown = format!("{LABELS},step=\"call\",outcome=\"unknown_tool\"");
    assert!(value(&metrics, "toolcall_invalid_total", &unknown) >= 1.0, "{metrics}");
    let model = LABELS.split(",dialect").next().unwrap();
    assert!(value(&metrics, "first_delta_seconds_count", model) >= 1.0, "{metrics}");
    let held = value(&metrics, "toolcall_hold_seconds_sum", LABELS);
    assert!(held >= 0.3, "held {held} s\n{metrics}");
}

/// The largest value of a metric's series whose labels begin like these.
fn value(metrics: &str, name: &str, labels: &str) -> f64 {
    let start = format!("latchkey_adapter_{name}{{{labels}");
    let lines = metrics.lines().filter(|line| line.starts_with(&start));
    let values = lines.filter_map(|line| line.rsplit_once(' ')?.1.parse().ok());
    values.fold(0.0, f64::max)
}
