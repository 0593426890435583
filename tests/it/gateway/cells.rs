//! The dimensions of the matrix, and what each of its cells may come to.

use std::fmt;

use super::{
    faults::Fault,
    words::{CellOutcome, Word},
};

/// An API that a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum CellApi {
    Chat,
    Responses,
    Messages,
}

/// A way through the gateway: the API, the kind of channel, and what its base URL ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Path {
    pub(super) wire: CellApi,
    pub(super) kind: u64,
    pub(super) below: &'static str,
}

/// Whether there are tools, and whether the site knows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tools {
    None,
    Native,
    Emulated,
}

/// One cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct GatewayCell {
    pub(super) fault: Fault,
    pub(super) path: Path,
    pub(super) streamed: bool,
    pub(super) retries: usize,
    pub(super) tools: Tools,
    /// Whether the gateway pings, and the site is slow enough for one to go out.
    pub(super) pings: bool,
}

/// What a channel's base URL should end with.
pub(super) const PREFIX: &str = "/new-api";

/// A way by a channel that is made as the README says.
pub(super) const fn path(wire: CellApi, kind: u64) -> Path {
    Path { wire, kind, below: PREFIX }
}

/// Messages over a channel of type 1 are converted; over the others nothing is. The last ones are channels of another
/// base URL: an older one, and one that somebody forgot to complete.
pub(super) const PATHS: [Path; 13] = [
    path(CellApi::Chat, 1),
    path(CellApi::Chat, 58),
    path(CellApi::Chat, 60),
    path(CellApi::Responses, 1),
    path(CellApi::Responses, 58),
    path(CellApi::Responses, 60),
    path(CellApi::Messages, 1),
    path(CellApi::Messages, 14),
    path(CellApi::Messages, 58),
    path(CellApi::Messages, 60),
    Path { wire: CellApi::Messages, kind: 1, below: "/claude" },
    Path { wire: CellApi::Messages, kind: 1, below: "" },
    Path { wire: CellApi::Messages, kind: 60, below: "" },
];

const TOOLS: [Tools; 3] = [Tools::None, Tools::Native, Tools::Emulated];

/// How many values each dimension has.
pub(super) const SIZES: [usize; 6] = [Fault::ALL.len(), PATHS.len(), 2, 3, TOOLS.len(), 2];

impl GatewayCell {
    /// The cell of these places in the dimensions.
    pub(super) fn at(places: [usize; 6]) -> Self {
        let [fault, path, streamed, retries, tools, pings] = places;
        Self {
            fault: Fault::ALL[fault],
            path: PATHS[path],
            streamed: streamed == 1,
            retries,
            tools: TOOLS[tools],
            pings: pings == 1,
        }
    }

    /// Every cell there is.
    pub(super) fn all() -> Vec<Self> {
        places().map(Self::at).collect()
    }

    /// What is wrong with an outcome.
    pub(super) fn objection(&self, outcome: CellOutcome) -> Option<String> {
        let told = match outcome.word {
            Word::Ok => self.fault.may_end_well(),
            Word::Status(status) => !(200..300).contains(&status) && status != 401,
            Word::Event | Word::Cut => self.streamed,
            Word::DoneOnly | Word::Empty | Word::Lie | Word::Mix | Word::Endless => false,
        };
        if !told {
            return Some(format!("{self}: {outcome}"));
        }
        let most = self.most();
        (most < outcome.asked).then(|| format!("{self}: {outcome}, and {most} are enough"))
    }

    /// How often the site may be asked.
    pub(super) fn most(&self) -> usize {
        let tries = match self.fault {
            Fault::None | Fault::Length | Fault::Filter | Fault::BadRequest | Fault::SilentFirst => 1,
            Fault::StatusOnce | Fault::CutTextOnce | Fault::ErrorTextOnce => 2.min(self.retries + 1),
            _ => self.retries + 1,
        };
        // Where calls are emulated the adapter asks again itself, twice at most.
        let asked = if self.tools == Tools::Emulated && self.fault.is_repaired() { 3 } else { 1 };
        tries * asked
    }
}

/// Every place in the dimensions.
pub(super) fn places() -> impl Iterator<Item = [usize; 6]> {
    (0..SIZES.iter().product()).map(|mut index: usize| {
        SIZES.map(|size| {
            let place = index % size;
            index /= size;
            place
        })
    })
}

impl fmt::Display for GatewayCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let streamed = if self.streamed { "streamed" } else { "whole" };
        let pings = if self.pings { "pings" } else { "no pings" };
        let Self { fault, path, retries, tools, .. } = self;
        write!(f, "{fault:?}, {path}, {streamed}, RetryTimes {retries}, tools {tools:?}, {pings}")
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.wire, self.kind)?;
        match self.below {
            PREFIX => Ok(()),
            "" => f.write_str(" plain"),
            other => write!(f, " {other}"),
        }
    }
}

#[test]
fn every_cell_is_there_once() {
    let mut all = GatewayCell::all();
    let count = all.len();
    all.sort();
    all.dedup();

    assert_eq!((all.len(), count), (count, SIZES.iter().product()));
}
