//! The words of all dialects, and what they mean.

/// What a tag's word means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TagWord {
    /// Holds calls.
    Calls,
    /// One call with parameters.
    Invoke,
    /// One parameter.
    Parameter,
    /// One call as JSON, or in GLM's or Qwen's words.
    Call,
    /// Qwen's and Llama's call.
    Function,
    /// GLM's parameter name.
    Key,
    /// GLM's parameter value.
    Value,
    /// Begins Kimi's and `DeepSeek`'s calls.
    Section,
    /// Begins one such call.
    Begin,
    /// Stands between its name and its arguments.
    Separator,
    /// Ends one such call.
    End,
    /// Ends such calls.
    SectionEnd,
    /// Begins Llama's call.
    Python,
    /// A model's own end mark.
    Last,
    /// A tool's result; from a model it is an invention.
    Result,
    /// Thinking.
    Think,
    /// A page's folded thinking.
    Details,
}

/// All words, as they are after the lexicon took away bars, case and name spaces.
pub(crate) const WORDS: &[(&str, TagWord)] = &[
    ("tool_calls", TagWord::Calls),
    ("function_calls", TagWord::Calls),
    ("invoke", TagWord::Invoke),
    ("parameter", TagWord::Parameter),
    ("tool_call", TagWord::Call),
    ("function_call", TagWord::Call),
    ("function", TagWord::Function),
    ("arg_key", TagWord::Key),
    ("arg_value", TagWord::Value),
    ("tool_calls_section_begin", TagWord::Section),
    ("tool_calls_begin", TagWord::Section),
    ("tool_call_begin", TagWord::Begin),
    ("tool_call_argument_begin", TagWord::Separator),
    ("tool_sep", TagWord::Separator),
    ("tool_call_end", TagWord::End),
    ("tool_calls_section_end", TagWord::SectionEnd),
    ("tool_calls_end", TagWord::SectionEnd),
    ("python_tag", TagWord::Python),
    ("eom_id", TagWord::Last),
    ("eot_id", TagWord::Last),
    ("im_end", TagWord::Last),
    ("end_of_sentence", TagWord::Last),
    ("tool_result", TagWord::Result),
    ("tool_results", TagWord::Result),
    ("tool_response", TagWord::Result),
    ("tool_responses", TagWord::Result),
    ("tool_output", TagWord::Result),
    ("tool_outputs", TagWord::Result),
    ("function_result", TagWord::Result),
    ("function_results", TagWord::Result),
    ("function_response", TagWord::Result),
    ("observation", TagWord::Result),
    ("think", TagWord::Think),
    ("thinking", TagWord::Think),
    ("thought", TagWord::Think),
    ("details", TagWord::Details),
];

/// Those that carry our nonce.
pub(crate) const OWN: &[(&str, TagWord)] = &[
    ("tool_calls", TagWord::Calls),
    ("invoke", TagWord::Invoke),
    ("parameter", TagWord::Parameter),
    ("tool_call", TagWord::Call),
    ("result", TagWord::Result),
    ("tool_results", TagWord::Result),
];

/// Name spaces that models put before a word.
pub(crate) const SPACES: &[&str] =
    &["antml:", "tml:", "ant:", "dsml_", "dsml", "minimax:", "seed:", "xai:", "qwen:", "longcat_"];

/// A word that means something only behind a name space.
pub(crate) const SPACED: &[(&str, TagWord)] = &[("calls", TagWord::Calls)];

/// The only native mark that is written in brackets.
pub(crate) const MISTRAL: &str = "[TOOL_CALLS]";
