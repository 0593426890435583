//! Shows the end of an answer to the judge, with what it has to know of the conversation.

use super::Bridged;
use crate::{
    config::Judge,
    prompt::emulation::Scene,
    turn::{
        judge::{self, Answers, Nudges, Verdict},
        repair::Need,
    },
};

impl Bridged {
    /// What the site is to be asked where a call was announced, and the judge's reason.
    pub(super) fn judge(&self) -> Option<(Need, &'static str)> {
        if self.policy.judge == Judge::Off
            || !self.emulation.offers_tools()
            || self.emulation.wanted.is_some()
        {
            return None;
        }
        let Scene { system, user, after_result, called, refused, repeats, .. } = &self.emulation.scene;
        if *repeats {
            return None;
        }
        let tools = self.emulation.catalog.tools().iter();
        let tools: Vec<judge::Tool<'_>> =
            tools.map(|tool| judge::Tool::new(&tool.name, &tool.schema)).collect();
        let Verdict { score, threshold, nudge, reason, signals } = judge::judge(&judge::Turn {
            text: &self.given.text,
            answers: if *after_result { Answers::ToolResult } else { Answers::User },
            required: false,
            tools: &tools,
            shown: self.emulation.shown.as_deref(),
            user,
            system,
            // Where no call is seen at all, the client may have left out what came before.
            edited: called.is_empty() || called.iter().any(|name| judge::may_edit(name)),
            refused: *refused,
            nudges: Nudges { this_turn: u32::from(self.was_nudged()), last_ten_turns: self.nudges },
        });
        tracing::debug!(score, threshold, nudge, reason = reason.label(), ?signals, "the end is judged");
        if nudge && self.policy.judge == Judge::Shadow {
            self.tally.nudged(reason.label(), "shadow");
            return None;
        }
        nudge.then(|| (Need::Nudge(reason), reason.label()))
    }
}
