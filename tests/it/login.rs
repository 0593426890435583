//! Logins in a real Chromium: what is typed where, what is brought back, and how each failure is told.

use std::time::Duration;

use latchkey_broker::login::{self, FailureCode, LoginProgress, Trigger};
use latchkey_shared::{account::State, time::Timestamp};
use support::{practice, wait};

mod bench;
mod codes;
mod crash;
mod fake;
mod killed;
mod once;
mod picture;
mod ports;
mod targets;
pub(crate) mod tls;

use bench::{Bench, bearer, practice_site};

#[tokio::test(flavor = "multi_thread")]
async fn a_login_with_a_one_time_code_publishes_a_session_that_works() {
    let practice = bench::practice(|site| site.totp_seed = Some(practice::TOTP_SEED.to_owned())).await;
    let bench = Bench::practice(&practice).await;
    bench.store_credentials(practice::PASSWORD, Some("jbsw y3dp ehpk 3pxp jbsw y3dp ehpk 3pxp")).await;

    let done = bench.sign_in().await.unwrap();

    let session = bench.session().await.unwrap();

    let account = bench.now().await;
    assert_eq!(bearer(&session), practice.issued()[0].token);
    assert_eq!(session.cookies[0].name, practice::COOKIE);
    assert!(session.user_agent.contains("Chrome"), "{}", session.user_agent);
    assert_eq!((account.state, account.generation), (State::Active, done.generation));
    assert_eq!(account.last_login.unwrap().result, "ok");
    let life = session.captured_at.until(done.expires_at);
    assert!(life <= Duration::from_secs(3600) && life > Duration::from_secs(3500), "{life:?}");
    let refresh = session.captured_at.until(account.refresh_at.unwrap());
    assert!(refresh > life / 2 && refresh < life.mul_f64(0.81), "{refresh:?}");
    let counts = practice.counts(practice::USERNAME);
    assert_eq!((counts.logins, counts.wrong_passwords, counts.wrong_codes), (1, 0, 0));
    let progress = bench.progress.lock().unwrap();
    let last = [LoginProgress::Capturing, LoginProgress::Probing, LoginProgress::Publishing];
    assert_eq!((progress.len(), &progress[7..]), (10, &last[..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_typed_once_and_an_earlier_session_keeps_serving() {
    let practice = bench::practice(|_| {}).await;
    let bench = Bench::practice(&practice).await;
    bench.sign_in().await.unwrap();
    bench.store_credentials("wrong-horse-battery", None).await;

    let failure = bench.sign_in().await.unwrap_err();

    let account = bench.now().await;
    assert_eq!(failure.code, FailureCode::CredentialsRejected, "{failure:?}");
    assert!(account.reason.starts_with("credentials_rejected at step "), "{}", account.reason);
    assert_eq!(account.state, State::CredentialsRejected);
    assert_eq!(account.refresh_at, None);
    assert!(account.serves(Timestamp::now()));
    assert_eq!(practice.counts(practice::USERNAME).wrong_passwords, 1);
    assert_eq!(bearer(&bench.session().await.unwrap()), practice.issued()[0].token);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_account_is_left_alone() {
    let practice = bench::practice(|site| site.lockout_after = 1).await;
    let bench = Bench::practice(&practice).await;
    bench.store_credentials("wrong-horse-battery", None).await;
    bench.sign_in().await.unwrap_err();

    let failure = bench.sign_in().await.unwrap_err();

    assert_eq!(failure.code, FailureCode::AccountLocked, "{failure:?}");
    assert_eq!(bench.now().await.state, State::SiteLocked);
    assert_eq!(bench.now().await.refresh_at, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_that_asks_for_a_code_without_a_seed_says_that_the_seed_is_missing() {
    let practice = bench::practice(|site| site.totp_seed = Some(practice::TOTP_SEED.to_owned())).await;
    let bench = Bench::practice(&practice).await;

    let failure = bench.sign_in().await.unwrap_err();

    assert_eq!(failure.code, FailureCode::NoCredentials, "{failure:?}");
    assert!(failure.message.contains("TOTP seed"), "{}", failure.message);
    assert_eq!(failure.step.unwrap().target, "input[name=code]");
    assert_eq!(bench.now().await.state, State::NeedsHuman);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_page_at_another_allowed_origin_is_typed_at() {
    let practice = bench::practice(|site| site.cross_origin = true).await;
    let origin = practice.identity_url().origin().ascii_serialization();
    let allow = |toml: String| toml.replace("[site]", &format!("[site]\norigins = [\"{origin}\"]"));
    let bench = Bench::new(practice_site(&practice.url, allow)).await;

    bench.sign_in().await.unwrap();

    assert_eq!(bearer(&bench.session().await.unwrap()), practice.issued()[0].token);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_typed_at_a_foreign_origin() {
    let practice = bench::practice(|site| site.foreign_origin = true).await;
    let bench = Bench::practice(&practice).await;

    let failure = bench.sign_in().await.unwrap_err();

    assert_eq!(failure.code, FailureCode::OriginViolation, "{failure:?}");
    assert!(failure.message.contains(practice.foreign_url().as_str().trim_end_matches('/')));
    assert_eq!(failure.step.unwrap().index, 2);
    assert!(practice.foreign_submissions().is_empty());
    assert_eq!(bench.now().await.state, State::NeedsHuman);
}

#[tokio::test(flavor = "multi_thread")]
async fn dialogs_a_hanging_image_a_shadow_root_and_a_slow_answer_do_not_stop_a_login() {
    let practice = bench::practice(|site| {
        site.dialog = true;
        site.hanging_image = true;
        site.shadow_dom = true;
        site.slow_login = Duration::from_secs(3);
    });
    let practice = practice.await;
    let bench = Bench::practice(&practice).await;

    bench.sign_in().await.unwrap();

    assert_eq!(practice.counts(practice::USERNAME).logins, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_hangs_ends_the_step_and_not_the_broker() {
    let practice = bench::practice(|site| site.hung_renderer = true).await;
    // Only the step's own time ends this while the test lasts.
    let quick = |toml: String| {
        toml.replace("step_timeout = \"10s\"", "step_timeout = \"2s\"")
            .replace("timeout = \"60s\"", "timeout = \"10m\"")
    };
    let bench = Bench::new(practice_site(&practice.url, quick)).await;

    let failure = bench.sign_in().await.unwrap_err();

    assert_eq!(failure.code, FailureCode::NavigationTimeout, "{failure:?}");
    assert_eq!(bench.now().await.state, State::Cooldown);
    practice.change(|site| site.hung_renderer = false);
    bench.sign_in().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_that_answers_everything_with_its_login_page_fails_the_probe() {
    let practice = bench::practice(|site| site.login_page_everywhere = true).await;
    let bench = Bench::practice(&practice).await;

    let failure = bench.sign_in().await.unwrap_err();

    assert_eq!(failure.code, FailureCode::ProbeFailed, "{failure:?}");
    assert!(bench.session().await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_that_is_not_there_is_down_and_tried_again_later_and_later() {
    let practice = bench::practice(|_| {}).await;
    let bench = Bench::practice(&practice).await;
    practice.stop().await;

    let mut waits = Vec::new();
    for _ in 0..4 {
        let failure = bench.sign_in().await.unwrap_err();
        assert_eq!(failure.code, FailureCode::SiteDown, "{failure:?}");
        let account = bench.now().await;
        assert_eq!(account.state, State::Cooldown);
        waits.push(account.last_login.unwrap().at.until(account.refresh_at.unwrap()));
    }

    assert!(waits[0] <= Duration::from_millis(5100), "{waits:?}");
    assert!(waits[3] >= Duration::from_secs(20), "{waits:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_the_page_does_not_have_is_named() {
    let practice = bench::practice(|_| {}).await;
    let more = |toml: String| toml.replace("[\"practice_session\"]", "[\"practice_session\", \"csrf-*\"]");
    let bench = Bench::new(practice_site(&practice.url, more)).await;

    let failure = bench.sign_in().await.unwrap_err();

    assert_eq!(failure.code, FailureCode::CaptureMissing, "{failure:?}");
    assert!(failure.message.contains("cookie csrf-*"), "{}", failure.message);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bearer_is_found_in_the_answer_of_the_login_call_even_if_the_page_leaves_at_once() {
    let script = "form.onsubmit = (event) => { event.preventDefault(); \
        fetch('/api/signin', {method: 'POST'}).then(() => { location.href = '/login#in'; location.reload(); }); }";
    let (_server, url) = fake::page(script).await;
    let rule = r#"{ response = "/api/signin", pointer = "/data/token" }"#;
    let steps = fake::submit_and_wait_for(r#"{ url = "{base_url}/login#in" }"#);
    let bench = Bench::new(fake::site(&url, rule, &steps)).await;

    bench.sign_in().await.unwrap();

    assert_eq!(bearer(&bench.session().await.unwrap()), "fake-token");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bearer_is_found_in_a_request_of_the_page() {
    let script = "form.onsubmit = (event) => { event.preventDefault(); \
        fetch('/api/me', {headers: {Authorization: 'Bearer fake-token'}}).then(() => say.textContent = 'welcome'); }";
    let (_server, url) = fake::page(script).await;
    let steps = fake::submit_and_wait_for(r#"{ text = "welcome" }"#);
    let bench = Bench::new(fake::site(&url, r#"{ request = "/api" }"#, &steps)).await;

    bench.sign_in().await.unwrap();

    assert_eq!(bearer(&bench.session().await.unwrap()), "fake-token");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_option_is_chosen_and_a_key_is_pressed() {
    let script = "form.onsubmit = (event) => { event.preventDefault(); \
        if (form.realm.value === '2') document.cookie = 'jwt=fake-token'; };";
    let (_server, url) = fake::page(script).await;
    let steps = "[[login.steps]]\nchoose = \"select\"\nvalue = \"Guests\"\n\
        [[login.steps]]\nfill = \"input[name=username]\"\nvalue = \"{username}\"\n\
        [[login.steps]]\npress = \"Enter\"";
    let bench = Bench::new(fake::site(&url, r#"{ cookie = "jwt" }"#, steps)).await;

    bench.sign_in().await.unwrap();

    assert_eq!(bearer(&bench.session().await.unwrap()), "fake-token");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_means_what_the_site_file_says() {
    let (_server, url) =
        fake::page("form.onsubmit = () => { say.textContent = 'no way'; return false; };").await;
    let steps = fake::submit_and_wait_for(r#"{ text = "welcome" }"#);
    let mut bench = Bench::new(fake::site(&url, r#"{ cookie = "none" }"#, &steps)).await;

    for (means, code, state) in [
        ("rate_limited", FailureCode::RateLimited, State::Cooldown),
        ("site_down", FailureCode::SiteDown, State::Cooldown),
        ("captcha_required", FailureCode::CaptchaRequired, State::NeedsHuman),
        ("consent_required", FailureCode::ConsentRequired, State::NeedsHuman),
        ("approval_required", FailureCode::ApprovalRequired, State::NeedsHuman),
        ("password_expired", FailureCode::PasswordExpired, State::NeedsHuman),
        ("human_required", FailureCode::HumanRequired, State::NeedsHuman),
    ] {
        let refusal =
            format!("{steps}\n[[login.refusals]]\nmeans = \"{means}\"\nwhen = {{ text = \"no way\" }}");
        bench.site = fake::site(&url, r#"{ cookie = "none" }"#, &refusal);
        let failure = bench.sign_in().await.unwrap_err();
        assert_eq!(failure.code, code, "{failure:?}");
        let now = bench.now().await;
        assert_eq!(now.state, state);
        assert!(now.reason.starts_with(means), "{}", now.reason);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unclear_end_after_the_password_is_tried_once_more_and_no_further() {
    let (_server, url) = fake::page("form.onsubmit = () => { say.textContent = 'hm'; return false; };").await;
    let steps = "[[login.steps]]\nclick = \"button\"\n[[login.steps]]\nassert = { text = \"welcome\" }";
    let bench = Bench::new(fake::site(&url, r#"{ cookie = "none" }"#, steps)).await;

    for state in [State::Cooldown, State::NeedsHuman] {
        let failure = bench.sign_in().await.unwrap_err();
        assert_eq!(failure.code, FailureCode::AssertionFailed, "{failure:?}");
        assert_eq!(bench.now().await.state, state);
    }

    assert_eq!(bench.now().await.refresh_at, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_of_an_account_that_was_removed_publishes_nothing() {
    let practice = bench::practice(|site| site.slow_login = Duration::from_secs(1)).await;
    let bench = Bench::practice(&practice).await;

    let (outcome, removed) = tokio::join!(bench.sign_in(), async {
        wait::until(Duration::from_secs(20), || bench.progress.lock().unwrap().len() > 2).await;
        bench.context.store.delete_account(bench.account.id).await
    });

    assert!(removed.unwrap());
    assert_eq!(outcome.unwrap_err().code, FailureCode::Superseded);
    assert!(bench.session().await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_no_login_begins() {
    let practice = bench::practice(|_| {}).await;
    let mut bench = Bench::practice(&practice).await;
    let account = bench.now().await;
    bench.redis.stop();

    let outcome = login::run(&bench.context, &account, &bench.site, Trigger::Scheduled, &|_| {}).await;

    assert_eq!(outcome.unwrap_err().code, FailureCode::StoreUnavailable);
    assert_eq!(practice.counts(practice::USERNAME).logins, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_login_of_an_account_runs_at_a_time() {
    let practice = bench::practice(|site| site.slow_login = Duration::from_secs(2)).await;
    let bench = Bench::practice(&practice).await;

    let (first, second) = tokio::join!(bench.sign_in(), async {
        wait::until(Duration::from_secs(20), || !bench.progress.lock().unwrap().is_empty()).await;
        bench.sign_in().await
    });

    first.unwrap();
    assert_eq!(second.unwrap_err().code, FailureCode::AlreadyRunning);
    assert_eq!(bench.now().await.state, State::Active);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_is_dropped_leaves_the_account_as_it_was() {
    let practice = bench::practice(|site| site.slow_login = Duration::from_secs(30)).await;
    let bench = Bench::practice(&practice).await;

    let login = bench.sign_in();
    tokio::time::timeout(Duration::from_secs(3), login).await.unwrap_err();

    wait_for_state(&bench, State::New).await;
    practice.change(|site| site.slow_login = Duration::ZERO);
    bench.sign_in().await.unwrap();
}

/// Waits until a login has left the account so, and the right to sign in has been given back after that.
async fn wait_for_state(bench: &Bench, state: State) {
    let mut redis = bench.redis.connection().await;
    let lock = format!("lk:{{{}}}:login-lock", bench.account.id);
    let reached = async || {
        let is_locked: bool = redis::cmd("EXISTS").arg(&lock).query_async(&mut redis).await.unwrap();
        (!is_locked && bench.now().await.state == state).then_some(())
    };
    wait::until_some(Duration::from_secs(10), reached).await;
}
