//! Several who change the credentials of one account at once: nothing of what was accepted is lost.

use std::{collections::BTreeMap, time::Duration};

use futures::future::join_all;
use insta::assert_snapshot;
use latchkey_shared::{
    credentials::Credentials,
    env::Env,
    store::{BrokerStore, RedisConfig},
    vault::{CredentialsVault, KeyRing, RecordOwner},
};
use redis::aio::MultiplexedConnection;
use reqwest::{Method, Response};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::{
    alice,
    broker::{Broker, environment, own},
    shown::shown,
};
use crate::cli;

/// Somebody who is refused is overtaken by one who was not, so it ends.
const MOST_ATTEMPTS: usize = 100;

async fn put(broker: &Broker, account: &str, change: &Value) -> Response {
    broker.request(Method::PUT, &format!("{account}/credentials")).json(change).send().await.unwrap()
}

/// Sends it until it is accepted, and gives the version.
async fn put_until_accepted(broker: &Broker, account: &str, change: &Value) -> u64 {
    for _ in 0..MOST_ATTEMPTS {
        let answer = put(broker, account, change).await;
        let status = answer.status();
        let body: Value = answer.json().await.unwrap();
        if status == 200 {
            return body["version"].as_u64().unwrap();
        }
        assert_eq!((status.as_u16(), &body["code"]), (409, &json!("credentials_changed")));
    }
    panic!("refused {MOST_ATTEMPTS} times: {change}");
}

/// What is stored, opened.
async fn stored(broker: &Broker, ring: &str, account: &str) -> Credentials {
    let variables = [("LATCHKEY_CREDENTIALS_KEYS", ring)];
    let env = Env::of(environment(&broker.redis.url()).into_iter().chain(own(&variables)));
    let store = BrokerStore::connect(&RedisConfig::from_env(&env).unwrap()).await.unwrap();
    let id = account.rsplit('/').next().unwrap().parse().unwrap();
    let (version, sealed) = store.credentials(id).await.unwrap().unwrap();
    CredentialsVault::from_env(&env)
        .unwrap()
        .open(&sealed, RecordOwner { account: id, site: &"practice".parse().unwrap() }, version)
        .unwrap()
}

/// What somebody changes: a password, a seed, or everything.
fn change(number: usize) -> Value {
    let password = format!("password-{number}");
    let digit = char::from(b'A' + u8::try_from(number).unwrap());
    let seed = format!("JBSWY3DPEHPK3PX{digit}");
    match number % 5 {
        0 | 1 => json!({ "password": password }),
        2 | 3 => json!({ "totp_seed": seed }),
        _ => json!({ "username": format!("alice-{number}"), "password": password, "totp_seed": seed }),
    }
}

/// Two brokers, so that not even one process sees to the order.
#[tokio::test]
async fn of_many_changes_at_once_no_field_that_was_accepted_is_lost() {
    let ring = KeyRing::generate().expose_secret().to_owned();
    let broker = Broker::start_with([("LATCHKEY_CREDENTIALS_KEYS", ring.as_str())]).await;
    let url = broker.redis.url();
    let other =
        Broker::start_with([("LATCHKEY_CREDENTIALS_KEYS", &ring), ("LATCHKEY_REDIS_URL", &url)]).await;
    let account = broker.add_account(&alice()).await;
    let changes: Vec<Value> = (0..25).map(change).collect();
    let brokers = [&broker, &other].into_iter().cycle();

    let versions =
        join_all(brokers.zip(&changes).map(|(broker, change)| put_until_accepted(broker, &account, change)))
            .await;

    let in_order: BTreeMap<u64, &Value> = versions.into_iter().zip(&changes).collect();
    assert_eq!(in_order.len(), changes.len(), "each has a version of its own");
    let last = |field: &str| in_order.values().rev().find_map(|change| change[field].as_str()).unwrap();
    let stored = stored(&broker, &ring, &account).await;
    assert_eq!(stored.username, last("username"));
    assert_eq!(stored.password.expose_secret(), last("password"));
    assert_eq!(stored.totp_seed.unwrap().expose_secret(), last("totp_seed"));
}

#[tokio::test]
async fn who_keeps_a_part_of_what_was_changed_meanwhile_is_told_to_send_it_again() {
    let broker = Broker::start().await;
    let account = broker.add_account(&alice()).await;
    let changes: Vec<Value> = (0..8).map(|number| change(5 * number)).collect();
    let refused = async || {
        let answers = join_all(changes.iter().map(|change| put(&broker, &account, change))).await;
        answers.into_iter().find(|answer| answer.status() != 200)
    };

    let refused = support::wait::until_some(Duration::from_secs(60), refused).await;

    assert_snapshot!(shown(refused).await, @"
    409 Conflict
    credentials_changed: The credentials were changed meanwhile
    somebody else has just changed the credentials; nothing was changed: send the same again
    ");
}

/// Waits until so many connections write, which Redis holds: whoever reads before has read by then.
async fn held(line: &mut MultiplexedConnection, writers: usize) {
    support::wait::until_some(Duration::from_secs(30), async || {
        let clients: String = redis::cmd("CLIENT").arg("LIST").query_async(line).await.unwrap();
        let is_held = |client: &&str| client.contains(" flags=b ") && client.contains(" cmd=evalsha ");
        (clients.lines().filter(is_held).count() >= writers).then_some(())
    })
    .await;
}

/// Two commands at two brokers read the same version; Redis holds what they write until both do.
#[tokio::test]
async fn the_command_sends_it_again_by_itself() {
    let ring = KeyRing::generate().expose_secret().to_owned();
    let slow = [("LATCHKEY_CREDENTIALS_KEYS", ring.as_str()), ("LATCHKEY_REDIS_TIMEOUT", "60s")];
    let broker = Broker::start_with(slow).await;
    let url = broker.redis.url();
    let other = Broker::start_with([slow[0], slow[1], ("LATCHKEY_REDIS_URL", &url)]).await;
    let account = broker.add_account(&alice()).await;
    let at = |broker: &Broker| {
        let variables = [("LATCHKEY_BROKER_URL", broker.url.as_str())];
        environment(&url).into_iter().chain(own(&variables)).collect::<Vec<_>>()
    };
    let here = at(&broker);
    let there = at(&other);
    let command = ["account", "credentials", "alice", "--no-login"];
    let without_code = [&command[..], &["--no-totp"]].concat();
    let mut line = broker.redis.connection().await;
    let mut pause = redis::cmd("CLIENT");
    pause.arg("PAUSE").arg(60_000).arg("WRITE").exec_async(&mut line).await.unwrap();
    let release = async {
        held(&mut line, 2).await;
        redis::cmd("CLIENT").arg("UNPAUSE").exec_async(&mut line).await.unwrap();
    };

    let (password, code, ()) = tokio::join!(
        cli::run(&command, &here, "second-horse\n"),
        cli::run(&without_code, &there, ""),
        release
    );

    assert_eq!((password.code, code.code), (0, 0), "{} {}", password.shown(), code.shown());
    let stored = stored(&broker, &ring, &account).await;
    assert_eq!(stored.password.expose_secret(), "second-horse");
    assert!(stored.totp_seed.is_none());
}
