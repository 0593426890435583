//! An account whose trouble is over.

use latchkey_shared::{
    account::{self, Account},
    time::Timestamp,
};

use crate::due;

/// The account where it was before its trouble.
pub(in crate::admin) fn recovered(account: &Account, now: Timestamp) -> Account {
    let lives = account.generation > 0 && account.expires_at.is_some_and(|end| now < end);
    let state = if lives { account::State::Active } else { account::State::New };
    // Whoever signed in before is meant to be signed in again.
    let refresh_at = (account.generation > 0).then_some(now);
    let after = Account { state, reason: String::new(), phase: None, refresh_at, ..account.clone() };
    Account { refresh_at: due::next_due(&after, now), ..after }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_that_recovers_is_signed_in_if_it_was_before() {
        let now = Timestamp::from_secs(1_000);
        let account = Account::new("practice".parse().unwrap(), "alice".to_owned());
        let rejected = Account { state: account::State::CredentialsRejected, ..account };

        assert_eq!(recovered(&rejected, now).refresh_at, None);
        assert_eq!(recovered(&Account { generation: 2, ..rejected }, now).refresh_at, Some(now));
    }
}
