//! What adapters ask for: an account whose session the site refused is due at once, but not time and again.
//!
//! A site that refuses every session would have its login page asked for ever; after a few logins that adapters asked
//! for, the account cools down.

use std::time::Duration;

use latchkey_shared::{
    account::{Account, State, Transition, TransitionCause},
    store::{AccountChange, BrokerStore, RefreshRequest, StoreError},
    time::Timestamp,
};

use super::trouble::spare_others;

/// Logins of one account that adapters may ask for in a [`WINDOW`].
const MOST: u32 = 3;
const WINDOW: Duration = Duration::from_secs(10 * 60);
/// Requests that are looked at in one go.
const AT_ONCE: usize = 64;

/// Reason of an account that cools down because its site refuses every session.
pub(crate) const SESSIONS_REFUSED: &str =
    "the site refuses sessions that were just made; compare [probe] and [chat.expired] of the site file";

/// Makes the accounts due that adapters ask for, and ends the requests that need no login.
pub(super) async fn make_due(store: &BrokerStore) -> Result<(), StoreError> {
    for request in store.refresh_requests(AT_ONCE).await? {
        let seen_to = see_to(store, request).await;
        spare_others(request.account, seen_to)?;
    }
    Ok(())
}

async fn see_to(store: &BrokerStore, request: RefreshRequest) -> Result<(), StoreError> {
    let account = store.account(request.account).await?;
    match account.as_ref().map(|account| answer(account, request)) {
        Some(RequestOutcome::Wait) => return Ok(()),
        Some(RequestOutcome::Refuse) => return store.refuse_refresh_request(request).await,
        Some(RequestOutcome::SignIn) => sign_in(store, request).await?,
        Some(RequestOutcome::Nothing) | None => {}
    }
    store.end_refresh_request(request).await
}

#[derive(Debug, PartialEq, Eq)]
enum RequestOutcome {
    /// A login runs.
    Wait,
    SignIn,
    /// It has a newer session already, waits after a failed login, or needs an operator.
    Nothing,
    /// No adapter can have seen such a session: left there, it would stand before every true request.
    Refuse,
}

fn answer(account: &Account, request: RefreshRequest) -> RequestOutcome {
    match account.state {
        State::Damaged => RequestOutcome::Nothing,
        _ if account.generation > request.generation => RequestOutcome::Nothing,
        _ if account.generation < request.generation => RequestOutcome::Refuse,
        State::Refreshing => RequestOutcome::Wait,
        State::Active => RequestOutcome::SignIn,
        State::New
        | State::Cooldown
        | State::NeedsHuman
        | State::CredentialsRejected
        | State::SiteLocked
        | State::Disabled => RequestOutcome::Nothing,
    }
}

async fn sign_in(store: &BrokerStore, request: RefreshRequest) -> Result<(), StoreError> {
    let RefreshRequest { account, generation } = request;
    // It is on its way, and keeps its place.
    if store.is_waiting_for_browser(account).await? {
        return Ok(());
    }
    if store.count_requested_logins(account, WINDOW).await? <= MOST {
        tracing::info!(account.id = %account, session.generation = generation, "the site refused the session");
        return store.set_due(account, Timestamp::now()).await;
    }
    let cooldown = AccountChange {
        step: Some(Transition::new(TransitionCause::SessionsRefused, State::Cooldown, SESSIONS_REFUSED)),
        refresh_at: Some(Some(Timestamp::now() + WINDOW)),
        ..AccountChange::default()
    };
    if store.change_account(account, cooldown).await? {
        tracing::warn!(account.id = %account, "{SESSIONS_REFUSED}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_account_that_stands_well_is_signed_in_on_demand() {
        let account =
            Account { generation: 3, ..Account::new("practice".parse().unwrap(), "alice".to_owned()) };
        let answered = |state, generation| {
            let request = RefreshRequest { account: account.id, generation };
            answer(&Account { state, ..account.clone() }, request)
        };

        assert_eq!(answered(State::Active, 3), RequestOutcome::SignIn);
        assert_eq!(answered(State::Active, 2), RequestOutcome::Nothing);
        assert_eq!(answered(State::Active, 4), RequestOutcome::Refuse);
        assert_eq!(answered(State::Refreshing, 3), RequestOutcome::Wait);
        for state in [State::Cooldown, State::NeedsHuman, State::CredentialsRejected, State::Disabled] {
            assert_eq!(answered(state, 3), RequestOutcome::Nothing, "{state}");
        }
    }
}
