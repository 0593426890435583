//! A real OpenCode before an adapter: installed from npm once, offline but for that adapter, gone with its owner.
//!
//! [`run()`] is what a person types, and costs three seconds of CPU; [`OpenCode`] is the same program as a server, which
//! pays them once and then works through sessions in a fraction of a second each. Both have a home of their own.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use reqwest::Url;
use tokio::process::Command;

mod home;
mod project;
mod run;
mod server;

pub use project::Project;
pub(crate) use run::Group;
pub use run::{OpencodeRun, run, run_as, run_told, run_with};
pub use server::{OpenCode, Turn};

/// The model that every session talks to.
const MODEL: &str = "practice-1";

/// A first start with an empty home took 12 s on two busy cores, and an endless loop must end too.
pub(crate) const LIMIT: Duration = Duration::from_secs(90);

/// Where a client is; installs it if it is not there.
pub(crate) async fn client(name: &str) -> PathBuf {
    let script: PathBuf = [env!("CARGO_MANIFEST_DIR"), "..", "scripts", "clients"].iter().collect();
    let output = Command::new(script).stdin(Stdio::null()).output().await.unwrap();
    assert!(
        output.status.success(),
        "cannot install the clients: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let directory = String::from_utf8(output.stdout).unwrap();
    Path::new(directory.trim_end()).join("node_modules/.bin").join(name)
}

/// The API below an adapter.
fn api(adapter: &Url) -> Url {
    adapter.join("/v1").unwrap()
}
