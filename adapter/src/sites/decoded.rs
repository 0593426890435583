//! What comes of an answer's bytes, however they are split: for the tests of decoders.

use proptest::sample::Index;

use crate::stream::{Decode, DecodePipeline, delta::Delta, fault::Fault, finish::StreamEnd};

/// What a client's side sees of an answer: its deltas, and how it ended.
type Decoded = (Vec<Delta>, Result<StreamEnd, Fault>);

pub(super) fn decoded<'a>(
    decoder: impl Decode + 'static,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Decoded {
    let mut stages = DecodePipeline::new(Box::new(decoder), "minted".to_owned());
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

/// The bytes, cut at these places or everywhere.
pub(super) fn pieces<'a>(bytes: &'a [u8], cuts: &[Index], every_byte: bool) -> Vec<&'a [u8]> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    if every_byte {
        cuts = (0..bytes.len()).collect();
    }
    cuts.extend([0, bytes.len()]);
    cuts.sort_unstable();
    cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]).collect()
}
