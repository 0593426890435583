//! The alerts about replicas, with Prometheus's own tests of rules: its clock is moved, nobody waits.

use std::{fs, process::Command};

use super::path;

/// Rolling replaces each adapter; the old one has closed its door and lets its streams end, for ten minutes.
const DRAINING: &str = r#"
rule_files: [alerts.yml]
evaluation_interval: 15s
tests:
  - interval: 15s
    input_series:
      - { series: 'up{job="broker", instance="b"}', values: '1x240' }
      - { series: 'up{job="adapter", instance="old"}', values: '1x8 0x40 _x192' }
      - { series: 'up{job="adapter", instance="new"}', values: '1x240' }
    alert_rule_test:
      - { eval_time: 3m, alertname: ReplicaDown, exp_alerts: [] }
      - { eval_time: 11m, alertname: ReplicaDown, exp_alerts: [] }
      - { eval_time: 11m, alertname: ServiceGone, exp_alerts: [] }
      - { eval_time: 30m, alertname: ReplicaDown, exp_alerts: [] }
  - interval: 15s
    input_series:
      - { series: 'up{job="broker", instance="b"}', values: '1x240' }
      - { series: 'up{job="adapter", instance="a"}', values: '1x8 0x232' }
    alert_rule_test:
      - eval_time: 4m
        alertname: ServiceGone
        exp_alerts:
          - exp_labels: { severity: critical, job: adapter }
            exp_annotations:
              summary: "No adapter answers"
              action: "docker compose ps, docker compose logs adapter; docker compose up -d --no-recreate starts what is missing"
      - eval_time: 20m
        alertname: ReplicaDown
        exp_alerts:
          - exp_labels: { severity: warning, job: adapter, instance: a }
            exp_annotations:
              summary: "adapter a does not answer"
              action: "docker compose ps and logs adapter"
"#;

#[test]
fn an_adapter_that_drains_alarms_nobody_and_a_service_that_is_gone_does() {
    let directory = tempfile::tempdir().unwrap();
    fs::copy(path("observability/alerts.yml"), directory.path().join("alerts.yml")).unwrap();
    fs::write(directory.path().join("test.yml"), DRAINING).unwrap();

    let test = Command::new("promtool")
        .args(["test", "rules", "test.yml"])
        .current_dir(directory.path())
        .output()
        .expect("cannot start promtool; install it: apt-get install prometheus");

    let told = String::from_utf8_lossy(&test.stdout) + String::from_utf8_lossy(&test.stderr);
    assert!(test.status.success(), "{told}");
}
