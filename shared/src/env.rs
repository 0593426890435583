//! The environment: the only place that reads it, and the table of every variable there is.

use std::{collections::BTreeMap, path::PathBuf, str::FromStr, time::Duration};

use secrecy::SecretString;

use crate::nearest::nearest;

mod variables;

pub use variables::{VARIABLES, Variable};

/// A snapshot of the environment.
#[derive(Clone, Debug)]
pub struct Env {
    values: BTreeMap<String, String>,
}

/// A variable that is missing or wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvError {
    /// It must be there.
    #[error("{name} is not set: expected {meaning}")]
    Missing {
        /// The variable.
        name: &'static str,
        /// What it means, as the table says.
        meaning: &'static str,
    },
    /// Its value is wrong. The value is not repeated: it may be a secret.
    #[error("{name} is wrong: expected {expected}")]
    Invalid {
        /// The variable.
        name: String,
        /// What it should be.
        expected: String,
    },
    /// The file that it names cannot be read.
    #[error("{name}_FILE: cannot read {path}: {cause}")]
    File {
        /// The variable.
        name: &'static str,
        /// The file.
        path: String,
        /// Why.
        cause: String,
    },
    /// Both the variable and its file are given.
    #[error("{name} and {name}_FILE are both set: keep one")]
    Twice {
        /// The variable.
        name: &'static str,
    },
    /// No binary of Latchkey knows it.
    #[error("{name} is no variable of Latchkey{}", nearest.map(|name| format!("; did you mean {name}?")).unwrap_or_default())]
    Unknown {
        /// The variable.
        name: String,
        /// The known one most like it.
        nearest: Option<&'static str>,
    },
}

impl EnvError {
    /// A value that is not what it should be.
    pub fn invalid(name: impl Into<String>, expected: impl Into<String>) -> Self {
        Self::Invalid { name: name.into(), expected: expected.into() }
    }
}

impl Env {
    /// The environment of this process. Variables that are not valid UTF-8 are left out.
    #[must_use]
    pub fn process() -> Self {
        let utf8 = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self { values: std::env::vars_os().filter_map(utf8).collect() }
    }

    /// What tells a program where this person's screen is; empty where there is none.
    #[must_use]
    pub fn display() -> Vec<(&'static str, std::ffi::OsString)> {
        const NAMES: [&str; 4] = ["DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "XDG_RUNTIME_DIR"];
        let known = |name: &std::ffi::OsString| NAMES.into_iter().find(|known| name == known);
        let set = std::env::vars_os().filter(|(_, value)| !value.is_empty());
        let found: Vec<_> = set.filter_map(|(name, value)| Some((known(&name)?, value))).collect();
        let has_screen = found.iter().any(|(name, _)| name.ends_with("DISPLAY"));
        if has_screen { found } else { Vec::new() }
    }

    /// An environment made of pairs.
    pub fn of<N: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        Self { values: pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect() }
    }

    /// Refuses `LATCHKEY_` variables that nobody reads: a typing mistake must not become a silent default.
    ///
    /// # Errors
    /// The first unknown name, with the known one most like it.
    pub fn reject_unknown(&self) -> Result<(), EnvError> {
        let known = |name: &str| VARIABLES.iter().any(|variable| is_spelled(variable, name));
        let unknown = self.values.keys().find(|name| name.starts_with("LATCHKEY_") && !known(name));
        match unknown {
            None => Ok(()),
            Some(name) => Err(EnvError::Unknown {
                nearest: nearest(name, VARIABLES.iter().map(|variable| variable.name)),
                name: name.clone(),
            }),
        }
    }

    /// A variable; an empty one counts as not set, as compose files leave them.
    ///
    /// # Errors
    /// None today; the signature leaves room for file-only values.
    pub fn text(&self, name: &'static str) -> Result<Option<String>, EnvError> {
        debug_assert!(VARIABLES.iter().any(|variable| variable.name == name), "{name} is not in VARIABLES");
        Ok(self.values.get(name).filter(|value| !value.is_empty()).cloned())
    }

