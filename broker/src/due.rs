//! When an account is due: what a login stored, and what the account's schedule says.

use latchkey_shared::{
    account::{Account, SessionOrigin},
    id::AccountId,
    store::{AccountChange, BrokerStore, StoreError},
    time::Timestamp,
};

pub mod schedule;

/// When an account should sign in next by itself: the end of its refresh time or the next fire of its schedule.
#[must_use]
pub fn next_due(account: &Account, now: Timestamp) -> Option<Timestamp> {
    if !account.state.signs_in_unasked() {
        return None;
    }
    // A key needs no login: one that the schedule began would only find that nothing renews it.
    let schedule =
        account.schedule.as_deref().filter(|_| account.session_origin != Some(SessionOrigin::ApiKey));
    // It was checked when it was stored; a later version of the rules must not stop the other due times.
    let schedule = schedule.and_then(|text| schedule::parse(text).ok());
    let fire = schedule.and_then(|schedule| schedule.next(now));
    [account.refresh_at, fire].into_iter().flatten().min()
}

/// Adds what the schedule says to what the login that just ended has stored.
pub(crate) async fn plan(store: &BrokerStore, id: AccountId) {
    if let Err(error) = try_plan(store, id).await {
        tracing::warn!(%error, account.id = %id, "cannot plan the next login; its claim ends and it is due again");
    }
}

async fn try_plan(store: &BrokerStore, id: AccountId) -> Result<(), StoreError> {
    let Some(account) = store.account(id).await? else { return Ok(()) };
    let due = next_due(&account, Timestamp::now());
    if due != account.refresh_at {
        store.change_account(id, AccountChange { refresh_at: Some(due), ..AccountChange::default() }).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use latchkey_shared::account::State;

    use super::*;

    fn account() -> Account {
        Account::new("practice".parse().unwrap(), "alice".to_owned())
    }

    #[test]
    fn the_earlier_of_refresh_and_schedule_is_due() {
        let now = Timestamp::from_secs(1_795_420_800); // 2026-11-23 08:00 UTC
        let hour = Duration::from_secs(3600);
        let mut account = Account { schedule: Some("0 0 9 * * *".to_owned()), ..account() };

        assert_eq!(next_due(&account, now), Some(now + hour));
        account.refresh_at = Some(now + hour / 2);
        assert_eq!(next_due(&account, now), Some(now + hour / 2));
        account.refresh_at = Some(now + hour * 2);
        assert_eq!(next_due(&account, now), Some(now + hour));
        account = Account { session_origin: Some(SessionOrigin::ApiKey), refresh_at: None, ..account };
        assert_eq!(next_due(&account, now), None, "a key is not renewed");
    }

    #[test]
    fn an_account_that_needs_an_operator_is_never_due() {
        let now = Timestamp::from_secs(1);
        for state in [State::NeedsHuman, State::CredentialsRejected, State::SiteLocked, State::Disabled] {
            let account = Account {
                state,
                refresh_at: Some(now),
                schedule: Some("0 0 9 * * *".to_owned()),
                ..account()
            };
            assert_eq!(next_due(&account, now), None, "{state}");
        }
    }
}
