//! Who reaches whom.

use super::{read, stack::Stack};

/// Those that share a network with this one.
fn neighbours(stack: &Stack, name: &str) -> Vec<String> {
    let service = stack.service(name);
    let networks = service.list("networks");
    assert!(!networks.is_empty(), "{name} is on the default network, with everybody");
    let mut all: Vec<String> = networks.into_iter().flat_map(|network| stack.on(network)).collect();
    all.retain(|other| other != name);
    all.sort();
    all.dedup();
    all
}

fn has_way_out(stack: &Stack, name: &str) -> bool {
    let networks = stack.all("networks");
    stack.service(name).list("networks").iter().any(|network| networks[*network]["internal"] != true)
}

#[test]
fn redis_is_reached_by_the_broker_the_adapters_and_who_reads_their_recorder() {
    let stack = Stack::read();

    assert_eq!(neighbours(&stack, "redis"), ["adapter", "broker", "ops"]);
    assert!(!has_way_out(&stack, "redis"));
    assert!(stack.service("redis").list("ports").is_empty());
    let config = read("redis/redis.conf");
    assert!(
        config.contains("\nappendonly yes\n") && config.contains("\nmaxmemory-policy noeviction\n"),
        "{config}"
    );
}

#[test]
fn the_admin_api_is_reached_by_prometheus_and_the_operator_alone() {
    let stack = Stack::read();

    assert_eq!(neighbours(&stack, "broker"), ["keys", "prometheus", "redis"]);
    let ports = stack.service("broker").value["ports"].clone();
    assert!(ports[0].as_str().unwrap().starts_with("127.0.0.1:"), "{ports}");
}

#[test]
fn adapters_are_reached_by_the_balancer_prometheus_and_the_operator_alone() {
    let stack = Stack::read();

    assert_eq!(neighbours(&stack, "adapter"), ["balancer", "ops", "prometheus", "redis"]);
    assert!(stack.service("adapter").list("ports").is_empty());
}

#[test]
fn who_asks_sites_has_a_way_out_of_its_own() {
    let stack = Stack::read();

    for name in ["broker", "adapter"] {
        assert!(has_way_out(&stack, name), "{name}");
    }
    // Ports of the host lead nowhere where every network of a service is internal.
    for service in stack.services().iter().filter(|service| !service.list("ports").is_empty()) {
        assert!(has_way_out(&stack, &service.name), "{}", service.name);
    }
}

#[test]
fn prometheus_asks_the_names_that_it_can_reach() {
    let stack = Stack::read();
    let reached = neighbours(&stack, "prometheus");
    let config = read("observability/prometheus.yml");
    let names: Vec<&str> =
        config.split("names: [").skip(1).map(|rest| rest.split(']').next().unwrap()).collect();

    assert_eq!(names, ["adapter", "broker"]);
    assert!(names.iter().all(|name| reached.iter().any(|other| other == name)), "{reached:?}");
}
