//! Changes of an account that an operator may make.

use axum::{Json, extract::State};
use latchkey_shared::{
    account::{self, Account, SessionOrigin, Transition, TransitionCause},
    id::PoolName,
    store::AccountChange,
    time::Timestamp,
};
use serde::Deserialize;

use super::{AccountView, recovered};
use crate::{
    admin::{
        auth::AdminAuth,
        body::{FieldBody, given},
        found::ReadableAccount,
        problem::Problem,
        valid,
    },
    audit, due, revocation,
    state::App,
};

/// How often a change is planned anew, where operators switch an account at the same time.
const ATTEMPTS: usize = 5;

/// `PATCH /v1/accounts/{id}`: what is left out stays; `null` takes an override away.
#[derive(Clone, Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct ChangedAccount {
    #[schemars(length(min = 1, max = 80))]
    label: Option<String>,
    /// All of them; those left out are left.
    #[schemars(length(max = 32))]
    pools: Option<Vec<PoolName>>,
    #[schemars(range(min = 1, max = 100))]
    weight: Option<u32>,
    #[serde(default, deserialize_with = "given")]
    #[schemars(range(min = 1, max = 1000))]
    concurrency: Option<Option<u32>>,
    #[serde(default, deserialize_with = "given")]
    #[schemars(range(min = 1, max = 100_000))]
    requests_per_minute: Option<Option<u32>>,
    #[serde(default, deserialize_with = "given")]
    schedule: Option<Option<String>>,
    disabled: Option<bool>,
}

impl ChangedAccount {
    /// The action, and which fields it is about.
    fn as_audited(&self) -> (&'static str, String) {
        let action = match self.disabled {
            Some(true) => "account.disabled",
            Some(false) => "account.enabled",
            None => "account.changed",
        };
        let fields = [
            ("label", self.label.is_some()),
            ("pools", self.pools.is_some()),
            ("weight", self.weight.is_some()),
            ("concurrency", self.concurrency.is_some()),
            ("requests_per_minute", self.requests_per_minute.is_some()),
            ("schedule", self.schedule.is_some()),
        ];
        let changed: Vec<&str> = fields.iter().filter(|(_, given)| *given).map(|(name, _)| *name).collect();
        (action, changed.join(", "))
    }
}

pub(in crate::admin) async fn change(
    AdminAuth(actor): AdminAuth,
    ReadableAccount(account): ReadableAccount,
    State(app): State<App>,
    FieldBody(changed): FieldBody<ChangedAccount>,
) -> Result<Json<AccountView>, Problem> {
    let (action, detail) = changed.as_audited();
    let is_switched_off = changed.disabled == Some(true);
    let id = account.id;
    let account = made(&app, account, &changed).await?;
    tracing::info!(account.id = %id, "account changed");
    audit::record(&app.store, actor, action, id, &detail).await;
    // A key is no session: nobody could bring it again but the operator, and the site knows of no end of it. It stays
    // sealed, as credentials do, and no adapter is handed it while the account is switched off.
    if is_switched_off && account.session_origin != Some(SessionOrigin::ApiKey) {
        revocation::revoke(&app, &account, actor).await?;
    }
    let account = app.store.account(id).await?;
    let account = account.ok_or(Problem::AccountNotFound(id.to_string()))?;
    let leases = app.store.leases(id).await?;
    Ok(Json(AccountView { account, leases }))
}

/// Makes a change; gives the account as it was before. Where it stands elsewhere since it was read, another operator has
/// switched it, and the change is planned anew.
async fn made(app: &App, mut account: Account, changed: &ChangedAccount) -> Result<Account, Problem> {
    for _ in 0..ATTEMPTS {
        let change = plan_change(&account, changed.clone(), Timestamp::now())?;
        if app.store.change_account(account.id, change).await? {
            return Ok(account);
        }
        let id = account.id;
        account = match app.store.account(id).await? {
            None => return Err(Problem::AccountNotFound(id.to_string())),
            Some(now) if now.state == account::State::Damaged => return Err(Problem::damaged(now)),
            Some(now) => now,
        };
    }
    Err(Problem::StoreUnavailable)
}

