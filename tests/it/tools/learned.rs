//! What nudges brought is counted by site, model, language and score, and a band that declines too often is left alone.

use latchkey_bridge::dialect::CallFormat;
use serde_json::Value;
use support::{
    model::Reply,
    world::{SHARED_SECRET, WorldBuilder},
};

use super::{ToolsSite, adapter, task};

const OTHER: &str = "a-secret-of-another-tenant";
const ANNOUNCED: &str = "Now let me run the tests:";
const IN_GERMAN: &str = "Ich werde jetzt die Datei src/main.rs lesen und danach die Tests ausführen.";

fn two_clients() -> WorldBuilder {
    let ring = format!("{SHARED_SECRET},{OTHER}");
    adapter(CallFormat::Xml).adapters(2).adapter_env("LATCHKEY_SHARED_SECRETS", &ring)
}

/// A model that announces, and when it is asked says that nothing is to be done, in whatever conversation.
fn announces(site: &ToolsSite, text: &'static str) {
    site.model().reset();
    site.model().always_with(move |body: &Value| {
        let last = body["messages"].as_array().and_then(|messages| messages.last());
        let last = last.map(|message| message["content"].to_string()).unwrap_or_default();
        match last.split_once("reply exactly NO_TOOL_") {
            Some((_, nonce)) => Reply::text(&format!("NO_TOOL_{}", &nonce[..8])),
            None => Reply::text(text),
        }
    });
}

/// How often the site was asked for an answer to a client.
async fn asked(site: &ToolsSite, replica: usize, secret: &str) -> usize {
    let before = site.model().calls().len();
    let answer = site.world.adapter_at(replica).with_secret(secret).stream(&task()).await;
    assert_eq!(answer.finish_reason(), "stop", "{}", answer.raw);
    site.model().calls().len() - before
}

#[tokio::test]
async fn a_band_that_declines_more_than_it_calls_is_left_alone_once_several_clients_have_shown_it() {
    let site = ToolsSite::start(two_clients(), CallFormat::Xml).await;
    announces(&site, ANNOUNCED);

    for turn in 0..40 {
        assert_eq!(asked(&site, 0, SHARED_SECRET).await, 2, "one client teaches nothing: {turn}");
    }
    for turn in 0..15 {
        assert_eq!(asked(&site, 0, OTHER).await, 2, "{turn}");
    }
    // The second replica has not looked before.
    for replica in [0, 1] {
        assert_eq!(asked(&site, replica, OTHER).await, 1, "replica {replica}");
    }
    announces(&site, IN_GERMAN);
    assert_eq!(asked(&site, 1, OTHER).await, 2, "another language is another band");

    let metrics = site.world.adapter_at(0).get("/metrics").await.body;
    for (outcome, count) in [("declined", 55), ("left_alone", 1)] {
        let series = |line: &&str| {
            line.starts_with("latchkey_adapter_toolcall_learned_total{")
                && line.contains(&format!("outcome=\"{outcome}\""))
        };
        let line = metrics.lines().find(series).unwrap_or_default();
        assert!(line.contains("language=\"en\"") && line.ends_with(&format!(" {count}")), "{metrics}");
    }
    let kept = kept(&site).await;
    in_the_shadow(&kept).await;
}

/// What Redis holds: names and numbers and nothing else, and for two weeks at most.
async fn kept(site: &ToolsSite) -> Vec<(String, Vec<(String, u64)>)> {
    let mut redis = site.world.redis.connection().await;
    let keys: Vec<String> = redis::cmd("KEYS").arg("lk:outcomes:*").query_async(&mut redis).await.unwrap();
    assert!(!keys.is_empty());
    let mut kept = Vec::new();
    for key in keys {
        let left: i64 = redis::cmd("PTTL").arg(&key).query_async(&mut redis).await.unwrap();
        assert!((1..=14 * 24 * 60 * 60 * 1000).contains(&left), "{key} has {left} ms left");
        let fields: Vec<(String, u64)> =
            redis::cmd("HGETALL").arg(&key).query_async(&mut redis).await.unwrap();
        for (name, _) in &fields {
            let parts: Vec<&str> = name.split('/').collect();
            let [language, score, client, outcome] = parts[..] else { panic!("{name}") };
            assert!(language.len() == 2 && client.len() == 1, "{name}");
            assert!(["50", "65", "85"].contains(&score), "{name}");
            assert!(["called", "declined", "repeated"].contains(&outcome), "{name}");
        }
        kept.push((key, fields));
    }
    kept
}

/// A judge in the shadow, before what others have learned, says what would be left alone.
async fn in_the_shadow(kept: &[(String, Vec<(String, u64)>)]) {
    let start = adapter(CallFormat::Xml).adapter_env("LATCHKEY_JUDGE", "shadow");
    let site = ToolsSite { world: start.await, dialect: CallFormat::Xml, nonce: String::new() };
    let mut redis = site.world.redis.connection().await;
    for (key, fields) in kept {
        for (name, count) in fields {
            redis::cmd("HSET").arg(key).arg(name).arg(*count).exec_async(&mut redis).await.unwrap();
        }
    }
    announces(&site, ANNOUNCED);
    assert_eq!(asked(&site, 0, SHARED_SECRET).await, 1);

    let metrics = site.world.adapter().get("/metrics").await.body;
    assert!(metrics.contains("outcome=\"shadow_left_alone\""), "{metrics}");
}
