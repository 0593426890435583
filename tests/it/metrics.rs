//! What an operator sees: the metrics of both services, read by a real Prometheus, beside the dashboard and the alerts.

use std::{collections::BTreeSet, fs, path::Path, time::Duration};

use serde_json::Value;
use support::{
    practice::{PASSWORD, PracticeOptions},
    prometheus::{Prometheus, configuration},
    wait,
    world::World,
};

use crate::signed_in::renewed_over_http;

/// Two scrapes, on a busy machine.
const SOON: Duration = Duration::from_secs(30);
/// What all names of our metrics begin with.
const OURS: &str = "latchkey_";

/// A world in which alice signed in, chatted and was renewed, and bob's password is wrong.
async fn world() -> World {
    let options = PracticeOptions { renewals: Some(2), ..PracticeOptions::default() };
    let start = World::start().practice(options).site_file(renewed_over_http());
    let world = start.signed_in("alice").await;
    let admin = world.admin();
    assert!(admin.sign_in(world.account("alice")).await.error.is_none());
    let bob = admin.add("bob", &format!("{PASSWORD}?"), None).await;
    assert!(admin.sign_in(bob.id).await.error.is_some());
    assert_eq!(world.adapter().ask("hi").await.status, 200);
    world
}

/// The value of a metric with just these labels.
fn value(text: &str, series: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_broker_tells_of_logins_launches_and_accounts() {
    let world = world().await;

    let answer = world.admin().get("/metrics").await;

    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    let value = |series: &str| value(&answer.body, &format!("latchkey_broker_{series}"));
    for (series, expected) in [
        ("logins_total{site=\"practice\",result=\"ok\",rung=\"recipe\"}", 1.0),
        ("logins_total{site=\"practice\",result=\"ok\",rung=\"http\"}", 1.0),
        ("logins_total{site=\"practice\",result=\"credentials_rejected\",rung=\"-\"}", 1.0),
        ("login_seconds_count{site=\"practice\",rung=\"recipe\"}", 1.0),
        ("browser_avoided_total{site=\"practice\"}", 1.0),
        ("browser_launches_total", 1.0),
        ("accounts{site=\"practice\",state=\"active\"}", 1.0),
        ("accounts{site=\"practice\",state=\"credentials_rejected\"}", 1.0),
        ("accounts_serving{site=\"practice\"}", 1.0),
        ("due_lag_seconds", 0.0),
    ] {
        assert_eq!(value(series), Some(expected), "{series}\n{}", answer.body);
    }
    let left = value("session_left_seconds{site=\"practice\"}").unwrap();
    assert!((1.0..=3600.0).contains(&left), "{left}");
    assert!(!answer.body.contains("alice") && answer.body.ends_with("# EOF\n"), "{}", answer.body);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_prometheus_understands_metrics_alerts_and_dashboard() {
    let world = world().await;
    let broker = &world.broker.as_ref().unwrap().url;
    let adapter = &world.adapters[0].url;
    let prometheus = Prometheus::start(&[("broker", broker), ("adapter", adapter)]).await;

    let served = wait::until_some(SOON, async || {
        let up = prometheus
            .get("query", &[("query", "sum(up) == 2 and sum(latchkey_broker_accounts) == 2")])
            .await;
        (!up["result"].as_array().unwrap().is_empty()).then(|| prometheus.get("targets", &[]))
    })
    .await
    .await;
    for target in served["activeTargets"].as_array().unwrap() {
        assert_eq!(
            (target["health"].as_str(), target["lastError"].as_str()),
            (Some("up"), Some("")),
            "{target}"
        );
    }

    let known = known();
    for answer in [world.admin().get("/metrics").await, world.adapter().get("/metrics").await] {
        for name in told(&answer.body) {
            assert!(known.contains(&name), "no README tells of {name}");
        }
    }
    let mut expressions = alerts();
    assert!(expressions.len() >= 10);
    expressions.extend(dashboard());
    for expression in &expressions {
        prometheus.get("query", &[("query", expression)]).await;
        for name in names(expression) {
            assert!(known.contains(&name), "there is no metric {name}: {expression}");
        }
    }

    let firing = wait::until_some(SOON, async || {
        let rules = prometheus.get("rules", &[]).await;
        let rules = rules["groups"][0]["rules"].as_array().unwrap().clone();
        assert!(rules.iter().all(|rule| rule["health"] != "err"), "{rules:?}");
        // Others may be pending for a moment: rules are looked at before the first scrape, when nothing is up.
        rules.into_iter().find(|rule| rule["state"] == "pending" && rule["name"] == "AccountNeedsOperator")
    })
    .await;
    assert_eq!(firing["alerts"][0]["labels"]["state"], "credentials_rejected");
    world.stop().await;
}

/// The series that the READMEs' tables tell of. A service names a metric only once there is something to count.
fn known() -> BTreeSet<String> {
    let mut known = BTreeSet::new();
    for service in ["adapter", "broker"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(service).join("README.md");
        let text = fs::read_to_string(path).unwrap();
        let table = text.split("## Metrics").nth(1).unwrap().split("\n## ").next().unwrap();
        let rows = table.lines().filter_map(|line| line.strip_prefix("| `")?.split(" | ").next());
        for name in rows.flat_map(|cell| cell.split(", ")).map(|name| name.trim_matches('`')) {
            known.extend(["", "_bucket", "_sum", "_count"].map(|end| format!("{OURS}{service}_{name}{end}")));
        }
    }
    known
}

/// The names of the metrics that a service has something of.
fn told(text: &str) -> Vec<String> {
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    types.map(|(name, kind)| format!("{name}{}", if kind == "counter" { "_total" } else { "" })).collect()
}

/// Our metrics in an expression.
fn names(expression: &str) -> Vec<String> {
    let starts = expression.match_indices(OURS).map(|(at, _)| &expression[at..]);
    let ends = |rest: &str| rest.find(|c: char| c != '_' && !c.is_ascii_lowercase()).unwrap_or(rest.len());
    starts.map(|rest| rest[..ends(rest)].to_owned()).collect()
}

/// The expressions of all alerts.
fn alerts() -> Vec<String> {
    let text = fs::read_to_string(configuration().join("alerts.yml")).unwrap();
    let mut expressions = Vec::new();
    for alert in text.split("- alert: ").skip(1) {
        for key in ["summary: ", "action: ", "severity: "] {
            assert!(alert.contains(key), "{key}is missing: {alert}");
        }
        let expression = alert.split("expr: ").nth(1).unwrap().trim_start_matches(">-");
        let ends = ["\n        for:", "\n        labels:"];
        let end = ends.iter().filter_map(|end| expression.find(end)).min().unwrap();
        expressions.push(expression[..end].split_whitespace().collect::<Vec<_>>().join(" "));
    }
    expressions
}

/// The expressions of all panels, with Grafana's variables filled in.
fn dashboard() -> Vec<String> {
    let text = fs::read_to_string(configuration().join("dashboard.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let expressions = targets.map(|target| target["expr"].as_str().unwrap());
    expressions.map(|text| text.replace("$__rate_interval", "1m").replace("$site", ".*")).collect()
}
