//! Places of accounts and of sites: how many, how often, whose.

use latchkey_shared::{
    id::AccountId,
    site::SharedLimits,
    store::{LeaseOutcome, LeaseTerms, LeaseToken},
};

use super::*;

const TERMS: LeaseTerms<'_> =
    LeaseTerms { concurrency: 2, requests_per_minute: None, pools: None, absent: "", ttl: TTL };

/// Asks for one lease; its token, if it is granted.
async fn lease(store: &TestStore, id: AccountId, terms: LeaseTerms<'_>) -> Result<LeaseToken, LeaseOutcome> {
    let token = LeaseToken::draw();
    match store.adapter.lease(id, &token, terms).await.unwrap() {
        LeaseOutcome::Held => Ok(token),
        refused => Err(refused),
    }
}

async fn lease_site(store: &TestStore, limits: SharedLimits) -> Result<LeaseToken, LeaseOutcome> {
    let token = LeaseToken::draw();
    match store.adapter.lease_site(&practice(), &token, limits, "", TTL).await.unwrap() {
        LeaseOutcome::Held => Ok(token),
        refused => Err(refused),
    }
}

/// Has all that was counted in the last minute happen so much earlier.
async fn pass(redis: &Redis, key: &str, time: Duration) {
    let mut redis = redis.connection().await;
    let begun: Vec<(String, u64)> =
        redis::cmd("ZRANGE").arg(key).arg(0).arg(-1).arg("WITHSCORES").query_async(&mut redis).await.unwrap();
    for (token, at) in begun {
        let earlier = at - u64::try_from(time.as_millis()).unwrap();
        redis::cmd("ZADD").arg(key).arg(earlier).arg(token).exec_async(&mut redis).await.unwrap();
    }
}

#[tokio::test]
async fn leases_end_at_the_limit_and_come_back() {
    let redis = Redis::start().await;
    let store = store(&redis).await;
    let id = account(&store, "alice").await.id;

    let first = lease(&store, id, TERMS).await.unwrap();
    assert!(lease(&store, id, TERMS).await.is_ok());
    assert_eq!(lease(&store, id, TERMS).await, Err(LeaseOutcome::Full));

    assert!(store.adapter.renew_lease(id, &first, TTL).await.unwrap());
    store.adapter.release_lease(id, &first).await.unwrap();
    assert!(!store.adapter.renew_lease(id, &first, TTL).await.unwrap());
    assert!(lease(&store, id, TERMS).await.is_ok());
    assert_eq!(store.leases(id).await.unwrap(), 2);
    let other = account(&store, "bob").await.id;
    assert_eq!(store.leases_of(&[other, id]).await.unwrap(), [0, 2]);
}

#[tokio::test]
async fn a_lease_that_nobody_renews_ends_by_itself() {
    let redis = Redis::start().await;
    let store = store(&redis).await;
    let id = account(&store, "alice").await.id;
    let short = LeaseTerms { concurrency: 1, ttl: Duration::from_millis(200), ..TERMS };
    assert!(lease(&store, id, short).await.is_ok());

    let free = async || lease(&store, id, short).await.is_ok().then_some(());
    wait::until_some(Duration::from_secs(5), free).await;
}

#[tokio::test]
async fn a_cooling_account_is_not_leased_and_a_longer_cooldown_stays() {
    let redis = Redis::start().await;
    let store = store(&redis).await;
    let id = account(&store, "alice").await.id;

    store.adapter.cool(id, "rate_limited", TTL).await.unwrap();
    store.adapter.cool(id, "session_expired", Duration::from_secs(1)).await.unwrap();

    let Err(LeaseOutcome::Cooling { reason, left }) = lease(&store, id, TERMS).await else {
        panic!("the account is cooling")
    };
    assert!(reason == "rate_limited" && left > Duration::from_secs(20), "{reason} {left:?}");
    assert_eq!(store.cooldown(id).await.unwrap().unwrap().0, "rate_limited");
}

#[tokio::test]
async fn no_minute_has_more_turns_than_may_begin_in_it() {
    let redis = Redis::start().await;
    let store = store(&redis).await;
    let id = account(&store, "alice").await.id;
    let terms = LeaseTerms { concurrency: 100, requests_per_minute: Some(2), ..TERMS };
    let rate = format!("lk:{{{id}}}:rate");
    let spent = async || match lease(&store, id, terms).await {
        Err(LeaseOutcome::Spent(left)) => left,
        other => panic!("{other:?}"),
    };

    let first = lease(&store, id, terms).await.unwrap();
    pass(&redis, &rate, Duration::from_secs(40)).await;
    let second = lease(&store, id, terms).await.unwrap();
    store.adapter.release_lease(id, &first).await.unwrap();
    let left = spent().await;
    assert!(Duration::from_secs(10) < left && left <= Duration::from_secs(20), "{left:?}");

    // The first is over a minute old, the second is not; one that is undone never began.
    pass(&redis, &rate, Duration::from_secs(25)).await;
    let third = lease(&store, id, terms).await.unwrap();
    let left = spent().await;
    assert!(Duration::from_secs(25) < left && left <= Duration::from_secs(35), "{left:?}");
    store.adapter.undo_lease(id, &third).await.unwrap();
    assert!(lease(&store, id, terms).await.is_ok());
    assert_ne!(first, second);
}

