//! The lines of an acceptance run, in their order.

use clap::ValueEnum;

/// One line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Scenario {
    /// A whole answer without tools.
    Chat,
    /// The same, streamed.
    Stream,
    /// One small tool.
    Tools,
    /// The situations in which agents stop without having edited anything.
    Endings,
    /// What Claude Code sends.
    Claude,
    /// What Codex sends.
    Codex,
}

impl Scenario {
    /// Its name: in the thresholds, on the command line and in what is told.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Stream => "stream",
            Self::Tools => "tools",
            Self::Endings => "endings",
            Self::Claude => "claude",
            Self::Codex => "codex",
        }
    }

    /// What it is, for a reader of the report.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Chat => "Chat, answered whole",
            Self::Stream => "Chat, streamed",
            Self::Tools => "A minimal tool set",
            Self::Endings => "Where agents stop without editing",
            Self::Claude => "Claude Code",
            Self::Codex => "Codex",
        }
    }
}
