//! Signs accounts in again before anybody needs it: looks several times a second who is due, claims it, starts its login.
//!
//! Due times are absolute and live in Redis, so neither a restart nor an edit of an account pushes them back. A
//! claim only postpones: if this broker dies, another one finds the account due again and settles what it left.

use std::time::Duration;

use latchkey_shared::{
    account::{Account, Phase, State},
    id::AccountId,
    store::StoreError,
    time::Timestamp,
};
use tokio::time::MissedTickBehavior;

use crate::{
    login::{self, CLAIM, Trigger},
    state::App,
};

mod asked;
mod trouble;

use trouble::spare_others;

/// What an adapter waits for its request to be seen, and half of what it costs Redis to ask.
const TICK: Duration = Duration::from_millis(250);

/// Accounts that are looked at in one go.
const LOOKED_AT: usize = 64;

/// The due loop; ends when the broker stops.
pub(crate) async fn run(app: App) {
    let stopping = app.tasks.stopping();
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut trouble = false;
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let result = asked::make_due(&app.store).await.and(sign_in_due(&app).await);
        // Once for an outage, not once a second.
        match (&result, trouble) {
            (Err(error), false) => tracing::error!(%error, "no account is signed in by itself for now"),
            (Ok(()), true) => tracing::info!("accounts are signed in by themselves again"),
            (Ok(()), false) | (Err(_), true) => {}
        }
        trouble = result.is_err();
    }
}

/// Takes no more than can begin now: what waits stays in Redis, for another broker too.
async fn sign_in_due(app: &App) -> Result<(), StoreError> {
    let store = &app.store;
    let now = Timestamp::now();
    let mut free = app.operations.free();
    for id in store.due(now, LOOKED_AT).await? {
        let begun = begin_due(app, id, now, free > 0).await;
        free -= usize::from(spare_others(id, begun)?);
    }
    for id in store.waiting(now, app.operations.free_browsers()).await? {
        spare_others(id, begin_waiting(app, id, now).await)?;
    }
    Ok(())
}

/// Begins what an account needs that is due; tells whether that is a login.
async fn begin_due(app: &App, id: AccountId, now: Timestamp, is_free: bool) -> Result<bool, StoreError> {
    let store = &app.store;
    let account = store.account(id).await?;
    if account.as_ref().is_some_and(|account| takes_browser(app, account)) {
        // It must not stand before those that need none.
        let since = account.map_or(now, |account| account.due_since(now));
        store.wait_for_browser(id, since).await?;
    } else if is_free && store.claim_due(id, now, now + CLAIM).await? {
        return begin(app, id, account).await;
    }
    Ok(false)
}

async fn begin_waiting(app: &App, id: AccountId, now: Timestamp) -> Result<bool, StoreError> {
    // Else another broker was faster.
    if !app.store.claim_waiting(id, now + CLAIM).await? {
        return Ok(false);
    }
    begin(app, id, app.store.account(id).await?).await
}

/// Begins what an account that was claimed needs; tells whether that is a login.
async fn begin(app: &App, id: AccountId, account: Option<Account>) -> Result<bool, StoreError> {
    match account {
        // A newer release may know what is to be done with it: when it is due stays, but for the claim.
        Some(account) if account.state == State::Damaged => {}
        Some(account) if account.state == State::Refreshing => {
            login::recover_interrupted(&app.store, id).await?;
        }
        Some(account) if account.state.signs_in_unasked() => {
            sign_in(app, &account);
            return Ok(true);
        }
        Some(_) | None => app.store.unschedule(id).await?,
    }
    Ok(false)
}

/// Whether the next login of an account surely takes a browser; another one may need one all the same.
fn takes_browser(app: &App, account: &Account) -> bool {
    let over_http = app.catalog.site(&account.site).is_some_and(|site| site.refresh.http.is_some());
    let signs_in = account.state != State::Refreshing && account.state.signs_in_unasked();
    signs_in && (account.phase == Some(Phase::WaitsForBrowser) || !(over_http && account.generation > 0))
}

fn sign_in(app: &App, account: &Account) {
    let Some(site) = app.catalog.site(&account.site) else {
        tracing::warn!(account.id = %account.id, site = %account.site, "cannot sign in: the site has no address here");
        return;
    };
    if app.operations.start(account, site, Trigger::Scheduled).is_err() {
        tracing::warn!(account.id = %account.id, "cannot sign in yet: too many logins run and wait");
    }
}
