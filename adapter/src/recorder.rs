//! The flight recorder: keeps what happened in the last turns, sealed, for whoever has to find out why one failed.
//!
//! Off by default, and then a turn costs one look at a task's local value. A turn's tape is bounded, and so is the
//! number of tapes; contents are masked unless the operator asks for them.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use latchkey_shared::{
    recording::{RecordedEvent, TurnEvent, TurnRecord},
    shutdown::Tasks,
    store::AdapterStore,
    time::Timestamp,
    vault::SessionVault,
};
use tokio::time::Instant;

mod mask;

tokio::task_local! {
    static TAPE: TurnRecorder;
}

/// Texts that one turn may fill; Claude Code's first request alone has 80 KiB.
const LONGEST_BYTES: usize = 512 * 1024;
/// Moments of one turn.
const MOST_MOMENTS: usize = 4096;

/// What is recorded, as `LATCHKEY_RECORDER` and its kin say.
#[derive(Clone, Copy, Debug)]
pub struct RecorderConfig {
    /// Whether contents are kept as they are.
    pub is_whole: bool,
    /// How many turns are kept.
    pub turns: usize,
    /// For how long.
    pub ttl: Duration,
}

/// Where recordings go.
pub(crate) struct Recorder {
    settings: RecorderConfig,
    store: AdapterStore,
    vault: SessionVault,
    tasks: Tasks,
}

/// What is recorded of one turn. Clones share it; dropped by all, it is kept.
#[derive(Clone, Debug)]
pub(crate) struct TurnRecorder(Arc<TurnRecording>);

struct TurnRecording {
    recorder: Arc<Recorder>,
    started: Instant,
    kept: Mutex<KeptRecordings>,
}

#[derive(Default)]
struct KeptRecordings {
    record: TurnRecord,
    bytes: usize,
    /// The beginnings of characters that are not whole yet: of the site's bytes, and of ours.
    site: Vec<u8>,
    chunk: Vec<u8>,
}

/// The tape of the turn that the running task is in, if turns are recorded.
pub(crate) fn tape() -> Option<TurnRecorder> {
    TAPE.try_with(TurnRecorder::clone).ok()
}

/// Lets a future know its turn's tape.
pub(crate) async fn within<T>(recorder: Option<TurnRecorder>, future: impl Future<Output = T>) -> T {
    match recorder {
        Some(tape) => TAPE.scope(tape, future).await,
        None => future.await,
    }
}

impl Recorder {
    /// A recorder; none when nothing is to be recorded.
    pub(crate) fn new(
        settings: Option<RecorderConfig>,
        store: &AdapterStore,
        vault: &SessionVault,
        tasks: &Tasks,
    ) -> Option<Arc<Self>> {
        let settings = settings?;
        Some(Arc::new(Self { settings, store: store.clone(), vault: vault.clone(), tasks: tasks.clone() }))
    }

    /// An empty tape for a request.
    pub(crate) fn tape(self: &Arc<Self>, id: &str, path: &str) -> TurnRecorder {
        let nothing = || "-".to_owned();
        let flight = TurnRecord {
            id: id.to_owned(),
            at: Timestamp::now().millis(),
            is_whole: self.settings.is_whole,
            path: path.to_owned(),
            site: nothing(),
            model: nothing(),
            ..TurnRecord::default()
        };
        let kept = Mutex::new(KeptRecordings { record: flight, ..KeptRecordings::default() });
        TurnRecorder(Arc::new(TurnRecording { recorder: Arc::clone(self), started: Instant::now(), kept }))
    }

    /// Keeps a recording, beside whatever else the adapter does.
    fn keep(self: &Arc<Self>, mut record: TurnRecord) {
        let recorder = Arc::clone(self);
        self.tasks.spawn(async move {
            let RecorderConfig { is_whole, turns, ttl } = recorder.settings;
            if !is_whole {
                mask::mask(&mut record);
            }
            let sealed = recorder.vault.seal_flight(&record);
            if let Err(error) = recorder.store.keep_flight(&record.id, &sealed, ttl, turns).await {
                tracing::warn!(%error, "cannot keep the recording of a turn");
            }
        });
    }
}

