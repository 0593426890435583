//! The only door to chromiumoxide: a supervised Chromium, and one page in its own context for each login.
//!
//! Nothing here knows what a site is. Nothing waits without a deadline, and nothing waits on a browser that died:
//! chromiumoxide's calls never return then (measured on 0.9.1), so every call also watches the browser's end.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use latchkey_shared::shutdown::Tasks;
use prometheus_client::metrics::counter::Counter;
use tokio::{
    sync::{OnceCell, Semaphore},
    time::timeout,
};

mod bridge;
mod chromium;
mod error;
mod input;
mod instance;
mod network;
mod page;
mod process;
mod profile;
mod recording;
mod world;

pub use chromium::{BrowserConfig, find_chromium};
pub use error::BrowserError;
pub use input::KeyPress;
pub use network::{MainDocument, PageTraffic, TrafficFilter, WatchedAnswer};
pub use page::{ActionOutcome, Page, PageSnapshot, RestoreScript, Storage, StorageKind};
pub use profile::sweep;
pub use recording::{BrowserRecording, RecordedExchange, RecordedTraffic, UserAction, UserEvent};

use instance::Instance;

/// For a page to become free; logins queue before they come here.
const PERMIT_LIMIT: Duration = Duration::from_secs(60);

/// Keeps one Chromium for all logins: starts it when a page is needed, replaces it when it died or grew old, ends
/// it when nobody needs it. Clones share it.
#[derive(Clone)]
pub struct Supervisor {
    shared: Arc<SupervisorState>,
}

struct SupervisorState {
    config: BrowserConfig,
    tasks: Tasks,
    permits: Arc<Semaphore>,
    current: Mutex<BrowserSlot>,
    launches: Counter,
}

/// A browser that is there, or is being started by whoever came first.
type BrowserSlot = Arc<OnceCell<Arc<Instance>>>;

impl Supervisor {
    /// Starts nothing yet. The tasks must be stopped in the end, or Chromium outlives the supervisor for a moment.
    #[must_use]
    pub fn new(config: BrowserConfig, tasks: Tasks) -> Self {
        let permits = Arc::new(Semaphore::new(config.max_pages.max(1)));
        let current = Mutex::default();
        let launches = Counter::default();
        let supervisor =
            Self { shared: Arc::new(SupervisorState { config, tasks, permits, current, launches }) };
        let on_stop = supervisor.clone();
        let stopping = supervisor.shared.tasks.stopping();
        supervisor.shared.tasks.spawn(async move {
            stopping.cancelled().await;
            on_stop.retire();
        });
        supervisor
    }

    /// Opens an empty page in a context of its own; waits for a permit when too many are open.
    ///
    /// # Errors
    /// When Chromium cannot be started or ends meanwhile, or when the supervisor is closed.
    pub async fn open(&self, watch: TrafficFilter) -> Result<Page, BrowserError> {
        let permit = timeout(PERMIT_LIMIT, Arc::clone(&self.shared.permits).acquire_owned());
        let permit = permit.await.map_err(|_| busy())?.map_err(|_| closed())?;
        loop {
            let slot = Arc::clone(&self.current());
            let SupervisorState { config, tasks, launches, .. } = &*self.shared;
            let start = || {
                launches.inc();
                Instance::start(config, tasks)
            };
            let instance = slot.get_or_try_init(start).await?;
            if let Some(visit) = instance.enter() {
                return Page::open(visit, permit, watch, tasks).await;
            }
            self.replace(&slot);
        }
    }

    /// What the running Chromium calls itself; `None` when none runs.
    #[must_use]
    pub fn version(&self) -> Option<String> {
        self.current().get().filter(|instance| instance.lives()).map(|instance| instance.version().to_owned())
    }

    /// Ends Chromium at once, whatever page is open, and waits until nothing of it is left. Opens no page again.
    pub async fn close(&self) {
        self.shared.permits.close();
        let instance = self.current().get().cloned();
        if let Some(instance) = instance {
            instance.end().await;
        }
    }

    /// Counts the starts of Chromium.
    pub(crate) fn launches(&self) -> Counter {
        self.shared.launches.clone()
    }

    /// The owner of whatever must be cleaned up after a login.
    pub(crate) fn tasks(&self) -> Tasks {
        self.shared.tasks.clone()
    }

    /// Lets the browser end when its last page closes, and opens no page again.
    fn retire(&self) {
        self.shared.permits.close();
        if let Some(instance) = self.current().get() {
            instance.retire();
        }
    }

    fn current(&self) -> std::sync::MutexGuard<'_, BrowserSlot> {
        self.shared.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts an empty slot in place of one whose browser takes no more pages.
    fn replace(&self, old: &BrowserSlot) {
        let mut current = self.current();
        if Arc::ptr_eq(&current, old) {
            *current = BrowserSlot::default();
        }
    }
}

fn busy() -> BrowserError {
    BrowserError::Unavailable("every page that the browser may have is in use".to_owned())
}

fn closed() -> BrowserError {
    BrowserError::Unavailable("the broker is stopping".to_owned())
}
