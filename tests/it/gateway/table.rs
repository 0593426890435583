//! Outcomes, cell by cell, and as a table to read.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

use super::{
    cells::{GatewayCell, PATHS, Path},
    faults::Fault,
    words::{CellOutcome, Word},
};

/// What the cells came to.
#[derive(Debug, Default)]
pub(super) struct CellTable(pub(super) BTreeMap<GatewayCell, CellOutcome>);

impl CellTable {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// What is wrong, cell by cell.
    pub(super) fn wrong(&self) -> Vec<String> {
        self.0.iter().filter_map(|(cell, outcome)| cell.objection(*outcome)).collect()
    }

    /// How many came to what nothing may come to.
    pub(super) fn total(&self) -> String {
        let count = |word| self.0.values().filter(|outcome| outcome.word == word).count();
        let more = self.0.iter().filter(|(cell, outcome)| cell.most() < outcome.asked).count();
        let words = [Word::Lie, Word::Mix, Word::Empty, Word::DoneOnly, Word::Endless];
        let told: Vec<String> = words.iter().map(|word| format!("{} {word}", count(*word))).collect();
        format!("{}; {more} asked more often than they must be", told.join(", "))
    }

    /// Where another one says something else.
    pub(super) fn differences(&self, other: &Self) -> Vec<String> {
        let differs = |(cell, here): (&GatewayCell, &CellOutcome)| {
            let there = other.0.get(cell)?;
            (here != there).then(|| format!("{cell}: {here} here, {there} there"))
        };
        self.0.iter().filter_map(differs).collect()
    }

    /// A row for each fault, a column for each way, streamed above and whole below.
    pub(super) fn shown(&self) -> String {
        let mut shown = String::new();
        for streamed in [true, false] {
            let mut columns =
                vec![column(if streamed { "streamed" } else { "whole" }, |fault| format!("{fault:?}"))];
            columns.extend(
                PATHS.map(|path| column(&path.to_string(), |fault| self.words(fault, path, streamed))),
            );
            for row in 0..=Fault::ALL.len() {
                for column in &columns {
                    let width = column.iter().map(String::len).max().unwrap_or(0) + 2;
                    write!(shown, "{:<width$}", column[row]).unwrap();
                }
                shown.truncate(shown.trim_end().len());
                shown.push('\n');
            }
        }
        shown
    }

    /// All words of one place of the table, each with how often the site was asked.
    fn words(&self, fault: Fault, path: Path, streamed: bool) -> String {
        let here = |cell: &GatewayCell| cell.fault == fault && cell.path == path && cell.streamed == streamed;
        let mut words: BTreeMap<Word, BTreeSet<usize>> = BTreeMap::new();
        for (_, outcome) in self.0.iter().filter(|(cell, _)| here(cell)) {
            words.entry(outcome.word).or_default().insert(outcome.asked);
        }
        let shown = |(word, asked): (Word, BTreeSet<usize>)| {
            let asked: Vec<String> = asked.iter().map(usize::to_string).collect();
            format!("{word}/{}", asked.join(","))
        };
        words.into_iter().map(shown).collect::<Vec<_>>().join(" ")
    }
}

/// A column: its name above, then what is said of each fault.
fn column(name: &str, said: impl Fn(Fault) -> String) -> Vec<String> {
    let rows = Fault::ALL.into_iter().map(said);
    std::iter::once(name.to_owned()).chain(rows).collect()
}
