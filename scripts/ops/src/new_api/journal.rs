//! What was there before: written before anything is changed, so that whatever ends the program can be taken back.
//!
//! A new file takes the old one's name only when it is whole and on disk; a crash leaves the one or the other.

use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use latchkey_shared::time::Timestamp;
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::{
    channel::{Channel, Fields},
    plan::Plan,
};

/// The journal of one rollout. Held, nobody else changes channels by the same rollout file.
pub(super) struct Journal {
    path: PathBuf,
    _lock: File,
    kept: JournalFile,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct JournalFile {
    /// Which new-api it is of.
    gateway: String,
    /// The changes that are in force, the first one first.
    entries: Vec<Entry>,
}

/// A change, and all that it takes to undo it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    /// When it began, Unix time in milliseconds.
    pub at: u64,
    /// What the operator asked for.
    pub command: String,
    /// The stage that it leads to.
    pub stage: u8,
    /// Whether it has not come to its end.
    pub open: bool,
    /// The channels that it changes, as they were.
    pub before: Vec<PreviousChannel>,
    /// The names of the channels that it makes.
    pub made: Vec<String>,
}

/// A channel as it was.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PreviousChannel {
    /// All of it.
    pub channel: Channel,
    /// The fields that are changed; the others are nobody's business.
    pub fields: BTreeSet<String>,
}

impl PreviousChannel {
    /// What restores it.
    pub(super) fn restoring(&self) -> Fields {
        let mut fields = self.channel.settable();
        fields.retain(|(field, _)| self.fields.contains(*field));
        fields
    }
}

impl Journal {
    /// Opens the journal beside a rollout file.
    ///
    /// # Errors
    /// When somebody else has it, it is damaged, or of another new-api.
    pub(super) fn open(rollout: &Path, gateway: &str) -> anyhow::Result<Self> {
        let path = rollout.with_extension("journal.json");
        let shown = path.display();
        let lock = rollout.with_extension("journal.lock");
        let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&lock);
        let lock = lock.with_context(|| format!("cannot write beside {shown}"))?;
        // Let go of with the file, whatever ends the program.
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            bail!("another scripts/new-api changes channels by this rollout file");
        }
        let kept = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .with_context(|| format!("{shown} is damaged; what it says was there before is lost"))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                JournalFile { gateway: gateway.to_owned(), entries: Vec::new() }
            }
            Err(error) => return Err(error).with_context(|| format!("cannot read {shown}")),
        };
        if kept.gateway != gateway {
            bail!(
                "{shown} is of {}, not of {gateway}: take that rollout back, or move the file",
                kept.gateway
            );
        }
        Ok(Self { path, _lock: lock, kept })
    }

    /// The stage that new-api is in, or on its way to.
    pub(super) fn stage(&self) -> u8 {
        self.kept.entries.last().map_or(0, |entry| entry.stage)
    }

    /// The last change.
    pub(super) fn last(&self) -> Option<&Entry> {
        self.kept.entries.last()
    }

    /// What a channel weighed before the first change.
    pub(super) fn weight_before(&self, channel: &Channel) -> u64 {
        let mut before =
            self.kept.entries.iter().flat_map(|entry| &entry.before).map(|before| &before.channel);
        before.find(|kept| kept.id() == channel.id()).unwrap_or(channel).weight()
    }

    /// Writes down a change before it begins. One that did not come to its end is gone on with: what was there before
    /// it stays what was there before.
    ///
    /// # Errors
    /// When it cannot be written; then nothing may be changed.
    pub(super) fn begin(&mut self, command: &str, stage: u8, plan: &Plan) -> anyhow::Result<()> {
        let mut entry = match self.kept.entries.pop_if(|entry| entry.open) {
            Some(entry) => entry,
            None => Entry {
                at: Timestamp::now().millis(),
                command: String::new(),
                stage,
                open: true,
                before: Vec::new(),
                made: Vec::new(),
            },
        };
        entry.command = command.to_owned();
        entry.stage = stage;
        for change in plan.changes.iter().filter(|change| !entry.made.contains(&change.name)) {
            let fields = change.fields.iter().map(|(field, _)| (*field).to_owned());
            match entry.before.iter_mut().find(|before| before.channel.id() == change.id) {
                Some(before) => before.fields.extend(fields),
                None => {
                    let channel = change.channel.clone();
                    let fields = fields.collect();
                    entry.before.push(PreviousChannel { channel, fields });
                }
            }
        }
        for creation in &plan.creations {
            if !entry.made.contains(&creation.name) {
                entry.made.push(creation.name.clone());
            }
        }
        self.kept.entries.push(entry);
        self.write()
    }

    /// Notes that the change has come to its end.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn end(&mut self) -> anyhow::Result<()> {
        self.kept.entries.iter_mut().for_each(|entry| entry.open = false);
        self.write()
    }

    /// Forgets the last change: it was taken back.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn undone(&mut self) -> anyhow::Result<()> {
        self.kept.entries.pop();
        self.write()
    }

    fn write(&self) -> anyhow::Result<()> {
        let directory = self.path.parent().filter(|parent| *parent != Path::new(""));
        let directory = directory.unwrap_or(Path::new("."));
        let written = || -> io::Result<()> {
            let mut file = tempfile::NamedTempFile::new_in(directory)?;
            serde_json::to_writer_pretty(&mut file, &self.kept)?;
            file.write_all(b"\n")?;
            file.as_file().sync_all()?;
            file.persist(&self.path)?;
            // The name is the directory's.
            File::open(directory)?.sync_all()
        };
        written().with_context(|| format!("cannot write {}", self.path.display()))
    }
}
