//! One running Chromium with its connection: how many pages it has, whether it lives, when it is old.

use std::{
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use chromiumoxide::{
    Browser,
    cdp::browser_protocol::browser::GetVersionParams,
    error::CdpError,
    handler::{Handler, HandlerConfig},
    types::Command,
};
use futures::StreamExt;
use latchkey_shared::shutdown::Tasks;
use tokio::time::{Instant, timeout};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use super::{BrowserConfig, BrowserError, error::in_our_words, process::ChromiumProcess};

/// Logins before it is replaced; bounds whatever leaks.
const MAX_PAGES: u32 = 20;
/// Age before it is replaced.
const MAX_AGE: Duration = Duration::from_secs(30 * 60);
/// Without a page for so long it ends: an idle Chromium holds 250 MB.
const MAX_IDLE: Duration = Duration::from_secs(5 * 60);
const HEARTBEAT: Duration = Duration::from_secs(5);
/// For any call that does not wait for a site.
pub(super) const CALL_LIMIT: Duration = Duration::from_secs(5);
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// chromiumoxide's own limit; ours come first.
const PROTOCOL_LIMIT: Duration = Duration::from_secs(20);

/// A running Chromium.
pub(super) struct Instance {
    browser: Browser,
    version: String,
    user_agent: String,
    life: Mutex<BrowserLife>,
    /// Tells the process to end.
    stop: DropGuard,
    /// The process is of no use any more.
    dead: CancellationToken,
    /// Its watcher; empty when nothing of it is left.
    remains: TaskTracker,
}

struct BrowserLife {
    started: Instant,
    last_used: Instant,
    opened: u32,
    open: u32,
    retired: bool,
}

/// One page's stay in a browser. While it lasts, the browser does not end for age.
pub(super) struct BrowserLease(Arc<Instance>);

impl Instance {
    /// Starts Chromium and connects to it.
    pub(super) async fn start(config: &BrowserConfig, tasks: &Tasks) -> Result<Arc<Self>, BrowserError> {
        let began = Instant::now();
        let process = ChromiumProcess::start(config, tasks).await?;
        let address = process.address.clone();
        let stop = CancellationToken::new();
        let dead = CancellationToken::new();
        let remains = TaskTracker::new();
        tasks.spawn(remains.track_future(process.watch(stop.clone(), dead.clone())));
        remains.close();
        let stop = stop.drop_guard();
        let connect = Browser::connect_with_config(address, handler_config());
        let (browser, handler) = within(&dead, CONNECT_LIMIT, "connect", connect).await?;
        tasks.spawn(serve(handler, dead.clone()));
        let version =
            within(&dead, CALL_LIMIT, "Browser.getVersion", browser.execute(GetVersionParams::default()))
                .await?;
        let instance = Arc::new(Self {
            browser,
            version: version.result.product,
            user_agent: version.result.user_agent,
            life: Mutex::new(BrowserLife::new()),
            stop,
            dead,
            remains,
        });
        tasks.spawn(Self::heartbeat(Arc::downgrade(&instance), instance.dead.clone()));
        let took = began.elapsed().as_millis();
        tracing::info!(chromium.version = instance.version, chromium.start_ms = %took, "chromium started");
        Ok(instance)
    }

    pub(super) fn version(&self) -> &str {
        &self.version
    }

    pub(super) fn user_agent(&self) -> &str {
        &self.user_agent
    }

    pub(super) fn browser(&self) -> &Browser {
        &self.browser
    }

    pub(super) fn dead(&self) -> &CancellationToken {
        &self.dead
    }

    pub(super) fn lives(&self) -> bool {
        !self.dead.is_cancelled()
    }

    /// Counts a page in; `None` when the browser died or takes no more.
    pub(super) fn enter(self: &Arc<Self>) -> Option<BrowserLease> {
        let mut life = self.life();
        life.retired |= life.opened >= MAX_PAGES || life.started.elapsed() >= MAX_AGE;
        if life.retired || !self.lives() {
            drop(life);
            self.retire();
            return None;
        }
        life.opened += 1;
        life.open += 1;
        Some(BrowserLease(Arc::clone(self)))
    }

    /// Takes no more pages, and ends with the last one that is open.
    pub(super) fn retire(&self) {
        let mut life = self.life();
        life.retired = true;
        if life.open == 0 {
            self.stop.token().cancel();
        }
    }

    /// Ends at once; returns when neither process nor profile is left.
    pub(super) async fn end(&self) {
        self.life().retired = true;
        self.stop.token().cancel();
        self.remains.wait().await;
    }

    /// Sends a command to the browser itself.
    pub(super) async fn execute<C: Command>(
        &self,
        call: &'static str,
        command: C,
    ) -> Result<C::Response, BrowserError> {
        within(&self.dead, CALL_LIMIT, call, self.browser.execute(command)).await.map(|answer| answer.result)
    }

    /// The crate sends no keep-alive, so that a hung browser looks like a slow one. Ends the process when it does
    /// not answer, and when it is idle for long.
    async fn heartbeat(instance: Weak<Self>, dead: CancellationToken) {
        while timeout(HEARTBEAT, dead.cancelled()).await.is_err() {
            let Some(instance) = instance.upgrade() else { return };
            if instance.life().is_idle() {
                instance.retire();
                return;
            }
            let beat = instance.execute("Browser.getVersion", GetVersionParams::default());
            if let Err(BrowserError::Timeout(_)) = beat.await {
                tracing::warn!("chromium does not answer; it is ended");
                instance.dead.cancel();
            }
        }
    }

    fn life(&self) -> std::sync::MutexGuard<'_, BrowserLife> {
        self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BrowserLife {
    fn new() -> Self {
        let now = Instant::now();
        Self { started: now, last_used: now, opened: 0, open: 0, retired: false }
    }

    fn is_idle(&self) -> bool {
        self.open == 0 && self.last_used.elapsed() >= MAX_IDLE
    }
}

impl std::ops::Deref for BrowserLease {
    type Target = Instance;

    fn deref(&self) -> &Instance {
        &self.0
    }
}

impl Drop for BrowserLease {
    fn drop(&mut self) {
        let mut life = self.0.life();
        life.open -= 1;
        life.last_used = Instant::now();
        if life.retired && life.open == 0 {
            self.0.stop.token().cancel();
        }
    }
}

fn handler_config() -> HandlerConfig {
    // The crate's default ignores certificate errors and would type passwords into any man in the middle.
    HandlerConfig {
        ignore_https_errors: false,
        viewport: None,
        request_timeout: PROTOCOL_LIMIT,
        ..HandlerConfig::default()
    }
}

/// Moves messages until the connection breaks. It may panic inside the crate; the guard says so to every caller.
async fn serve(mut handler: Handler, dead: CancellationToken) {
    let guard = dead.clone().drop_guard();
    loop {
        let next = tokio::select! {
            () = dead.cancelled() => break,
            next = handler.next() => next,
        };
        match next {
            Some(Ok(()) | Err(CdpError::InvalidMessage(..) | CdpError::Serde(_))) => {}
            Some(Err(_)) | None => break,
        }
    }
    drop(guard);
}

/// Runs a call to the browser within a limit, and no longer than the browser lives.
pub(super) async fn within<T>(
    dead: &CancellationToken,
    limit: Duration,
    call: &'static str,
    future: impl Future<Output = Result<T, CdpError>>,
) -> Result<T, BrowserError> {
    tokio::select! {
        biased;
        () = dead.cancelled() => Err(BrowserError::Crashed(call)),
        done = timeout(limit, future) => match done {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(in_our_words(&error, call)),
            Err(_) => Err(BrowserError::Timeout(call)),
        },
    }
}
