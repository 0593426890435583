//! How a turn ends: with what was said, with what could not be mended, or with a call that only the client can judge.
//!
//! Clients repeat what fails, and each time the site is asked as often as before. So a turn whose call cannot be mended
//! ends well, with a sentence that says so: never empty, never with half a call.

use super::{AttemptEnd, EmulatedTurn, NextAction};
use crate::{
    stream::{
        delta::{Delta, FinishReason},
        fault::Fault,
        finish::StreamEnd,
    },
    turn::repair::RepairReason,
};

/// Stands between what was said and what is said instead of a call.
const BETWEEN: &str = "\n\n";

impl EmulatedTurn {
    /// Passes on a call of a tool that is not declared but that the client tells of, once the site was asked again: the
    /// client answers the model better than we could.
    pub(super) fn pass_on(&mut self, out: &mut Vec<Delta>) {
        if !self.unknown || self.emulation.restricted || self.attempt.truncated.is_some() {
            return;
        }
        let Some(calls) = self.attempt.undeclared.take() else { return };
        if calls.is_empty() || !calls.iter().all(|(tool, _)| self.emulation.tells_of(tool)) {
            return;
        }
        self.attempt.invalid = None;
        for (tool, arguments) in calls {
            self.metrics.emitted("undeclared");
            self.call(tool, arguments, out);
        }
    }

    /// Whether text is kept until it is known to be the last word: where the client wants JSON, and where a call is
    /// required of an answer that is given whole.
    pub(super) fn withholds(&self) -> bool {
        let required = self.emulation.requires_call() && !self.emulation.streamed;
        self.emulation.wanted.is_some() || required
    }

    /// The answer as the JSON that is wanted, or what is wrong with it; none where no JSON is wanted.
    pub(super) fn shaped(&self) -> Option<Result<String, String>> {
        let wanted = self.emulation.wanted.as_ref()?;
        let said = if self.attempt.has_kept() { self.attempt.peek() } else { &self.withheld };
        Some(wanted.read(said))
    }

    /// Gives what was withheld: as JSON where that is wanted and an answer without calls has come to its end.
    pub(super) fn release(&mut self, next: &NextAction, out: &mut Vec<Delta>) {
        let said = std::mem::take(&mut self.withheld);
        let text = match (&self.emulation.wanted, next) {
            (Some(wanted), NextAction::Done(FinishReason::Stop)) => wanted.read(&said).unwrap_or(said),
            _ => said,
        };
        out.extend((!text.is_empty()).then_some(Delta::Text(text)));
    }

    /// Ends a turn whose fault the site may not mend any more.
    pub(super) fn give_up(
        &mut self,
        reason: &RepairReason,
        end: &AttemptEnd,
        out: &mut Vec<Delta>,
    ) -> Option<NextAction> {
        // First what the client can have: text that was only held back, or the whole calls before the broken one. Then who
        // broke off: the site, whose fault a client may repeat; the limit of length; or the model, which ends with what it
        // said and a sentence. An announcement that stayed one is no fault: none.
        if let Some(text) = reason.doubtful() {
            let text = self.mark.without(text);
            self.say(text, out);
            return Some(NextAction::Done(FinishReason::Stop));
        }
        if self.delivered.calls > 0 {
            return Some(NextAction::Done(FinishReason::ToolCalls));
        }
        let finish = match (reason, end) {
            // The site broke off, and not the model.
            (
                RepairReason::Continue(_) | RepairReason::Smaller(_) | RepairReason::Correct(_),
                AttemptEnd::Fault(fault),
            ) if *fault != Fault::Empty => {
                return Some(NextAction::Fail(fault.clone()));
            }
            (
                RepairReason::Continue(_) | RepairReason::Smaller(_),
                AttemptEnd::End(StreamEnd { finish: FinishReason::Length, .. }),
            ) => FinishReason::Length,
            (
                RepairReason::Continue(_)
                | RepairReason::Smaller(_)
                | RepairReason::Correct(_)
                | RepairReason::Reshape(_),
                _,
            ) => FinishReason::Stop,
            (RepairReason::Resume, _) => return Some(NextAction::Fail(Fault::Empty)),
            (RepairReason::Nudge(_) | RepairReason::Require, _) => return None,
        };
        self.add_kept(out);
        if let Some(sentence) = reason.given_up() {
            self.metrics.given_up(reason.label());
            self.say_apart(&sentence, out);
        }
        Some(NextAction::Done(finish))
    }

