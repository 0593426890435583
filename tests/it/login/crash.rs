//! Browsers and renderers that end in the middle, and what is left of those that do not.

use std::{path::PathBuf, time::Duration};

use latchkey_broker::{
    browser::{BrowserConfig, BrowserError, Supervisor, TrafficFilter},
    login::FailureCode,
};
use latchkey_shared::{account::State, shutdown::Tasks};
use rustix::process::Signal;
use support::{practice, wait};

use super::bench::{self, Bench, browser_config, chromium, processes_of, renderers_of, signal};

const STEP_OF_SUBMIT: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn a_renderer_that_ends_is_told_as_a_crash() {
    let practice = bench::practice(|site| site.crash_renderer = true).await;
    let bench = Bench::practice(&practice).await;

    let failure = bench.sign_in().await.unwrap_err();

    assert_eq!(failure.code, FailureCode::BrowserCrashed, "{failure:?}");
    assert_eq!(bench.now().await.state, State::Cooldown);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_is_killed_fails_the_login_at_once_and_the_next_one_works() {
    let practice = bench::practice(|site| site.slow_login = Duration::from_secs(30)).await;
    let bench = Bench::practice(&practice).await;

    let (failure, ()) = tokio::join!(bench.sign_in(), async {
        wait::until(Duration::from_secs(20), || bench.progress.lock().unwrap().len() > STEP_OF_SUBMIT).await;
        signal(chromium().unwrap().0, Signal::KILL);
    });

    // Before the step's own time was over: that would be another code.
    let failure = failure.unwrap_err();
    assert_eq!(failure.code, FailureCode::BrowserCrashed, "{failure:?}");
    practice.change(|site| site.slow_login = Duration::ZERO);
    bench.sign_in().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_hangs_is_ended_and_the_next_login_works() {
    let practice = bench::practice(|site| site.slow_login = Duration::from_secs(60)).await;
    let bench = Bench::practice(&practice).await;

    let (failure, frozen) = tokio::join!(bench.sign_in(), async {
        wait::until(Duration::from_secs(20), || bench.progress.lock().unwrap().len() > STEP_OF_SUBMIT).await;
        let frozen = chromium().unwrap();
        signal(frozen.0, Signal::STOP);
        frozen
    });

    let failure = failure.unwrap_err();
    assert_eq!(failure.code, FailureCode::BrowserCrashed, "{failure:?}");
    practice.change(|site| site.slow_login = Duration::ZERO);
    bench.sign_in().await.unwrap();
    wait::until(Duration::from_secs(10), || processes_of(&frozen.1) == 0 && !frozen.1.exists()).await;
}

#[tokio::test]
async fn a_chromium_that_does_not_start_is_named_with_what_it_said() {
    let config = BrowserConfig { chromium: "/nosuch/chromium".into(), ..browser_config() };
    let supervisor = Supervisor::new(config, Tasks::new());

    let error = supervisor.open(TrafficFilter::default()).await.err().unwrap();

    let BrowserError::Unavailable(message) = error else { panic!("{error:?}") };
    assert!(message.contains("/nosuch/chromium did not start"), "{message}");
    assert!(message.contains("not found"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_logins_leave_no_process_no_profile_and_no_page() {
    let practice = bench::practice(|_| {}).await;
    let bench = Bench::practice(&practice).await;
    let mut profiles: Vec<PathBuf> = Vec::new();

    for login in 1..=50 {
        bench.sign_in().await.unwrap_or_else(|failure| panic!("login {login} failed: {failure:?}"));
        if let Some((_, profile)) = chromium()
            && !profiles.contains(&profile)
        {
            profiles.push(profile);
        }
    }

    // Chromium keeps a spare renderer.
    let last = profiles.last().unwrap();
    wait::until(Duration::from_secs(5), || renderers_of(last) <= 2).await;
    bench.close().await;
    assert_eq!(practice.counts(practice::USERNAME).logins, 50);
    assert!(profiles.len() > 1, "the browser was never replaced");
    for profile in &profiles {
        wait::until(Duration::from_secs(5), || processes_of(profile) == 0 && !profile.exists()).await;
    }
}
