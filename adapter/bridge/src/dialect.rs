//! A dialect: the textual form in which a text-only model is told to write tool calls.
//!
//! Every tag of ours carries a nonce that no file the model reads can know, so that a call is told from a quotation.

mod fence;
mod json;
pub(crate) mod look_alike;
pub(crate) mod marks;
mod nonce;
pub(crate) mod tag;
pub(crate) mod words;
mod written;
mod xml;

pub use nonce::Nonce;
pub use written::WrittenCall;
pub(crate) use written::is_plain;

/// How calls are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallFormat {
    /// Tags with raw values: the default, nothing has to be escaped.
    Xml,
    /// JSON inside a tag.
    Json,
    /// Square brackets and fenced values, for sites that rewrite `<`.
    Fence,
}

/// A form and its nonce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// How calls are written.
    pub form: CallFormat,
    /// What tells our tags from others.
    pub nonce: Nonce,
}

impl CallFormat {
    /// The word for metrics and settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Xml => "xml",
            Self::Json => "json",
            Self::Fence => "fence",
        }
    }
}

impl Dialect {
    /// Writes a block of calls. Reading it gives the same calls, where the tools' schemas tell their types.
    pub fn calls(&self, calls: &[WrittenCall<'_>]) -> String {
        match self.form {
            CallFormat::Xml => xml::calls(&self.nonce, calls),
            CallFormat::Json => json::calls(&self.nonce, calls),
            CallFormat::Fence => fence::calls(&self.nonce, calls),
        }
    }

    /// Writes one tool's result, and which call of the answer before it belongs to, where the name alone does not tell;
    /// the text must be defused.
    pub fn result(&self, name: &str, call: Option<usize>, text: &str) -> String {
        let (open, close) = self.brackets();
        let nonce = &self.nonce;
        let call = call.map_or(String::new(), |call| format!(" call=\"{call}\""));
        format!("{open}result_{nonce} name=\"{name}\"{call}{close}\n{text}\n{open}/result_{nonce}{close}\n")
    }

    /// How a call is opened, for a short reminder.
    pub fn opener(&self) -> String {
        let (open, close) = self.brackets();
        let word = match self.form {
            CallFormat::Xml | CallFormat::Fence => "tool_calls",
            CallFormat::Json => "tool_call",
        };
        format!("{open}{word}_{}{close}", self.nonce)
    }

    /// The rules of writing, without examples.
    pub fn rules(&self) -> String {
        match self.form {
            CallFormat::Xml => xml::rules(&self.nonce),
            CallFormat::Json => json::rules(&self.nonce),
            CallFormat::Fence => fence::rules(&self.nonce),
        }
    }

    /// The word by which a model says that no call is needed.
    pub fn no_call(&self) -> String {
        format!("NO_TOOL_{}", self.nonce)
    }

    /// The word by which a model says that its work is finished, where it is asked to.
    pub fn end(&self) -> String {
        format!("END_{}", self.nonce)
    }

    fn brackets(&self) -> (char, char) {
        match self.form {
            CallFormat::Xml | CallFormat::Json => ('<', '>'),
            CallFormat::Fence => ('[', ']'),
        }
    }
}
