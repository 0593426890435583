//! The rights of the two Redis users, on a real redis-server: each may do what its side does, and nothing else.

use std::time::Duration;

use latchkey_shared::{
    account::Account,
    env::Env,
    id::SiteName,
    site::SharedLimits,
    store::{
        AclRights, AclUser, AdapterStore, BrokerStore, LeaseOutcome, LeaseTerms, LeaseToken, NewSession,
        RedisConfig, RefreshRequest, SeedDigest, Store, StoreEvent, StoreRole, acl_file,
    },
    time::Timestamp,
    vault::Sealed,
};
use redis::{RedisResult, aio::MultiplexedConnection};
use support::redis::Redis;
use tempfile::TempDir;

use crate::compose::path;

const TTL: Duration = Duration::from_secs(30);

/// A redis-server with the users of `latchkey-broker acl`, as compose and `scripts/up` start it.
struct Users {
    redis: Redis,
    _files: TempDir,
}

impl Users {
    async fn start() -> Self {
        let files = tempfile::tempdir().unwrap();
        let file = |name: &str| files.path().join(name);
        let user = |role: StoreRole| {
            let url = format!("redis://{role}:{role}-password@redis:6379/0");
            AclUser::of_url(AclRights::Side(role), &url.into()).unwrap()
        };
        // The operator is the test's own, to change rights with.
        let acl = acl_file(&[user(StoreRole::Broker), user(StoreRole::Adapter)]);
        let acl = format!("{acl}user operator on >operator-password ~* &* +@all\n");
        std::fs::write(file("users.acl"), acl).unwrap();
        let users = file("users.acl");
        let config = path("redis/redis.conf");
        let files_of = ["--aclfile", users.to_str().unwrap(), "--include", config.to_str().unwrap()];
        // In production a write reaches the file within two seconds; a test that kills the server cannot wait.
        let arguments = [files_of.as_slice(), &["--appendfsync", "always"]].concat();
        Self { redis: Redis::start_with(&arguments).await, _files: files }
    }

    fn url(&self, user: &str) -> String {
        self.redis.url_as(user, &format!("{user}-password"))
    }

    fn config(&self, user: &str) -> RedisConfig {
        RedisConfig::from_env(&Env::of([("LATCHKEY_REDIS_URL", self.url(user))])).unwrap()
    }

    async fn broker(&self) -> BrokerStore {
        BrokerStore::connect(&self.config("broker")).await.unwrap()
    }

    async fn adapter(&self) -> AdapterStore {
        AdapterStore::connect(&self.config("adapter")).await.unwrap()
    }

    async fn connection(&self, user: &str) -> MultiplexedConnection {
        support::redis::connect(self.url(user)).await.unwrap()
    }
}

async fn is_denied(connection: &mut MultiplexedConnection, command: &str) -> bool {
    let mut words = command.split(' ');
    let mut cmd = redis::cmd(words.next().unwrap());
    words.for_each(|word| {
        cmd.arg(word);
    });
    let result: RedisResult<redis::Value> = cmd.query_async(connection).await;
    let refusal = |error: redis::RedisError| {
        let text = error.to_string();
        error.code() == Some("NOPERM")
            || text.contains("NoPerm")
            || text.contains("executing the script can't")
    };
    result.is_err_and(refusal)
}

/// Everything that is done with places.
async fn leases(broker: &BrokerStore, adapter: &AdapterStore, account: &Account) {
    let site = &account.site;
    let token = LeaseToken::draw();
    let refused = LeaseToken::draw();
    let terms =
        LeaseTerms { concurrency: 1, requests_per_minute: Some(1), pools: None, absent: "", ttl: TTL };
    assert_eq!(adapter.lease(account.id, &token, terms).await.unwrap(), LeaseOutcome::Held);
    assert_eq!(adapter.lease(account.id, &refused, terms).await.unwrap(), LeaseOutcome::Full);
    let limits = SharedLimits { concurrency: Some(1), requests_per_minute: Some(1) };
    assert_eq!(adapter.lease_site(site, &token, limits, "", TTL).await.unwrap(), LeaseOutcome::Held);
    assert!(adapter.renew_site_lease(site, &token, TTL).await.unwrap());
    adapter.release_site_lease(site, &token).await.unwrap();
    assert!(matches!(
        adapter.lease_site(site, &refused, limits, "", TTL).await.unwrap(),
        LeaseOutcome::Spent(_)
    ));
    adapter.undo_site_lease(site, &token).await.unwrap();
    adapter.undo_lease(account.id, &refused).await.unwrap();
    assert!(adapter.renew_lease(account.id, &token, TTL).await.unwrap());
    assert_eq!(broker.leases(account.id).await.unwrap(), 1);
    adapter.release_lease(account.id, &token).await.unwrap();
}

