//! Whatever one key holds, all others are read, changed and due as ever: every key kind, every field, any bytes.

use std::collections::BTreeSet;

use latchkey_shared::{
    id::AccountId,
    site::SharedLimits,
    store::{AuditQuery, LeaseOutcome, LeaseTerms, LeaseToken, RefreshRequest, Service, StoreRole},
};
use proptest::prelude::*;
use redis::aio::MultiplexedConnection;

use super::*;

const TERMS: LeaseTerms<'_> =
    LeaseTerms { concurrency: 9, requests_per_minute: Some(1000), pools: None, absent: "", ttl: TTL };
const LIMITS: SharedLimits = SharedLimits { concurrency: Some(1000), requests_per_minute: Some(1000) };

fn sealed(record: &str) -> Sealed {
    Sealed::from_stored(record.as_bytes().to_vec())
}

/// All that a broker and an adapter do with one account and with what all share.
async fn everything(store: &TestStore, account: &Account) -> Result<(), StoreError> {
    let id = account.id;
    let now = Timestamp::now();
    let version = store.draw_credentials_version(id).await?.unwrap();
    assert_eq!(store.put_credentials(id, version, &sealed("credentials"), None).await?, ReplaceOutcome::Done);
    assert_eq!(store.credentials(id).await?.map(|(version, _)| version), Some(version));
    let lock = store.lock_login(id, TTL).await?.expect("nobody else signs in with it");
    assert!(store.renew_login(&lock, TTL).await?);
    let record = sealed("session");
    let new = NewSession { state: Some(&record), ..NewSession::given(&record, now + TTL) };
    assert_eq!(store.publish_session(&lock, new).await?, Published::Done);
    store.unlock_login(&lock).await?;
    assert_eq!(store.session(id).await?.unwrap().generation, lock.generation);
    store.state(id).await?;

    let token = LeaseToken::draw();
    assert_eq!(store.adapter.lease(id, &token, TERMS).await?, LeaseOutcome::Held);
    assert_eq!(store.adapter.lease_site(&practice(), &token, LIMITS, "", TTL).await?, LeaseOutcome::Held);
    store.adapter.release_lease(id, &token).await?;
    store.adapter.release_site_lease(&practice(), &token).await?;
    store.cooldown(id).await?;
    store.count_failure(id).await?;
    store.reset_failures(id).await?;
    store.count_requested_logins(id, TTL).await?;
    assert!(store.count_login(&practice(), 1000).await?);
    assert!(store.count_rejected(&practice(), id, TTL).await? > 0);
    assert!(store.site_paused(&practice()).await?.is_none_or(|left| left <= Duration::from_secs(3600)));

    store.due(now, 10).await?;
    store.waiting(now, 10).await?;
    store.set_due(id, now).await?;
    assert!(store.due(now, 1000).await?.contains(&id));
    store.wait_for_browser(id, now).await?;
    assert!(store.is_waiting_for_browser(id).await? && store.waiting(now, 1000).await?.contains(&id));
    assert!(store.claim_waiting(id, now + TTL).await?);
    store.refresh_requests(10).await?;
    let request = RefreshRequest { account: id, generation: lock.generation };
    store.adapter.ask_refresh(request).await?;
    assert!(store.refresh_requests(1000).await?.contains(&request));
    store.end_refresh_request(request).await?;

    let id = "01M847RJK3FHZEB0J67128THYA".to_owned();

    let role = StoreRole::Adapter;
    let service = Service { id: id.clone(), role, credentials: Vec::new(), session: vec!["key".to_owned()] };
    store.report(&service).await?;
    assert!(store.services().await?.contains(&service));
    store.adapter.keep_flight("flight", &sealed("flight"), TTL, 9).await?;
    assert!(store.adapter.flights().await?.contains(&"flight".to_owned()));
    store.audit(&AuditQuery { limit: 9, ..AuditQuery::default() }).await?;
    let ids: Vec<AccountId> = store.accounts().await?.iter().map(|account| account.id).collect();
    store.leases_of(&ids).await?;
    for record in [SealedRecord::Credentials, SealedRecord::State, SealedRecord::Session] {
        store.sealing_keys(record, &ids).await?;
    }
    Ok(())
}

