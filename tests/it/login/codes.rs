//! One-time codes: each typed once, whoever has the seed, and none taken for a wrong password too soon.

use latchkey_broker::login::FailureCode;
use latchkey_shared::account::State;
use support::{
    practice::{self, PASSWORD, PracticeAccount, PracticeOptions, TOTP_SEED},
    world::World,
};

use super::bench::{self, Bench};

#[tokio::test(flavor = "multi_thread")]
async fn two_accounts_with_one_seed_never_show_a_site_the_same_code() {
    let totp_seed = Some(TOTP_SEED.to_owned());
    let bob = PracticeAccount { totp_seed: totp_seed.clone(), ..PracticeAccount::new("bob") };
    let site =
        PracticeOptions { totp_seed, accounts: vec![bob], codes_once: true, ..PracticeOptions::default() };
    let world = World::start().practice(site).await;
    let admin = world.admin();
    // One of them as its owner's authenticator spells it.
    let alice = admin.add("alice", PASSWORD, Some(TOTP_SEED)).await;
    let bob = admin.add("bob", PASSWORD, Some(&TOTP_SEED.to_lowercase())).await;

    let (one, other) = tokio::join!(admin.sign_in(alice.id), admin.sign_in(bob.id));

    assert!(one.error.is_none() && other.error.is_none(), "{one:#?}\n{other:#?}");
    for name in ["alice", "bob"] {
        let counts = world.practice.counts(name);
        assert_eq!((counts.logins, counts.wrong_codes), (1, 0), "{name}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_is_refused_once_is_followed_by_a_fresh_one() {
    let site =
        |site: &mut PracticeOptions| (site.totp_seed, site.refuse_codes) = (Some(TOTP_SEED.to_owned()), 1);
    let practice = bench::practice(site).await;
    let bench = Bench::practice(&practice).await;
    bench.store_credentials(PASSWORD, Some(TOTP_SEED)).await;

    bench.sign_in().await.unwrap();

    let counts = practice.counts(practice::USERNAME);
    assert_eq!((counts.wrong_codes, counts.logins), (1, 1));
    assert_eq!(bench.now().await.state, State::Active);
    assert!(std::fs::read_dir(bench.artefacts.path()).unwrap().next().is_none(), "it is no failure");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_code_that_is_refused_too_means_that_the_credentials_are_wrong() {
    let site = |site: &mut PracticeOptions| {
        site.totp_seed = Some(TOTP_SEED.to_owned());
        site.refuse_codes = 9;
        site.lockout_after = 9;
    };
    let practice = bench::practice(site).await;
    let bench = Bench::practice(&practice).await;
    bench.store_credentials(PASSWORD, Some(TOTP_SEED)).await;

    let failure = bench.sign_in().await.unwrap_err();

    assert_eq!(failure.code, FailureCode::CredentialsRejected, "{failure:?}");
    assert_eq!(practice.counts(practice::USERNAME).wrong_codes, 2);
    assert_eq!(bench.now().await.state, State::CredentialsRejected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_typed_once_where_codes_are_asked_for() {
    let practice = bench::practice(|site| site.totp_seed = Some(TOTP_SEED.to_owned())).await;
    let bench = Bench::practice(&practice).await;
    bench.store_credentials("wrong-horse-battery", Some(TOTP_SEED)).await;

    let failure = bench.sign_in().await.unwrap_err();

    assert_eq!(failure.code, FailureCode::CredentialsRejected, "{failure:?}");
    assert_eq!(practice.counts(practice::USERNAME).wrong_passwords, 1);
}
