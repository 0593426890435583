//! A login's turn with the browser: when it has one, and for how long.

use std::{sync::atomic::Ordering, time::Duration};

use rand::RngExt;
use tokio::{
    sync::SemaphorePermit,
    time::{Instant, sleep, timeout},
};

use super::{
    FailureCode, LoginAttempt, LoginProgress, Trigger, failure::LoginError, renewal::RenewalOutcome,
};

/// For a browser to be free, or for the site's share of logins in this minute.
const TURN_LIMIT: Duration = Duration::from_secs(10 * 60);
/// What a login in the browser may take beyond its recipe: starting Chromium, capture, closing the page.
const GRACE: Duration = Duration::from_secs(120);

impl<'a> LoginAttempt<'a> {
    /// What a recipe, or two visits of the site, may take.
    pub(super) fn browser_limit(&self) -> Duration {
        self.site.login.timeout * 2 + GRACE
    }

    /// Tries a strategy that needs a browser, within its limit.
    pub(super) async fn in_a_browser(
        &self,
        climb: impl Future<Output = Result<RenewalOutcome, LoginError>>,
    ) -> Result<RenewalOutcome, LoginError> {
        let _turn = self.turn().await?;
        // A strategy has two visits at the most.
        let limit = self.browser_limit();
        timeout(limit, climb).await.map_err(|_| too_long(limit))?
    }

    /// Waits for a browser to be free, and for the site's share of logins in this minute. A login that nobody watches
    /// waits in Redis, where it keeps no other from its turn.
    pub(super) async fn turn(&self) -> Result<SemaphorePermit<'a>, LoginError> {
        let context = self.context;
        let is_watched = self.trigger == Trigger::Operator || self.browsed.load(Ordering::Relaxed);
        let turn = match context.turns.try_acquire() {
            Ok(turn) => turn,
            Err(_) if !is_watched => {
                return Err(LoginError::new(FailureCode::BrowserBusy, "no browser is free"));
            }
            Err(_) => {
                (self.report)(LoginProgress::Waiting);
                let busy = |_| {
                    let what = "no browser was free for ten minutes; raise LATCHKEY_LOGIN_CONCURRENCY or add a broker";
                    LoginError::new(FailureCode::BrowserUnavailable, what)
                };
                let turn = timeout(TURN_LIMIT, context.turns.acquire()).await.map_err(busy)?;
                turn.map_err(|_| LoginError::new(FailureCode::BrowserUnavailable, "the broker is stopping"))?
            }
        };
        let end = Instant::now() + TURN_LIMIT;
        let most = self.site.limits.logins_per_minute;
        while !context.store.count_login(&self.site.name, most).await? {
            if !is_watched {
                let what = format!("the site had its {most} logins in this minute");
                return Err(LoginError::new(FailureCode::LoginsSpent, what));
            }
            if Instant::now() >= end {
                let what = format!("the site had {most} logins in each of the last ten minutes");
                return Err(LoginError::new(FailureCode::RateLimited, what));
            }
            let pause = rand::rng().random_range(500..1500);
            sleep(Duration::from_millis(pause)).await;
        }
        self.browsed.store(true, Ordering::Relaxed);
        Ok(turn)
    }
}

pub(super) fn too_long(limit: Duration) -> LoginError {
    let limit = humantime::format_duration(limit);
    LoginError::new(FailureCode::NavigationTimeout, format!("the login did not end within {limit}"))
}