/// Every key of a Redis with what it holds.
async fn dump(redis: &mut MultiplexedConnection) -> Vec<(String, Vec<u8>)> {
    let mut keys: Vec<String> = redis::cmd("KEYS").arg("*").query_async(redis).await.unwrap();
    keys.sort();
    let mut dump = Vec::new();
    for key in keys {
        let held: Option<Vec<u8>> = redis::cmd("DUMP").arg(&key).query_async(redis).await.unwrap();
        // Some end meanwhile.
        dump.extend(held.map(|held| (key, held)));
    }
    dump
}

async fn restore(redis: &mut MultiplexedConnection, dump: &[(String, Vec<u8>)]) {
    redis::cmd("FLUSHALL").exec_async(redis).await.unwrap();
    for (key, held) in dump {
        let mut restore = redis::cmd("RESTORE");
        restore.arg(key).arg(0).arg(held).exec_async(redis).await.unwrap();
    }
}

/// The beginning of the command that makes a key of a type.
fn types(name: &str) -> &'static str {
    match name {
        "string" => "SET",
        "set" => "SADD",
        "list" => "LPUSH",
        "hash" => "HSET",
        "zset" => "ZADD",
        _ => "nothing",
    }
}

/// Two accounts of whom every kind of key is there, and a site that was paused.
async fn scene() -> (Redis, TestStore, Account, Account) {
    let redis = Redis::start().await;
    let store = store(&redis).await;
    let victim = account(&store, "alice").await;
    let other = account(&store, "bob").await;
    for account in [&victim, &other] {
        everything(&store, account).await.unwrap();
        store.adapter.cool(account.id, "rate_limited", Duration::from_millis(1)).await.unwrap();
        store.add_audit("api", "account.created", Some(account.id), "").await.unwrap();
    }
    // What would still be there when the keys are kept would be put back without its end.
    for account in [&victim, &other] {
        let over = async || store.cooldown(account.id).await.unwrap().is_none().then_some(());
        wait::until_some(TTL, over).await;
    }
    (redis, store, victim, other)
}

#[tokio::test]
async fn a_key_of_another_type_stops_nothing_but_what_it_is_about() {
    let (redis, store, victim, other) = scene().await;
    let mut redis = redis.connection().await;
    // None of them has an end: what was taken away must not come back by itself.
    let healthy = dump(&mut redis).await;
    let of_other = other.id.to_string();
    let of_victim = ["leases", "cooldown", "failures", "login-lock", "totp-step", "self-test"];
    let passing = of_victim.map(|what| format!("lk:{{{}}}:{what}", victim.id)).into_iter();
    let passing = passing.chain(["lk:waiting", "lk:refresh", "lk:services:broker"].map(str::to_owned));
    let passing = passing.chain(["leases", "paused"].map(|what| format!("lk:site:{{practice}}:{what}")));
    let keys = healthy.iter().map(|(key, _)| key.clone()).chain(passing);

    for key in &keys.filter(|key| !key.contains(&of_other)).collect::<BTreeSet<_>>() {
        for wrong in ["SET K junk", "SADD K junk", "LPUSH K junk", "HSET K junk junk", "ZADD K inf junk"] {
            restore(&mut redis, &healthy).await;
            let is: String = redis::cmd("TYPE").arg(key).query_async(&mut redis).await.unwrap();
            if wrong.starts_with(types(&is)) {
                continue;
            }
            let mut words = wrong.split(' ');
            let mut command = redis::cmd(words.next().unwrap());
            redis::cmd("DEL").arg(key).exec_async(&mut redis).await.unwrap();
            for word in words {
                command.arg(if word == "K" { key } else { word });
            }
            command.exec_async(&mut redis).await.unwrap();

            let done = everything(&store, &other).await;

            assert!(done.is_ok(), "{wrong} at {key}: {done:?}");
            let known = store.accounts().await.unwrap();
            let mut ids = [victim.id, other.id];
            ids.sort();
            assert_eq!(known.iter().map(|account| account.id).collect::<Vec<_>>(), ids, "{wrong} at {key}");
            assert!(
                store.account(other.id).await.unwrap().unwrap().serves(Timestamp::now()),
                "{wrong} at {key}"
            );
            let victim = store.account(victim.id).await.unwrap().unwrap();
            let is_its_record = key.ends_with("}:account");
            assert_eq!(victim.state == State::Damaged, is_its_record, "{wrong} at {key}: {victim:?}");
            assert!(store.delete_account(victim.id).await.unwrap(), "{wrong} at {key}");
        }
    }
}

