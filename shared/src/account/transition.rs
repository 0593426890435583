//! What may follow what: the one table of an account's states, which Redis holds everybody to.
//!
//! A change names its cause. It is made only where the account stands at one of the cause's beginnings at that moment;
//! so what an operator, another broker or a newer release has done meanwhile stays.

use super::{Phase, State};

/// Why an account comes to stand elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransitionCause {
    /// A login takes its lock.
    LoginBegins,
    /// It is about to type the password.
    PasswordTyped,
    /// It ends before it did anything: the account stands where it stood.
    LoginUndone,
    /// It brought a session.
    SessionPublished,
    /// It failed, or was cut off.
    LoginFailed,
    /// The site refuses session after session.
    SessionsRefused,
    /// Other credentials are there than those that were refused.
    CredentialsReplaced,
    /// An operator switches it off.
    SwitchedOff,
    /// An operator switches it on.
    SwitchedOn,
}

/// A step to another state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// Why it is made.
    pub cause: TransitionCause,
    /// Where to.
    pub to: State,
    /// The same for people.
    pub reason: String,
    /// How far a login is.
    pub phase: Option<Phase>,
}

impl Transition {
    /// A step with nothing to say of a login.
    #[must_use]
    pub fn new(cause: TransitionCause, to: State, reason: impl Into<String>) -> Self {
        Self { cause, to, reason: reason.into(), phase: None }
    }

    /// A step that leaves a login at a phase.
    #[must_use]
    pub fn at(cause: TransitionCause, to: State, phase: Phase) -> Self {
        Self { cause, to, reason: phase.words().to_owned(), phase: Some(phase) }
    }

    /// Where the account may stand before it; nowhere if the cause does not lead there.
    #[must_use]
    pub fn origins(&self) -> Vec<State> {
        State::stored().filter(|from| self.cause.leads(*from, self.to)).collect()
    }
}

impl TransitionCause {
    /// Every cause.
    pub const ALL: [Self; 9] = [
        Self::LoginBegins,
        Self::PasswordTyped,
        Self::LoginUndone,
        Self::SessionPublished,
        Self::LoginFailed,
        Self::SessionsRefused,
        Self::CredentialsReplaced,
        Self::SwitchedOff,
        Self::SwitchedOn,
    ];

    /// Whether it leads from one state to another. Nothing leads to or from a record that cannot be read.
    #[must_use]
    pub fn leads(self, from: State, to: State) -> bool {
        use State::{
            Active, Cooldown, CredentialsRejected, Damaged, Disabled, NeedsHuman, New, Refreshing, SiteLocked,
        };
        if from == Damaged || to == Damaged {
            return false;
        }
        match self {
            // From `Refreshing` too: a login may begin where another one was cut off.
            Self::LoginBegins => from != Disabled && to == Refreshing,
            Self::PasswordTyped => from == Refreshing && to == Refreshing,
            Self::LoginUndone => from == Refreshing && to != Disabled,
            // An operator may have switched it off and on while the login ran.
            Self::SessionPublished => from != Disabled && to == Active,
            Self::LoginFailed => {
                from == Refreshing && matches!(to, Cooldown | NeedsHuman | CredentialsRejected | SiteLocked)
            }
            Self::SessionsRefused => from == Active && to == Cooldown,
            Self::CredentialsReplaced => from == CredentialsRejected && matches!(to, Active | New),
            Self::SwitchedOff => from != Disabled && to == Disabled,
            Self::SwitchedOn => from == Disabled && matches!(to, Active | New),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_operator_leads_into_and_out_of_disabled() {
        for cause in TransitionCause::ALL {
            for state in State::stored().filter(|state| *state != State::Disabled) {
                assert_eq!(cause.leads(State::Disabled, state), {
                    cause == TransitionCause::SwitchedOn && matches!(state, State::Active | State::New)
                });
                assert_eq!(cause.leads(state, State::Disabled), cause == TransitionCause::SwitchedOff);
            }
        }
    }

    #[test]
    fn nothing_touches_what_cannot_be_read() {
        for cause in TransitionCause::ALL {
            for state in State::stored() {
                assert!(!cause.leads(State::Damaged, state) && !cause.leads(state, State::Damaged));
            }
        }
    }
}
