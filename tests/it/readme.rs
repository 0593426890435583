//! The READMEs: what they list is what there is.

use std::path::{Path, PathBuf};

use latchkey_broker::login::FailureCode;
use latchkey_shared::env::VARIABLES;
use strum::VariantNames;

const FILES: [&str; 10] = [
    "README.md",
    "shared/README.md",
    "broker/README.md",
    "broker/THREATS.md",
    "adapter/README.md",
    "adapter/bridge/README.md",
    "scripts/README.md",
    "tests/README.md",
    "compose/README.md",
    "compose/MIGRATION.md",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap()
}

#[test]
fn every_variable_is_in_the_table_with_its_meaning() {
    let readme = read("README.md");

    for variable in VARIABLES {
        let name = variable.name.strip_prefix("LATCHKEY_").unwrap();
        let secret = if variable.secret { " (secret)" } else { "" };
        let row = format!("| `{name}`{secret} | {} |", variable.meaning);
        assert!(readme.contains(&row), "README.md has no row\n{row}");
    }
}

#[test]
fn every_failure_of_a_login_is_explained() {
    let readme = read("README.md");

    for code in FailureCode::VARIANTS {
        assert!(readme.contains(&format!("`{code}`")), "README.md does not say what to do about {code}");
    }
}

#[test]
fn every_link_within_the_repository_leads_somewhere() {
    for file in FILES {
        let text = read(file);
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.contains("://") && !link.starts_with('#')) {
            let target = root().join(file).parent().unwrap().join(link.split('#').next().unwrap());
            assert!(target.exists(), "{file}: {link}");
        }
    }
}
