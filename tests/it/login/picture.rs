//! Pictures of failed logins: one is there, and no secret is on it.

use std::{os::unix::fs::PermissionsExt, path::Path};

use latchkey_broker::login::FailureCode;
use latchkey_shared::site::Site;
use reqwest::Url;

use super::{bench::Bench, fake};

/// Shows the password as text, in an attribute, in a second field and in a shadow root.
const LEAKY: &str = "form.onsubmit = (event) => { event.preventDefault(); const secret = form.password.value; \
    form.password.type = 'text'; \
    say.textContent = 'you typed ' + secret + ' just now'; \
    const shadow = document.body.appendChild(document.createElement('div')).attachShadow({mode: 'open'}); \
    shadow.innerHTML = '<b></b><textarea></textarea>'; shadow.querySelector('b').textContent = secret; \
    shadow.querySelector('textarea').value = secret; \
    const hint = document.body.appendChild(document.createElement('input')); hint.placeholder = secret; }";

/// Writes the password into a new text again and again.
const STUBBORN: &str = "form.onsubmit = (event) => { event.preventDefault(); const secret = form.password.value; \
    setInterval(() => { say.textContent = secret; }, 0); }";

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_of_a_failed_login_does_not_depend_on_the_secret() {
    let (_server, url) = fake::page(LEAKY).await;
    let bench = Bench::new(site(&url)).await;

    let mut pictures = Vec::new();
    for password in ["a-long-secret-of-alice", "WWWW"] {
        bench.store_credentials(password, None).await;
        let failure = bench.sign_in().await.unwrap_err();
        assert_eq!(failure.code, FailureCode::SelectorMissing, "{failure:?}");
        let path = failure.screenshot.unwrap();
        assert_eq!(mode(&path), 0o600);
        assert!(path.starts_with(bench.artefacts.path()));
        pictures.push(std::fs::read(path).unwrap());
    }

    assert!(pictures[0].starts_with(b"\x89PNG"));
    assert!(pictures[0] == pictures[1], "the pictures differ with the password");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_picture_is_kept_of_a_page_that_shows_a_secret_again() {
    let (_server, url) = fake::page(STUBBORN).await;
    let bench = Bench::new(site(&url)).await;

    let failure = bench.sign_in().await.unwrap_err();

    assert_eq!(failure.code, FailureCode::SelectorMissing, "{failure:?}");
    assert_eq!(failure.screenshot, None);
}

/// A recipe whose end never comes.
fn site(url: &Url) -> Site {
    let steps = fake::submit_and_wait_for(r#"{ visible = "nosuch" }"#);
    fake::site(url, r#"{ cookie = "none" }"#, &steps)
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}
