//! What a case expects, word by word.

use std::collections::BTreeMap;

use latchkey_bridge::sieve::event::{CallOrigin, SieveEvent};
use serde::Deserialize;
use serde_json::Value;

use crate::bridge::support::{calls, reasoning, text};

/// What a case expects.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expect {
    calls: Option<ExpectedCalls>,
    finish: Option<Finish>,
    text: Option<String>,
    reasoning: Option<String>,
    min_arg_bytes: Option<usize>,
    #[serde(default)]
    arg_equals: BTreeMap<String, Value>,
    #[serde(default)]
    arg_types: BTreeMap<String, String>,
    repaired: Option<bool>,
    lenient: Option<bool>,
    action: Option<Action>,
    error_style: Option<ErrorStyle>,
    // What others hold: the judge, the turn, the wire.
    #[serde(rename = "then")]
    _then: Option<Then>,
    #[serde(rename = "never")]
    _never: Option<Never>,
    #[serde(rename = "label")]
    _label: Option<Label>,
    #[serde(rename = "ids")]
    _ids: Option<Ids>,
    // What the prompt side holds.
    pub(crate) prompt_must_not_contain: Option<String>,
    pub(crate) prompt_contains: Option<String>,
    pub(crate) prompt_adds: Option<String>,
    pub(crate) orphan_result: Option<String>,
    #[serde(rename = "no_400")]
    _no_400: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum ExpectedCalls {
    Count(usize),
    Exactly(Vec<ExpectedCall>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectedCall {
    name: String,
    args: Value,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Finish {
    Stop,
    ToolCalls,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Action {
    None,
    RepromptOnce,
    ContinueUpstream,
    ContinueWithNewUserMessage,
    NudgeOnceSameStream,
}

#[derive(Debug, Deserialize)]
enum ErrorStyle {
    #[serde(rename = "terse_no_catalog")]
    Terse,
}

#[derive(Debug, Deserialize)]
enum Then {
    #[serde(rename = "drop")]
    Drop,
    #[serde(rename = "finish_stop")]
    Stop,
    #[serde(rename = "503_if_no_bytes")]
    Unavailable,
}

#[derive(Debug, Deserialize)]
enum Never {
    #[serde(rename = "execute_partial")]
    ExecutePartial,
}

#[derive(Debug, Deserialize)]
enum Label {
    #[serde(rename = "tool_denial")]
    Denial,
}

#[derive(Debug, Deserialize)]
enum Ids {
    #[serde(rename = "unique")]
    Unique,
    #[serde(rename = "differ_between_turns")]
    Differ,
}

/// What a sieve made of a case.
pub(crate) struct SieveOutput<'a> {
    pub(crate) events: &'a [SieveEvent],
    pub(crate) upstream: &'a str,
}

impl Expect {
    /// Whether the turn's judge decides; the sieve must leave such an answer as it is.
    pub(crate) fn is_for_the_judge(&self) -> bool {
        use Action::{ContinueWithNewUserMessage, None, NudgeOnceSameStream};
        matches!(self.action, Some(None | NudgeOnceSameStream | ContinueWithNewUserMessage))
    }

    /// Whether the site must be asked again.
    pub(crate) fn asks_again(&self) -> bool {
        !matches!(self.action, None | Some(Action::None))
    }

    pub(crate) fn is_for_the_prompt(&self) -> bool {
        let prompts =
            [&self.prompt_must_not_contain, &self.prompt_contains, &self.prompt_adds, &self.orphan_result];
        prompts.into_iter().any(Option::is_some)
    }

    pub(crate) fn check(&self, id: &str, said: &SieveOutput<'_>) {
        let events = said.events;
        self.check_calls(id, &calls(events));
        self.check_how(id, events);
        match self.text.as_deref() {
            Some("unchanged") => assert_eq!(text(events), said.upstream, "{id}"),
            Some(expected) => assert_eq!(text(events), expected, "{id}"),
            None => {}
        }
        match self.reasoning.as_deref() {
            Some("unchanged_or_scrubbed") => assert_eq!(reasoning(events), said.upstream, "{id}"),
            Some(expected) => assert_eq!(reasoning(events), expected, "{id}"),
            None => {}
        }
        self.check_end(id, said);
    }

    pub(crate) fn check_calls(&self, id: &str, calls: &[(String, Value)]) {
        match &self.calls {
            Some(ExpectedCalls::Count(count)) => assert_eq!(calls.len(), *count, "{id}: {calls:?}"),
            Some(ExpectedCalls::Exactly(expected)) => {
                let expected: Vec<_> =
                    expected.iter().map(|call| (call.name.clone(), call.args.clone())).collect();
                assert_eq!(calls, expected, "{id}");
            }
            None => assert!(calls.is_empty(), "{id}: {calls:?}"),
        }
        for (name, expected) in &self.arg_equals {
            assert_eq!(calls[0].1[name], *expected, "{id}");
        }
        for (name, expected) in &self.arg_types {
            assert_eq!(expected, "string", "{id}: unknown type");
            assert!(calls[0].1[name].is_string(), "{id}");
        }
        if let Some(size) = self.min_arg_bytes {
            assert!(calls[0].1.to_string().len() >= size, "{id}");
        }
    }

    fn check_how(&self, id: &str, events: &[SieveEvent]) {
        for event in events {
            let SieveEvent::Call(call) = event else { continue };
            assert_eq!(call.repaired, self.repaired.unwrap_or(false), "{id}");
            assert!(self.lenient.is_none_or(|lenient| lenient == (call.reading != CallOrigin::Own)), "{id}");
        }
    }

    fn check_end(&self, id: &str, said: &SieveOutput<'_>) {
        let events = said.events;
        let called = events.iter().any(|event| matches!(event, SieveEvent::Call(_)));
        let invalid = events
            .iter()
            .find_map(|event| if let SieveEvent::Invalid(invalid) = event { Some(invalid) } else { None });
        let truncated = events.iter().any(|event| matches!(event, SieveEvent::Truncated(_)));
        assert_eq!(truncated, self.action == Some(Action::ContinueUpstream), "{id}");
        assert_eq!(invalid.is_some(), self.action == Some(Action::RepromptOnce), "{id}");
        if let Some(finish) = self.finish {
            assert_eq!(called, finish == Finish::ToolCalls, "{id}");
        }
        if self.is_for_the_judge() {
            assert_eq!(text(events) + &reasoning(events), said.upstream, "{id}");
        }
        if matches!(self.error_style, Some(ErrorStyle::Terse)) {
            assert_eq!(invalid.unwrap().detail, "the call names no tool", "{id}");
        }
    }
}
