//! Recorded answers in, deltas out; and the same deltas however the bytes are split.

use std::{fmt::Write, fs, path::PathBuf};

use proptest::prelude::*;

use super::*;
use crate::sites::decoded::{decoded, pieces};

fn fixtures() -> Vec<PathBuf> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/openai");
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

#[test]
fn recorded_answers_decode_as_before() {
    for path in fixtures() {
        let bytes = fs::read(&path).unwrap();
        let (deltas, end) = decoded(OpenAiDecoder::default(), [bytes.as_slice()]);

        let mut text = String::new();
        deltas.iter().for_each(|delta| writeln!(text, "{delta:?}").unwrap());
        writeln!(text, "{end:?}").unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        insta::assert_snapshot!(name, text);
    }
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
        let bytes = fs::read(path).unwrap();

        let split = decoded(OpenAiDecoder::default(), pieces(&bytes, &cuts, every_byte));

        prop_assert_eq!(split, decoded(OpenAiDecoder::default(), [bytes.as_slice()]));
    }
}
