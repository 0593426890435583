//! Opened sessions, kept decrypted in memory only, once per generation.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use latchkey_shared::{
    id::{AccountId, SiteName},
    session::Session,
    store::{AdapterStore, StoreError},
    time::Timestamp,
    vault::{RecordOwner, SessionVault},
};
use tokio::time::Instant;

/// How often those that are over are looked for: among all of them, and opening one must not cost more the more there are.
const SWEEP: Duration = Duration::from_secs(60);

/// Opens and keeps sessions.
pub(super) struct SessionCache {
    vault: SessionVault,
    opened: Mutex<HashMap<AccountId, CachedSession>>,
    /// When those that are over were last looked for.
    swept: Mutex<Instant>,
}

struct CachedSession {
    /// For which it was sealed.
    site: SiteName,
    generation: u64,
    session: Arc<Session>,
}

impl SessionCache {
    pub(super) fn new(vault: SessionVault) -> Self {
        Self { vault, opened: Mutex::default(), swept: Mutex::new(Instant::now()) }
    }

    /// The session of an account at a site, in this generation or a newer one; `None` when there is none that can be used.
    ///
    /// # Errors
    /// When Redis is unavailable and the session is not kept.
    pub(super) async fn open(
        &self,
        store: &AdapterStore,
        of: RecordOwner<'_>,
        generation: u64,
    ) -> Result<Option<Arc<Session>>, StoreError> {
        let id = of.account;
        if let Some(session) = self.kept(of, generation) {
            return Ok(Some(session));
        }
        let Some(stored) = store.session(id).await? else { return Ok(None) };
        if stored.generation < generation {
            tracing::warn!(account.id = %id, generation, "an older session stands where a newer one was seen");
            return Ok(None);
        }
        match self.vault.open(&stored.sealed, of, stored.generation) {
            Ok(session) => Ok(self.keep(of, stored.generation, session)),
            Err(error) => {
                tracing::error!(account.id = %id, %error, "cannot open the session");
                Ok(None)
            }
        }
    }

    /// Forgets the sessions of some accounts.
    pub(super) fn forget(&self, of: impl Fn(AccountId) -> bool) {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        opened.retain(|id, _| !of(*id));
    }

    /// How many are open and live.
    pub(super) fn count(&self) -> usize {
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        opened.values().filter(|opened| opened.lives()).count()
    }

    fn kept(&self, of: RecordOwner<'_>, generation: u64) -> Option<Arc<Session>> {
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let found = opened
            .get(&of.account)
            .filter(|opened| opened.site == *of.site && opened.generation >= generation && opened.lives());
        found.map(|opened| Arc::clone(&opened.session))
    }

    /// Keeps a session, and now and then forgets those that are over. A newer one that came meanwhile stays.
    fn keep(&self, of: RecordOwner<'_>, generation: u64, session: Session) -> Option<Arc<Session>> {
        let id = of.account;
        let fresh = CachedSession { site: of.site.clone(), generation, session: Arc::new(session) };
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_to_sweep() {
            opened.retain(|_, opened| opened.lives());
        }
        if opened.get(&id).is_none_or(|kept| kept.site != *of.site || kept.generation < generation)
            && fresh.lives()
        {
            opened.insert(id, fresh);
        }
        opened.get(&id).filter(|opened| opened.lives()).map(|opened| Arc::clone(&opened.session))
    }

    fn is_to_sweep(&self) -> bool {
        let mut swept = self.swept.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = SWEEP <= swept.elapsed();
        if is_due {
            *swept = Instant::now();
        }
        is_due
    }
}

impl CachedSession {
    fn lives(&self) -> bool {
        Timestamp::now() < self.session.expires_at
    }
}
