//! A secret whose requests choose their accounts by a header: theirs and no others, and nothing of another's.

use reqwest::{Method, header::HeaderValue};
use serde_json::{Value, json};
use support::{
    model::Reply,
    wait,
    world::{HttpAnswer, World},
};

use super::{SOON, adapters};
use latchkey_shared::store::AccountChange;

const USERS: &str = "secret-of-a-gateway-with-users";
const BOUND: &str = "secret-of-a-gateway-of-one-team";

async fn world() -> World {
    let secrets = format!("{USERS} users\n{BOUND} pool=team-a");
    let start = adapters(1, &["anna", "bert"], "concurrency = 4");
    let world = start.adapter_env("LATCHKEY_SHARED_SECRETS", &secrets).await;
    let pools = Some(["team-a".parse().unwrap()].into());
    let change = AccountChange { pools, ..AccountChange::default() };
    world.store.change_account(world.account("anna"), change).await.unwrap();
    wait::until_some(SOON, async || {
        (ask(&world, USERS, &["pool=team-a"], &question("hi")).await.status == 200).then_some(())
    })
    .await;
    world
}

fn question(text: &str) -> Value {
    json!({"model": "practice-1", "messages": [{"role": "user", "content": text}]})
}

async fn ask(world: &World, secret: &str, users: &[&str], body: &Value) -> HttpAnswer {
    let adapter = world.adapter().with_secret(secret);
    let mut request = adapter.request(Method::POST, "/v1/chat/completions", Some(body));
    for user in users {
        request = request.header("x-latchkey-user", HeaderValue::from_str(user).unwrap());
    }
    HttpAnswer::read(request.send().await.unwrap()).await
}

#[tokio::test]
async fn a_header_chooses_an_account_or_a_pool() {
    let world = world().await;
    let model = world.practice.model();
    model.always(Reply::text("Fine."));
    let bert = format!("account={}", world.account("bert"));

    for _ in 0..5 {
        for (user, expected) in [("pool=team-a", "anna"), (bert.as_str(), "bert")] {
            assert_eq!(ask(&world, USERS, &[user], &question("hi")).await.status, 200);
            assert_eq!(model.last_call().header("x-practice-user"), expected);
        }
    }
    world.stop().await;
}

#[tokio::test]
async fn whoever_may_not_choose_or_names_nobody_is_told_so() {
    let world = world().await;
    world.practice.model().reset();
    let bert = format!("account={}", world.account("bert"));
    let nobody = "account=01M847RJK3FHZEB0J67128THYA";

    let refused: [(&str, &[&str], &str); 8] = [
        (USERS, &[], "missing, expected pool=NAME or account=ID"),
        (USERS, &["team-a"], "expected pool=NAME or account=ID"),
        (USERS, &["pool=Team A"], "expected pool=NAME or account=ID"),
        (USERS, &["pool=team-a", &bert], "expected pool=NAME or account=ID"),
        (USERS, &["pool=team-z"], "there is no such pool or account"),
        (USERS, &[nobody], "there is no such pool or account"),
        (BOUND, &[&bert], "this key does not let a request choose"),
        (BOUND, &["pool=team-a"], "this key does not let a request choose"),
    ];
    for (secret, users, why) in refused {
        let answer = ask(&world, secret, users, &question("hi")).await;
        assert_eq!(answer.status, 400, "{users:?}");
        let told = answer.json()["error"]["message"].as_str().unwrap().to_owned();
        assert_eq!(told, format!("X-Latchkey-User: {why}"));
    }
    let stranger = ask(&world, "not-a-secret-of-this-adapter", &[&bert], &question("hi")).await;
    assert_eq!(stranger.status, 401);
    assert!(world.practice.model().calls().is_empty());
    world.stop().await;
}

#[tokio::test]
async fn what_is_kept_for_one_user_is_no_others() {
    let world = world().await;
    let model = world.practice.model();
    model.will(Reply::text("For anna."));
    let bert = format!("account={}", world.account("bert"));
    let adapter = world.adapter().with_secret(USERS);
    let send = async |user: &str, body: &Value| {
        let request = adapter.request(Method::POST, "/v1/responses", Some(body));
        HttpAnswer::read(request.header("x-latchkey-user", user).send().await.unwrap()).await
    };

    let first = send("pool=team-a", &json!({"model": "practice-1", "input": "hi"})).await.json();
    let named = json!([{"type": "item_reference", "id": first["output"][0]["id"]}, {"role": "user", "content": "And?"}]);
    let go_on = json!({"model": "practice-1", "input": named});

    assert_eq!(send(&bert, &go_on).await.status, 400);
    model.will(Reply::text("For anna again."));
    assert_eq!(send("pool=team-a", &go_on).await.status, 200);
    world.stop().await;
}
