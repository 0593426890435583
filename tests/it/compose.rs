//! The compose files: what must not be in them.
//!
//! There is no Docker where the tests run, so nothing here starts a container.

use std::path::PathBuf;

use latchkey_shared::env::{Env, VARIABLES};
use serde_json::Value;

const OURS: [&str; 4] = ["redis", "broker", "adapter", "balancer"];

/// A file of compose/.
pub(crate) fn path(name: &str) -> PathBuf {
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