#[tokio::test]
async fn a_junk_member_stands_before_nobody_and_is_taken_away_once() {
    let (redis, store, _, other) = scene().await;
    let mut redis = redis.connection().await;
    for key in ["lk:due", "lk:waiting", "lk:refresh"] {
        for (score, member) in
            [("-inf", b"junk".as_slice()), ("0.5", b"\xff\xfe"), ("-3", b""), ("0", b"x y")]
        {
            redis::cmd("ZADD").arg(key).arg(score).arg(member).exec_async(&mut redis).await.unwrap();
        }
    }
    let scores = ["1.5", "-1", "inf", "-inf", "1e300"];
    for score in scores {
        let member = AccountId::new().to_string();
        redis::cmd("ZADD").arg("lk:refresh").arg(score).arg(member).exec_async(&mut redis).await.unwrap();
    }

    everything(&store, &other).await.unwrap();

    let refresh: Vec<String> =
        redis::cmd("ZRANGE").arg("lk:refresh").arg(0).arg(-1).query_async(&mut redis).await.unwrap();
    assert!(refresh.is_empty(), "{refresh:?}");
    let expected = [("lk:due", 4), ("lk:refresh", 4 + 5), ("lk:waiting", 4)];
    assert_eq!(store.discarded(), expected);
    everything(&store, &other).await.unwrap();
    assert_eq!(store.discarded(), expected);
}

#[tokio::test]
async fn what_has_lost_its_end_gets_one() {
    let (redis, store, _, other) = scene().await;
    let mut redis = redis.connection().await;
    let of = |what: &str| format!("lk:{{{}}}:{what}", other.id);
    let site = |what: &str| format!("lk:site:{{practice}}:{what}");
    let endless = [
        (of("cooldown"), "rate_limited"),
        (of("login-lock"), "token"),
        (of("forced"), "1000"),
        (site("logins"), "1000"),
        (site("paused"), "1"),
    ];
    for (key, value) in &endless {
        redis::cmd("SET").arg(key).arg(value).exec_async(&mut redis).await.unwrap();
    }

    let outcome = store.adapter.lease(other.id, &LeaseToken::draw(), TERMS).await.unwrap();
    assert!(
        matches!(outcome, LeaseOutcome::Cooling { left, .. } if left <= Duration::from_secs(60)),
        "{outcome:?}"
    );
    assert!(store.lock_login(other.id, TTL).await.unwrap().is_none());
    store.count_requested_logins(other.id, TTL).await.unwrap();
    assert!(!store.count_login(&practice(), 1000).await.unwrap());
    assert!(store.site_paused(&practice()).await.unwrap().is_some());

    for (key, _) in &endless {
        let left: i64 = redis::cmd("PTTL").arg(key).query_async(&mut redis).await.unwrap();
        assert!(0 < left && left <= 3_600_000, "{key}: {left}");
    }
}

