//! What is typed and sent once, and for whom nothing is typed at all.

use std::time::Duration;

use latchkey_broker::login::{self, FailureCode, LoginProgress, Trigger};
use latchkey_shared::{
    account::{Account, State, Transition, TransitionCause},
    store::AccountChange,
};
use support::{practice, wait};

use super::{
    bench::{self, Bench, bearer},
    fake, wait_for_state,
};

/// Under something that swallows the mouse, a button whose page is busy for longer than a call may take.
const BUSY: &str = "let clicks = 0; document.body.insertAdjacentHTML('beforeend', \
    '<div style=\"position:fixed;inset:0\"></div>'); \
    form.onsubmit = (event) => { event.preventDefault(); clicks += 1; \
    const end = Date.now() + 3000; while (Date.now() < end); \
    document.cookie = clicks === 1 ? 'jwt=fake-token' : 'jwt=sent-twice'; }";

/// Empties its fields once they were sent, and remembers how often a password came.
const EMPTYING: &str = "let passwords = 0; form.onsubmit = (event) => { event.preventDefault(); \
    passwords += form.password.value === '' ? 0 : 1; form.password.value = ''; \
    document.cookie = passwords === 1 ? 'jwt=fake-token' : 'jwt=typed-twice'; }";

#[tokio::test(flavor = "multi_thread")]
async fn a_button_whose_page_is_busy_is_clicked_once() {
    let (_server, url) = fake::page(BUSY).await;
    let steps = "[[login.steps]]\nclick = \"button\"\ntimeout = \"10s\"";
    let bench = Bench::new(fake::site(&url, r#"{ cookie = "jwt" }"#, steps)).await;

    bench.sign_in().await.unwrap();

    assert_eq!(bearer(&bench.session().await.unwrap()), "fake-token");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_was_sent_is_not_typed_again_by_a_later_click() {
    let (_server, url) = fake::page(EMPTYING).await;
    let steps = "[[login.steps]]\nclick = \"button\"\n[[login.steps]]\nclick = \"button\"";
    let bench = Bench::new(fake::site(&url, r#"{ cookie = "jwt" }"#, steps)).await;

    bench.sign_in().await.unwrap();

    assert_eq!(bearer(&bench.session().await.unwrap()), "fake-token");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_waited_while_its_account_was_switched_off_types_nothing() {
    let practice = bench::practice(|_| {}).await;
    let bench = Bench::practice(&practice).await;
    let waiting = bench.now().await;
    switch_off(&bench).await;

    let outcome = login::run(&bench.context, &waiting, &bench.site, Trigger::Scheduled, &|_| {}).await;

    assert_eq!(outcome.unwrap_err().code, FailureCode::Superseded);
    assert_eq!(bench.now().await.state, State::Disabled);
    assert_eq!(practice.counts(practice::USERNAME).logins, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_switched_off_before_the_password_gets_none_and_stays_off() {
    let practice = bench::practice(|_| {}).await;
    let bench = Bench::practice(&practice).await;

    let (outcome, ()) = tokio::join!(bench.sign_in(), async {
        wait::until(Duration::from_secs(20), || !bench.progress.lock().unwrap().is_empty()).await;
        switch_off(&bench).await;
    });

    assert_eq!(outcome.unwrap_err().code, FailureCode::Superseded);
    assert_eq!(bench.now().await.state, State::Disabled);
    assert_eq!(practice.counts(practice::USERNAME).logins, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_that_is_cut_off_after_the_password_is_tried_once_more_and_no_further() {
    let practice = bench::practice(|_| {}).await;
    let bench = Bench::practice(&practice).await;
    bench.sign_in().await.unwrap();
    practice.change(|site| site.slow_login = Duration::from_secs(30));

    for state in [State::Cooldown, State::NeedsHuman] {
        bench.progress.lock().unwrap().clear();
        let sent = |step: Option<&LoginProgress>| matches!(step, Some(LoginProgress::Step { index: 5, .. }));
        tokio::select! {
            outcome = bench.sign_in() => panic!("{outcome:?}"),
            () = wait::until(Duration::from_secs(20), || sent(bench.progress.lock().unwrap().last())) => {}
        }
        wait_for_state(&bench, state).await;
    }

    assert_eq!(bench.now().await.refresh_at, None);
}

async fn switch_off(bench: &Bench) {
    let step = Some(Transition::new(TransitionCause::SwitchedOff, State::Disabled, ""));
    let change = AccountChange { step, ..AccountChange::default() };
    let Account { id, .. } = bench.account;
    assert!(bench.context.store.change_account(id, change).await.unwrap());
}
