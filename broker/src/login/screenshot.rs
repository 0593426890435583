//! A picture of the page on which a login failed, with every field and every secret blanked before it is taken.

use std::{
    io::{ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::SystemTime,
};

use latchkey_shared::{id::AccountId, time::Timestamp};
use secrecy::SecretString;

use super::FailureCode;
use crate::browser::{BrowserError, Page};

/// Pictures kept; the oldest go first.
const KEPT: usize = 50;

/// Takes the picture; `None` when there is none, which is never a failure of its own.
pub(super) async fn take(
    page: &Page,
    secrets: &[SecretString],
    directory: &Path,
    account: AccountId,
    code: FailureCode,
) -> Option<PathBuf> {
    let png = match masked(page, secrets).await {
        Ok(Some(png)) => png,
        Ok(None) => {
            tracing::warn!("no picture of the failed login: a secret could not be hidden");
            return None;
        }
        Err(error) => {
            tracing::debug!(%error, "no picture of the failed login");
            return None;
        }
    };
    let time = Timestamp::now().millis();
    let path = directory.join(format!("{account}-{time}-{}.png", code.as_str()));
    let file = path.clone();
    let keep = directory.to_owned();
    let written = tokio::task::spawn_blocking(move || write(&file, &png).and_then(|()| prune(&keep))).await;
    match written {
        Ok(Ok(())) => Some(path),
        Ok(Err(error)) => {
            tracing::warn!(%error, "cannot write the picture of the failed login; see LATCHKEY_ARTEFACTS");
            None
        }
        Err(_) => None,
    }
}

/// Masks, takes the picture, and throws it away when the page showed a secret again meanwhile.
async fn masked(page: &Page, secrets: &[SecretString]) -> Result<Option<Vec<u8>>, BrowserError> {
    if !page.mask(secrets).await? {
        return Ok(None);
    }
    let png = page.screenshot().await?;
    let shows = page.shows(secrets).await?;
    Ok((!shows).then_some(png))
}

/// Takes a picture of a page that goes on: what must not be seen is covered meanwhile. None is no failure.
pub(super) async fn of_step(page: &Page, secrets: &[SecretString], path: &Path) {
    let covered = page.cover(secrets).await;
    let png = match covered {
        Ok(true) => page.screenshot().await.ok(),
        Ok(false) | Err(_) => None,
    };
    // A page that has gone took its cover along.
    page.uncover().await.ok();
    let (Some(png), path) = (png, path.to_owned()) else { return };
    let written = tokio::task::spawn_blocking(move || write(&path, &png)).await;
    if !matches!(written, Ok(Ok(()))) {
        tracing::debug!("cannot write the picture of a step");
    }
}

fn write(path: &Path, png: &[u8]) -> std::io::Result<()> {
    if let Some(directory) = path.parent() {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    }
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(png)
}

/// Removes the oldest. What is not ours stays, and what another login removes meanwhile is no failure.
fn prune(directory: &Path) -> std::io::Result<()> {
    let entries = std::fs::read_dir(directory)?.flatten().filter(|entry| is_picture(&entry.path()));
    let mut pictures: Vec<(SystemTime, PathBuf)> =
        entries.filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path()))).collect();
    pictures.sort();
    let too_many = pictures.len().saturating_sub(KEPT);
    for (_, path) in &pictures[..too_many] {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

/// Whether [`take`] gave the file its name: an operator may keep other pictures beside them.
fn is_picture(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let account = name.strip_suffix(".png").and_then(|stem| stem.split('-').next());
    account.is_some_and(|account| account.parse::<AccountId>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_newest_pictures_are_kept_and_only_their_owner_reads_them() {
        use std::os::unix::fs::PermissionsExt;

        let directory = tempfile::tempdir().unwrap();
        let inside = directory.path().join("pictures");
        write(&inside.join("an-operators-own.png"), b"png").unwrap();
        let account = AccountId::new();
        for number in 0..KEPT + 3 {
            write(&inside.join(format!("{account}-{number:03}-site_down.png")), b"png").unwrap();
        }

        prune(&inside).unwrap();

        assert_eq!(std::fs::read_dir(&inside).unwrap().count(), KEPT + 1);
        assert!(inside.join("an-operators-own.png").exists());
        let last = inside.join(format!("{account}-{:03}-site_down.png", KEPT + 2));
        assert_eq!(last.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}