    /// A variable that must be there.
    ///
    /// # Errors
    /// When it is not.
    pub fn required(&self, name: &'static str) -> Result<String, EnvError> {
        self.text(name)?.ok_or_else(|| missing(name))
    }

    /// A secret: from `NAME`, or from the file that `NAME_FILE` names, without the newline at its end.
    ///
    /// # Errors
    /// When both are set, or the file cannot be read.
    pub fn secret(&self, name: &'static str) -> Result<Option<SecretString>, EnvError> {
        let file = self.values.get(&format!("{name}_FILE")).filter(|path| !path.is_empty());
        match (self.text(name)?, file) {
            (Some(_), Some(_)) => Err(EnvError::Twice { name }),
            (Some(value), None) => Ok(Some(value.into())),
            (None, None) => Ok(None),
            (None, Some(path)) => match std::fs::read_to_string(path) {
                Ok(text) if text.trim().is_empty() => {
                    Err(EnvError::File { name, path: path.clone(), cause: "it is empty".to_owned() })
                }
                Ok(text) => Ok(Some(text.trim_end_matches(['\r', '\n']).into())),
                Err(cause) => Err(EnvError::File { name, path: path.clone(), cause: cause.to_string() }),
            },
        }
    }

    /// The file that `NAME_FILE` names for a secret.
    #[must_use]
    pub fn secret_file(&self, name: &'static str) -> Option<PathBuf> {
        self.values.get(&format!("{name}_FILE")).filter(|path| !path.is_empty()).map(PathBuf::from)
    }

