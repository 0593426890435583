//! Whom the table has asked next.

use std::{cell::Cell, collections::BTreeMap, slice::from_ref, time::Duration};

use super::*;

fn now() -> Timestamp {
    Timestamp::from_secs(1_000)
}

fn site() -> SiteName {
    "practice".parse().unwrap()
}

fn account(pools: &[&str], weight: u32) -> Account {
    Account {
        state: State::Active,
        pools: pools.iter().map(|pool| pool.parse().unwrap()).collect(),
        weight,
        generation: 1,
        expires_at: Some(Timestamp::from_secs(2_000)),
        ..Account::new(site(), "alice".to_owned())
    }
}

fn table(accounts: &[Account]) -> Scheduler {
    let mut table = Scheduler::default();
    table.put_all(accounts.to_vec(), now());
    table
}

fn scope(pools: &[&str]) -> AccountScope {
    AccountScope::of(pools.iter().map(|pool| pool.parse().unwrap()).collect())
}

/// Asks so many times, and says how often each account was asked.
fn shares(scheduler: &mut Scheduler, scope: &AccountScope, times: usize) -> BTreeMap<AccountId, usize> {
    let mut shares = BTreeMap::new();
    for _ in 0..times {
        let next = scheduler.next(&site(), scope, &[], now()).unwrap();
        scheduler.advance_pass(next.id, &site(), scope, now());
        *shares.entry(next.id).or_default() += 1;
    }
    shares
}

fn next(scheduler: &mut Scheduler, at: Timestamp) -> Option<AccountId> {
    scheduler.next(&site(), &AccountScope::All, &[], at).map(|next| next.id)
}

#[test]
fn a_buried_generation_serves_no_more_and_a_newer_one_does() {
    let old = account(&[], 1);
    let mut table = table(from_ref(&old));
    table.invalidate_generation(old.id, 1, now());
    assert_eq!(next(&mut table, now()), None);
    assert_eq!(table.awaiting_session(&site(), &AccountScope::All, &[], 4), [(old.id, 1)]);

    table.put(old.id, Some(Account { generation: 2, ..old.clone() }), now());

    assert_eq!(next(&mut table, now()), Some(old.id));
    assert!(table.serves_newer(old.id, 1, now()));
}

#[test]
fn a_generation_never_goes_back() {
    let newer = Account { generation: 3, ..account(&[], 1) };
    let mut table = table(from_ref(&newer));

    table.put(newer.id, Some(Account { generation: 2, ..newer.clone() }), now());

    assert_eq!(next(&mut table, now()), None);
}

#[test]
fn turns_are_shared_by_weight_and_the_longest_rested_is_next() {
    let accounts = [account(&[], 1), account(&[], 1), account(&[], 4)];
    let mut table = table(&accounts);

    let shares = shares(&mut table, &AccountScope::All, 600);

    // Where they began is chance, and worth at most one turn to each of the others.
    for (account, expected) in accounts.iter().zip([100, 100, 400]) {
        assert!(shares[&account.id].abs_diff(expected) <= 2, "{shares:?}");
    }
    let order: Vec<_> =
        (0..6).map(|_| table.next(&site(), &scope(&[]), &[accounts[2].id], now()).unwrap().id).collect();
    assert!(order.windows(2).all(|pair| pair[0] == pair[1]), "who was not asked stays in front");
}

#[test]
fn whoever_comes_late_is_not_owed_what_it_missed() {
    let first = account(&[], 1);
    let late = account(&[], 1);
    let mut table = table(from_ref(&first));
    shares(&mut table, &AccountScope::All, 100);

    table.put(late.id, Some(late.clone()), now());

    let shares = shares(&mut table, &AccountScope::All, 100);
    assert!(shares[&first.id].abs_diff(shares[&late.id]) <= 2, "{shares:?}");
}

