//! What every handler shares.

use std::{ops::Deref, sync::Arc, time::Duration};

use latchkey_shared::{
    shutdown::Tasks, site::catalog::SiteCatalog, store::AdapterStore, vault::SessionVault,
};

use crate::{
    admission::{AdmissionLimit, RefusalLog},
    config::{Config, DeliveryMode, SharedSecrets, SocketLimits},
    connection::OpenSockets,
    metrics::Metrics,
    models::ModelIndex,
    pool::{Pool, WaitLimits},
    recorder::Recorder,
    serving::{DetachedTurns, ServingContext},
    sites::http::HttpClients,
    turn::{LearnedOutcomes, TurnContext},
};

/// The application. Clones share it.
#[derive(Clone)]
pub(crate) struct AppState(Arc<App>);

/// Its collaborators.
pub(crate) struct App {
    /// Redis.
    pub store: AdapterStore,
    /// The sites.
    pub catalog: Arc<SiteCatalog>,
    /// The accounts.
    pub pool: Arc<Pool>,
    /// The models.
    pub models: Arc<ModelIndex>,
    /// What an operator watches.
    pub metrics: Arc<Metrics>,
    /// Who may come in.
    pub secrets: SharedSecrets,
    /// Who was not let in.
    pub refusals: RefusalLog,
    /// How answers are delivered.
    pub delivery: DeliveryMode,
    /// How long a stream waits for its first word.
    pub begin_after: Option<Duration>,
    /// What turns are served with.
    pub serving: Arc<ServingContext>,
    /// Opens sessions; here for operators who rotate its keys.
    pub vault: SessionVault,
    /// How many answers there is room for.
    pub admission: AdmissionLimit,
    /// Connections that became sockets.
    pub sockets: OpenSockets,
    /// How long such a one lasts.
    pub socket_limits: SocketLimits,
    /// Longest request body in bytes.
    pub body_limit: usize,
    /// Keeps what happened in turns, if it is told to.
    pub recorder: Option<Arc<Recorder>>,
}

impl AppState {
    /// Puts the application together.
    pub(crate) fn new(config: Config, store: AdapterStore, clients: HttpClients, tasks: Tasks) -> Self {
        let metrics = Arc::new(Metrics::default());
        let vault = config.vault;
        let recorder = Recorder::new(config.recorder, &store, &vault, &tasks);
        let patience = WaitLimits { queue: config.queue_deadline, renewal: config.renewal_deadline };
        let pool =
            Pool::new(store.clone(), vault.clone(), clients.clone(), tasks.clone(), patience, &metrics);
        let pool = Arc::new(pool);
        let models = ModelIndex::new(Arc::clone(&config.catalog), Arc::clone(&pool), clients, tasks.clone());
        let models = Arc::new(models);
        let turns = TurnContext {
            store: store.clone(),
            vault: vault.clone(),
            pool: Arc::clone(&pool),
            models: Arc::clone(&models),
            metrics: Arc::clone(&metrics),
            learned: Arc::new(LearnedOutcomes::default()),
            calls: config.calls,
            tasks: tasks.clone(),
        };
        let serving = ServingContext {
            turns,
            short_circuits: config.short_circuits,
            detached: Arc::new(DetachedTurns::new(tasks)),
            vault: vault.clone(),
        };
        Self(Arc::new(App {
            store,
            catalog: config.catalog,
            pool,
            models,
            metrics,
            secrets: config.secrets,
            refusals: RefusalLog::default(),
            delivery: config.delivery,
            begin_after: config.begin_after,
            serving: Arc::new(serving),
            vault,
            admission: AdmissionLimit::new(config.streams),
            sockets: OpenSockets::new(config.body_limit, config.streams),
            socket_limits: config.sockets,
            body_limit: config.body_limit,
            recorder,
        }))
    }
}

impl Deref for AppState {
    type Target = App;

    fn deref(&self) -> &App {
        &self.0
    }
}
