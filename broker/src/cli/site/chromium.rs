//! The browser that tries and records: one page, stored nowhere.

use std::ffi::OsString;

use latchkey_shared::{env::Env, shutdown::Tasks};

use crate::{
    browser::{self, BrowserConfig, Supervisor},
    config::BrowserChoice,
};

/// Chromium for one page, on a display or on none.
pub(super) fn supervisor(
    env: &Env,
    display: Vec<(&'static str, OsString)>,
    tasks: Tasks,
) -> anyhow::Result<Supervisor> {
    let choice = BrowserChoice::from_env(env)?;
    let chromium = browser::find_chromium(choice.chromium)?;
    Ok(Supervisor::new(BrowserConfig { chromium, sandbox: choice.sandbox, max_pages: 1, display }, tasks))
}
