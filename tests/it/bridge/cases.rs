//! The project's cases, groups A to G: whole, letter by letter, and in many random pieces.
//!
//! The loader fails on a field, macro or word that it does not understand, so that no case passes unread.

pub(crate) mod expect;
pub(crate) mod load;

use latchkey_bridge::{
    dialect::CallFormat,
    sieve::{AnswerEnd, SieveLimits, event::AnswerSummary},
};

use crate::bridge::support::{Piece, sift, split};
use expect::SieveOutput;
use load::{BridgeCase, CaseUpstream};

/// How many random splits each case is fed in.
const SPLITS: u64 = 100;

#[test]
fn every_case_of_the_sieve_holds_in_any_split() {
    for form in [CallFormat::Xml, CallFormat::Json, CallFormat::Fence] {
        for case in load::cases() {
            let Some(CaseUpstream { channel, text, after }) = case.upstream() else { continue };
            let mut first = None;
            let splits = if text.len() < 10_000 { SPLITS } else { 3 };
            for seed in 0..=splits {
                let pieces = if seed == 0 { vec![text.clone()] } else { split(&text, seed) };
                let pieces = pieces.into_iter().map(channel).chain(after.clone().map(Piece::Text));
                let pieces: Vec<Piece> = pieces.collect();
                let (events, summary) = sift(form, SieveLimits::default(), AnswerEnd::Complete, &pieces);
                case.expect.check(&case.id, &SieveOutput { events: &events, upstream: &text });
                let summary = AnswerSummary { scanned: 0, ..summary };
                let first = first.get_or_insert_with(|| (events.clone(), summary.clone()));
                assert_eq!(*first, (events, summary), "{} split by {seed}", case.id);
            }
        }
    }
}

#[test]
fn all_cases_of_groups_a_to_g_are_read() {
    let cases = load::cases();
    let marked = |case: &BridgeCase| case.id.clone();

    let judged: Vec<String> =
        cases.iter().filter(|case| case.expect.is_for_the_judge()).map(marked).collect();
    let prompted: Vec<String> =
        cases.iter().filter(|case| case.expect.is_for_the_prompt()).map(marked).collect();

    assert_eq!(cases.len(), 47);
    assert_eq!(judged, ["G01", "G03", "G04", "G06", "G07", "G08", "G09", "G11"]);
    assert_eq!(prompted, ["D09", "E05", "G13", "G14"]);
}