fn plan_change(account: &Account, changed: ChangedAccount, now: Timestamp) -> Result<AccountChange, Problem> {
    let mut after = account.clone();
    let mut change = AccountChange::default();
    if let Some(label) = changed.label {
        change.label = Some(valid::label(&label)?);
    }
    change.pools = changed.pools.map(valid::pools).transpose()?;
    change.weight = changed.weight.map(valid::weight).transpose()?;
    if let Some(requests) = changed.requests_per_minute {
        change.requests_per_minute = Some(requests.map(valid::requests_per_minute).transpose()?);
    }
    if let Some(concurrency) = changed.concurrency {
        change.concurrency = Some(concurrency.map(valid::concurrency).transpose()?);
    }
    if let Some(schedule) = changed.schedule {
        after.schedule = schedule.map(valid::schedule).transpose()?;
        change.schedule = Some(after.schedule.clone());
        if account.state == account::State::New {
            // It has no session to refresh: its due time came from the schedule that goes.
            after.refresh_at = None;
        }
    }
    let disabled = account.state == account::State::Disabled;
    match changed.disabled {
        Some(true) if !disabled => {
            after.state = account::State::Disabled;
            let step =
                Transition::new(TransitionCause::SwitchedOff, after.state, "switched off by an operator");
            change.step = Some(step);
        }
        Some(false) if disabled => {
            let recovered = recovered(&after, now);
            after.state = recovered.state;
            after.refresh_at = recovered.refresh_at;
            change.step = Some(Transition::new(TransitionCause::SwitchedOn, after.state, ""));
        }
        Some(_) | None => {}
    }
    let due = due::next_due(&after, now);
    // A login that ran when the state changed has left a due time of its own.
    if due != account.refresh_at || change.step.is_some() {
        change.refresh_at = Some(due);
    }
    Ok(change)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn account() -> Account {
        Account::new("practice".parse().unwrap(), "alice".to_owned())
    }

    fn switched(disabled: bool) -> ChangedAccount {
        ChangedAccount { disabled: Some(disabled), ..ChangedAccount::default() }
    }

    #[test]
    fn an_account_that_is_switched_off_is_never_due() {
        let now = Timestamp::from_secs(1_000);
        let account = Account { refresh_at: Some(now), state: account::State::Active, ..account() };

        let change = plan_change(&account, switched(true), now).unwrap();

        assert_eq!(change.step.unwrap().to, account::State::Disabled);
        assert_eq!(change.refresh_at, Some(None));
    }

    #[test]
    fn switching_on_returns_to_the_session_that_lives_and_renews_it() {
        let now = Timestamp::from_secs(1_000);
        let state = account::State::Disabled;
        let expires_at = Some(now + Duration::from_secs(60));
        let with_session = Account { state, generation: 3, expires_at, ..account() };

        let change = plan_change(&with_session, switched(false), now).unwrap();

        assert_eq!(change.step.unwrap().to, account::State::Active);
        assert_eq!(change.refresh_at, Some(Some(now)));
        let change = plan_change(&Account { state, ..account() }, switched(false), now).unwrap();
        assert_eq!(change.step.unwrap().to, account::State::New);
        assert_eq!(change.refresh_at, Some(None));
    }

    #[test]
    fn an_account_that_never_signed_in_is_not_due_without_its_schedule() {
        let now = Timestamp::from_secs(1_795_420_800);
        let schedule = Some("0 6 * * *".to_owned());
        let account = Account { schedule, refresh_at: Some(now + Duration::from_secs(60)), ..account() };
        let changed = ChangedAccount { schedule: Some(None), ..ChangedAccount::default() };

        assert_eq!(plan_change(&account, changed, now).unwrap().refresh_at, Some(None));
    }

    #[test]
    fn null_takes_a_schedule_away_and_silence_keeps_it() {
        let read = |json| serde_json::from_str::<ChangedAccount>(json).unwrap().schedule;

        assert_eq!(read(r#"{"schedule":null}"#), Some(None));
        assert_eq!(read("{}"), None);
    }
}
