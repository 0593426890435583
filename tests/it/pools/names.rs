//! What a secret is told of a model that it cannot have: the name is wrong, and of sites that it may not use nothing.

use latchkey_shared::store::AccountChange;
use reqwest::Method;
use serde_json::{Value, json};
use support::{binaries::Binary, model::ScriptedModel};

use super::*;

const PATHS: [&str; 3] = ["/v1/chat/completions", "/v1/messages", "/new-api/v1/responses"];
const OTHER: &str = "plain-openai";

/// What each API says of a model.
async fn told(adapter: &AdapterClient, model: &str) -> Vec<(u16, String)> {
    let mut told = Vec::new();
    for path in PATHS {
        let body: Value = json!({
            "model": model, "max_tokens": 10, "input": "hi",
            "messages": [{"role": "user", "content": "hi"}],
        });
        let answer = adapter.send(Method::POST, path, Some(&body)).await;
        told.push((answer.status, answer.body));
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_a_secret_cannot_have_is_a_wrong_name_and_betrays_no_site() {
    let site = ScriptedModel::start().await;
    site.model.demand("sk-first");
    let world = World::start().without_broker().with_session("alice").adapters(0).await;
    let urls = format!("practice={},{OTHER}={}", world.practice.url, site.url);
    let mut env = world.keys.common(&world.redis.url(), &urls);
    env.push(("LATCHKEY_SHARED_SECRETS".to_owned(), secrets()));
    let binary = Binary::adapter(world.directory.path(), &env).await;
    let pool = async |account, bits| {
        let change = AccountChange { pools: Some(pools(bits)), ..AccountChange::default() };
        assert!(world.store.change_account(account, change).await.unwrap());
    };
    pool(world.account("alice"), 1).await;
    let adapter = AdapterClient::new(&binary.url).with_secret(&secret(1));
    let serves = async || (adapter.ask("hi").await.status == 200).then_some(());
    wait::until_some(SOON, serves).await;

    // Nobody is signed in at the other site; then somebody whom this secret may not use, and whom the site refuses.
    for _ in 0..2 {
        for model in ["no-such-model", "practice/no-such-model"] {
            for (status, body) in told(&adapter, model).await {
                assert_eq!(status, 400, "{model}: {body}");
                assert!(!body.contains(OTHER), "{model}: {body}");
            }
        }
        for (status, body) in told(&adapter, &format!("{OTHER}/practice-1")).await {
            assert!(status == 400 && !body.contains("signed in"), "{body}");
        }
        assert_eq!(adapter.ask("hi").await.status, 200);
        let id = world.give_key(OTHER, "sk-refused").await;
        pool(id, 2).await;
        let heard = async || {
            let other = AdapterClient::new(&binary.url).with_secret(&secret(2));
            (other.ask("hi").await.status != 400).then_some(())
        };
        wait::until_some(SOON, heard).await;
    }
}