    /// What is not ours: the environment for a program that has no business with our secrets.
    #[must_use]
    pub fn foreign(&self) -> Vec<(String, String)> {
        let foreign = self.values.iter().filter(|(name, _)| !name.starts_with("LATCHKEY_"));
        foreign.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// A secret that must be there.
    ///
    /// # Errors
    /// When it is not, or as [`Env::secret`].
    pub fn required_secret(&self, name: &'static str) -> Result<SecretString, EnvError> {
        self.secret(name)?.ok_or_else(|| missing(name))
    }

    /// A duration like `30s` or `1m 30s`; never zero.
    ///
    /// # Errors
    /// When it is none.
    pub fn duration(&self, name: &'static str, default: Duration) -> Result<Duration, EnvError> {
        let Some(text) = self.text(name)? else { return Ok(default) };
        match humantime::parse_duration(&text) {
            Ok(duration) if !duration.is_zero() => Ok(duration),
            _ => Err(EnvError::invalid(name, "a duration like 30s or 1m 30s")),
        }
    }

    /// The same, or `off`: then there is none.
    ///
    /// # Errors
    /// When it is neither.
    pub fn duration_or_off(
        &self,
        name: &'static str,
        default: Duration,
    ) -> Result<Option<Duration>, EnvError> {
        if self.text(name)?.is_some_and(|text| text.trim() == "off") {
            return Ok(None);
        }
        let wrong = |_| EnvError::invalid(name, "a duration like 30s or 1m 30s, or off");
        self.duration(name, default).map(Some).map_err(wrong)
    }

    /// A number, or anything else that parses.
    ///
    /// # Errors
    /// When it does not parse.
    pub fn number<T: FromStr>(&self, name: &'static str, default: T) -> Result<T, EnvError> {
        let Some(text) = self.text(name)? else { return Ok(default) };
        text.trim().parse().map_err(|_| EnvError::invalid(name, "a whole number"))
    }

    /// An address like `127.0.0.1:7801`.
    ///
    /// # Errors
    /// When it is none.
    pub fn address(&self, name: &'static str, default: &str) -> Result<std::net::SocketAddr, EnvError> {
        let text = self.text(name)?.unwrap_or_else(|| default.to_owned());
        text.parse().map_err(|_| EnvError::invalid(name, "an address like 127.0.0.1:7801 or [::]:7801"))
    }

    /// A list, separated by commas or line ends; blanks around the items do not count.
    ///
    /// # Errors
    /// None of its own.
    pub fn list(&self, name: &'static str) -> Result<Vec<String>, EnvError> {
        let text = self.text(name)?.unwrap_or_default();
        let items = text.split([',', '\n']).map(str::trim).filter(|item| !item.is_empty());
        Ok(items.map(str::to_owned).collect())
    }

    /// A list of paths.
    ///
    /// # Errors
    /// None of its own.
    pub fn paths(&self, name: &'static str) -> Result<Vec<PathBuf>, EnvError> {
        Ok(self.list(name)?.into_iter().map(PathBuf::from).collect())
    }

    /// One of a few words.
    ///
    /// # Errors
    /// When it is another word; the error lists the words.
    pub fn choice<T: Copy>(
        &self,
        name: &'static str,
        words: &[(&str, T)],
        default: T,
    ) -> Result<T, EnvError> {
        let Some(text) = self.text(name)? else { return Ok(default) };
        let found = words.iter().find(|(word, _)| *word == text);
        found.map(|(_, value)| *value).ok_or_else(|| {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            EnvError::invalid(name, format!("one of {}", known.join(", ")))
        })
    }
}

fn is_spelled(variable: &Variable, name: &str) -> bool {
    let as_file = name.strip_suffix("_FILE").filter(|_| variable.secret);
    variable.name == name || as_file == Some(variable.name)
}

fn missing(name: &'static str) -> EnvError {
    let variable = VARIABLES.iter().find(|variable| variable.name == name);
    let meaning = variable.map_or("", |variable| variable.meaning);
    // The table says first who reads it.
    let meaning = meaning.split_once(": ").map_or(meaning, |(_, meaning)| meaning);
    EnvError::Missing { name, meaning }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_typing_mistake_is_refused_with_the_right_name() {
        let error = Env::of([("LATCHKEY_REDS_URL", "x")]).reject_unknown().unwrap_err();

        let expected = "LATCHKEY_REDS_URL is no variable of Latchkey; did you mean LATCHKEY_REDIS_URL?";
        assert_eq!(error.to_string(), expected);
        assert_eq!(Env::of([("LATCHKEY_REDIS_URL_FILE", "x"), ("HOME", "/")]).reject_unknown(), Ok(()));
    }

    #[test]
    fn a_secret_comes_from_a_file_without_its_last_newline() {
        let path = std::env::temp_dir().join(format!("latchkey-env-{}", std::process::id()));
        std::fs::write(&path, "hush\n").unwrap();
        let env = Env::of([("LATCHKEY_ADMIN_TOKEN_FILE", path.to_str().unwrap())]);

        let secret = env.secret("LATCHKEY_ADMIN_TOKEN").unwrap().unwrap();

        std::fs::remove_file(&path).unwrap();
        assert_eq!(secret.expose_secret(), "hush");
        let gone = env.secret("LATCHKEY_ADMIN_TOKEN").unwrap_err().to_string();
        assert!(gone.starts_with("LATCHKEY_ADMIN_TOKEN_FILE: cannot read"), "{gone}");
    }

    #[test]
    fn mistakes_name_the_variable_and_what_was_expected() {
        let env = Env::of([("LATCHKEY_HEARTBEAT", "10"), ("LATCHKEY_STREAM", "life")]);

        let duration = env.duration("LATCHKEY_HEARTBEAT", Duration::ZERO).unwrap_err();
        let choice = env.choice("LATCHKEY_STREAM", &[("live", 1), ("buffered", 2)], 1).unwrap_err();

        assert_eq!(
            duration.to_string(),
            "LATCHKEY_HEARTBEAT is wrong: expected a duration like 30s or 1m 30s"
        );
        assert_eq!(choice.to_string(), "LATCHKEY_STREAM is wrong: expected one of live, buffered");
        assert!(env.required("LATCHKEY_REDIS_URL").unwrap_err().to_string().contains("is not set"));
    }

    #[test]
    fn the_table_is_sorted() {
        let names: Vec<&str> = VARIABLES.iter().map(|variable| variable.name).collect();
        let mut sorted = names.clone();
        sorted.sort_unstable();
        assert_eq!(names, sorted);
    }
}
