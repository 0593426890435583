//! One page in a browser context of its own: nothing of one login is seen by another.

use std::{sync::Arc, time::Duration};

use chromiumoxide::{
    Page as CdpPage,
    cdp::browser_protocol::{
        browser::{BrowserContextId, SetDownloadBehaviorBehavior, SetDownloadBehaviorParams},
        fetch, inspector,
        network::Cookie as CdpCookie,
        page::{CaptureScreenshotFormat, CaptureScreenshotParams},
        storage::GetCookiesParams,
        target::{CreateBrowserContextParams, CreateTargetParams, DisposeBrowserContextParams},
    },
    types::Command,
};
use latchkey_shared::{session::Cookie, shutdown::Tasks, time::Timestamp};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

use super::{
    BrowserError,
    instance::{BrowserLease, CALL_LIMIT, within},
    network::{PageTraffic, TrafficFilter},
    world::IsolatedWorld,
};

mod dom;
mod pump;
mod restore;

pub use dom::{ActionOutcome, PageSnapshot, Storage, StorageKind};
pub use restore::RestoreScript;

/// A first page takes a renderer to start.
const OPEN_LIMIT: Duration = Duration::from_secs(15);

/// A page. Dropping it closes its context, with everything in it.
pub struct Page {
    page: CdpPage,
    world: IsolatedWorld,
    network: Arc<PageTraffic>,
    /// The browser or this page's renderer is gone, or the page is closed.
    gone: CancellationToken,
    context: PageContext,
}

/// A browser context; disposed of at the latest when it is dropped.
struct PageContext {
    id: BrowserContextId,
    tasks: Tasks,
    /// What goes with it: its stay in the browser and the permit for it.
    held: Option<(BrowserLease, OwnedSemaphorePermit)>,
}

impl Page {
    pub(super) async fn open(
        lease: BrowserLease,
        permit: OwnedSemaphorePermit,
        watch: TrafficFilter,
        tasks: &Tasks,
    ) -> Result<Self, BrowserError> {
        let gone = lease.dead().child_token();
        let context = PageContext::create(lease, permit, tasks).await?;
        let browser = context.visit()?.browser();
        let mut target = CreateTargetParams::new("about:blank");
        target.browser_context_id = Some(context.id.clone());
        let page = within(&gone, OPEN_LIMIT, "Target.createTarget", browser.new_page(target)).await?;
        let world = IsolatedWorld::new(page.clone(), gone.clone());
        let network = Arc::new(PageTraffic::new(watch, world.frame().inner().clone()));
        let opened = Self { page, world, network, gone, context };
        // Events are subscribed to before anything can cause them.
        opened.pump(tasks).await?;
        opened.execute("Inspector.enable", inspector::EnableParams::default()).await?;
        opened.hold_answers().await?;
        opened.deny_downloads().await?;
        Ok(opened)
    }

    /// Closes the page and waits until its context is gone.
    pub async fn close(mut self) {
        self.gone.cancel();
        if let Some(held) = self.context.held.take() {
            dispose(self.context.id.clone(), held).await;
        }
    }

    /// What the page asked for and got.
    #[must_use]
    pub fn network(&self) -> &PageTraffic {
        &self.network
    }

    /// The browser's own User-Agent.
    #[must_use]
    pub fn user_agent(&self) -> String {
        self.context.held.as_ref().map(|(visit, _)| visit.user_agent().to_owned()).unwrap_or_default()
    }

    /// Every cookie of the page's context, `HttpOnly` ones too.
    ///
    /// # Errors
    /// When the browser ends or does not answer.
    pub async fn cookies(&self) -> Result<Vec<Cookie>, BrowserError> {
        let query = GetCookiesParams { browser_context_id: Some(self.context.id.clone()) };
        let answer = self.context.visit()?.execute("Storage.getCookies", query).await?;
        Ok(answer.cookies.into_iter().map(cookie).collect())
    }

