//! The only door to chromiumoxide: a supervised Chromium, and one page in its own context for each login.
//!
//! Nothing here knows what a site is. Nothing waits without a deadline, and nothing waits on a browser that died:
//! chromiumoxide's calls never return then (measured on 0.9.1), so every call also watches the browser's end.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chromiumoxide::error::CdpError;
use latchkey_shared::shutdown::Tasks;
use prometheus_client::metrics::counter::Counter;
use tokio::{
    sync::{OnceCell, Semaphore},
    time::timeout,
};

mod input;
mod instance;
mod network;
mod page;
mod process;
mod profile;
mod recording;
mod world;

pub use input::KeyPress;
pub use network::{MainDocument, PageTraffic, TrafficFilter, WatchedAnswer};
pub use page::{ActionOutcome, Page, PageSnapshot, RestoreScript, Storage, StorageKind};
pub use profile::sweep;
pub use recording::{BrowserRecording, RecordedExchange, RecordedTraffic, UserAction, UserEvent};

use instance::Instance;

/// For a page to become free; logins queue before they come here.
const PERMIT_LIMIT: Duration = Duration::from_secs(60);

/// How Chromium is run.
#[derive(Clone, Debug)]
pub struct BrowserConfig {
    /// The executable; see [`find_chromium`].
    pub chromium: PathBuf,
    /// Whether Chromium's sandbox is on. Off only where root must run it and every site is trusted.
    pub sandbox: bool,
    /// Pages at once: logins that run at the same time.
    pub max_pages: usize,
    /// What tells Chromium where a person's screen is; empty for none, and then there is no window.
    pub display: Vec<(&'static str, OsString)>,
}

/// What went wrong with the browser itself. Never says what was typed or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrowserError {
    /// It cannot be started.
    #[error("{0}")]
    Unavailable(String),
    /// The browser or the page's renderer ended.
    #[error("the browser ended during {0}")]
    Crashed(&'static str),
    /// A call took too long.
    #[error("the browser did not answer {0} in time")]
    Timeout(&'static str),
    /// The browser refused a call.
    #[error("the browser refused {0}")]
    Refused(&'static str),
}

/// Finds Chromium: the given path, or the usual names in the usual places.
///
/// # Errors
/// When there is none; the message names the variable to set.
pub fn find_chromium(path: Option<PathBuf>) -> Result<PathBuf, BrowserError> {
    const PLACES: [&str; 3] = ["/usr/local/bin", "/usr/bin", "/snap/bin"];
    const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

    if let Some(path) = path {
        let missing = || format!("LATCHKEY_CHROMIUM: there is no file {}", path.display());
        return if path.is_file() { Ok(path) } else { Err(BrowserError::Unavailable(missing())) };
    }
    let places = PLACES.iter().flat_map(|place| NAMES.map(|name| Path::new(place).join(name)));
    places.into_iter().find(|path| path.is_file()).ok_or_else(|| {
        let message =
            "no Chromium in /usr/local/bin, /usr/bin or /snap/bin; install it or set LATCHKEY_CHROMIUM";
        BrowserError::Unavailable(message.to_owned())
    })
}

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
        let (current, launches) = (Mutex::default(), Counter::default());
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

/// Says in our own words what chromiumoxide says: its errors may carry whole frames with cookies and passwords.
fn in_our_words(error: &CdpError, call: &'static str) -> BrowserError {
    match error {
        CdpError::Timeout => BrowserError::Timeout(call),
        CdpError::Ws(_) | CdpError::Io(_) | CdpError::NoResponse | CdpError::ChannelSendError(_) => {
            BrowserError::Crashed(call)
        }
        _ => BrowserError::Refused(call),
    }
}
