//! Accounts that are given a session instead of a password: each form serves, and is renewed by whatever it allows.

use std::time::Duration;

use latchkey_shared::{
    account::{Account, Rung, SessionOrigin, State},
    id::AccountId,
    time::Timestamp,
};
use reqwest::Method;
use serde_json::{Value, json};
use support::{
    model::ScriptedModel,
    practice::{COOKIE, DEVICE_COOKIE, PASSWORD, PracticeOptions, REFRESH_COOKIE, SessionParts, USERNAME},
    wait,
    world::{HttpAnswer, World},
};

use crate::signed_in::renewed_over_http;

const SOON: Duration = Duration::from_secs(30);

/// Adds an account with no password.
async fn account(world: &World, site: &str) -> AccountId {
    let body = json!({"site": site, "label": "given"});
    let answer = world.admin().send(Method::POST, "/v1/accounts", Some(&body)).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.json()["id"].as_str().unwrap().parse().unwrap()
}

async fn give(world: &World, id: AccountId, session: &Value) -> HttpAnswer {
    world.admin().send(Method::PUT, &format!("/v1/accounts/{id}/session"), Some(session)).await
}

async fn given(world: &World, site: &str, session: &Value) -> (AccountId, Value) {
    let id = account(world, site).await;
    let answer = give(world, id, session).await;
    assert_eq!(answer.status, 200, "{session}: {}", answer.body);
    (id, answer.json())
}

/// What Playwright would have written in a browser with this session.
pub(crate) fn storage_state(url: &reqwest::Url, parts: &SessionParts) -> Value {
    let cookie = |name: &str, value: &str, domain: &str, path: &str| {
        json!({"name": name, "value": value, "domain": domain, "path": path, "expires": -1,
               "httpOnly": true, "secure": false, "sameSite": "Lax"})
    };
    let host = url.host_str().unwrap();
    json!({
        "cookies": [
            cookie(COOKIE, &parts.cookie, host, "/"),
            cookie(DEVICE_COOKIE, &parts.device, host, "/login"),
            cookie("elsewhere", "of another site", ".example.org", "/"),
        ],
        "origins": [
            {"origin": url.origin().ascii_serialization(),
             "localStorage": [{"name": "token", "value": parts.token}]},
            {"origin": "https://example.org", "localStorage": [{"name": "token", "value": "of another site"}]},
        ],
    })
}

async fn keys_of(world: &World, id: AccountId) -> Vec<String> {
    let mut redis = world.redis.connection().await;
    redis::cmd("KEYS").arg(format!("lk:{{{id}}}:*")).query_async(&mut redis).await.unwrap()
}

