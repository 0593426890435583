//! What a failed login means for its account: where it stands now, and when it is tried again.

use std::time::Duration;

use latchkey_shared::{
    account::{Account, LastLogin, State},
    store::{AccountChange, Store, StoreError},
    time::Timestamp,
};

use super::{Code, Failure};

const FIRST_WAIT: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);
/// A site that asked to wait is not asked again before.
const RATE_LIMIT_WAIT: Duration = Duration::from_secs(60);

/// Writes down how a login failed. What an operator changed meanwhile stays.
pub(super) async fn failure(
    store: &Store,
    account: &Account,
    failure: &Failure,
    password_typed: bool,
    last_login: LastLogin,
) -> Result<(), StoreError> {
    let failures = store.count_failure(account.id).await?;
    let mut change = AccountChange { last_login: Some(last_login), ..AccountChange::default() };
    let now = store.account(account.id).await?;
    if now.is_some_and(|now| now.state == State::Refreshing) {
        let state = state(failure.code, password_typed, failures);
        let wait = backoff(failure.code, failures, rand::random());
        change.state = Some((state, failure.reason()));
        change.refresh_at = Some((state == State::Cooldown).then(|| Timestamp::now() + wait));
    }
    store.change_account(account.id, change).await.map(drop)
}

/// Where the account stands after the `failures`th failure in a row.
fn state(code: Code, password_typed: bool, failures: u32) -> State {
    match code {
        Code::CredentialsRejected => State::CredentialsRejected,
        Code::AccountLocked => State::SiteLocked,
        // The site may have refused the password in words that the recipe does not know. Typing it a third time
        // could lock the account.
        code if code.is_unclear() && password_typed && failures >= 2 => State::NeedsHuman,
        code if code.is_transient() => State::Cooldown,
        _ => State::NeedsHuman,
    }
}

/// How long to wait after the `failures`th failure in a row: twice as long each time, by `chance` (0 to 1) down to
/// half of it, so that accounts which failed together are not tried together.
fn backoff(code: Code, failures: u32, chance: f64) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    let floor = if code == Code::RateLimited { RATE_LIMIT_WAIT } else { FIRST_WAIT };
    let whole = (floor * 2_u32.pow(doublings)).min(LONGEST_WAIT);
    whole.mul_f64(0.5 + 0.5 * chance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_password_is_never_typed_again_unasked() {
        for (code, typed, failures) in [
            (Code::CredentialsRejected, true, 1),
            (Code::AccountLocked, true, 1),
            (Code::HumanRequired, true, 1),
            (Code::OriginViolation, false, 1),
            (Code::NoCredentials, false, 1),
            (Code::SelectorMissing, true, 2),
            (Code::ProbeFailed, true, 3),
        ] {
            assert!(!state(code, typed, failures).signs_in_unasked(), "{code:?}");
        }
    }

    #[test]
    fn what_passes_is_tried_again() {
        for (code, typed, failures) in [
            (Code::SiteDown, true, 9),
            (Code::BrowserCrashed, true, 9),
            (Code::SelectorMissing, true, 1),
            (Code::SelectorMissing, false, 9),
            (Code::RateLimited, true, 9),
        ] {
            assert_eq!(state(code, typed, failures), State::Cooldown, "{code:?}");
        }
    }

    #[test]
    fn the_wait_doubles_up_to_a_quarter_of_an_hour() {
        let secs = |failures, chance| backoff(Code::SiteDown, failures, chance).as_secs_f64();

        assert_eq!([secs(1, 1.0), secs(2, 1.0), secs(3, 1.0)], [5.0, 10.0, 20.0]);
        assert_eq!([secs(1, 0.0), secs(50, 0.0), secs(50, 1.0)], [2.5, 450.0, 900.0]);
        assert_eq!(backoff(Code::RateLimited, 1, 1.0), RATE_LIMIT_WAIT);
    }
}
