//! A site that refuses several accounts has changed, or somebody else has: nothing is typed there unasked.

use std::time::Duration;

use latchkey_shared::{account::State, time::Timestamp};
use support::{
    practice::{PASSWORD, PracticeOptions, REFRESH_TABLE},
    wait,
    world::World,
};

use crate::chat::SITE_FILE;

const SOON: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn three_refused_accounts_pause_a_site_until_an_operator_signs_in_well() {
    let names = ["anna", "bert", "carl", "dora"];
    let renewed = REFRESH_TABLE.replace("[refresh.http]", "[refresh.http]\ntimeout = \"2m\"");
    let start = World::start()
        .practice(PracticeOptions::with_accounts(&names))
        .site_file(SITE_FILE.to_owned() + &renewed);
    let world = start.signed_in("dora").await;
    let admin = world.admin();
    let dora = world.account("dora");
    for name in &names[..3] {
        let refused = admin.add(name, "wrong-horse-battery", None).await;
        assert_eq!(admin.sign_in(refused.id).await.error.unwrap().code, "credentials_rejected");
    }

    world.practice.expire_all();
    world.store.set_due(dora, Timestamp::now()).await.unwrap();
    let paused = wait::until_some(SOON, async || {
        let account = admin.account(dora).await;
        (account.state == State::Cooldown).then_some(account)
    })
    .await;

    assert_eq!(paused.reason, "site_paused");
    assert_eq!(world.practice.counts("dora").logins, 1);
    // An operator may, even where the login that he joins is one that is refused. The site keeps that one until he has.
    world.practice.change(|site| site.hold_renewals = true);
    world.store.set_due(dora, Timestamp::now()).await.unwrap();
    wait::until_some(SOON, async || (admin.account(dora).await.state == State::Refreshing).then_some(()))
        .await;
    let joined = admin.start_login(dora).await;
    world.practice.change(|site| site.hold_renewals = false);
    assert!(admin.finish(&joined).await.error.is_none());
    assert_eq!(world.store.site_paused(&"practice".parse().unwrap()).await.unwrap(), None);
    assert_eq!(world.practice.counts("dora").logins, 2);
    let anna = admin.accounts().await.into_iter().find(|account| account.label == "anna").unwrap();
    admin.give(anna.id, "anna", PASSWORD).await;
    assert!(admin.sign_in(anna.id).await.error.is_none());
    world.stop().await;
}
