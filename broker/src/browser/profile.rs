//! The directory below which one Chromium writes everything: private, and gone with it.
//!
//! A broker that is killed removes nothing; the next one that starts does it.

use std::{
    fs::{self, File, Permissions},
    io,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
    time::Duration,
};

use rustix::{
    fs::{FlockOperation, flock},
    process::geteuid,
};
use tempfile::TempDir;

use super::BrowserError;

/// Short, because of [`SOCKET`].
const PREFIX: &str = "lk-";
/// A file that is locked as long as the broker lives.
const OWNER: &str = "owner";
/// Chromium puts this below its `TMPDIR`, and ends when the whole path is too long for a socket.
const SOCKET: &str = "org.chromium.Chromium.XXXXXX/SingletonSocket";
const LONGEST_SOCKET: usize = 107;
pub(super) const REMOVE_TRIES: u32 = 40;
const REMOVE_PAUSE: Duration = Duration::from_millis(25);

/// A profile directory. Dropped, it is gone.
pub(super) struct ProfileDirectory {
    directory: TempDir,
    _owner: File,
}

impl ProfileDirectory {
    /// Makes one that only this user can read.
    pub(super) fn new() -> Result<Self, BrowserError> {
        Self::below(&std::env::temp_dir())
    }

    fn below(parent: &Path) -> Result<Self, BrowserError> {
        let failed = |error: io::Error| {
            let what =
                format!("cannot make a directory for Chromium in {} (TMPDIR): {error}", parent.display());
            BrowserError::Unavailable(what)
        };
        let private = Permissions::from_mode(0o700);
        let directory = tempfile::Builder::new()
            .prefix(PREFIX)
            .permissions(private)
            .tempdir_in(parent)
            .map_err(failed)?;
        check_length(directory.path())?;
        let owner = own(directory.path()).map_err(failed)?;
        Ok(Self { directory, _owner: owner })
    }

    pub(super) fn path(&self) -> &Path {
        self.directory.path()
    }
}

/// Removes what brokers that were killed have left; a profile whose broker lives is locked.
pub async fn sweep() {
    sweep_below(&std::env::temp_dir()).await;
}

async fn sweep_below(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for path in entries.flatten().map(|entry| entry.path()).filter(|path| is_abandoned(path)) {
        tracing::info!(path = %path.display(), "removing what a killed broker left");
        if let Err(error) = remove(&path).await {
            tracing::warn!(%error, path = %path.display(), "cannot remove what a killed broker left");
        }
    }
}

/// Whether a directory is a profile of this user that no process has locked.
fn is_abandoned(path: &Path) -> bool {
    let is_named_so =
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(PREFIX));
    // Not through a link: anybody may put one into a directory for temporary files.
    let is_ours =
        || fs::symlink_metadata(path).is_ok_and(|data| data.is_dir() && data.uid() == geteuid().as_raw());
    is_named_so && is_ours() && File::open(path.join(OWNER)).is_ok_and(|owner| lock(&owner).is_ok())
}

/// Removes a profile whose processes are dead or dying; one that dies may still write into it for a moment.
pub(super) async fn remove(path: &Path) -> io::Result<()> {
    let mut tries = 1;
    loop {
        match tokio::fs::remove_dir_all(path).await {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) if tries == REMOVE_TRIES => return Err(error),
            Err(_) => tokio::time::sleep(REMOVE_PAUSE).await,
        }
        tries += 1;
    }
}

/// Locks the owner file before it has its name, so that a sweep never meets it unlocked.
fn own(profile: &Path) -> io::Result<File> {
    let unnamed = profile.join("owner.new");
    let owner = File::create(&unnamed)?;
    lock(&owner)?;
    fs::rename(unnamed, profile.join(OWNER))?;
    Ok(owner)
}

fn lock(owner: &File) -> io::Result<()> {
    Ok(flock(owner, FlockOperation::NonBlockingLockExclusive)?)
}

/// Chromium's own message names neither the variable nor the length.
fn check_length(profile: &Path) -> Result<(), BrowserError> {
    let length = profile.join(SOCKET).as_os_str().len();
    if length <= LONGEST_SOCKET {
        return Ok(());
    }
    let parent = profile.parent().unwrap_or(profile);
    let most = parent.as_os_str().len().saturating_sub(length - LONGEST_SOCKET);
    let message = format!(
        "TMPDIR is too long for Chromium's sockets: {} has {} bytes, and {most} are possible; set TMPDIR to a \
         shorter path, like /tmp",
        parent.display(),
        parent.as_os_str().len(),
    );
    Err(BrowserError::Unavailable(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_its_owners_and_goes_with_what_it_belongs_to() {
        let profile = ProfileDirectory::new().unwrap();
        let path = profile.path().to_owned();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o700);

        drop(profile);

        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_sweep_removes_what_nobody_owns_and_nothing_else() {
        let parent = tempfile::tempdir().unwrap();
        let at = |name: &str| parent.path().join(name);
        let lives = ProfileDirectory::below(parent.path()).unwrap();
        for name in ["lk-killed", "lk-unknown", "others"] {
            fs::create_dir(at(name)).unwrap();
        }
        drop(own(&at("lk-killed")).unwrap());
        drop(own(&at("others")).unwrap());
        std::os::unix::fs::symlink(at("others"), at("lk-link")).unwrap();

        sweep_below(parent.path()).await;

        assert!(lives.path().exists());
        let left = ["lk-killed", "lk-unknown", "others", "lk-link"].map(|name| at(name).exists());
        assert_eq!(left, [false, true, true, true]);
    }

    #[test]
    fn a_temporary_directory_that_is_too_long_is_named() {
        let root = tempfile::tempdir().unwrap();
        let below = |length: usize| {
            let fill = length - root.path().as_os_str().len() - 1;
            let parent = root.path().join("x".repeat(fill));
            fs::create_dir(&parent).unwrap();
            ProfileDirectory::below(&parent).err().map(|error| error.to_string())
        };

        assert_eq!(below(52), None);
        let message = below(53).unwrap();
        assert!(message.contains("TMPDIR is too long"), "{message}");
        assert!(message.contains("has 53 bytes, and 52 are possible"), "{message}");
    }
}
