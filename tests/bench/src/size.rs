//! How much a run measures: everything, enough for a glance, or just that it works.

use std::time::Duration;

use crate::{scenario::Scenario, target::Plan};

/// The size of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Size {
    /// A few seconds: shows that each part works. Its figures mean nothing.
    Tiny,
    /// Under two minutes: one round.
    Quick,
    /// Under ten minutes: medians of three rounds.
    Full,
}

/// Tokens of a model that writes fast: fifty a second.
const STREAM: Plan = Plan { chunks: 100, pace_ms: 20, bytes: 0, stream: true };
const WHOLE: Plan = Plan { chunks: 1, pace_ms: 0, bytes: 100, stream: false };

impl Size {
    /// Rounds of each scenario over all targets.
    pub(crate) fn rounds(self) -> usize {
        match self {
            Self::Tiny | Self::Quick => 1,
            Self::Full => 3,
        }
    }

    /// What is measured of each target.
    pub(crate) fn scenarios(self) -> Vec<Scenario> {
        let scenario = |name, plan, connections, lasts| Scenario {
            name,
            plan,
            connections,
            lasts: Duration::from_secs_f64(lasts),
        };
        let all = vec![
            scenario("S1", WHOLE, 32, 1.5),
            scenario("S2", Plan { chunks: 200, pace_ms: 0, ..STREAM }, 16, 1.5),
            scenario("S3-1", STREAM, 1, 1.0),
            scenario("S3-10", STREAM, 10, 1.0),
            // Two streams on each connection: the second shows what keep-alive does to the first token.
            scenario("S3-50", STREAM, 50, 3.0),
            scenario("S3-200", STREAM, 200, 3.0),
            scenario("S3-1000", STREAM, 1000, 4.0),
        ];
        all.into_iter().map(|scenario| self.cut(scenario)).collect()
    }

    fn cut(self, mut scenario: Scenario) -> Scenario {
        match self {
            Self::Full => {}
            Self::Quick => {
                scenario.lasts = scenario.lasts.div_f64(2.0);
                scenario.plan.chunks = scenario.plan.chunks.div_ceil(2);
            }
            Self::Tiny => {
                scenario.lasts = Duration::from_millis(50);
                scenario.plan.chunks = scenario.plan.chunks.div_ceil(20);
                scenario.connections = scenario.connections.min(8);
            }
        }
        scenario
    }

    /// Few accounts, and many.
    pub(crate) fn accounts(self) -> [usize; 2] {
        match self {
            Self::Tiny => [2, 20],
            Self::Quick | Self::Full => [10, 10_000],
        }
    }

    /// Requests one by one, to count what each asks of Redis.
    pub(crate) fn counted(self) -> usize {
        match self {
            Self::Tiny => 10,
            Self::Quick | Self::Full => 200,
        }
    }

    /// A stream, and one twenty times longer.
    pub(crate) fn lengths(self) -> [Scenario; 2] {
        let (chunks, connections) = match self {
            Self::Tiny => (5, 4),
            Self::Quick => (50, 100),
            Self::Full => (100, 100),
        };
        let plan = Plan { chunks, pace_ms: 5, ..STREAM };
        let short = Scenario { name: "short", plan, connections, lasts: plan.takes() * 4 };
        let long = Plan { chunks: chunks * 20, ..plan };
        [short, Scenario { name: "long", plan: long, lasts: plan.takes(), ..short }]
    }

    /// KiB of the arguments of calls; the last is the largest.
    pub(crate) fn arguments(self) -> [usize; 2] {
        match self {
            Self::Tiny => [16, 64],
            Self::Quick | Self::Full => [640, 5 * 1024],
        }
    }

    /// Starts of the adapter, each measured.
    pub(crate) fn starts(self) -> usize {
        match self {
            Self::Tiny => 1,
            Self::Quick => 3,
            Self::Full => 7,
        }
    }
}
