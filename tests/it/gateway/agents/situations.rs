//! What befalls an agent's site, and how often it must be asked then.

use std::time::Duration;

use serde_json::json;
use support::model::Reply;

use super::Agent;

/// What the adapter is told: short, so that nobody waits long for what he must.
pub(super) const ADAPTER: [(&str, &str); 3] =
    [("LATCHKEY_HEARTBEAT", "1s"), ("LATCHKEY_BEGIN_AFTER", "1500ms"), ("LATCHKEY_QUEUE_DEADLINE", "1s")];

/// One situation.
pub(super) struct Situation {
    pub(super) name: &'static str,
    pub(super) trouble: Trouble,
    /// How often the site must be asked.
    pub(super) least: usize,
    /// How often it may be.
    pub(super) most: usize,
}

/// What befalls it.
#[derive(Clone, Copy)]
pub(super) enum Trouble {
    No,
    /// The first answer is this one.
    First(fn(Agent) -> Reply),
    /// No account has a place.
    Full,
    /// The agent dies.
    Interrupted,
}

/// All of them; the long ones too where there is time.
pub(super) fn all(long: bool) -> Vec<Situation> {
    let situation = |name, trouble, least| Situation { name, trouble, least, most: least };
    let mut all = vec![
        situation("it answers", Trouble::No, 2),
        situation("it fails at once", Trouble::First(|_| failing(Duration::ZERO)), 3),
        situation("it fails after 2 s", Trouble::First(|_| failing(Duration::from_secs(2))), 3),
        situation("a cut", Trouble::First(|_| Reply::pieces(&["I will ", "write"]).cut()), 3),
        situation("a full pool", Trouble::Full, 2),
        situation("an interrupted turn", Trouble::Interrupted, 1),
    ];
    if long {
        all.push(situation("it fails after 11 s", Trouble::First(|_| failing(Duration::from_secs(11))), 3));
        all.push(situation(
            "60 s of silence",
            Trouble::First(|agent| silent(agent, Duration::from_secs(60))),
            2,
        ));
    }
    all
}

fn failing(after: Duration) -> Reply {
    let error = json!({"error": {"message": "the site fails", "type": "server_error"}});
    Reply::status(500, &error).headers_after(after)
}

fn silent(agent: Agent, time: Duration) -> Reply {
    agent.call(Reply::text("I write.\n\n").wait(time))
}
