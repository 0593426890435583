//! The tools of whoever writes a site file: `site check`, `site schema`, `site try`.

use std::{collections::BTreeMap, path::PathBuf};

use insta::assert_snapshot;
use serde_json::Value;

use crate::cli::run;

mod recorded;
mod tried;

fn fixtures() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/it/site/fixtures"))
}

/// Files with one fault each, by name.
fn broken() -> BTreeMap<String, PathBuf> {
    let files = std::fs::read_dir(fixtures().join("broken")).unwrap();
    let named = |path: PathBuf| (path.file_stem().unwrap().to_str().unwrap().to_owned(), path);
    files.map(|file| named(file.unwrap().path())).collect()
}

#[tokio::test]
async fn check_tells_line_key_and_remedy_of_every_fault() {
    let files = broken();
    let mut arguments = vec!["site", "check"];
    arguments.extend(files.values().map(|path| path.to_str().unwrap()));

    let text = run(&arguments, &[], "").await;
    arguments.push("--json");
    let json = run(&arguments, &[], "").await;

    assert!(files.len() >= 30, "{} files", files.len());
    assert_eq!((text.code, json.code), (1, 1));
    let directory = format!("{}/broken/", fixtures().display());
    assert_snapshot!(text.stdout.replace(&directory, ""));
    let report: Value = serde_json::from_str(&json.stdout).unwrap();
    let reported = report["files"].as_array().unwrap();
    assert_eq!(reported.len(), files.len());
    for file in reported {
        let [mistake] = file["mistakes"].as_array().unwrap().as_slice() else {
            panic!("one fault is told as one: {file}")
        };
        assert!(mistake["line"].as_u64() > Some(0), "{mistake}");
        assert_ne!(mistake["key"], "", "{mistake}");
    }
}

#[tokio::test]
async fn check_finds_right_files_right_and_says_when_there_is_none() {
    let right = fixtures().join("right.toml");
    let built_in = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/sites/open-webui.toml"));
    let directory = fixtures().display().to_string();

    let good = run(&["site", "check", right.to_str().unwrap(), built_in.to_str().unwrap()], &[], "").await;
    let missing = run(&["site", "check", "nowhere.toml"], &[], "").await;
    let json = run(&["site", "check", right.to_str().unwrap(), "--json"], &[], "").await;

    let sites = built_in.parent().unwrap().to_str().unwrap();
    assert_snapshot!(good.shown().replace(&directory, "[fixtures]").replace(sites, "[sites]"), @"
    exit 0
    [fixtures]/right.toml: right; it describes inhouse at https://chat.example.org/
    [sites]/open-webui.toml: right; it describes open-webui, whose address LATCHKEY_SITE_URLS=open-webui=https://... gives
    ");
    assert_snapshot!(missing.shown(), @"
    exit 1
    nowhere.toml: cannot read it: No such file or directory (os error 2); name a site file
    ");
    assert_snapshot!(json.shown().replace(&directory, "[fixtures]"), @r#"
    exit 0
    {
      "right": true,
      "files": [
        {
          "file": "[fixtures]/right.toml",
          "site": "inhouse",
          "base_url": "https://chat.example.org/",
          "advice": [],
          "unreadable": null,
          "mistakes": []
        }
      ]
    }
    "#);
}

#[tokio::test]
async fn check_says_what_is_right_and_not_safe() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("unsafe.toml");
    let right = std::fs::read_to_string(fixtures().join("right.toml")).unwrap();
    let origins = "[site]\norigins = [\"https://login.example.org\"]";
    let toml =
        right.replace("https://chat.example.org", "http://chat.example.org").replace("[site]", origins);
    std::fs::write(&path, toml).unwrap();

    let told = run(&["site", "check", path.to_str().unwrap()], &[], "").await;

    assert_snapshot!(told.shown().replace(path.to_str().unwrap(), "unsafe.toml"), @r#"
    exit 0
    unsafe.toml: right; it describes inhouse at http://chat.example.org/
    unsafe.toml: http://chat.example.org/ is not encrypted: whoever is on the way reads passwords and sessions; write https://
    unsafe.toml: line 20: fill types a secret at any of the 2 origins; add origin = "https://...", the one whose page it is
    "#);
}

/// The faults that no schema can express: those of TOML itself, and those that only the words of the parser tell.
const BEYOND_THE_SCHEMA: [&str; 24] = [
    "cookie-not-captured",
    "file-in-the-chat",
    "file-inside-of-json",
    "file-with-its-name",
    "goto-elsewhere",
    "header-of-the-session",
    "heading-not-closed",
    "logout-with-placeholder",
    "password-in-the-file",
    "placeholder-misspelt",
    "probe-path-with-name",
    "question-that-nobody-tells",
    "refresh-placeholder-misspelt",
    "selector-is-xpath",
    "selector-of-another-tool",
    "selector-without-quotes",
    "step-longer-than-login",
    "stream-without-end",
    "table-twice",
    "text-without-quotes",
    "upload-made-once",
    "uploads-that-nobody-names",
    "uploads-without-table",
    "value-that-nobody-takes",
];

#[tokio::test]
async fn the_printed_schema_refuses_what_a_schema_can_refuse() {
    let printed = run(&["site", "schema"], &[], "").await;

    assert_eq!(printed.code, 0);
    let schema: Value = serde_json::from_str(&printed.stdout).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let accepts = |path: &PathBuf| {
        let table: Result<toml::Table, _> = std::fs::read_to_string(path).unwrap().parse();
        table.is_ok_and(|table| validator.is_valid(&serde_json::to_value(table).unwrap()))
    };
    assert!(accepts(&fixtures().join("right.toml")));
    for (name, path) in broken() {
        let is_toml = !["heading-not-closed", "table-twice", "text-without-quotes"].contains(&name.as_str());
        let beyond = BEYOND_THE_SCHEMA.contains(&name.as_str());
        assert_eq!(accepts(&path), is_toml && beyond, "{name}");
    }
}
