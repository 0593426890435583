//! What stands in several files, and must be the same in each.

use std::{path::Path, process::Command};

use super::{read, stack::Stack};

const VERSION: &str = env!("CARGO_PKG_VERSION");

#[test]
fn the_example_environment_names_what_the_compose_file_reads() {
    let text = read("compose.yaml");
    let example = read(".env.example");
    let names = text.split("${").skip(1).map(|rest| rest.split([':', '}']).next().unwrap());

    // init writes who ran it.
    for name in names.filter(|name| *name != "OPERATOR") {
        assert!(example.contains(&format!("{name}=")), "{name} is not in .env.example");
    }
    assert!(read("init").contains("\\nOPERATOR=%s:%s\\n"));
}

#[test]
fn images_bear_the_version() {
    let stack = Stack::read();

    for (service, image) in [("broker", "broker"), ("keys", "broker"), ("adapter", "adapter"), ("ops", "ops")]
    {
        let expected = format!("latchkey-{image}:{VERSION}");
        assert_eq!(stack.service(service).value["image"], expected, "{service}");
        let variable = format!("#{}_IMAGE={expected}\n", image.to_uppercase());
        assert!(read(".env.example").contains(&variable), "{variable}");
    }
    assert!(read("Dockerfile").contains(&format!("\nARG BINARIES=latchkey-binaries:{VERSION}\n")));
    let labels = read("Dockerfile").matches("org.opencontainers.image.version=$VERSION").count();
    assert_eq!(labels, 3);
}

/// A manifest that is missing there makes cargo refuse the workspace, but only where a container is built.
#[test]
fn the_layer_of_dependencies_has_the_manifest_of_each_member() {
    let root = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml")).unwrap();
    let root: toml::Table = root.parse().unwrap();
    let dockerfile = read("Dockerfile.binaries");
    let first_build = dockerfile.find("cargo build").unwrap();

    for member in root["workspace"]["members"].as_array().unwrap() {
        let member = member.as_str().unwrap();
        let line = format!("\nCOPY {member}/Cargo.toml {member}/\n");
        let at = dockerfile.find(&line).unwrap_or_else(|| panic!("Dockerfile.binaries lacks{line}"));
        assert!(at < first_build, "{member}");
    }
    // Sources come after it, or each change of one would compile all of it anew.
    assert!(dockerfile.find("\nCOPY shared shared\n").unwrap() > first_build);
}

/// As Dockerfile.binaries does it: the manifests alone, hollow targets, and cargo must take them for the workspace.
#[test]
fn hollow_targets_satisfy_every_manifest() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let directory = tempfile::tempdir().unwrap();
    let copies = read("Dockerfile.binaries");
    let copies = copies.lines().filter_map(|line| line.strip_prefix("COPY ")?.split_once("Cargo.toml"));
    for (member, _) in copies {
        std::fs::create_dir_all(directory.path().join(member)).unwrap();
        let manifest = format!("{member}Cargo.toml");
        std::fs::copy(root.join(&manifest), directory.path().join(&manifest)).unwrap();
    }
    std::fs::copy(root.join("Cargo.lock"), directory.path().join("Cargo.lock")).unwrap();

    let run = |program: &str, arguments: &[&str]| {
        let ran = Command::new(program).args(arguments).current_dir(directory.path()).output().unwrap();
        assert!(ran.status.success(), "{program}: {}", String::from_utf8_lossy(&ran.stderr));
        ran.stdout
    };
    run("sh", &[super::path("lib/hollow.sh").to_str().unwrap()]);
    let metadata = run(env!("CARGO"), &["metadata", "--no-deps", "--offline", "--format-version", "1"]);

    let metadata: serde_json::Value = serde_json::from_slice(&metadata).unwrap();
    let targets = metadata["packages"].as_array().unwrap().iter().flat_map(|package| {
        package["targets"].as_array().unwrap().iter().map(|target| target["src_path"].as_str().unwrap())
    });
    for file in targets {
        assert!(Path::new(file).exists(), "{file}");
    }
}

/// Each `./name` that a page tells an operator to run is there.
#[test]
fn pages_name_programs_that_there_are() {
    let pages = ["README.md", "MIGRATION.md", ".env.example", "init", "roll", "restore"].map(read).concat();
    let words = pages.split(|c: char| !(c.is_ascii_alphanumeric() || "./-_".contains(c)));
    let named = words.filter_map(|word| word.strip_prefix("./")).filter(|name| !name.contains(['/', '.']));
    let named: std::collections::BTreeSet<&str> = named.filter(|name| !name.is_empty()).collect();

    assert!(named.len() >= 6, "{named:?}");
    for name in named {
        assert!(super::path(name).exists(), "there is no compose/{name}");
    }
}

#[test]
fn no_secret_is_in_the_context_of_a_build() {
    assert_eq!(
        read(".dockerignore").lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>(),
        ["*", "!healthcheck.sh"]
    );
    let root = std::fs::read_to_string(super::path("../.dockerignore")).unwrap();
    for name in ["compose/secrets*", "compose/.env", "compose/rollout"] {
        assert!(root.lines().any(|line| line == name), "{name}");
    }
}

#[test]
fn the_balancer_tells_nobody_how_the_adapters_are() {
    let nginx = read("balancer/nginx.conf");

    assert!(nginx.contains("location ~ ^/+(metrics|readyz)/*$ {"), "{nginx}");
}

#[cfg(unix)]
#[test]
fn programs_can_be_run() {
    use std::os::unix::fs::PermissionsExt;

    for name in ["init", "images", "roll", "password", "backup", "restore"] {
        let mode = std::fs::metadata(super::path(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o111, 0o111, "{name}");
        assert!(read(name).contains("\nset -euo pipefail\n"), "{name}");
    }
}
