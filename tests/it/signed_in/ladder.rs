//! The ladder: a request, then a browser with what it kept, then the recipe; a password last.

use std::time::Duration;

use latchkey_shared::account::{Account, Rung, State};
use support::{
    practice::{Counts, PracticeOptions},
    wait,
    world::World,
};

use super::{PRACTICE, renewed_over_http};

const SOON: Duration = Duration::from_secs(30);

/// Logins of alice by password, by a known browser, and renewals.
fn counted(world: &World) -> [u32; 3] {
    let Counts { logins, silent_logins, renewals, .. } = world.practice.counts("alice");
    [logins, silent_logins, renewals]
}

async fn sign_in(world: &World) -> Account {
    let admin = world.admin();
    let operation = admin.sign_in(world.account("alice")).await;
    assert!(operation.error.is_none(), "{operation:#?}");
    admin.account(world.account("alice")).await
}

fn rung(account: &Account) -> Option<Rung> {
    account.last_login.as_ref().and_then(|login| login.rung)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_renewed_over_http_without_a_browser_and_works() {
    let options = PracticeOptions { renewals: Some(2), ..PracticeOptions::default() };
    let world = World::start().practice(options).site_file(renewed_over_http()).signed_in("alice").await;
    assert_eq!(rung(&world.admin().account(world.account("alice")).await), Some(Rung::Recipe));

    let account = sign_in(&world).await;

    assert_eq!((counted(&world), rung(&account)), ([1, 0, 1], Some(Rung::Http)));
    assert_eq!(account.evidence.unwrap().seen, "the site's /api/me was answered with /username");
    world.practice.expire_issued_before_the_last("alice");
    assert_eq!(world.adapter().ask("hi").await.status, 200);
    sign_in(&world).await;
    assert_eq!(rung(&sign_in(&world).await), Some(Rung::Recipe), "the third renewal is one too many");
    assert_eq!(counted(&world), [2, 0, 2]);
    assert_eq!(rung(&sign_in(&world).await), Some(Rung::Http), "and the next login is good for two again");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_the_site_knows_is_signed_in_with_nothing_typed() {
    let options = PracticeOptions { remember: true, ..PracticeOptions::default() };
    let world = World::start().practice(options).signed_in("alice").await;

    let account = sign_in(&world).await;

    assert_eq!((counted(&world), rung(&account)), ([1, 1, 0], Some(Rung::Restored)));
    assert_eq!(world.adapter().ask("hi").await.status, 200);
    world.practice.forget_browsers();
    assert_eq!(rung(&sign_in(&world).await), Some(Rung::Recipe));
    assert_eq!(counted(&world), [2, 1, 0]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_stays_unclear_is_not_looked_at_for_all_its_time() {
    let options = PracticeOptions { remember: true, ..PracticeOptions::default() };
    let longer = PRACTICE.replace("step_timeout = \"10s\"", "step_timeout = \"5m\"");
    let longer = longer.replace("timeout = \"60s\"", "timeout = \"5m\"");
    assert_eq!(longer.matches("\"5m\"").count(), 2);
    let file = longer + "\n[refresh]\nsigned_in = { visible = \"#nowhere\" }\n";
    let world = World::start().practice(options).site_file(file).signed_in("alice").await;

    // Which is waited for less long than one step may take.
    let account = sign_in(&world).await;

    assert_eq!((counted(&world), rung(&account)), ([2, 2, 0], Some(Rung::Recipe)));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_credentials_never_renew_the_session_of_the_old_ones() {
    let options = PracticeOptions {
        renewals: Some(9),
        remember: true,
        ..PracticeOptions::with_accounts(&["alice", "bob"])
    };
    let world = World::start().practice(options).site_file(renewed_over_http()).signed_in("alice").await;

    world.admin().give(world.account("alice"), "bob", support::practice::PASSWORD).await;
    let account = sign_in(&world).await;

    assert_eq!(rung(&account), Some(Rung::Recipe));
    assert_eq!((counted(&world), world.practice.counts("bob").logins), ([1, 0, 0], 1));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_that_is_down_is_not_asked_for_more_than_a_renewal() {
    let options = PracticeOptions { renewals: Some(9), ..PracticeOptions::default() };
    let world = World::start().practice(options).site_file(renewed_over_http()).signed_in("alice").await;

    world.practice.stop().await;
    let operation = world.admin().sign_in(world.account("alice")).await;

    let error = operation.error.expect("nothing can be renewed");
    assert_eq!((error.code.as_str(), operation.steps.len()), ("site_down", 2), "{:?}", operation.steps);
    let account = world.admin().account(world.account("alice")).await;
    assert_eq!(account.state, State::Cooldown);
    assert!(account.serves(latchkey_shared::time::Timestamp::now()), "what lives serves on");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_renewed_ahead_of_their_end_by_whichever_broker_is_free() {
    let options = PracticeOptions {
        renewals: Some(99),
        token_life: Duration::from_secs(9),
        ..PracticeOptions::default()
    };
    let start = World::start().practice(options).site_file(renewed_over_http()).brokers(2);
    let world = start.signed_in("alice").await;

    let admin = world.admin();

    let id = world.account("alice");
    wait::until_some(SOON, async || (admin.account(id).await.generation >= 4).then_some(())).await;

    assert_eq!(world.practice.counts("alice").logins, 1);
    world.stop().await;
}
