//! Outcomes, cell by cell, and as a table to read.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

use super::{
    cells::{Cell, PATHS, Path},
    faults::Fault,
    words::Outcome,
};

/// What the cells came to.
#[derive(Debug, Default)]
pub(super) struct Table(pub(super) BTreeMap<Cell, Outcome>);

impl Table {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// What is wrong, cell by cell.
    pub(super) fn wrong(&self) -> Vec<String> {
        self.0.iter().filter_map(|(cell, outcome)| cell.objection(*outcome)).collect()
    }

    /// Where another one says something else.
    pub(super) fn differences(&self, other: &Self) -> Vec<String> {
        let differs = |(cell, here): (&Cell, &Outcome)| {
            let there = other.0.get(cell)?;
            (here != there).then(|| format!("{cell}: {here} here, {there} there"))
        };
        self.0.iter().filter_map(differs).collect()
    }

    /// A row for each fault, a column for each way, streamed above and whole below.
    pub(super) fn shown(&self) -> String {
        let mut shown = String::new();
        for streamed in [true, false] {
            write!(shown, "{:<18}", if streamed { "streamed" } else { "whole" }).unwrap();
            for path in PATHS {
                write!(shown, "{:<26}", path.to_string()).unwrap();
            }
            shown.push('\n');
            for fault in Fault::ALL {
                write!(shown, "{:<18}", format!("{fault:?}")).unwrap();
                for path in PATHS {
                    write!(shown, "{:<26}", self.words(fault, path, streamed)).unwrap();
                }
                shown.truncate(shown.trim_end().len());
                shown.push('\n');
            }
        }
        shown
    }

    /// All words of one place of the table.
    fn words(&self, fault: Fault, path: Path, streamed: bool) -> String {
        let here = |cell: &Cell| cell.fault == fault && cell.path == path && cell.streamed == streamed;
        let outcomes = self.0.iter().filter(|(cell, _)| here(cell));
        let words: BTreeSet<String> = outcomes.map(|(_, outcome)| outcome.to_string()).collect();
        words.into_iter().collect::<Vec<_>>().join(" ")
    }
}
