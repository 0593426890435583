//! Secrets: files, under one name each, and only where they are needed.

use std::collections::BTreeSet;

use latchkey_shared::env::{Env, VARIABLES};

use super::{read, stack::Stack};

/// The names behind each `/run/secrets/` of a text.
fn named(text: &str) -> BTreeSet<String> {
    let of = |rest: &str| {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !"-._".contains(c));
        rest[..end.unwrap_or(rest.len())].to_owned()
    };
    text.split("/run/secrets/").skip(1).map(of).collect()
}

#[test]
fn a_secret_has_one_name_for_its_file_itself_and_its_place() {
    let stack = Stack::read();

    for (name, secret) in stack.all("secrets") {
        assert_eq!(secret["file"], format!("./secrets/{name}"));
        assert_eq!(secret.as_object().unwrap().len(), 1, "{name} has another name somewhere");
    }
}

#[test]
fn what_a_service_reads_below_run_secrets_is_mounted_there_and_nothing_else() {
    let stack = Stack::read();
    let declared: BTreeSet<String> = stack.all("secrets").into_keys().collect();

    for service in stack.services() {
        let mounted: BTreeSet<String> = service.list("secrets").into_iter().map(str::to_owned).collect();
        let mut text = service.value.to_string();
        if service.name == "redis" {
            text += &read("redis/start.sh");
            text += &read("redis/health.sh");
        }
        let mut needed = named(&text);
        if service.name == "ops" {
            // The operator names it: accept --key-file.
            needed.insert("shared.secret".to_owned());
        }
        assert_eq!(mounted, needed, "{}", service.name);
        assert!(mounted.is_subset(&declared), "{}", service.name);
    }
}

#[test]
fn every_variable_of_a_secret_is_a_file_that_its_service_mounts() {
    let stack = Stack::read();

    for service in stack.services() {
        let environment = service.environment();
        let ours = environment.iter().filter(|(name, _)| name.starts_with("LATCHKEY_"));
        assert_eq!(Env::of(ours.clone()).reject_unknown(), Ok(()), "{}", service.name);
        for (variable, value) in ours {
            let name = variable.strip_suffix("_FILE").unwrap_or(variable);
            let secret = VARIABLES.iter().any(|known| known.secret && known.name == name);
            assert_eq!(secret, variable.ends_with("_FILE"), "{}: {variable}", service.name);
            let file = value.strip_prefix("/run/secrets/");
            let mounted = match file {
                Some(name) => service.has("secrets", name),
                // The rings' own files, which `keys` writes.
                None => service.name == "keys" && value.starts_with("/secrets/"),
            };
            assert!(!secret || mounted, "{}: {variable}={value} is no file there", service.name);
        }
    }
}

#[test]
fn every_secret_is_made_by_init() {
    let init = read("init") + &read("lib/users.sh");

    for name in Stack::read().all("secrets").into_keys() {
        let made = name.strip_suffix("-redis-url").unwrap_or(&name);
        assert!(init.contains(made), "init does not make {name}");
    }
}

#[test]
fn the_adapter_has_none_of_the_brokers_secrets() {
    let stack = Stack::read();

    for name in ["adapter", "balancer", "ops"] {
        let text = stack.service(name).value.to_string();
        for word in ["credentials", "admin.token", "broker-redis-url", "artefacts", "./secrets:"] {
            assert!(!text.contains(word), "{name}: {word}");
        }
    }
}