    /// Ends a turn that is as good as it gets.
    pub(super) fn finalize(&mut self, end: &AttemptEnd, out: &mut Vec<Delta>) -> (NextAction, &'static str) {
        let judged = match &self.attempt.purpose {
            Some(RepairReason::Nudge(reason)) => reason.label(),
            Some(need) => need.label(),
            None => "-",
        };
        // Calls end as calls. A nudge that brought none ends well, since the client has the answer before it, and so does a
        // correction that the site fails at, with a sentence. Only then the site's own end counts; nothing said is a fault.
        if self.delivered.calls > 0 {
            return (NextAction::Done(FinishReason::ToolCalls), judged);
        }
        if let Some(RepairReason::Nudge(_)) = &self.attempt.purpose {
            return (NextAction::Done(FinishReason::Stop), judged);
        }
        // The answer itself was whole: what the site fails at now is only its correction.
        if let (AttemptEnd::Fault(_), Some(need @ RepairReason::Correct(_))) = (end, &self.attempt.purpose)
            && need.doubtful().is_none()
            && let Some(sentence) = need.given_up()
        {
            self.metrics.given_up(need.label());
            self.say_apart(&sentence, out);
            return (NextAction::Done(FinishReason::Stop), judged);
        }
        let doubtful = self.attempt.purpose.as_ref().and_then(RepairReason::doubtful).map(str::to_owned);
        let is_doubtful = doubtful.is_some();
        // What was taken for a call was none; and words in its place are the model's last word. Nothing is swallowed.
        doubtful.into_iter().for_each(|text| {
            let text = self.mark.without(&text);
            self.say(text, out);
        });
        if !self.attempt.is_refusal(&self.emulation) {
            self.add_kept(out);
        }
        let next = match end {
            AttemptEnd::Fault(_) if is_doubtful => NextAction::Done(FinishReason::Stop),
            AttemptEnd::Fault(_)
                if self.delivered.said && self.attempt.purpose == Some(RepairReason::Require) =>
            {
                NextAction::Done(FinishReason::Stop)
            }
            AttemptEnd::Fault(fault) => NextAction::Fail(fault.clone()),
            AttemptEnd::End(StreamEnd { finish: FinishReason::ContentFilter, .. }) => {
                NextAction::Done(FinishReason::ContentFilter)
            }
            AttemptEnd::End(StreamEnd { finish: FinishReason::Length, .. })
                if self.delivered.said || self.delivered.thought =>
            {
                NextAction::Done(FinishReason::Length)
            }
            AttemptEnd::End(_) | AttemptEnd::Cancelled if self.delivered.said => {
                NextAction::Done(FinishReason::Stop)
            }
            AttemptEnd::End(_) | AttemptEnd::Cancelled => NextAction::Fail(Fault::Empty),
        };
        (next, judged)
    }

    /// Says the words that came in the place of a call. Where nothing of the answer is given yet they take its place.
    fn add_kept(&mut self, out: &mut Vec<Delta>) {
        let kept = self.attempt.kept();
        let kept = self.mark.without(&kept);
        if kept.trim().is_empty() {
            return;
        }
        if self.withholds() {
            self.withheld.clear();
            self.say(kept, out);
        } else {
            self.say_apart(&kept, out);
        }
    }

    /// Says something behind what was said.
    fn say_apart(&mut self, text: &str, out: &mut Vec<Delta>) {
        let gap = if self.delivered.said && !self.delivered.text.ends_with('\n') { BETWEEN } else { "" };
        self.say(format!("{gap}{text}"), out);
    }
}
