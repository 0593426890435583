//! The HTTP client of the tests.

use std::{sync::Once, time::Duration};

/// No request of a test takes longer; a hanging server must end as a failure with a line number.
const LIMIT: Duration = Duration::from_secs(60);

/// Nobody listens here: what a client of ours would fetch from the net fails at once.
pub(crate) const NOWHERE: &str = "http://127.0.0.1:9";

/// A client with a limit on each request, no redirects and no proxy.
#[must_use]
pub fn client() -> reqwest::Client {
    install_tls();
    let builder = reqwest::Client::builder().timeout(LIMIT).no_proxy();
    builder.redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

/// A client that waits as long as it must, for what stands between a client and an upstream.
#[must_use]
pub fn patient() -> reqwest::Client {
    install_tls();
    reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

/// Chooses the TLS provider of this process, once.
pub fn install_tls() {
    static ONCE: Once = Once::new();
    // Fails only when a server that runs in this process has chosen first.
    ONCE.call_once(|| rustls::crypto::ring::default_provider().install_default().unwrap_or_default());
}
