//! What a failed login means for its account: where it stands now, and when it is tried again.

use std::time::Duration;

use latchkey_shared::{
    account::{Account, Evidence, LastLogin, Phase, State, Transition, TransitionCause},
    store::{AccountChange, BrokerStore, StoreError},
    time::Timestamp,
};

use super::{FailureCode, LoginFailure};

/// Failures in a row of which the last may have been a refused password. Typing it a third time could lock the account.
const MOST_UNCLEAR: u32 = 2;
/// Accounts that one site refuses within a while: more likely the site has changed than all their passwords.
const MOST_REJECTED: u32 = 3;
const REJECTED_WITHIN: Duration = Duration::from_secs(10 * 60);
const PAUSE: Duration = Duration::from_secs(30 * 60);
const FIRST_WAIT: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);
/// A site that asked to wait is not asked again before.
const RATE_LIMIT_WAIT: Duration = Duration::from_secs(60);

/// What the site was given.
#[derive(Clone, Copy, Debug)]
pub struct TypedSecrets {
    /// Whether that was the password.
    pub password: bool,
    /// The version of the credentials.
    pub version: u64,
}

/// Writes down how a login failed. What an operator changed meanwhile stays.
///
/// # Errors
/// When Redis is unavailable.
pub async fn failure(
    store: &BrokerStore,
    account: &Account,
    failure: &LoginFailure,
    typed_secrets: TypedSecrets,
    last_login: LastLogin,
) -> Result<(), StoreError> {
    // Nothing is counted for an account that was removed meanwhile: nobody would clear it away.
    if store.account(account.id).await?.is_none() {
        return Ok(());
    }
    let failures = store.count_failure(account.id).await?;
    let state = state(failure.code, typed_secrets.password, failures);
    let wait = backoff(failure.code, failures, rand::random());
    let evidence = Evidence { at: Timestamp::now(), seen: failure.message.clone() };
    let rejected = failure.code == FailureCode::CredentialsRejected && typed_secrets.password;
    if rejected && MOST_REJECTED <= store.count_rejected(&account.site, account.id, REJECTED_WITHIN).await? {
        store.pause_site(&account.site, PAUSE).await?;
        tracing::error!(site = %account.site, "several accounts were refused: nothing is typed there unasked for a while");
    }
    let last_login = AccountChange {
        last_login: Some(last_login),
        evidence: Some(evidence),
        rejected_version: rejected.then_some(typed_secrets.version),
        ..AccountChange::default()
    };
    let change = AccountChange {
        step: Some(Transition::new(TransitionCause::LoginFailed, state, failure.reason())),
        refresh_at: Some((state == State::Cooldown).then(|| Timestamp::now() + wait)),
        ..last_login.clone()
    };
    if !store.change_account(account.id, change).await? {
        store.change_account(account.id, last_login).await?;
    }
    Ok(())
}

/// Writes down that a login was cut off, and nobody knows how it would have ended. What signs in by itself is tried
/// once more, no earlier than it was due.
pub(super) async fn cut_off(store: &BrokerStore, account: &Account) -> Result<(), StoreError> {
    let failures = store.count_failure(account.id).await?;
    let was_typed = account.phase == Some(Phase::PasswordTyped);
    let due = account.refresh_at.filter(|_| !(was_typed && MOST_UNCLEAR <= failures));
    let earliest = Timestamp::now() + backoff(FailureCode::BrowserCrashed, failures, rand::random());
    let state = if due.is_some() { State::Cooldown } else { State::NeedsHuman };
    let change = AccountChange {
        step: Some(Transition::new(TransitionCause::LoginFailed, state, "the broker ended during the login")),
        refresh_at: Some(due.map(|due| due.max(earliest))),
        ..AccountChange::default()
    };
    store.change_account(account.id, change).await.map(drop)
}

/// Where the account stands after the `failures`th failure in a row.
fn state(code: FailureCode, password_typed: bool, failures: u32) -> State {
    match code {
        FailureCode::CredentialsRejected => State::CredentialsRejected,
        FailureCode::AccountLocked => State::SiteLocked,
        // The site may have refused the password in words that the recipe does not know.
        code if code.may_be_rejected_password() && password_typed && MOST_UNCLEAR <= failures => {
            State::NeedsHuman
        }
        code if code.is_transient() => State::Cooldown,
        _ => State::NeedsHuman,
    }
}

/// How long to wait after the `failures`th failure in a row: twice as long each time, by `chance` (0 to 1) down to
/// half of it, so that accounts which failed together are not tried together.
fn backoff(code: FailureCode, failures: u32, chance: f64) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    let floor = if code == FailureCode::RateLimited { RATE_LIMIT_WAIT } else { FIRST_WAIT };
    let whole = (floor * 2_u32.pow(doublings)).min(LONGEST_WAIT);
    whole.mul_f64(0.5 + 0.5 * chance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_password_is_never_typed_again_unasked() {
        for (code, typed, failures) in [
            (FailureCode::CredentialsRejected, true, 1),
            (FailureCode::AccountLocked, true, 1),
            (FailureCode::HumanRequired, true, 1),
            (FailureCode::OriginViolation, false, 1),
            (FailureCode::NoCredentials, false, 1),
            (FailureCode::SelectorMissing, true, 2),
            (FailureCode::ProbeFailed, true, 3),
        ] {
            assert!(!state(code, typed, failures).signs_in_unasked(), "{code:?}");
        }
    }

    #[test]
    fn what_passes_is_tried_again() {
        for (code, typed, failures) in [
            (FailureCode::SiteDown, true, 9),
            (FailureCode::BrowserCrashed, true, 9),
            (FailureCode::SelectorMissing, true, 1),
            (FailureCode::SelectorMissing, false, 9),
            (FailureCode::RateLimited, true, 9),
        ] {
            assert_eq!(state(code, typed, failures), State::Cooldown, "{code:?}");
        }
    }

    #[test]
    fn the_wait_doubles_up_to_a_quarter_of_an_hour() {
        let secs = |failures, chance| backoff(FailureCode::SiteDown, failures, chance).as_secs_f64();

        assert_eq!([secs(1, 1.0), secs(2, 1.0), secs(3, 1.0)], [5.0, 10.0, 20.0]);
        assert_eq!([secs(1, 0.0), secs(50, 0.0), secs(50, 1.0)], [2.5, 450.0, 900.0]);
        assert_eq!(backoff(FailureCode::RateLimited, 1, 1.0), RATE_LIMIT_WAIT);
    }
}
