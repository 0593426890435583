//! The table of `shared/sites/README.md`: a column for each built-in site, and a test behind each cell.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use support::sites;

/// The practice site is no product: nobody asks what it can do.
const PRACTICE: &str = "practice";

/// The cells of each line of a table, the rule below its head left out.
fn rows<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<Vec<&'a str>> {
    let rows = lines.take_while(|line| line.starts_with('|'));
    let rows = rows.map(|line| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>());
    rows.filter(|row| !row.iter().any(|cell| cell.starts_with("---"))).collect()
}

/// Where a test stands, and whether it does.
fn is_a_test(name: &str) -> bool {
    let Some((module, function)) = name.rsplit_once("::") else { return false };
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("it").join(module.replace("::", "/")).with_extension("rs");
    let text = fs::read_to_string(path).unwrap_or_default();
    let several = format!("#[tokio::test(flavor = \"multi_thread\")]\nasync fn {function}()");
    [several, format!("#[tokio::test]\nasync fn {function}()"), format!("#[test]\nfn {function}()")]
        .iter()
        .any(|head| text.contains(head))
}

#[test]
fn every_cell_is_backed_by_a_test() {
    let text = fs::read_to_string(sites::folder().join("README.md")).unwrap();
    let from = |head: &str| {
        let at = text.find(head).unwrap_or_else(|| panic!("there is no table that begins {head:?}"));
        rows(text[at..].lines())
    };
    let table = from("| | ");
    let letters = from("| letter |");

    let tests: BTreeMap<&str, &str> =
        letters[1..].iter().map(|row| (row[0], row[1].trim_matches('`'))).collect();
    let missing: Vec<&&str> = tests.values().filter(|name| !is_a_test(name)).collect();
    assert!(missing.is_empty(), "no such tests: {missing:?}");

    let cells: Vec<&str> =
        table[1..].iter().flat_map(|row| &row[1..]).flat_map(|cell| cell.split(' ')).collect();
    let unknown: Vec<&&str> =
        cells.iter().filter(|cell| **cell != "-" && !tests.contains_key(**cell)).collect();
    assert!(unknown.is_empty(), "letters without a test: {unknown:?}");
    let used: BTreeSet<&str> = cells.into_iter().collect();
    let idle: Vec<&&str> = tests.keys().filter(|letter| !used.contains(**letter)).collect();
    assert!(idle.is_empty(), "letters in no cell: {idle:?}");
}

#[test]
fn every_built_in_site_has_a_column() {
    let text = fs::read_to_string(sites::folder().join("README.md")).unwrap();
    let head = text.lines().find(|line| line.starts_with("| | ")).unwrap();
    let columns: BTreeSet<&str> =
        head.trim_matches('|').split('|').filter_map(|cell| cell.split_whitespace().next()).collect();
    let sites = sites::built_in();

    let expected: BTreeSet<&str> =
        sites.iter().map(String::as_str).filter(|name| *name != PRACTICE).collect();
    assert_eq!(columns, expected);
}
