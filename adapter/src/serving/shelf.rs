//! Items of responses, kept in Redis for the client that names them in place of sending them: sealed, each client's own,
//! for minutes.

use std::{sync::Arc, time::Duration};

use hkdf::HkdfExtract;
use serde_json::Value;
use sha2::Sha256;

use super::context::ServingContext;

/// A tool loop goes on at once, unless a person is asked first.
const LIFE: Duration = Duration::from_secs(600);
/// Longer ones are not kept: 256 KiB are some 60,000 tokens.
const LIMIT_BYTES: usize = 256 * 1024;
/// Tells these from other digests under a client's secret.
const PURPOSE: &[u8] = b"response";

/// What one client was answered lately.
#[derive(Clone)]
pub(crate) struct ResponseShelf {
    context: Arc<ServingContext>,
    client: [u8; 32],
}

impl ResponseShelf {
    /// That of a client, by the digest of its secret.
    pub(crate) fn new(context: Arc<ServingContext>, client: [u8; 32]) -> Self {
        Self { context, client }
    }

    /// Keeps the items of a response, as a JSON array. If that fails, a client that names one is told to send it.
    pub(crate) async fn keep(&self, response: &str, items: &[u8]) {
        if LIMIT_BYTES < items.len() {
            tracing::debug!(bytes = items.len(), "the items of a response are too long to be kept");
            return;
        }
        let digest = self.digest(response);
        let sealed = self.context.vault.seal_answer(items, &digest);
        if let Err(error) = self.context.turns.store.keep_answer(&digest, &sealed, LIFE).await {
            tracing::warn!(%error, "cannot keep the items of a response");
        }
    }

    /// The items of a response that is kept.
    pub(crate) async fn find(&self, response: &str) -> Option<Vec<Value>> {
        let digest = self.digest(response);
        let sealed = match self.context.turns.store.answer(&digest).await {
            Ok(sealed) => sealed?,
            Err(error) => {
                tracing::warn!(%error, "cannot look for the items of a response");
                return None;
            }
        };
        let opened = self.context.vault.open_answer(&sealed, &digest);
        let items = opened.inspect_err(|error| tracing::warn!(%error, "cannot open kept items")).ok()?;
        serde_json::from_slice(&items).ok()
    }

    /// Nobody else finds it, whatever ids they name.
    fn digest(&self, response: &str) -> String {
        let mut digest = HkdfExtract::<Sha256>::new(Some(&self.client));
        digest.input_ikm(PURPOSE);
        digest.input_ikm(response.as_bytes());
        let (bytes, _) = digest.finalize();
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
