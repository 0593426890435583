//! Writes calls as a model would that read the prompt's rules: written anew here, so that a slip of the adapter's own
//! writer is not repeated by the reader of this test.

use std::fmt::Write;

use serde_json::Value;

/// How the prompt says that calls are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Xml,
    Json,
    Fence,
}

/// A form, and the eight letters in every tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dialect {
    pub(crate) form: Form,
    pub(crate) nonce: String,
}

impl Form {
    pub(crate) const ALL: [Self; 3] = [Self::Xml, Self::Json, Self::Fence];

    /// Its name in a site file.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Xml => "xml",
            Self::Json => "json",
            Self::Fence => "fence",
        }
    }

    /// What opens calls, up to the nonce, and what ends that tag.
    fn opener(self) -> (&'static str, char) {
        match self {
            Self::Xml => ("<tool_calls_", '>'),
            Self::Json => ("<tool_call_", '>'),
            Self::Fence => ("[tool_calls_", ']'),
        }
    }
}

impl Dialect {
    /// Reads it out of a prompt; none where no tools are offered.
    pub(crate) fn read(prompt: &str) -> Option<Self> {
        Form::ALL.into_iter().find_map(|form| {
            let (opener, end) = form.opener();
            let nonces = prompt.split(opener).skip(1).filter_map(|rest| rest.split_once(end));
            let mut nonces = nonces.map(|(nonce, _)| nonce);
            let nonce =
                nonces.find(|nonce| nonce.len() == 8 && nonce.bytes().all(|b| b.is_ascii_alphanumeric()));
            nonce.map(|nonce| Self { form, nonce: nonce.to_owned() })
        })
    }

    /// Calls with all that belongs around them.
    pub(crate) fn calls(&self, calls: &[(&str, Value)]) -> String {
        let bodies: Vec<(&str, String)> =
            calls.iter().map(|(name, arguments)| (*name, self.arguments(arguments))).collect();
        self.block(&bodies)
    }

    /// A call whose arguments are this text, which should be JSON.
    pub(crate) fn call_with_json(&self, name: &str, arguments: &str) -> String {
        self.block(&[(name, arguments.to_owned())])
    }

    fn block(&self, calls: &[(&str, String)]) -> String {
        let nonce = &self.nonce;
        let (open, close) = if self.form == Form::Fence { ('[', ']') } else { ('<', '>') };
        let mut out = String::new();
        for (name, body) in calls {
            let one = match self.form {
                Form::Json => format!(
                    "<tool_call_{nonce}>\n{{\"name\": \"{name}\", \"arguments\": {body}}}\n</tool_call_{nonce}>\n"
                ),
                Form::Xml | Form::Fence => {
                    format!(
                        "{open}invoke_{nonce} name=\"{name}\"{close}\n{body}\n{open}/invoke_{nonce}{close}\n"
                    )
                }
            };
            out.push_str(&one);
        }
        match self.form {
            Form::Json => out,
            Form::Xml | Form::Fence => {
                format!("{open}tool_calls_{nonce}{close}\n{out}{open}/tool_calls_{nonce}{close}")
            }
        }
    }

    fn arguments(&self, arguments: &Value) -> String {
        let nonce = &self.nonce;
        let mut out = String::new();
        for (name, value) in arguments.as_object().unwrap() {
            // What is no text is written as JSON.
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let written = match self.form {
                Form::Json => return arguments.to_string(),
                Form::Xml => writeln!(out, "<parameter_{nonce} name=\"{name}\">{value}</parameter_{nonce}>"),
                Form::Fence => writeln!(
                    out,
                    "[parameter_{nonce} name=\"{name}\"]\n`````\n{value}\n`````\n[/parameter_{nonce}]"
                ),
            };
            written.unwrap();
        }
        out
    }
}
