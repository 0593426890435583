//! The compose files: what must not be in them, and the rights of the two Redis users on a real redis-server.
//!
//! There is no Docker where the tests run, so nothing here starts a container.

use std::{path::PathBuf, process::Command, time::Duration};

use latchkey_shared::{
    account::Account,
    env::{Env, VARIABLES},
    id::SiteName,
    store::{Event, LeaseOutcome, NewSession, RedisConfig, RefreshRequest, Store},
    time::Timestamp,
    vault::Sealed,
};
use redis::{RedisResult, aio::MultiplexedConnection};
use serde_json::Value;
use support::redis::Redis;
use tempfile::TempDir;

const TTL: Duration = Duration::from_secs(30);
const OURS: [&str; 4] = ["redis", "broker", "adapter", "balancer"];

fn path(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "compose", name].iter().collect()
}

fn read(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap()
}

/// The lines of one service: those below its name that are indented deeper.
fn service(name: &str) -> String {
    let text = read("compose.yaml");
    let start = text.find(&format!("\n  {name}:\n")).expect("the service is there");
    let below = text[start..].lines().skip(2);
    below
        .take_while(|line| line.is_empty() || line.starts_with("    "))
        .map(|line| format!("{line}\n"))
        .collect()
}

/// Name and value of the service's Latchkey variables, as far as they stand in the file.
fn variables(service: &str) -> Vec<(String, String)> {
    let lines = service.lines().filter_map(|line| line.trim().split_once(": "));
    let ours = lines.filter(|(name, _)| name.starts_with("LATCHKEY_"));
    ours.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn redis_is_reached_by_the_broker_and_the_adapters_alone() {
    let redis = service("redis");

    assert!(!redis.contains("ports:"), "{redis}");
    assert!(redis.contains("networks: [store]"), "{redis}");
    assert!(read("compose.yaml").contains("  store: { internal: true }\n"));
    for name in ["balancer", "new-api", "new-api-database"] {
        assert!(!service(name).contains("store"), "{name}");
    }
    let config = read("redis/redis.conf");
    assert!(
        config.contains("\nappendonly yes\n") && config.contains("\nmaxmemory-policy noeviction\n"),
        "{config}"
    );
}

#[test]
fn our_services_have_no_rights_they_do_not_need() {
    let text = read("compose.yaml");
    let hardened = &text[text.find("x-hardened").unwrap()..text.find("\nservices:").unwrap()];
    for right in ["init: true", "read_only: true", "cap_drop: [ALL]", "no-new-privileges:true"] {
        assert!(hardened.contains(right), "{right}");
    }
    for name in OURS {
        let service = service(name);
        assert!(service.starts_with("    <<: *hardened\n"), "{name}");
        assert!(service.contains("healthcheck:"), "{name}");
        assert!(!service.contains("cap_add") && !service.contains("privileged: true"), "{name}");
    }
    assert!(service("broker").contains("no-new-privileges:true"), "it overrides security_opt");
    assert!(!text.contains("SANDBOX"), "the sandbox stays on, as it is by default");
    assert_eq!(read("Dockerfile").matches("\nUSER 10001:10001\n").count(), 2);
}

#[test]
fn secrets_are_files_and_the_adapter_has_none_of_the_brokers() {
    for name in ["broker", "adapter"] {
        let variables = variables(&service(name));
        assert_eq!(Env::of(variables.clone()).reject_unknown(), Ok(()));
        for (variable, value) in variables {
            let secret = VARIABLES.iter().any(|known| known.secret && variable.starts_with(known.name));
            assert_eq!(secret, value.starts_with("/run/secrets/"), "{name}: {variable}");
            assert_eq!(secret, variable.ends_with("_FILE"), "{name}: {variable}");
        }
    }
    let adapter = service("adapter");
    for word in ["credentials", "admin", "broker-redis-url", "artefacts"] {
        assert!(!adapter.contains(word), "{word}");
    }
}

#[test]
fn the_example_environment_names_what_the_compose_file_reads() {
    let text = read("compose.yaml");
    let example = read(".env.example");
    let names = text.split("${").skip(1).map(|rest| rest.split([':', '}']).next().unwrap());
    for name in names {
        assert!(example.contains(&format!("{name}=")), "{name} is not in .env.example");
    }
}

#[test]
fn the_broker_may_make_the_namespaces_of_the_sandbox_and_no_others() {
    let profile: Value = serde_json::from_str(&read("chromium-seccomp.json")).unwrap();
    let rules = profile["syscalls"].as_array().unwrap();
    let of = |name: &str| -> Vec<&Value> {
        rules
            .iter()
            .filter(|rule| rule["names"].as_array().unwrap().iter().any(|known| known == name))
            .collect()
    };

    for name in [
        "mount",
        "umount2",
        "setns",
        "pivot_root",
        "bpf",
        "ptrace",
        "keyctl",
        "init_module",
        "io_uring_setup",
    ] {
        assert!(of(name).iter().any(|rule| rule["args"].is_null()), "{name}");
    }
    for name in ["clone", "unshare"] {
        let mut flags: Vec<u64> =
            of(name).iter().map(|rule| rule["args"][0]["value"].as_u64().expect("some flags only")).collect();
        flags.sort_unstable();
        assert_eq!(flags, [0x0002_0000, 0x0200_0000, 0x0400_0000, 0x0800_0000], "mount, cgroup, UTS, IPC");
    }
}

/// A redis-server with the users that `redis/acl.sh` makes, as compose and `scripts/up` start it.
struct Users {
    redis: Redis,
    _files: TempDir,
}

impl Users {
    async fn start() -> Self {
        let files = tempfile::tempdir().unwrap();
        let file = |name: &str| files.path().join(name);
        for user in ["broker", "adapter"] {
            std::fs::write(file(user), format!("redis://{user}:{user}-password@redis:6379/0\n")).unwrap();
        }
        let output = Command::new("sh")
            .arg(path("redis/acl.sh"))
            .args([file("broker"), file("adapter")])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(!String::from_utf8_lossy(&output.stdout).contains("-password"), "hashes only");
        std::fs::write(file("users.acl"), output.stdout).unwrap();
        let (users, config) = (file("users.acl"), path("redis/redis.conf"));
        let files_of = ["--aclfile", users.to_str().unwrap(), "--include", config.to_str().unwrap()];
        // In production a write reaches the file within two seconds; a test that kills the server cannot wait.
        let arguments = [files_of.as_slice(), &["--appendfsync", "always"]].concat();
        Self { redis: Redis::start_with(&arguments).await, _files: files }
    }

    fn url(&self, user: &str) -> String {
        self.redis.url_as(user, &format!("{user}-password"))
    }

    async fn store(&self, user: &str) -> Store {
        let env = Env::of([("LATCHKEY_REDIS_URL", self.url(user))]);
        Store::connect(&RedisConfig::from_env(&env).unwrap()).await.unwrap()
    }

    async fn connection(&self, user: &str) -> MultiplexedConnection {
        redis::Client::open(self.url(user)).unwrap().get_multiplexed_async_connection().await.unwrap()
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

#[tokio::test]
async fn each_user_may_do_all_that_its_side_of_the_store_does() {
    let users = Users::start().await;
    let (broker, adapter) = (users.store("broker").await, users.store("adapter").await);
    let site: SiteName = "practice".parse().unwrap();
    let account = Account::new(site.clone(), "alice".to_owned());
    let now = Timestamp::now();
    let sealed = Sealed::from_stored(b"sealed".to_vec());
    let mut events = adapter.events();
    assert_eq!(events.next().await, Event::Reconnected);

    broker.create_account(&account).await.unwrap();
    broker.put_credentials(account.id, 1, &sealed).await.unwrap();
    let lock = broker.lock_login(account.id, TTL).await.unwrap().unwrap();
    assert!(broker.renew_login(&lock, TTL).await.unwrap());
    assert!(broker.claim_totp_step(account.id, 1).await.unwrap());
    broker.publish_session(&lock, NewSession::given(&sealed, now + TTL)).await.unwrap();
    broker.unlock_login(&lock).await.unwrap();
    broker.due(now, 10).await.unwrap();
    broker.state(account.id).await.unwrap();
    let request = RefreshRequest { account: account.id, generation: 1 };
    adapter.ask_refresh(request).await.unwrap();
    assert_eq!(broker.refresh_requests(10).await.unwrap(), [request]);
    assert_eq!(broker.count_forced(account.id, TTL).await.unwrap(), 1);
    broker.end_refresh_request(request).await.unwrap();
    broker.count_failure(account.id).await.unwrap();
    broker.forget_failures(account.id).await.unwrap();

    assert!(matches!(events.next().await, Event::Account { .. }));
    assert_eq!(adapter.longest_idle(&site, 10).await.unwrap(), [account.id]);
    assert_eq!(adapter.accounts().await.unwrap().len(), 1);
    assert!(adapter.account(account.id).await.unwrap().is_some());
    assert!(adapter.session(account.id).await.unwrap().is_some());
    assert_eq!(adapter.site_accounts(&site).await.unwrap().len(), 1);
    let LeaseOutcome::Held(token) = adapter.lease(account.id, &site, 1, TTL).await.unwrap() else {
        panic!("the lease is free")
    };
    assert!(adapter.renew_lease(account.id, &token, TTL).await.unwrap());
    assert_eq!(broker.leases(account.id).await.unwrap(), 1);
    adapter.release_lease(account.id, &token).await.unwrap();
    adapter.cool(account.id, "rate_limited", TTL).await.unwrap();
    assert!(broker.cooldown(account.id).await.unwrap().is_some());

    for store in [&broker, &adapter] {
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
    let broker = users.store("broker").await;
    broker.create_account(&account).await.unwrap();
    broker.put_credentials(account.id, 1, &sealed).await.unwrap();
    let lock = broker.lock_login(account.id, TTL).await.unwrap().unwrap();
    broker.publish_session(&lock, NewSession::given(&sealed, now + TTL)).await.unwrap();
    let before = broker.account(account.id).await.unwrap();

    users.redis.restart().await;

    let broker = users.store("broker").await;
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
    let anonymous = redis::Client::open(users.redis.url()).unwrap().get_multiplexed_async_connection().await;
    let mut anonymous = anonymous.unwrap();
    let answer: RedisResult<redis::Value> = redis::cmd("PING").query_async(&mut anonymous).await;
    assert!(answer.is_err(), "the default user is off");
}
