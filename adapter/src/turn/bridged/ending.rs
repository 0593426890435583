//! How a turn ends: with what was said, with what could not be mended, or with a call that only the client can judge.
//!
//! Clients repeat what fails, and each time the site is asked as often as before. So a turn whose call cannot be mended
//! ends well, with a sentence that says so: never empty, never with half a call.

use super::{Bridged, How, Next};
use crate::{
    stream::{
        close::End,
        delta::{Delta, Finish},
        fault::Fault,
    },
    turn::repair::Need,
};

/// Stands between what was said and what is said instead of a call.
const BETWEEN: &str = "\n\n";

impl Bridged {
    /// Passes on a call of a tool that is not declared but that the client tells of, once the site was asked again: the
    /// client answers the model better than we could.
    pub(super) fn pass_on(&mut self, out: &mut Vec<Delta>) {
        if !self.unknown || self.emulation.restricted || self.round.truncated.is_some() {
            return;
        }
        let Some(calls) = self.round.undeclared.take() else { return };
        if calls.is_empty() || !calls.iter().all(|(tool, _)| self.emulation.tells_of(tool)) {
            return;
        }
        self.round.invalid = None;
        for (tool, arguments) in calls {
            self.tally.emitted("undeclared");
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
        let said = if self.round.has_kept() { self.round.peek() } else { &self.withheld };
        Some(wanted.read(said))
    }

    /// Gives what was withheld: as JSON where that is wanted and an answer without calls has come to its end.
    pub(super) fn release(&mut self, next: &Next, out: &mut Vec<Delta>) {
        let said = std::mem::take(&mut self.withheld);
        let text = match (&self.emulation.wanted, next) {
            (Some(wanted), Next::Done(Finish::Stop)) => wanted.read(&said).unwrap_or(said),
            _ => said,
        };
        out.extend((!text.is_empty()).then_some(Delta::Text(text)));
    }

    /// Ends a turn whose fault the site may not mend any more.
    pub(super) fn give_up(&mut self, need: &Need, how: &How, out: &mut Vec<Delta>) -> Option<Next> {
        if let Some(text) = need.doubtful() {
            self.say(text.to_owned(), out);
            return Some(Next::Done(Finish::Stop));
        }
        if self.given.calls > 0 {
            return Some(Next::Done(Finish::ToolCalls));
        }
        let finish = match (need, how) {
            // The site broke off, and not the model.
            (Need::Continue(_) | Need::Smaller(_) | Need::Correct(_), How::Fault(fault))
                if *fault != Fault::Empty =>
            {
                return Some(Next::Fail(fault.clone()));
            }
            (Need::Continue(_) | Need::Smaller(_), How::End(End { finish: Finish::Length, .. })) => {
                Finish::Length
            }
            (Need::Continue(_) | Need::Smaller(_) | Need::Correct(_) | Need::Reshape(_), _) => Finish::Stop,
            (Need::Resume, _) => return Some(Next::Fail(Fault::Empty)),
            (Need::Nudge(_) | Need::Require, _) => return None,
        };
        self.add_kept(out);
        if let Some(sentence) = need.given_up() {
            self.tally.given_up(need.label());
            self.say_apart(&sentence, out);
        }
        Some(Next::Done(finish))
    }

    /// Ends a turn that is as good as it gets.
    pub(super) fn settle(&mut self, how: &How, out: &mut Vec<Delta>) -> (Next, &'static str) {
        let judged = match &self.round.purpose {
            Some(Need::Nudge(reason)) => reason.label(),
            Some(need) => need.label(),
            None => "-",
        };
        if self.given.calls > 0 {
            return (Next::Done(Finish::ToolCalls), judged);
        }
        if let Some(Need::Nudge(_)) = &self.round.purpose {
            return (Next::Done(Finish::Stop), judged);
        }
        let doubtful = self.round.purpose.as_ref().and_then(Need::doubtful).map(str::to_owned);
        let is_doubtful = doubtful.is_some();
        // What was taken for a call was none; and words in its place are the model's last word. Nothing is swallowed.
        doubtful.into_iter().for_each(|text| self.say(text, out));
        if !self.round.declines(&self.emulation) {
            self.add_kept(out);
        }
        let next = match how {
            How::Fault(_) if is_doubtful => Next::Done(Finish::Stop),
            How::Fault(_) if self.given.said && self.round.purpose == Some(Need::Require) => {
                Next::Done(Finish::Stop)
            }
            How::Fault(fault) => Next::Fail(fault.clone()),
            How::End(End { finish: Finish::ContentFilter, .. }) => Next::Done(Finish::ContentFilter),
            How::End(End { finish: Finish::Length, .. }) if self.given.said || self.given.thought => {
                Next::Done(Finish::Length)
            }
            How::End(_) | How::Cancelled if self.given.said => Next::Done(Finish::Stop),
            How::End(_) | How::Cancelled => Next::Fail(Fault::Empty),
        };
        (next, judged)
    }

    /// Says the words that came in the place of a call. Where nothing of the answer is given yet they take its place.
    fn add_kept(&mut self, out: &mut Vec<Delta>) {
        let kept = self.round.kept();
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
        let gap = if self.given.said && !self.given.text.ends_with('\n') { BETWEEN } else { "" };
        self.say(format!("{gap}{text}"), out);
    }
}
