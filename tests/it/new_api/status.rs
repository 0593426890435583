//! The channels beside the health of real adapters.

use insta::assert_snapshot;
use serde_json::{Value, json};
use support::{
    balancer::Balancer,
    new_api::NewApi,
    world::{SHARED_SECRET, World},
};

use super::Rollout;

#[tokio::test]
async fn channels_are_shown_beside_the_health_of_their_adapters() {
    let world = World::start().without_broker().with_session("alice").await;
    let new_api = NewApi::start().await;
    new_api.add(
        &json!({"name": "old way", "models": "practice-1", "priority": 5, "weight": 10, "response_time": 812}),
    );
    let right = [
        ("RetryTimes", "1"),
        ("general_setting.ping_interval_enabled", "true"),
        ("general_setting.ping_interval_seconds", "60"),
        ("SelfUseModeEnabled", "true"),
        ("performance_setting.monitor_enabled", "false"),
    ];
    for (name, value) in right {
        new_api.set(name, value);
    }
    // No models: those of the first adapter. The second one is not there.
    let rollout = Rollout::new(&new_api, "");
    rollout.write("key", SHARED_SECRET);
    let file = rollout.directory.path().join("rollout.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let adapter = world.adapters[0].url.as_str().trim_end_matches('/').to_owned();
    let text = text.replace("http://10.0.0.1:7802", &adapter).replace("10.0.0.2:7802", "127.0.0.1:1");
    std::fs::write(&file, text).unwrap();
    rollout.does("apply").await;
    rollout.does("stage 25").await;

    let shown = rollout.does("status").await;
    let json: Value = serde_json::from_str(&rollout.does("status --json").await).unwrap();
    new_api.hide_settings();
    let hidden = rollout.does("status").await;

    // The columns are as wide as the port is long.
    let port = adapter.rsplit(':').next().unwrap();
    let port = format!("{port:<5}");
    let url = new_api.url.as_str();
    assert_snapshot!(shown.replace(&port, "[prt]").replace(url, "[new-api]/"));
    assert_eq!(json["stage"], 25);
    assert_eq!(json["channels"].as_array().unwrap().len(), 3);
    assert!(hidden.contains("unknown  RetryTimes"), "{hidden}");
    world.stop().await;
}

#[tokio::test]
async fn behind_a_balancer_it_is_shown_whether_an_adapter_answers() {
    let world = World::start().without_broker().with_session("alice").await;
    let new_api = NewApi::start().await;
    let there = Balancer::start(&[&world.adapters[0].url]).await;
    let empty = Balancer::start(&[]).await;
    let rollout = Rollout::new(&new_api, "");
    rollout.write("key", SHARED_SECRET);
    let file = rollout.directory.path().join("rollout.toml");
    let base = |balancer: &Balancer| balancer.url.as_str().trim_end_matches('/').to_owned();
    let text = std::fs::read_to_string(&file).unwrap().replace("http://10.0.0.1:7802", &base(&there));
    std::fs::write(&file, text.replace("http://10.0.0.2:7802", &base(&empty))).unwrap();
    rollout.does("apply").await;

    let json: Value = serde_json::from_str(&rollout.does("status --json").await).unwrap();

    let health = |balancer: &Balancer| json["adapters"][balancer.url.as_str()].clone();
    assert_eq!(health(&there), json!({"ready": true, "accounts": "-", "reasons": []}));
    assert_eq!(health(&empty)["ready"], false);
    world.stop().await;
}