#[test]
fn a_scope_has_the_accounts_of_its_pools_as_they_are_now() {
    let (mut a, both, none) = (account(&["a"], 1), account(&["a", "b"], 1), account(&[], 1));
    let mut table = table(&[a.clone(), both.clone(), none.clone()]);

    assert_eq!(shares(&mut table, &scope(&["b"]), 10).into_keys().collect::<Vec<_>>(), [both.id]);
    assert_eq!(shares(&mut table, &scope(&["a"]), 10).len(), 2);
    assert_eq!(shares(&mut table, &AccountScope::All, 30).len(), 3);
    assert!(!table.has(&site(), &scope(&["c"])));
    assert_eq!(table.candidate(none.id, &scope(&["a"]), now()), None);

    a.pools = ["b".parse().unwrap()].into();
    table.put(a.id, Some(a.clone()), now());

    assert_eq!(shares(&mut table, &scope(&["a"]), 10).into_keys().collect::<Vec<_>>(), [both.id]);
    assert_eq!(shares(&mut table, &scope(&["b"]), 10).len(), 2);
}

#[test]
fn what_one_scope_asks_of_an_account_starves_no_other_scope() {
    let mine = account(&[], 1);
    let shared = account(&["a"], 1);
    let mut table = table(&[mine.clone(), shared.clone()]);
    shares(&mut table, &scope(&["a"]), 1_000);

    let shares = shares(&mut table, &AccountScope::All, 100);

    assert!(shares[&mine.id].abs_diff(shares[&shared.id]) <= 2, "{shares:?}");
}

#[test]
fn whoever_is_set_aside_comes_back_when_its_time_is_over() {
    let limited = account(&[], 1);
    let spent = account(&[], 1);
    let mut table = table(&[limited.clone(), spent.clone()]);
    let [soon, later] = [10, 20].map(|secs| now() + Duration::from_secs(secs));

    table.set_cooldown(limited.id, Cooldown::RateLimited(later), now());
    table.set_cooldown(spent.id, Cooldown::TurnsSpent(soon), now());

    assert_eq!(next(&mut table, now()), None);
    assert_eq!(table.limited(&site(), &AccountScope::All, &[]), Some(Cooldown::TurnsSpent(soon)));
    assert_eq!(table.limited(&site(), &AccountScope::All, &[spent.id]), Some(Cooldown::RateLimited(later)));
    assert_eq!(next(&mut table, soon), Some(spent.id));
    assert_eq!(table.limited(&site(), &AccountScope::All, &[]), Some(Cooldown::RateLimited(later)));
}

#[test]
fn a_newer_session_ends_what_the_older_was_set_aside_for() {
    let old = account(&[], 1);
    let mut table = table(from_ref(&old));
    table.set_cooldown(old.id, Cooldown::Cooling(Timestamp::from_secs(1_900)), now());
    table.put(old.id, Some(old.clone()), now());
    assert_eq!(next(&mut table, now()), None);

    table.put(old.id, Some(Account { generation: 2, ..old.clone() }), now());

    assert_eq!(next(&mut table, now()), Some(old.id));
}

#[test]
fn a_session_that_ended_since_it_was_read_is_not_used() {
    let short = account(&[], 1);
    let mut table = table(from_ref(&short));
    assert_eq!(next(&mut table, now()), Some(short.id));

    assert_eq!(next(&mut table, Timestamp::from_secs(2_000)), None);
    assert_eq!(table.awaiting_session(&site(), &AccountScope::All, &[], 4), [(short.id, 1)]);
    assert_eq!(table.awaiting_session(&site(), &AccountScope::All, &[short.id], 4), []);
}

thread_local! {
    static LOOKS: Cell<usize> = const { Cell::new(0) };
}

/// Counts how often an account is looked at.
pub(super) fn looked() {
    LOOKS.set(LOOKS.get() + 1);
}

/// The looks at accounts that a thousand choices of so many need.
fn looks(count: usize) -> usize {
    let accounts: Vec<Account> = (0..count).map(|_| account(&["a"], 1)).collect();
    let mut table = table(&accounts);
    for scope in [AccountScope::All, scope(&["a"])] {
        table.next(&site(), &scope, &[], now());
    }
    LOOKS.set(0);
    for _ in 0..500 {
        for scope in [AccountScope::All, scope(&["a"])] {
            let next = table.next(&site(), &scope, &[], now()).unwrap();
            table.advance_pass(next.id, &site(), &scope, now());
        }
    }
    LOOKS.get()
}

#[test]
fn a_choice_looks_at_as_many_of_ten_thousand_accounts_as_of_ten() {
    let few = looks(10);

    assert_eq!(looks(10_000), few);
    assert!(few <= 2_000, "{few} looks for 1000 choices");
}