    /// A PNG of what the page shows now.
    ///
    /// # Errors
    /// When the browser ends or does not answer.
    pub async fn screenshot(&self) -> Result<Vec<u8>, BrowserError> {
        let format = Some(CaptureScreenshotFormat::Png);
        let capture = CaptureScreenshotParams { format, ..CaptureScreenshotParams::default() };
        let answer = self.execute("Page.captureScreenshot", capture).await?;
        let encoded: &[u8] = answer.data.as_ref();
        base64::Engine::decode(&base64::engine::general_purpose::STANDARD, encoded)
            .map_err(|_| BrowserError::Refused("Page.captureScreenshot"))
    }

    pub(super) fn cdp(&self) -> &CdpPage {
        &self.page
    }

    pub(super) fn gone(&self) -> &CancellationToken {
        &self.gone
    }

    /// Sends a command to this page.
    pub(super) async fn execute<C: Command>(
        &self,
        call: &'static str,
        command: C,
    ) -> Result<C::Response, BrowserError> {
        within(&self.gone, CALL_LIMIT, call, self.page.execute(command)).await.map(|answer| answer.result)
    }

    /// Has answers from the watched URL wait until their body is read: a page that navigates right after its login
    /// call would lose it.
    async fn hold_answers(&self) -> Result<(), BrowserError> {
        let Some(url) = self.network.body_url() else { return Ok(()) };
        let pattern = fetch::RequestPattern {
            url_pattern: Some(format!("{url}*")),
            request_stage: Some(fetch::RequestStage::Response),
            ..fetch::RequestPattern::default()
        };
        let enable = fetch::EnableParams { patterns: Some(vec![pattern]), ..fetch::EnableParams::default() };
        self.execute("Fetch.enable", enable).await.map(drop)
    }

    async fn deny_downloads(&self) -> Result<(), BrowserError> {
        let mut deny = SetDownloadBehaviorParams::new(SetDownloadBehaviorBehavior::Deny);
        deny.browser_context_id = Some(self.context.id.clone());
        self.context.visit()?.execute("Browser.setDownloadBehavior", deny).await.map(drop)
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.gone.cancel();
    }
}

impl PageContext {
    async fn create(
        lease: BrowserLease,
        permit: OwnedSemaphorePermit,
        tasks: &Tasks,
    ) -> Result<Self, BrowserError> {
        // Should our connection break, the browser cleans up by itself.
        let dispose_on_detach = Some(true);
        let create =
            CreateBrowserContextParams { dispose_on_detach, ..CreateBrowserContextParams::default() };
        let answer = lease.execute("Target.createBrowserContext", create).await?;
        let held = Some((lease, permit));
        Ok(Self { id: answer.browser_context_id, tasks: tasks.clone(), held })
    }

    fn visit(&self) -> Result<&BrowserLease, BrowserError> {
        let held = self.held.as_ref().map(|(visit, _)| visit);
        held.ok_or(BrowserError::Crashed("a call on a closed page"))
    }
}

impl Drop for PageContext {
    fn drop(&mut self) {
        if let Some(held) = self.held.take() {
            self.tasks.spawn(dispose(self.id.clone(), held));
        }
    }
}

/// Disposes of a context; its permit is free only after that. A browser that cannot do it takes no new pages.
async fn dispose(id: BrowserContextId, held: (BrowserLease, OwnedSemaphorePermit)) {
    let (visit, permit) = held;
    let disposed = visit.execute("Target.disposeBrowserContext", DisposeBrowserContextParams::new(id)).await;
    if disposed.is_err() && visit.lives() {
        visit.retire();
    }
    drop(visit);
    drop(permit);
}

fn cookie(cookie: CdpCookie) -> Cookie {
    Cookie {
        name: cookie.name,
        value: cookie.value.into(),
        domain: cookie.domain,
        path: cookie.path,
        secure: cookie.secure,
        http_only: cookie.http_only,
        expires_at: (!cookie.session).then(|| since_epoch(cookie.expires)),
    }
}

/// Seconds since the epoch, as the protocol counts them.
fn since_epoch(secs: f64) -> Timestamp {
    let since = Duration::try_from_secs_f64(secs.max(0.0)).unwrap_or(Duration::MAX);
    Timestamp::default() + since
}
