//! Recorded and hand-made answers in, deltas out; and the same deltas however the bytes are split.
//!
//! `fixtures/gradio` and `fixtures/chainlit` were recorded from the real products and are read by the built-in files;
//! `fixtures/declared` has a `[chat.http.stream]` beside each answer.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use latchkey_shared::site::{SiteUrls, catalog::SiteCatalog, parse};
use proptest::prelude::*;

use super::*;
use crate::sites::{
    declared::framing::SEPARATOR,
    decoded::{decoded, pieces},
};

const SITE: &str = r#"version = 1
[site]
name = "declared"
title = "Declared"
base_url = "http://127.0.0.1:1"
models = ["m"]
[login]
[[login.steps]]
goto = "{base_url}/"
[session]
cookies = ["sid"]
[probe]
path = "/me"
pointer = "/name"
[[chat.http.requests]]
path = "/ask?{prompt}"
"#;

fn fixtures() -> Vec<PathBuf> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let in_folder =
        |folder: &str| fs::read_dir(fixtures.join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> =
        ["chainlit", "declared", "gradio"].into_iter().flat_map(in_folder).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension != "toml"));
    paths.sort();
    paths
}

/// The site that sends an answer.
fn site(path: &Path) -> Arc<Site> {
    if path.extension().is_some_and(|extension| extension == "body") {
        let stream = fs::read_to_string(path.with_extension("toml")).unwrap();
        let stream = stream.replace("[[on]]", "[[chat.http.stream.on]]");
        let toml = format!("{SITE}[chat.http.stream]\n{stream}");
        return Arc::new(parse("declared.toml", &toml, &SiteUrls::new()).unwrap().site.unwrap());
    }
    let name = path.parent().unwrap().file_name().unwrap().to_str().unwrap();
    let urls = SiteUrls::from([(name.parse().unwrap(), "http://127.0.0.1:1".parse().unwrap())]);
    let catalog = SiteCatalog::load(&[], &urls).unwrap();
    Arc::clone(catalog.sites().next().unwrap())
}

/// An answer as it came. Packets of a socket are kept one a line.
fn bytes(path: &Path) -> Vec<u8> {
    let mut bytes = fs::read(path).unwrap();
    if path.extension().is_some_and(|extension| extension == "packets") {
        let ends = bytes.iter_mut().filter(|byte| **byte == b'\n');
        ends.for_each(|byte| *byte = SEPARATOR);
    }
    bytes
}

/// What was known when an answer was recorded.
fn known(path: &Path) -> ConversationState {
    let values = Captures::from([("message".to_owned(), "5f0c6d3e-9a1b-4c2d-8e3f-0a1b2c3d4e5f".into())]);
    ConversationState { captures: values, goes_on: path.file_stem().is_some_and(|name| name == "forgotten") }
}

fn decoder(path: &Path) -> DeclaredDecoder {
    DeclaredDecoder::new(site(path), known(path), true)
}

#[test]
fn answers_decode_as_before() {
    let mut all = String::new();
    for path in fixtures() {
        let (deltas, end) = decoded(decoder(&path), [bytes(&path).as_slice()]);

        let folder = path.parent().unwrap().file_name().unwrap().to_str().unwrap();
        writeln!(all, "{folder}/{}", path.file_name().unwrap().to_str().unwrap()).unwrap();
        deltas.iter().for_each(|delta| writeln!(all, "  {delta:?}").unwrap());
        writeln!(all, "  {end:?}").unwrap();
    }
    insta::assert_snapshot!(all);
}

#[test]
fn a_body_that_nothing_frames_has_no_end_of_its_own() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/declared/text.body");
    let mut decoder = DeclaredDecoder::new(site(&path), ConversationState::default(), false);
    decoder.push(b"half", &mut Vec::new()).unwrap();
    decoder.finish(&mut Vec::new()).unwrap();

    assert!(!decoder.has_ended());
}

#[test]
fn values_are_taken_for_the_next_turn() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/declared/sse_delta.body");
    let mut decoder = DeclaredDecoder::new(site(&path), ConversationState::default(), true);
    decoder.push(&fs::read(&path).unwrap(), &mut Vec::new()).unwrap();

    assert_eq!(decoder.values(), Captures::from([("title".to_owned(), "T".into())]));
}

proptest! {
    #[test]
    fn any_split_of_the_bytes_gives_the_same_deltas(
        which in any::<prop::sample::Index>(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        every_byte in prop::bool::weighted(0.1),
    ) {
        let fixtures = fixtures();
        let path = which.get(&fixtures);
        let bytes = bytes(path);

        let split = decoded(decoder(path), pieces(&bytes, &cuts, every_byte));

        prop_assert_eq!(split, decoded(decoder(path), [bytes.as_slice()]));
    }
}
