//! Where a key ring comes from: the environment, a file, or a command that prints it (a KMS, an age file).
//!
//! A command runs without a shell and without our own variables, for a bounded time, and what it writes is never shown.

use std::{
    io::Read,
    path::PathBuf,
    process::{Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::env::{Env, EnvError};

/// How long a command may take: a KMS answers in a second.
const COMMAND_LIMIT: Duration = Duration::from_secs(10);
/// More is no key ring.
const LONGEST: u64 = 64 * 1024;

/// Where the text of a ring is.
#[derive(Clone, Debug)]
pub(super) enum RingSource {
    /// In the environment, which does not change.
    Environment,
    /// In a file.
    File(PathBuf),
    /// Printed by a command: its words, and the environment that it gets.
    Command(Vec<String>, Vec<(String, String)>),
}

/// Names of the variables of one ring; the first has a `_FILE` as well.
#[derive(Clone, Copy, Debug)]
pub(super) struct RingVariables {
    pub(super) ring: &'static str,
    pub(super) command: &'static str,
}

pub(super) const CREDENTIALS: RingVariables =
    RingVariables { ring: "LATCHKEY_CREDENTIALS_KEYS", command: "LATCHKEY_CREDENTIALS_KEYS_COMMAND" };
pub(super) const SESSION: RingVariables =
    RingVariables { ring: "LATCHKEY_SESSION_KEYS", command: "LATCHKEY_SESSION_KEYS_COMMAND" };

impl RingSource {
    /// Finds a ring and reads it.
    pub(super) fn find(env: &Env, names: RingVariables) -> Result<(Self, SecretString), EnvError> {
        let command = env.text(names.command)?;
        let file = env.secret_file(names.ring);
        if command.is_some() && (file.is_some() || env.secret(names.ring)?.is_some()) {
            return Err(EnvError::invalid(
                names.command,
                format!("it alone, but {0} or {0}_FILE is set as well", names.ring),
            ));
        }
        let source = match (command, file) {
            (Some(command), _) => {
                let words = command.split_whitespace().map(str::to_owned).collect();
                Self::Command(words, env.foreign())
            }
            (None, Some(file)) => Self::File(file),
            (None, None) => Self::Environment,
        };
        let text = match source {
            Self::Environment | Self::File(_) => env.required_secret(names.ring)?,
            Self::Command(..) => source.read().map_err(|why| EnvError::invalid(names.command, why))?,
        };
        Ok((source, text))
    }

    /// The file, if it is one.
    pub(super) fn file(self) -> Option<PathBuf> {
        match self {
            Self::File(path) => Some(path),
            Self::Environment | Self::Command(..) => None,
        }
    }

    /// Whether a read may find half of what is being written.
    pub(super) fn is_torn(&self) -> bool {
        matches!(self, Self::File(_))
    }

    /// How often it is worth reading again; never for what cannot change.
    pub(super) fn interval(&self) -> Option<Duration> {
        match self {
            Self::Environment => None,
            Self::File(_) => Some(Duration::from_secs(1)),
            Self::Command(..) => Some(Duration::from_secs(60)),
        }
    }

    /// Reads the ring again. It blocks, for as long as a command may take.
    pub(super) fn read(&self) -> Result<SecretString, String> {
        match self {
            Self::Environment => Err("nothing to read: it is in the environment".to_owned()),
            Self::File(path) => {
                let file = std::fs::File::open(path);
                let file =
                    file.map_err(|error| format!("a file that can be read: {}: {error}", path.display()))?;
                text(file).ok_or_else(|| format!("{} to be a key ring", path.display()))
            }
            Self::Command(words, environment) => run(words, environment),
        }
    }
}

fn text(from: impl Read) -> Option<SecretString> {
    let mut bytes = Zeroizing::new(Vec::new());
    from.take(LONGEST + 1).read_to_end(&mut bytes).ok()?;
    let fits = bytes.len() as u64 <= LONGEST;
    let text = std::str::from_utf8(&bytes).ok().filter(|_| fits)?;
    Some(text.trim_end_matches(['\n', '\r']).into())
}

fn run(words: &[String], environment: &[(String, String)]) -> Result<SecretString, String> {
    let (program, arguments) = words.split_first().ok_or("a command that prints the key ring")?;
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(environment.iter().cloned())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        // It may repeat what it was given.
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("a command that can be started: {program}: {error}"))?;
    let output = child.stdout.take().ok_or("a command with an output")?;
    let (done, printed) = mpsc::channel();
    std::thread::spawn(move || done.send(text(output)).ok());
    let printed = printed.recv_timeout(COMMAND_LIMIT);
    if printed.is_err() {
        // It may have ended by itself.
        child.kill().ok();
    }
    let status = child.wait().map_err(|error| format!("a command that ends: {program}: {error}"))?;
    let by_hand = "run it by hand to see why; what it writes is not shown here";
    match printed {
        Err(_) => Err(format!(
            "{program} to print the key ring within {}; {by_hand}",
            humantime::format_duration(COMMAND_LIMIT)
        )),
        Ok(_) if !status.success() => {
            Err(format!("{program} to succeed, but it ended with {status}; {by_hand}"))
        }
        Ok(None) => Err(format!("{program} to print a key ring and nothing else")),
        Ok(Some(text)) => Ok(text),
    }
}