#[tokio::test]
async fn each_user_may_do_all_that_its_side_of_the_store_does() {
    let users = Users::start().await;
    let broker = users.broker().await;
    let adapter = users.adapter().await;
    let site: SiteName = "practice".parse().unwrap();
    let account = Account::new(site.clone(), "alice".to_owned());
    let now = Timestamp::now();
    let sealed = Sealed::from_stored(b"sealed".to_vec());
    let mut events = adapter.events();
    assert_eq!(events.next().await, StoreEvent::Reconnected);

    broker.prove(StoreRole::Broker).await.unwrap();
    adapter.prove(StoreRole::Adapter).await.unwrap();
    broker.create_account(&account).await.unwrap();
    broker.put_credentials(account.id, 1, &sealed, None).await.unwrap();
    let lock = broker.lock_login(account.id, TTL).await.unwrap().unwrap();
    assert!(broker.renew_login(&lock, TTL).await.unwrap());
    assert!(broker.claim_totp_step(&SeedDigest::of(b"a seed of ten"), 1).await.unwrap());
    broker.publish_session(&lock, NewSession::given(&sealed, now + TTL)).await.unwrap();
    broker.unlock_login(&lock).await.unwrap();
    broker.due(now, 10).await.unwrap();
    broker.state(account.id).await.unwrap();
    let request = RefreshRequest { account: account.id, generation: 1 };
    adapter.ask_refresh(request).await.unwrap();
    assert_eq!(broker.refresh_requests(10).await.unwrap(), [request]);
    assert_eq!(broker.count_requested_logins(account.id, TTL).await.unwrap(), 1);
    broker.end_refresh_request(request).await.unwrap();
    broker.count_failure(account.id).await.unwrap();
    broker.reset_failures(account.id).await.unwrap();

    assert!(matches!(events.next().await, StoreEvent::Account { .. }));
    assert_eq!(adapter.accounts().await.unwrap().len(), 1);
    assert!(adapter.account(account.id).await.unwrap().is_some());
    assert!(adapter.session(account.id).await.unwrap().is_some());
    assert_eq!(adapter.site_accounts(&site).await.unwrap().len(), 1);
    leases(&broker, &adapter, &account).await;
    for id in ["one", "two"] {
        adapter.keep_flight(id, &Sealed::from_stored(vec![1]), TTL, 1).await.unwrap();
    }
    adapter.count_outcome("digest", 1, "en/50/0/called", TTL).await.unwrap();
    assert_eq!(adapter.outcomes("digest", [0, 1]).await.unwrap().len(), 1);
    adapter.cool(account.id, "rate_limited", TTL).await.unwrap();
    assert!(broker.cooldown(account.id).await.unwrap().is_some());

    for store in [&*broker, &*adapter] {
        assert_eq!(store.server_info().await.unwrap().eviction_policy, "noeviction");
        store.server_time().await.unwrap();
    }
    assert_eq!(adapter.user().await.as_deref(), Some("adapter"));
    broker.revoke_session(account.id).await.unwrap();
    assert!(broker.delete_account(account.id).await.unwrap());
}

/// Transactions in the append-only file are replayed with the rights of the user `default`, though nobody can be it.
#[tokio::test]
async fn what_is_stored_outlives_a_restart_of_redis() {
    let mut users = Users::start().await;
    let account = Account::new("practice".parse().unwrap(), "alice".to_owned());
    let sealed = Sealed::from_stored(b"sealed".to_vec());
    let now = Timestamp::now();
    let broker = users.broker().await;
    broker.create_account(&account).await.unwrap();
    broker.put_credentials(account.id, 1, &sealed, None).await.unwrap();
    let lock = broker.lock_login(account.id, TTL).await.unwrap().unwrap();
    broker.publish_session(&lock, NewSession::given(&sealed, now + TTL)).await.unwrap();
    let before = broker.account(account.id).await.unwrap();

    users.redis.restart().await;

    let broker = users.broker().await;
    assert_eq!(broker.account(account.id).await.unwrap(), before);
    assert!(broker.credentials(account.id).await.unwrap().is_some());
    assert!(broker.session(account.id).await.unwrap().is_some());
}

