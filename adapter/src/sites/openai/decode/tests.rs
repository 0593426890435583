//! Recorded answers in, deltas out; and the same deltas however the bytes are split.

use std::{fmt::Write, fs, path::PathBuf};

use proptest::prelude::*;

use super::*;
use crate::stream::{DecodePipeline, finish::StreamEnd};

/// What a client's side sees of an answer: its deltas, and how it ended.
type DecodedAnswer = (Vec<Delta>, Result<StreamEnd, Fault>);

fn fixtures() -> Vec<PathBuf> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/openai");
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn outcome<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> DecodedAnswer {
    let mut stages = DecodePipeline::new(Box::new(OpenAiDecoder::default()), "minted".to_owned());
    let mut out = Vec::new();
    for piece in pieces {
        if let Err(fault) = stages.push(piece, &mut out) {
            return (merged(out), Err(fault));
        }
    }
    let end = stages.finish(&mut out);
    (merged(out), end)
}

/// Joins neighbours of one kind: where an answer is split is no part of it.
fn merged(deltas: Vec<Delta>) -> Vec<Delta> {
    let mut merged: Vec<Delta> = Vec::new();
    for delta in deltas {
        match (merged.last_mut(), delta) {
            (Some(Delta::Text(before)), Delta::Text(text)) => before.push_str(&text),
            (Some(Delta::Reasoning(before)), Delta::Reasoning(text)) => before.push_str(&text),
            (_, delta) => merged.push(delta),
        }
    }
    merged
}

#[test]
fn recorded_answers_decode_as_before() {
    for path in fixtures() {
        let bytes = fs::read(&path).unwrap();
        let (deltas, end) = outcome([bytes.as_slice()]);

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
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        if every_byte {
            cuts = (0..bytes.len()).collect();
        }
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();

        let split = outcome(cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]));

        prop_assert_eq!(split, outcome([bytes.as_slice()]));
    }
}
