//! Which Chromium there is, and how it is run.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use super::error::BrowserError;

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
