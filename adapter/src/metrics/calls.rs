//! What became of tool calls.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::Registry,
};

/// Upper bounds of how long a call is held back, in seconds: from one in a single piece to a long file.
const HELD: [f64; 10] = [0.001, 0.01, 0.05, 0.25, 1.0, 2.5, 10.0, 30.0, 60.0, 300.0];

/// All of it.
#[derive(Debug)]
pub(crate) struct CallMetrics {
    /// Calls sent to clients; `outcome` is how they were read.
    pub emitted: Family<CallOutcomeLabels, Counter>,
    /// Calls that could not be used, by what is wrong with them.
    pub invalid: Family<CallOutcomeLabels, Counter>,
    /// Tools whose calls were not checked whole, once a turn.
    pub unchecked: Family<CallLabels, Counter>,
    /// Repairs, by step and outcome.
    pub repairs: Family<CallOutcomeLabels, Counter>,
    /// Announcements without a call, by reason and what came of the nudge.
    pub nudges: Family<CallOutcomeLabels, Counter>,
    /// What came of nudges, as it is learned from.
    pub learned: Family<LearnedLabels, Counter>,
    /// How answers kept to the mark of the end.
    pub end_marks: Family<EndMarkLabels, Counter>,
    /// Calls that were cut.
    pub truncated: Family<CallLabels, Counter>,
    /// Answers whose text showed markup.
    pub leaks: Family<CallLabels, Counter>,
    /// Bytes that followed the last call.
    pub dropped_bytes: Family<CallLabels, Counter>,
    /// How long the beginning of a call was held back from the client.
    pub held: Family<CallLabels, Histogram, fn() -> Histogram>,
    /// Answers that said nothing and called nothing.
    pub empty: Family<CallLabels, Counter>,
    /// Ends of turns: `step` is the judge's reason, `outcome` the finish.
    pub ends: Family<CallOutcomeLabels, Counter>,
}

/// A dialect of a model of a site.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct CallLabels {
    /// The site's name.
    pub site: String,
    /// The model as the site names it.
    pub model: String,
    /// `xml`, `json`, `fence` or `native`; `-` where nothing is read.
    pub dialect: &'static str,
}

/// What is learned from a nudge.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct LearnedLabels {
    /// The site's name.
    pub site: String,
    /// The model as the site names it.
    pub model: String,
    /// The language of the announcement, as ISO 639-1 names it.
    pub language: &'static str,
    /// The lowest score of its band.
    pub score: &'static str,
    /// What came of it.
    pub outcome: &'static str,
}

/// How an answer kept to the mark of the end.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct EndMarkLabels {
    /// The site's name.
    pub site: String,
    /// The model as the site names it.
    pub model: String,
    /// How.
    pub outcome: &'static str,
}

/// What came of one step.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct CallOutcomeLabels {
    /// The site's name.
    pub site: String,
    /// The model as the site names it.
    pub model: String,
    /// `xml`, `json`, `fence` or `native`.
    pub dialect: &'static str,
    /// The step.
    pub step: &'static str,
    /// What came of it.
    pub outcome: &'static str,
}

impl Default for CallMetrics {
    fn default() -> Self {
        Self {
            emitted: Family::default(),
            invalid: Family::default(),
            unchecked: Family::default(),
            repairs: Family::default(),
            nudges: Family::default(),
            learned: Family::default(),
            end_marks: Family::default(),
            truncated: Family::default(),
            leaks: Family::default(),
            dropped_bytes: Family::default(),
            held: Family::new_with_constructor(|| Histogram::new(HELD)),
            empty: Family::default(),
            ends: Family::default(),
        }
    }
}

impl CallMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("toolcall_emitted", "Tool calls sent, by how they were read", self.emitted.clone());
        registry.register("toolcall_invalid", "Tool calls that could not be used", self.invalid.clone());
        registry.register(
            "toolcall_unchecked",
            "Tools whose calls were not checked whole, once a turn",
            self.unchecked.clone(),
        );
        registry.register("toolcall_repair", "Repairs, by step and outcome", self.repairs.clone());
        registry.register("toolcall_nudge", "Announcements without a call", self.nudges.clone());
        registry.register(
            "toolcall_learned",
            "What came of nudges, by language and score",
            self.learned.clone(),
        );
        registry.register(
            "toolcall_end_mark",
            "How answers kept to the mark of the end",
            self.end_marks.clone(),
        );
        registry.register("toolcall_truncated", "Tool calls that were cut", self.truncated.clone());
        registry.register("toolcall_leak", "Answers whose text showed markup", self.leaks.clone());
        registry.register(
            "toolcall_suffix_dropped_bytes",
            "Bytes after the last call",
            self.dropped_bytes.clone(),
        );
        registry.register("toolcall_hold_seconds", "How long calls were held back", self.held.clone());
        registry.register("toolcall_empty_turn", "Answers without a word or a call", self.empty.clone());
        registry.register("toolcall_turn_end", "Ends of turns with tools", self.ends.clone());
    }
}