#[tokio::test]
async fn the_adapters_user_can_neither_read_credentials_nor_change_accounts() {
    let users = Users::start().await;
    let mut adapter = users.connection("adapter").await;

    for command in [
        "GET lk:{X}:credentials",
        "MGET lk:{X}:session lk:{X}:credentials",
        "GET lk:{X}:state",
        "SET lk:{X}:session forged",
        "SET lk:{X}:credentials forged",
        "GETRANGE lk:{X}:credentials 0 9",
        "GET lk:{X}:generation",
        "SET lk:{X}:login-lock X",
        "GET lk:totp:{digest}",
        "GET lk:{X}:failures",
        "HSET lk:services:broker X X",
        "HGETALL lk:services:broker",
        "XADD lk:audit * x x",
        "XRANGE lk:audit - +",
        "SREM lk:sites practice",
        "ZREM lk:due X",
        "HDEL lk:{X}:account state",
        "EXPIRE lk:{X}:session 1",
        "PEXPIRE lk:{X}:session 1",
        "SUBSCRIBE lk:other",
        "PSUBSCRIBE lk:*",
        "SCRIPT FLUSH",
        "CLUSTER RESET",
        "CLIENT KILL TYPE normal",
        "OBJECT FREQ lk:{X}:credentials",
        "DUMP lk:{X}:credentials",
        "HSET lk:{X}:account state active",
        "DEL lk:{X}:account",
        "SADD lk:site:{practice}:accounts X",
        "ZADD lk:due 0 X",
        "PUBLISH lk:events forged",
        "EVAL return(redis.call('GET',KEYS[1])) 1 lk:{X}:credentials",
        "SET foreign 1",
        "KEYS *",
        "SCAN 0",
        "FLUSHALL",
        "CONFIG GET *",
        "ACL LIST",
        "MONITOR",
    ] {
        assert!(is_denied(&mut adapter, command).await, "{command}");
    }
}

/// A right that is taken away from a user is missed at the start, and the error names the words to add.
#[tokio::test]
async fn a_right_that_is_missing_stops_the_start_with_the_line_to_add() {
    let users = Users::start().await;
    let mut operator = users.connection("operator").await;
    let mut change = async |role: StoreRole, rights: &str| {
        let mut acl = redis::cmd("ACL");
        acl.arg("SETUSER").arg(role.to_string()).arg(rights);
        acl.exec_async(&mut operator).await.unwrap();
    };

    for (role, taken, given, missing) in [
        (StoreRole::Adapter, "-zadd", "+zadd", ": add +zadd ~lk:"),
        (StoreRole::Adapter, "-getdel", "+getdel", ": add +getdel ~lk:"),
        (StoreRole::Adapter, "-info", "+info", "'info'"),
        (
            StoreRole::Broker,
            "-hset",
            "+hset",
            "HSET lk:{00000000000000000000000000}:self-test: add +hset ~lk:{*}:self-test",
        ),
        (StoreRole::Broker, "-publish", "+publish", "PUBLISH to lk:events: add +publish &lk:events"),
        (StoreRole::Broker, "-evalsha", "+evalsha", "'evalsha'"),
        (StoreRole::Broker, "resetchannels", "&lk:*", "add +publish &lk:events"),
    ] {
        let store: Store = match role {
            StoreRole::Broker => users.broker().await.into(),
            StoreRole::Adapter => users.adapter().await.into(),
        };
        store.prove(role).await.unwrap();
        change(role, taken).await;

        let error = store.prove(role).await.unwrap_err().to_string();

        assert!(error.contains(missing) && error.contains("latchkey-broker acl"), "{taken}: {error}");
        change(role, given).await;
    }
}

#[tokio::test]
async fn the_brokers_user_does_not_rule_the_server() {
    let users = Users::start().await;
    let mut broker = users.connection("broker").await;

    for command in
        ["FLUSHALL", "FLUSHDB", "CONFIG SET maxmemory-policy allkeys-lru", "SET foreign 1", "KEYS *"]
    {
        assert!(is_denied(&mut broker, command).await, "{command}");
    }
    for command in ["ACL SETUSER x", "SHUTDOWN NOSAVE", "MONITOR", "REPLICAOF no one"] {
        assert!(is_denied(&mut broker, command).await, "{command}");
    }
    assert!(is_denied(&mut broker, "EVAL return(redis.call('SET','foreign','1')) 0").await);
    let anonymous = support::redis::connect(users.redis.url()).await;
    let mut anonymous = anonymous.unwrap();
    let answer: RedisResult<redis::Value> = redis::cmd("PING").query_async(&mut anonymous).await;
    assert!(answer.is_err(), "the default user is off");
}
