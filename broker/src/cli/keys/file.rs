//! Writing a key ring without ever having none.

use std::{
    fs::{File, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use latchkey_shared::vault::{KeyRing, RingName};
use secrecy::ExposeSecret;

/// Writes a ring to the file that it is kept in, or to a new one; gives its path.
pub(super) fn write(
    name: RingName,
    ring: &KeyRing,
    kept: Option<PathBuf>,
    out: Option<&Path>,
) -> anyhow::Result<PathBuf> {
    let text = ring.to_text();
    match (kept, out) {
        (_, Some(out)) => {
            create(out, text.expose_secret())?;
            Ok(out.to_owned())
        }
        (Some(kept), None) => {
            replace(&kept, text.expose_secret())?;
            Ok(kept)
        }
        (None, None) => bail!(
            "the {name} ring is in no file: name a new one with --out, and put what is in it where the ring is kept"
        ),
    }
}

fn create(path: &Path, text: &str) -> anyhow::Result<()> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let file = file.with_context(|| format!("cannot create {}", path.display()))?;
    fill(file, path, text)
}

/// In place and not by renaming: a container that has the file mounted would keep the old one. A copy of the new ring
/// lies beside it until it is written; services take over only what they read twice in a row.
fn replace(path: &Path, text: &str) -> anyhow::Result<()> {
    let copy = path.with_extension("new");
    create(&copy, text)?;
    let file = OpenOptions::new().write(true).open(path);
    let file = file.with_context(|| format!("cannot write {}", path.display()))?;
    fill(file, path, text)
        .with_context(|| format!("the ring is whole in {}; copy it from there", copy.display()))?;
    std::fs::remove_file(&copy).with_context(|| format!("cannot remove {}", copy.display()))
}

fn fill(mut file: File, path: &Path, text: &str) -> anyhow::Result<()> {
    let written = file
        .write_all(text.as_bytes())
        .and_then(|()| file.set_len(text.len() as u64))
        .and_then(|()| file.sync_all());
    written.with_context(|| format!("cannot write {}", path.display()))
}
