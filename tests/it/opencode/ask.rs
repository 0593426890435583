//! What reached the site's model in a text-only chat: which dialect it shall use, and what it is asked.

use serde_json::Value;

use super::dialect::Dialect;

/// One request to the model.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) dialect: Dialect,
    pub(crate) step: RequestedStep,
    /// How many results of tools it shows.
    pub(crate) results: usize,
    /// Everything that it was sent.
    pub(crate) prompt: String,
}

/// What a request wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RequestedStep {
    /// The first answer.
    Begin,
    /// What comes after the results of these tools.
    GoOn(Vec<String>),
    /// A right call in place of a wrong one.
    Correct,
    /// The rest of a cut answer.
    Continue,
    /// The action that was announced, or anything at all.
    Act,
}

/// How the adapter asks again, in words of its own that only the last message may have.
const AGAIN: [(&str, RequestedStep); 4] = [
    ("Continue it exactly", RequestedStep::Continue),
    ("was not carried out", RequestedStep::Correct),
    ("but sent no tool call", RequestedStep::Act),
    ("Your last answer was empty", RequestedStep::Act),
];

impl Ask {
    /// Reads a request; none if it offers no tools.
    pub(crate) fn read(request: &Value) -> Option<Self> {
        let messages: Vec<&str> = request["messages"]
            .as_array()?
            .iter()
            .map(|message| message["content"].as_str().unwrap_or_default())
            .collect();
        let last = *messages.last()?;
        let prompt = messages.join("\n");
        let dialect = Dialect::read(&prompt)?;
        let again = AGAIN.iter().find(|(words, _)| last.contains(words));
        let results = results(&prompt, &dialect.nonce);
        let count = results.len();
        let step = match again {
            Some((_, step)) => step.clone(),
            None if results.is_empty() => RequestedStep::Begin,
            None => RequestedStep::GoOn(results),
        };
        Some(Self { dialect, step, results: count, prompt })
    }
}

/// The tools whose results a prompt shows; the rules show one of a tool called TOOL.
fn results(prompt: &str, nonce: &str) -> Vec<String> {
    let opener = format!("result_{nonce} name=\"");
    let names = prompt.split(&opener).skip(1).filter_map(|rest| rest.split_once('"'));
    names.map(|(name, _)| name.to_owned()).filter(|name| name != "TOOL").collect()
}
