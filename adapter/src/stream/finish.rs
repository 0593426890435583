//! Decides how an answer ended, so that no answer ends in a way that a client misreads.

use super::{
    delta::{Delta, FinishReason, Usage},
    fault::Fault,
};

/// Watches an answer and closes it.
#[derive(Debug, Default)]
pub(crate) struct FinishTracker {
    text: bool,
    reasoning: bool,
    calls: bool,
    finish: Option<FinishReason>,
    usage: Option<Usage>,
}

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StreamEnd {
    /// Why.
    pub finish: FinishReason,
    /// What it cost, if the site said so.
    pub usage: Option<Usage>,
}

impl FinishTracker {
    /// Takes one delta; keeps what belongs to the end.
    pub(crate) fn push(&mut self, delta: Delta, out: &mut Vec<Delta>) {
        match delta {
            Delta::Finish(finish) => self.finish = Some(finish),
            Delta::Usage(usage) => self.usage = Some(usage),
            Delta::Text(_) => {
                self.text |= !delta.is_blank();
                out.push(delta);
            }
            Delta::Reasoning(_) => {
                self.reasoning = true;
                out.push(delta);
            }
            Delta::Call(_) => {
                self.calls = true;
                out.push(delta);
            }
            Delta::Fragment(_) => {}
        }
    }

    /// Whether the site has given its last word.
    pub(crate) fn has_finished(&self) -> bool {
        self.finish.is_some()
    }

    /// Whether a token limit cut the answer.
    pub(crate) fn was_limited(&self) -> bool {
        self.finish == Some(FinishReason::Length)
    }

    /// Closes an answer that the site ended.
    ///
    /// # Errors
    /// [`Fault::Truncated`] when neither a reason nor the end mark came, [`Fault::Empty`] when nothing was said.
    pub(crate) fn finish(&self, end_mark: bool) -> Result<StreamEnd, Fault> {
        let finish = match self.finish {
            Some(finish) => finish,
            None if end_mark => FinishReason::Stop,
            None => return Err(Fault::Truncated),
        };
        let said = self.text || self.calls;
        let finish = match finish {
            _ if self.calls => FinishReason::ToolCalls,
            FinishReason::ContentFilter => FinishReason::ContentFilter,
            // A reasoning model may use up a small limit, as a probe sets it, before its first word.
            FinishReason::Length if said || self.reasoning => FinishReason::Length,
            FinishReason::Stop | FinishReason::ToolCalls if said => FinishReason::Stop,
            FinishReason::Stop | FinishReason::ToolCalls | FinishReason::Length => return Err(Fault::Empty),
        };
        Ok(StreamEnd { finish, usage: self.usage })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::delta::ToolCall;

    fn close(deltas: Vec<Delta>, end_mark: bool) -> Result<FinishReason, Fault> {
        let mut stage = FinishTracker::default();
        for delta in deltas {
            stage.push(delta, &mut Vec::new());
        }
        stage.finish(end_mark).map(|end| end.finish)
    }

    fn text() -> Delta {
        Delta::Text("hi".to_owned())
    }

    fn call() -> Delta {
        Delta::Call(ToolCall { id: "a".to_owned(), name: "read".to_owned(), arguments: "{}".to_owned() })
    }

    #[test]
    fn tool_calls_is_said_if_and_only_if_a_call_was_sent() {
        assert_eq!(close(vec![call(), Delta::Finish(FinishReason::Stop)], true), Ok(FinishReason::ToolCalls));
        assert_eq!(close(vec![text(), Delta::Finish(FinishReason::ToolCalls)], true), Ok(FinishReason::Stop));
    }

    #[test]
    fn an_answer_that_says_nothing_is_a_fault() {
        let thought = Delta::Reasoning("hm".to_owned());

        assert_eq!(close(vec![], true), Err(Fault::Empty));
        assert_eq!(
            close(vec![Delta::Text(" \n".to_owned()), Delta::Finish(FinishReason::Stop)], true),
            Err(Fault::Empty)
        );
        assert_eq!(close(vec![thought.clone(), Delta::Finish(FinishReason::Stop)], true), Err(Fault::Empty));
        assert_eq!(close(vec![thought, Delta::Finish(FinishReason::Length)], true), Ok(FinishReason::Length));
        assert_eq!(
            close(vec![Delta::Finish(FinishReason::ContentFilter)], true),
            Ok(FinishReason::ContentFilter)
        );
    }

    #[test]
    fn an_end_without_reason_or_mark_is_a_cut() {
        assert_eq!(close(vec![text()], false), Err(Fault::Truncated));
        assert_eq!(close(vec![text()], true), Ok(FinishReason::Stop));
        assert_eq!(close(vec![text(), Delta::Finish(FinishReason::Length)], false), Ok(FinishReason::Length));
    }
}