#[tokio::test]
async fn false_fields_of_services_hide_no_true_one_and_go() {
    let (redis, store, _, other) = scene().await;
    let mut redis = redis.connection().await;
    let future = Timestamp::NEVER.millis();
    let stranger = format!(r#"{future} {{"id":"x","role":"adapter","credentials":[],"session":[]}}"#);
    let junk = ["", "junk", "12", "12 junk", "-1 {}", "1e9 {}", &stranger];
    for (index, value) in junk.iter().enumerate() {
        redis::cmd("HSET")
            .arg("lk:services:adapter")
            .arg(index)
            .arg(*value)
            .exec_async(&mut redis)
            .await
            .unwrap();
    }

    assert_eq!(store.services().await.unwrap().len(), 1);
    everything(&store, &other).await.unwrap();

    let left: usize = redis::cmd("HLEN").arg("lk:services:adapter").query_async(&mut redis).await.unwrap();
    assert_eq!(left, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn any_bytes_in_any_field_of_a_record_are_that_accounts_trouble_alone() {
    let (redis, store, victim, other) = scene().await;
    let mut line = redis.connection().await;
    let healthy = dump(&mut line).await;
    let key = format!("lk:{{{}}}:account", victim.id);
    let fields: Vec<String> = redis::cmd("HKEYS").arg(&key).query_async(&mut line).await.unwrap();
    let value = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        "[a-z_]{1,20}".prop_map(String::into_bytes),
        any::<i128>().prop_map(|number| number.to_string().into_bytes()),
        Just(b"nan".to_vec()),
    ];
    let damage = prop::collection::vec((prop::sample::select(fields), value), 1..4);

    hold(96, &damage, async |damage| {
        let mut redis = redis.connection().await;
        restore(&mut redis, &healthy).await;
        for (field, value) in &damage {
            redis::cmd("HSET").arg(&key).arg(field).arg(value).exec_async(&mut redis).await.unwrap();
        }
        only_the_victim_suffers(&store, victim.id, &other).await;
    });
}

/// The others go on, and the victim is whole, or is shown as damaged until it is repaired or removed.
async fn only_the_victim_suffers(store: &TestStore, victim: AccountId, other: &Account) {
    let listed = store.accounts().await.unwrap();
    assert_eq!(listed.len(), 2);
    everything(store, other).await.unwrap();
    let read = store.account(victim).await.unwrap().unwrap();
    let now = Timestamp::now();
    if read.state != State::Damaged {
        return;
    }
    assert!(!read.serves(now) && !read.state.signs_in_unasked() && !read.damage.is_empty(), "{read:?}");
    assert!(read.reason.contains("latchkey-broker account repair"), "{}", read.reason);
    serde_json::to_string(&read).unwrap();
    // Whatever is done with it, nothing panics, and nobody waits for it.
    let lock = store.lock_login(victim, TTL).await.unwrap();
    if let Some(lock) = lock {
        publish(store, &lock, "session", TTL).await;
    }
    assert!(store.repair_account(&read).await.unwrap());
    let repaired = store.account(victim).await.unwrap().unwrap();
    assert_ne!(repaired.state, State::Damaged, "{read:?}\n{repaired:?}");
    assert!(store.delete_account(victim).await.unwrap());
    assert_eq!(store.accounts().await.unwrap().len(), 1);
}

#[tokio::test]
async fn two_who_change_the_credentials_at_once_draw_two_versions() {
    let (_redis, store, _, other) = scene().await;

    let drawn = futures::future::join_all((0..8).map(|_| store.draw_credentials_version(other.id))).await;
    let mut drawn: Vec<u64> = drawn.into_iter().map(|drawn| drawn.unwrap().unwrap()).collect();
    drawn.sort_unstable();
    drawn.dedup();
    assert_eq!(drawn.len(), 8);

    for version in drawn.iter().rev() {
        let record = sealed(&version.to_string());
        let replaced = store.put_credentials(other.id, *version, &record, None).await.unwrap();
        assert_eq!(
            replaced,
            if *version == drawn[7] { ReplaceOutcome::Done } else { ReplaceOutcome::Overtaken }
        );
    }
    let (version, record) = store.credentials(other.id).await.unwrap().unwrap();
    assert_eq!((version, record.as_bytes()), (drawn[7], drawn[7].to_string().as_bytes()));
}
