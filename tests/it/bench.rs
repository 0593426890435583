//! A run of `latchkey-bench`, as small as can be: every part works, and leaves what it promises. Never how fast.

use std::{fs, path::Path, time::Duration};

use serde_json::Value;
use support::{binaries, command};

/// Two dozen short measurements by a debug build, on a machine that builds meanwhile.
const LIMIT: Duration = Duration::from_secs(240);
const TARGETS: [&str; 6] = ["direct", "nginx", "floor", "native", "sieve", "calls"];
const SCENARIOS: [&str; 5] = ["S1", "S2", "S3-50", "S3-200", "S3-1000"];

async fn tiny(directory: &Path, further: &[&str]) -> command::CommandOutput {
    let adapter = binaries::path("latchkey-adapter").display().to_string();
    let out = directory.join("out").display().to_string();
    let kept = directory.join("kept.json");
    let kept = kept.display().to_string();
    let fixed = ["run", "--tiny", "--adapter", &adapter, "--out", &out, "--kept", &kept];
    // Debian has nginx where only root looks.
    let environment = [("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")];
    command::run("latchkey-bench", &[&fixed[..], further].concat(), &environment, "", LIMIT).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tiny_run_measures_every_target_and_the_next_one_compares_with_it() {
    let directory = tempfile::tempdir().unwrap();

    let first = tiny(directory.path(), &["--keep"]).await;
    assert_eq!(first.code, 0, "{}", first.shown());
    let second = tiny(directory.path(), &["--only", "S1"]).await;
    assert_eq!(second.code, 0, "{}", second.shown());

    let kept: Value = serde_json::from_slice(&fs::read(directory.path().join("kept.json")).unwrap()).unwrap();
    for scenario in SCENARIOS {
        for target in TARGETS {
            let figures = kept["figures"].as_array().unwrap();
            let figure = figures.iter().find(|f| f["scenario"] == scenario && f["target"] == target);
            let measured = &figure.unwrap_or_else(|| panic!("{scenario} lacks {target}"))["measured"];
            assert!(measured["chunks_per_second"].as_f64().unwrap() > 0.0, "{scenario} {target}: {measured}");
            assert_eq!(measured["errors"], 0.0, "{scenario} {target}: {measured}\n{}", first.stderr);
        }
    }
    for part in ["starts", "accounts", "streams", "arguments"] {
        assert_ne!(kept[part].as_array().unwrap().len(), 0, "{part}");
    }
    let table = first.stdout.split("### Targets").nth(1).unwrap();
    assert!(table.contains("| what") && table.contains(" met |"), "{}", first.stdout);
    assert!(fs::read_to_string(directory.path().join("out/bench.svg")).unwrap().starts_with("<svg"));
    assert!(!second.stdout.contains("Nothing was kept"), "{}", second.stdout);
}

#[tokio::test]
async fn a_report_of_another_version_is_refused_before_anything_is_measured() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("kept.json"), "{\"version\": 0}").unwrap();

    let ran = tiny(directory.path(), &[]).await;

    assert_ne!(ran.code, 0);
    assert!(ran.stderr.contains("--keep"), "{}", ran.shown());
    assert!(!directory.path().join("out").exists());
}
