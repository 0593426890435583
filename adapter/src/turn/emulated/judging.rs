//! Shows the end of an answer to the judge, with what it has to know of the conversation.

use super::EmulatedTurn;
use crate::{
    config::JudgeMode,
    prompt::emulation::ConversationEnd,
    turn::{
        judge::{self, NudgeCount, PrecedingMessage, Verdict, VerdictReason},
        outcomes::NudgeBand,
        repair::RepairReason,
    },
};

impl EmulatedTurn {
    /// What the site is to be asked where a call was announced, and the judge's reason.
    pub(super) fn judge(&mut self) -> Option<(RepairReason, &'static str)> {
        if self.policy.judge == JudgeMode::Off
            || !self.emulation.offers_tools()
            || self.emulation.wanted.is_some()
        {
            return None;
        }
        let ConversationEnd { system, user, after_result, called, refused, repeats, .. } =
            &self.emulation.end;
        if *repeats {
            return None;
        }
        let tools = self.emulation.catalog.tools().iter();
        let tools: Vec<judge::JudgedTool<'_>> =
            tools.map(|tool| judge::JudgedTool::new(&tool.name, &tool.schema)).collect();
        let Verdict { score, threshold, nudge, reason, language, signals } =
            judge::judge(&judge::JudgedTurn {
                text: &self.delivered.text,
                answers: if *after_result { PrecedingMessage::ToolResult } else { PrecedingMessage::User },
                required: false,
                tools: &tools,
                shown: self.emulation.shown.as_deref(),
                user,
                system,
                // Where no call is seen at all, the client may have left out what came before.
                edited: called.is_empty() || called.iter().any(|name| judge::may_edit(name)),
                refused: *refused,
                unmarked: self.lacks_end_mark(),
                nudges: NudgeCount { this_turn: u32::from(self.was_nudged()), last_ten_turns: self.nudges },
            });
        tracing::debug!(score, threshold, nudge, reason = reason.label(), ?signals, "the end is judged");
        self.note_end(nudge && reason != VerdictReason::Unmarked);
        if !nudge || self.is_ended_by_mark() {
            return None;
        }
        let band = NudgeBand::of(language, score);
        let is_left_alone = self.lessons.leaves_alone(band);
        if is_left_alone {
            self.metrics.learned(band, "left_alone");
        }
        if self.policy.judge == JudgeMode::Shadow {
            self.metrics.nudged(reason.label(), if is_left_alone { "shadow_left_alone" } else { "shadow" });
            return None;
        }
        if is_left_alone {
            self.metrics.nudged(reason.label(), "left_alone");
            return None;
        }
        self.band = Some(band);
        Some((RepairReason::Nudge(reason), reason.label()))
    }
}