#[tokio::test]
async fn a_sites_places_are_counted_over_all_its_accounts() {
    let redis = Redis::start().await;
    let store = store(&redis).await;
    let limits = SharedLimits { concurrency: Some(2), requests_per_minute: Some(3) };

    let first = lease_site(&store, limits).await.unwrap();
    lease_site(&store, limits).await.unwrap();
    assert_eq!(lease_site(&store, limits).await, Err(LeaseOutcome::Full));

    store.adapter.release_site_lease(&practice(), &first).await.unwrap();
    assert!(!store.adapter.renew_site_lease(&practice(), &first, TTL).await.unwrap());
    let third = lease_site(&store, limits).await.unwrap();
    store.adapter.release_site_lease(&practice(), &third).await.unwrap();
    assert!(matches!(lease_site(&store, limits).await, Err(LeaseOutcome::Spent(_))));
    store.adapter.undo_site_lease(&practice(), &third).await.unwrap();
    assert!(lease_site(&store, limits).await.is_ok());
}

#[tokio::test]
async fn an_account_is_leased_only_for_a_pool_that_it_is_in_now() {
    let redis = Redis::start().await;
    let store = store(&redis).await;
    let id = account(&store, "alice").await.id;
    let set = |pools: &[&str]| pools.iter().map(|pool| pool.parse().unwrap()).collect();
    let change = async |pools: &[&str]| {
        let change = AccountChange { pools: Some(set(pools)), ..AccountChange::default() };
        assert!(store.change_account(id, change).await.unwrap());
    };
    let for_pools = async |pools: &[&str]| {
        let pools = set(pools);
        let terms = LeaseTerms { concurrency: 100, pools: Some(&pools), ..TERMS };
        lease(&store, id, terms).await.map(drop)
    };

    assert_eq!(for_pools(&["team"]).await, Err(LeaseOutcome::Gone), "it is in none");
    change(&["team-a", "b"]).await;
    for (pools, expected) in [
        (&["team-a"][..], Ok(())),
        (&["x", "b"][..], Ok(())),
        (&["team"][..], Err(LeaseOutcome::Gone)),
        (&["team-a-b"][..], Err(LeaseOutcome::Gone)),
        (&["a"][..], Err(LeaseOutcome::Gone)),
    ] {
        assert_eq!(for_pools(pools).await, expected, "{pools:?}");
    }
    change(&["b"]).await;
    assert_eq!(for_pools(&["team-a"]).await, Err(LeaseOutcome::Gone), "it has left");
}

#[tokio::test]
async fn an_account_that_is_switched_off_or_gone_is_not_leased() {
    let redis = Redis::start().await;
    let store = store(&redis).await;
    let id = account(&store, "alice").await.id;
    let step = Some(Transition::new(TransitionCause::SwitchedOff, State::Disabled, ""));
    let off = AccountChange { step, ..AccountChange::default() };
    store.change_account(id, off).await.unwrap();

    assert_eq!(lease(&store, id, TERMS).await, Err(LeaseOutcome::Gone));
    assert_eq!(lease(&store, AccountId::new(), TERMS).await, Err(LeaseOutcome::Gone));
}

#[tokio::test]
async fn what_a_dead_adapter_held_is_counted_until_its_presence_ends_and_no_longer() {
    let redis = Redis::start().await;
    let store = store(&redis).await;
    let alice = account(&store, "alice").await.id;
    let bob = account(&store, "bob").await.id;
    for adapter in ["01dead", "01here"] {
        store.adapter.attend(adapter, None).await.unwrap();
        for id in [alice, bob] {
            let token = LeaseToken::of(adapter);
            assert_eq!(store.adapter.lease(id, &token, TERMS).await.unwrap(), LeaseOutcome::Held);
        }
    }
    assert_eq!(store.leases_of(&[alice, bob]).await.unwrap(), [2, 2]);

    let mut line = redis.connection().await;
    let said: String =
        redis::cmd("HGET").arg("lk:adapters").arg("01dead").query_async(&mut line).await.unwrap();
    let (at, claimed) = said.split_once(' ').unwrap();
    let earlier = format!("{} {claimed}", at.parse::<u64>().unwrap() - 10_000);
    redis::cmd("HSET").arg("lk:adapters").arg("01dead").arg(earlier).exec_async(&mut line).await.unwrap();

    assert_eq!(store.leases_of(&[alice, bob]).await.unwrap(), [1, 1]);
    assert_eq!(store.leases(alice).await.unwrap(), 1);
}
