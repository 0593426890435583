//! The counts that hold, as a file beside the sources, and what becomes of new ones.

use std::{collections::BTreeMap, fmt::Write, fs, path::Path};

use anyhow::Context;
use serde::{Deserialize, Serialize};

/// More than this, and somebody has made a chunk dearer.
const GROWTH: f64 = 0.10;
/// Another compiler moves counts by itself, but no compiler makes a chunk cost half as much again.
const GROWTH_ELSEWHERE: f64 = 0.50;
/// How new counts become those that hold.
const ACCEPT: &str = "scripts/bench instructions --accept";

/// Counts, and what they depend on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    /// Compiler, valgrind and architecture.
    pub toolchain: String,
    /// By mode.
    pub instructions_per_chunk: BTreeMap<String, u64>,
    /// What the judge of announcements costs, by unit.
    #[serde(default)]
    pub judge: BTreeMap<String, u64>,
}

/// What is to be said of new counts.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Remarks {
    /// What holds or is worth knowing.
    pub said: Vec<String>,
    /// What must not be.
    pub grown: Vec<String>,
}

impl Kept {
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(path)
            .with_context(|| format!("no counts are kept in {}: {ACCEPT}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("{} is not what {ACCEPT} writes", path.display()))
    }

    pub(super) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self)?;
        fs::write(path, format!("{text}\n")).with_context(|| format!("cannot write {}", path.display()))
    }

    /// The counts, beside those that hold.
    pub(super) fn table(&self, kept: Option<&Self>) -> String {
        let mut out = format!("  {:<28}{:>10}{:>10}{:>9}\n", "what", "count", "kept", "change");
        let before = kept.map(Self::counts).unwrap_or_default();
        for (what, count) in self.counts() {
            let (kept, change) = match before.get(&what) {
                Some(&before) => (before.to_string(), format!("{:+.1} %", growth(before, count) * 100.0)),
                None => ("-".to_owned(), "-".to_owned()),
            };
            writeln!(out, "  {what:<28}{count:>10}{kept:>10}{change:>9}").expect("a string takes all");
        }
        out
    }

    /// All counts, by what they are of.
    fn counts(&self) -> BTreeMap<String, u64> {
        let chunks =
            self.instructions_per_chunk.iter().map(|(mode, &count)| (format!("{mode}: a chunk"), count));
        let judge = self.judge.iter().map(|(unit, &count)| (format!("judge: {unit}"), count));
        chunks.chain(judge).collect()
    }

    /// Judges these counts by those that hold.
    pub(super) fn against(&self, kept: &Self) -> Remarks {
        let mut remarks = Remarks::default();
        let limit = if self.toolchain == kept.toolchain { GROWTH } else { GROWTH_ELSEWHERE };
        if self.toolchain != kept.toolchain {
            remarks.said.push(format!(
                "kept with {}, counted with {}: only a growth by half counts. Renew the counts: {ACCEPT}",
                kept.toolchain, self.toolchain
            ));
        }
        let (counts, kept) = (self.counts(), kept.counts());
        for (what, &before) in &kept {
            let Some(&count) = counts.get(what) else {
                remarks.grown.push(format!("{what} was not counted; if it is gone: {ACCEPT}"));
                continue;
            };
            let growth = growth(before, count);
            if count as f64 > before as f64 * (1.0 + limit) {
                remarks.grown.push(format!(
                    "{what} costs {count}, {:.1} % more than the {before} that are kept; {:.0} % are allowed. Find out why, or accept it: {ACCEPT}",
                    growth * 100.0,
                    limit * 100.0
                ));
            } else if growth < -limit {
                remarks.said.push(format!("{what} has become cheaper; so that it stays so: {ACCEPT}"));
            }
        }
        for what in counts.keys() {
            if !kept.contains_key(what) {
                remarks.grown.push(format!("{what} has no count that is kept: {ACCEPT}"));
            }
        }
        remarks
    }
}

fn growth(before: u64, now: u64) -> f64 {
    now as f64 / before as f64 - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(toolchain: &str, native: u64) -> Kept {
        let instructions_per_chunk = BTreeMap::from([("native".to_owned(), native)]);
        Kept { toolchain: toolchain.to_owned(), instructions_per_chunk, ..Kept::default() }
    }

    #[test]
    fn a_growth_of_more_than_a_tenth_is_refused_with_what_to_do() {
        let kept = counts("a", 1000);

        assert_eq!(counts("a", 1100).against(&kept), Remarks::default());
        let grown = counts("a", 1101).against(&kept).grown;
        assert!(grown[0].contains("native") && grown[0].contains(ACCEPT), "{grown:?}");
    }

    #[test]
    fn another_compiler_is_told_and_only_a_growth_by_half_refused() {
        let kept = counts("a", 1000);

        let remarks = counts("b", 1500).against(&kept);
        assert!(remarks.grown.is_empty() && remarks.said[0].contains(ACCEPT), "{remarks:?}");
        assert_eq!(counts("b", 1501).against(&kept).grown.len(), 1);
    }

    #[test]
    fn no_mode_is_left_out() {
        let none = Kept { toolchain: "a".to_owned(), ..Kept::default() };

        let judge = BTreeMap::from([("bytes of tables".to_owned(), 1)]);
        assert_eq!(Kept { judge, ..counts("a", 1) }.against(&counts("a", 1)).grown.len(), 1);
        assert_eq!(none.against(&counts("a", 1)).grown.len(), 1);
        assert_eq!(counts("a", 1).against(&none).grown.len(), 1);
    }

    #[test]
    fn a_gain_is_told() {
        assert_eq!(counts("a", 500).against(&counts("a", 1000)).said.len(), 1);
    }
}