async fn until(world: &World, id: AccountId, stands: impl Fn(&Account) -> bool) -> Account {
    wait::until_some(SOON, async || {
        let account = world.admin().account(id).await;
        stands(&account).then_some(account)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_form_is_proved_and_serves_and_leaves_nothing_behind() {
    let world = World::start().await;
    let parts = || world.practice.sign_in(USERNAME);
    let forms = [
        (json!({"bearer": format!("Bearer {}", parts().token)}), "import"),
        (json!({"cookies": format!("Cookie: theme=dark; {COOKIE}={}", parts().cookie)}), "import"),
        (json!({"storage_state": storage_state(&world.practice.url, &parts())}), "import"),
        (json!({"api_key": parts().token}), "api_key"),
    ];

    for (form, origin) in forms {
        let (id, view) = given(&world, "practice", &form).await;

        let shown = [&view["state"], &view["session_origin"], &view["credentials_version"]];
        assert_eq!(shown, [&json!("active"), &json!(origin), &json!(0)], "{form}");
        assert_eq!(view["evidence"]["seen"], "the site's /api/me was answered with /username");
        assert!(view["expires_at"].as_str().unwrap() < "2999", "a token says itself when it ends: {view}");
        assert_eq!(world.adapter().ask("hi").await.status, 200, "{form}");
        let audit = world.admin().get(&format!("/v1/audit?account={id}")).await.body;
        let name = form.as_object().unwrap().keys().next().unwrap();
        assert!(audit.contains("session.given") && audit.contains(&format!("session 1 {name}")), "{audit}");
        let removed = world.admin().send(Method::DELETE, &format!("/v1/accounts/{id}"), None).await;
        assert_eq!(removed.status, 204);
        assert_eq!(keys_of(&world, id).await, Vec::<String>::new(), "{form}");
    }
    assert_eq!(world.practice.counts(USERNAME).logins, 0);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_the_site_refuses_leaves_the_earlier_one_serving() {
    let world = World::start().await;
    let token = world.practice.sign_in(USERNAME).token;
    let (id, _) = given(&world, "practice", &json!({"bearer": token})).await;
    let before = world.admin().account(id).await;

    let refused = give(&world, id, &json!({"bearer": "spoilt"})).await;

    assert_eq!((refused.status, &refused.json()["code"]), (422, &json!("session_refused")));
    let after = world.admin().account(id).await;
    assert_eq!(after, Account { state_since: after.state_since, ..before });
    assert_eq!(world.adapter().ask("hi").await.status, 200);
    let audit = world.admin().get(&format!("/v1/audit?account={id}")).await.body;
    assert!(audit.contains("session.refused") && audit.contains("bearer probe_failed"), "{audit}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_given_is_renewed_over_http_until_the_site_renews_no_more() {
    let options = PracticeOptions { renewals: Some(2), ..PracticeOptions::default() };
    let world = World::start().practice(options).site_file(renewed_over_http()).await;
    let parts = world.practice.sign_in_renewable(USERNAME, 2);
    let cookies = format!("{COOKIE}={}; {REFRESH_COOKIE}={}", parts.cookie, parts.refresh);
    let (id, view) = given(&world, "practice", &json!({"cookies": cookies})).await;
    assert_eq!(view["renewed_by"], json!(["http", "restored"]));

    let renewed = world.admin().sign_in(id).await;

    assert!(renewed.error.is_none(), "{renewed:#?}");
    let account = world.admin().account(id).await;
    assert_eq!(account.last_login.unwrap().rung, Some(Rung::Http));
    assert_eq!(account.session_origin, Some(SessionOrigin::Import));
    let audit = world.admin().get(&format!("/v1/audit?account={id}")).await.body;
    assert!(audit.contains("session 2 http"), "the audit tells the rung: {audit}");
    world.practice.expire_issued_before_the_last(USERNAME);
    assert_eq!(world.adapter().ask("hi").await.status, 200);
    world.practice.forget_browsers();
    world.practice.expire_all();
    let _refused = world.adapter().ask("hi").await;
    let ended = until(&world, id, |account| account.state == State::NeedsHuman).await;
    assert_eq!((ended.reason.as_str(), ended.refresh_at), ("session_needed: give a new session", None));
    let counts = world.practice.counts(USERNAME);
    assert_eq!((counts.logins, counts.renewals, counts.wrong_passwords), (0, 1, 0));
    let parts = world.practice.sign_in_renewable(USERNAME, 2);
    let again = give(&world, id, &json!({"storage_state": storage_state(&world.practice.url, &parts)})).await;
    assert_eq!((again.status, &again.json()["state"]), (200, &json!("active")));
    assert_eq!(world.adapter().ask("hi").await.status, 200);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_that_only_renews_is_enough_where_the_site_file_says_how() {
    let options = PracticeOptions { renewals: Some(2), ..PracticeOptions::default() };
    let world = World::start().practice(options).site_file(renewed_over_http()).await;
    let refresh = world.practice.sign_in_renewable(USERNAME, 2).refresh;

    let (_, view) =
        given(&world, "practice", &json!({"cookies": format!("{REFRESH_COOKIE}={refresh}")})).await;

    assert_eq!((&view["state"], world.practice.counts(USERNAME).renewals), (&json!("active"), 1));
    assert_eq!(world.adapter().ask("hi").await.status, 200);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storage_state_is_renewed_by_a_browser_that_the_site_knows() {
    let world =
        World::start().practice(PracticeOptions { remember: true, ..PracticeOptions::default() }).await;
    let login = world.practice.url.join("/api/login").unwrap();
    let credentials = json!({"username": USERNAME, "password": PASSWORD});
    let elsewhere = support::http::client().post(login).json(&credentials).send().await.unwrap();
    assert_eq!(elsewhere.status(), 200);
    let state = storage_state(&world.practice.url, &world.practice.issued().pop().unwrap());
    let (id, view) = given(&world, "practice", &json!({"storage_state": state})).await;
    assert_eq!(view["renewed_by"], json!(["restored"]));

    let renewed = world.admin().sign_in(id).await;

    assert!(renewed.error.is_none(), "{renewed:#?}");
    let account = world.admin().account(id).await;
    assert_eq!(account.last_login.unwrap().rung, Some(Rung::Restored));
    let counts = world.practice.counts(USERNAME);
    assert_eq!((counts.logins, counts.silent_logins), (1, 1), "the one login was made elsewhere");
    world.practice.expire_issued_before_the_last(USERNAME);
    assert_eq!(world.adapter().ask("hi").await.status, 200);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_with_a_password_signs_in_when_what_it_was_given_ends() {
    let world = World::start().await;
    let id = world.admin().add(USERNAME, PASSWORD, None).await.id;
    let token = world.practice.sign_in(USERNAME).token;
    let view = give(&world, id, &json!({"bearer": token})).await.json();
    assert_eq!(view["renewed_by"], json!(["restored", "recipe"]));

    world.practice.expire_all();

    assert_eq!(world.adapter().ask("hi").await.status, 200);
    let account = world.admin().account(id).await;
    assert_eq!(account.session_origin, Some(SessionOrigin::Login));
    assert_eq!(world.practice.counts(USERNAME).logins, 1);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_needs_no_renewal_and_its_end_asks_for_a_new_one() {
    let site = ScriptedModel::start().await;
    site.model.demand("sk-first");
    let url = format!("plain-openai={}", site.url);
    let start = World::start().broker_env("LATCHKEY_SITE_URLS", &url);
    let world = start.adapter_env("LATCHKEY_SITE_URLS", &url).await;
    let (id, view) = given(&world, "plain-openai", &json!({"api_key": "sk-first"})).await;
    assert_eq!((&view["refresh_at"], &view["renewed_by"]), (&Value::Null, &json!([])));
    assert_eq!(world.admin().account(id).await.expires_at, Some(Timestamp::NEVER));
    let question =
        json!({"model": "plain-openai/practice-1", "messages": [{"role": "user", "content": "Hello"}]});
    let ask = async || {
        let answer = world.adapter().chat(&question).await;
        (answer.status == 200).then_some(answer)
    };
    wait::until_some(SOON, ask).await;
    assert_eq!(site.model.last_call().header("authorization"), "Bearer sk-first");

    // Nobody can sign in with a key, and what works needs no login: it goes on.
    let before = world.admin().account(id).await.generation;
    let login = world.admin().sign_in(id).await;
    assert!(login.error.is_none() && login.rung.is_none(), "{login:?}");
    let account = world.admin().account(id).await;
    assert_eq!((account.state, account.expires_at), (State::Active, Some(Timestamp::NEVER)));
    assert_eq!((account.session_origin, account.refresh_at), (Some(SessionOrigin::ApiKey), None));
    assert!(before < account.generation);

    site.model.demand("sk-second");
    let _refused = world.adapter().chat(&question).await;

    let ended = until(&world, id, |account| account.state == State::NeedsHuman).await;
    assert_eq!(ended.reason, "session_needed: give a new session");
    assert!(ended.evidence.unwrap().seen.contains("latchkey-broker account session"));
    assert_eq!(ended.refresh_at, None, "it is not tried again and again");
    let login = world.admin().sign_in(id).await;
    assert_eq!(login.error.unwrap().code, "session_needed");
    let old = give(&world, id, &json!({"api_key": "sk-first"})).await;
    assert_eq!((old.status, &old.json()["code"]), (422, &json!("session_refused")), "{}", old.body);
    assert_eq!(world.admin().account(id).await.state, State::NeedsHuman);
    assert_eq!(give(&world, id, &json!({"api_key": "sk-second"})).await.status, 200);
    wait::until_some(SOON, ask).await;
    assert_eq!(site.model.last_call().header("authorization"), "Bearer sk-second");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_there_again_when_its_account_is_switched_on() {
    let site = ScriptedModel::start().await;
    site.model.demand("sk-first");
    let url = format!("plain-openai={}", site.url);
    let start = World::start().broker_env("LATCHKEY_SITE_URLS", &url);
    let world = start.adapter_env("LATCHKEY_SITE_URLS", &url).await;
    let (id, _) = given(&world, "plain-openai", &json!({"api_key": "sk-first"})).await;
    let question =
        json!({"model": "plain-openai/practice-1", "messages": [{"role": "user", "content": "Hello"}]});
    let told = async |status: u16| {
        let ask = async || (world.adapter().chat(&question).await.status == status).then_some(());
        wait::until_some(SOON, ask).await;
    };
    told(200).await;

    for _ in 0..2 {
        world.admin().change(id, &json!({"disabled": true})).await;
        told(503).await;
        let asked = site.model.calls().len();
        assert_eq!(world.adapter().chat(&question).await.status, 503);
        assert_eq!(site.model.calls().len(), asked, "nobody uses it meanwhile");
        world.admin().change(id, &json!({"disabled": false})).await;
        told(200).await;
        let account = until(&world, id, |account| account.state == State::Active).await;
        assert_eq!(account.session_origin, Some(SessionOrigin::ApiKey));
    }

    assert_eq!(site.model.last_call().header("authorization"), "Bearer sk-first");
    let removed = world.admin().send(Method::DELETE, &format!("/v1/accounts/{id}"), None).await;
    assert_eq!((removed.status, keys_of(&world, id).await), (204, Vec::new()));
    world.stop().await;
}
