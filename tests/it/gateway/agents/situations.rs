//! What befalls an agent's site, and how often it must be asked then.

use std::time::Duration;

use serde_json::json;
use support::model::Reply;

use super::hands::{Agent, Work};

/// What the adapters are told: short, so that nobody waits long for what he must.
pub(super) const ADAPTER: [(&str, &str); 4] = [
    ("LATCHKEY_HEARTBEAT", "1s"),
    ("LATCHKEY_BEGIN_AFTER", "1500ms"),
    ("LATCHKEY_QUEUE_DEADLINE", "1s"),
    // There is no broker: nobody would bring a new session.
    ("LATCHKEY_RENEWAL_DEADLINE", "1ms"),
];

/// One situation.
pub(super) struct GatewaySituation {
    pub(super) name: &'static str,
    pub(super) work: Work,
    pub(super) trouble: GatewayTrouble,
    /// How often the site must be asked.
    pub(super) least: usize,
}

/// What befalls it.
#[derive(Clone, Copy)]
pub(super) enum GatewayTrouble {
    No,
    /// The first answer is this one.
    First(fn(Agent) -> Reply),
    /// No account has a place.
    Full,
    /// The agent dies.
    Interrupted,
    /// The adapter dies in the middle of the first answer, and another one comes in its place.
    Killed,
}

/// All of them; the long ones too where there is time.
pub(super) fn all(long: bool) -> Vec<GatewaySituation> {
    let situation = |name, trouble, least| GatewaySituation { name, work: Work::One, trouble, least };
    let first = |name, reply| situation(name, GatewayTrouble::First(reply), 3);
    let mut all = vec![
        situation("it answers", GatewayTrouble::No, 2),
        first("it fails at once", |_| failing(Duration::ZERO)),
        first("it fails after 2 s", |_| failing(Duration::from_secs(2))),
        first("a cut", |_| Reply::pieces(&["I will ", "write"]).cut()),
        situation("a full pool", GatewayTrouble::Full, 2),
        situation("an interrupted turn", GatewayTrouble::Interrupted, 1),
        situation("a killed adapter", GatewayTrouble::Killed, 3),
    ];
    if long {
        let silent = |agent: Agent| {
            agent.answer(Reply::text("I write.\n\n").wait(Duration::from_secs(60)), Work::One, 0)
        };
        all.extend([
            GatewaySituation { work: Work::Three, ..situation("three calls at once", GatewayTrouble::No, 2) },
            GatewaySituation { work: Work::Edit, ..situation("read, then edit", GatewayTrouble::No, 3) },
            first("429 with Retry-After", |_| Reply::rate_limited(1)),
            first("a cut within a call", Agent::half_a_call),
            first("it fails after 11 s", |_| failing(Duration::from_secs(11))),
            situation("60 s of silence", GatewayTrouble::First(silent), 2),
        ]);
    }
    all
}

fn failing(after: Duration) -> Reply {
    let error = json!({"error": {"message": "the site fails", "type": "server_error"}});
    Reply::status(500, &error).headers_after(after)
}
