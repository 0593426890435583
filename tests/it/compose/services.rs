//! Rights, bounds and health of the services.

use std::time::Duration;

use latchkey_shared::env::VARIABLES;
use serde_json::json;

use super::stack::{Service, Stack};

/// What runs all the time, and is ours.
const OURS: [&str; 4] = ["redis", "broker", "adapter", "balancer"];

/// The test of its health, as one text.
fn health(service: &Service) -> String {
    service.value["healthcheck"]["test"].to_string()
}

#[test]
fn our_services_have_no_rights_they_do_not_need() {
    let stack = Stack::read();

    for name in OURS.into_iter().chain(["keys", "ops", "prometheus", "grafana"]) {
        let service = stack.service(name).value;
        assert_eq!(service["init"], true, "{name}");
        assert_eq!(service["read_only"], true, "{name}");
        assert_eq!(service["cap_drop"], json!(["ALL"]), "{name}");
        assert!(service["security_opt"].to_string().contains("no-new-privileges:true"), "{name}");
        assert!(service["cap_add"].is_null() && service["privileged"].is_null(), "{name}");
    }
    let text = super::read("compose.yaml");
    assert!(!text.contains("SANDBOX"), "the sandbox stays on, as it is by default");
    assert!(stack.service("broker").has("security_opt", "seccomp=./chromium-seccomp.json"));
    assert_eq!(super::read("Dockerfile").matches("\nUSER 10001:10001\n").count(), 3);
}

#[test]
fn each_service_has_bounds_of_memory_and_processes() {
    for service in Stack::read().services() {
        assert!(service.value["mem_limit"].is_string(), "{}", service.name);
        assert!(service.value["pids_limit"].is_u64(), "{}", service.name);
    }
}

#[test]
fn health_is_that_a_process_lives_not_that_somebody_is_signed_in() {
    let stack = Stack::read();

    for name in ["broker", "adapter", "balancer"] {
        let health = health(&stack.service(name));
        assert!(health.contains("/livez") && !health.contains("readyz"), "{name}: {health}");
    }
    assert!(health(&stack.service("redis")).contains("health.sh"));
}

#[test]
fn docker_waits_longer_than_an_adapter_lets_its_streams_go_on() {
    let stack = Stack::read();
    let adapter = stack.service("adapter");
    let grace = adapter.value["stop_grace_period"].as_str().unwrap();
    let grace = humantime::parse_duration(grace).unwrap();
    let drain = humantime::parse_duration(&adapter.environment()["LATCHKEY_DRAIN"]).unwrap();

    let default = VARIABLES.iter().find(|variable| variable.name == "LATCHKEY_DRAIN").unwrap().meaning;
    assert!(drain >= Duration::from_secs(300), "a turn of a coding agent is minutes");
    let longest = latchkey_adapter::config::LONGEST_DRAIN;
    assert!(longest >= drain && grace >= longest + Duration::from_secs(60), "{grace:?} {drain:?}");
    assert!(
        super::read(".env.example").contains(&format!("at most {}", humantime::format_duration(longest)))
    );
    assert!(default.ends_with(&format!("; {}", humantime::format_duration(drain))), "{default}");
}

#[test]
fn what_an_operator_runs_does_not_start_with_the_stack() {
    let stack = Stack::read();

    for name in ["keys", "ops"] {
        assert!(stack.service(name).has("profiles", "operator"), "{name}");
    }
    for name in OURS {
        assert!(stack.service(name).list("profiles").is_empty(), "{name}");
    }
}

#[test]
fn the_number_of_adapters_stands_in_the_environment_of_every_command() {
    let replicas = Stack::read().service("adapter").value["deploy"]["replicas"].clone();

    assert_eq!(replicas, "2");
    assert!(super::read("compose.yaml").contains("replicas: \"${ADAPTERS:-2}\""));
}