impl TurnRecorder {
    /// The client's request.
    pub(crate) fn request(&self, body: &[u8]) {
        self.note(TurnEvent::Request { body: String::from_utf8_lossy(body).into_owned() });
    }

    /// How the prompt says that calls come back.
    pub(crate) fn calls(&self, calls: &str, nonce: &str) {
        let mut kept = self.kept();
        calls.clone_into(&mut kept.record.calls);
        nonce.clone_into(&mut kept.record.nonce);
    }

    /// The site begins an answer.
    pub(crate) fn answer(&self) {
        self.note(TurnEvent::Answer);
    }

    /// The site sent bytes.
    pub(crate) fn site(&self, bytes: &[u8]) {
        let text = whole_characters(&mut self.kept().site, bytes);
        self.note(TurnEvent::Site { text });
    }

    /// The site's answer is over.
    pub(crate) fn over(&self, how: &str) {
        self.note(TurnEvent::Over { how: how.to_owned() });
    }

    /// An attempt failed.
    pub(crate) fn fault(&self, fault: &str) {
        self.note(TurnEvent::Fault { fault: fault.to_owned() });
    }

    /// Something is said to the client; a call with its tool's name.
    pub(crate) fn delta(&self, kind: &str, text: &str, name: &str) {
        self.note(TurnEvent::Delta { kind: kind.to_owned(), text: text.to_owned(), name: name.to_owned() });
    }

    /// The site is asked again.
    pub(crate) fn again(&self, question: &str) {
        self.note(TurnEvent::Again { question: question.to_owned() });
    }

    /// The client is sent bytes.
    pub(crate) fn chunk(&self, bytes: &[u8]) {
        let text = whole_characters(&mut self.kept().chunk, bytes);
        self.note(TurnEvent::Chunk { text });
    }

    /// The turn has ended.
    pub(crate) fn ended(&self, site: &str, model: &str, outcome: &str) {
        let mut kept = self.kept();
        site.clone_into(&mut kept.record.site);
        model.clone_into(&mut kept.record.model);
        outcome.clone_into(&mut kept.record.outcome);
    }

    fn note(&self, event: TurnEvent) {
        let ms = u64::try_from(self.0.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut kept = self.kept();
        let bytes = kept.bytes + size(&event);
        if bytes > LONGEST_BYTES || kept.record.moments.len() >= MOST_MOMENTS {
            kept.record.is_cut = true;
            return;
        }
        kept.bytes = bytes;
        kept.record.moments.push(RecordedEvent { ms, event });
    }

    fn kept(&self) -> MutexGuard<'_, KeptRecordings> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for TurnRecording {
    fn drop(&mut self) {
        let kept = self.kept.get_mut().unwrap_or_else(PoisonError::into_inner);
        let mut flight = std::mem::take(&mut kept.record);
        // A request that came to no turn tells nothing that its answer did not.
        if !flight.outcome.is_empty() {
            flight.duration_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.recorder.keep(flight);
        }
    }
}

impl fmt::Debug for TurnRecording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recording").finish_non_exhaustive()
    }
}

fn size(event: &TurnEvent) -> usize {
    match event {
        TurnEvent::Request { body: text }
        | TurnEvent::Site { text }
        | TurnEvent::Over { how: text }
        | TurnEvent::Fault { fault: text }
        | TurnEvent::Again { question: text }
        | TurnEvent::Chunk { text } => text.len(),
        TurnEvent::Delta { text, name, .. } => text.len() + name.len(),
        TurnEvent::Answer => 0,
    }
}

/// Bytes as text. What ends in the middle of a character begins the next text.
fn whole_characters(rest: &mut Vec<u8>, bytes: &[u8]) -> String {
    rest.extend_from_slice(bytes);
    let whole = match std::str::from_utf8(rest) {
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        _ => rest.len(),
    };
    let text = String::from_utf8_lossy(&rest[..whole]).into_owned();
    rest.drain(..whole);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_in_two_pieces_stays_one() {
        let mut rest = Vec::new();
        let [before, after] = ["a\u{e4}", "b"].map(str::as_bytes);

        let texts = [&before[..2], &before[2..], after].map(|bytes| whole_characters(&mut rest, bytes));

        assert_eq!(texts, ["a", "\u{e4}", "b"]);
    }
}
