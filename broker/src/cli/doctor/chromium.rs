//! Chromium: there, and it starts as the broker would start it.

use std::time::Duration;

use latchkey_shared::{env::Env, shutdown::Tasks};
use tokio::time::timeout;

use super::check::CheckResult;
use crate::{
    browser::{BrowserConfig, Supervisor, TrafficFilter, find_chromium},
    config::BrowserChoice,
};

/// A cold start on a slow disk takes ten.
const START: Duration = Duration::from_secs(30);

pub(super) async fn checks(env: &Env) -> Vec<CheckResult> {
    let choice = match BrowserChoice::from_env(env) {
        Ok(choice) => choice,
        Err(error) => return vec![CheckResult::fail("chromium", error.to_string(), "correct the variable")],
    };
    let path = match find_chromium(choice.chromium) {
        Ok(path) => path,
        Err(error) => {
            let remedy = "install it (Debian: apt install chromium), or set LATCHKEY_CHROMIUM to its path";
            return vec![CheckResult::fail("chromium", error.to_string(), remedy)];
        }
    };
    let found = path.display().to_string();
    let config = BrowserConfig { chromium: path, sandbox: choice.sandbox, max_pages: 1, display: Vec::new() };
    match start(config).await {
        Ok(version) => {
            vec![CheckResult::ok("chromium", format!("{version} at {found}")), sandbox(choice.sandbox)]
        }
        Err(error) => {
            vec![CheckResult::fail(
                "chromium",
                format!("{found} does not start: {error}"),
                remedy(choice.sandbox),
            )]
        }
    }
}

/// Opens one empty page and closes everything again.
async fn start(config: BrowserConfig) -> Result<String, String> {
    let tasks = Tasks::new();
    let supervisor = Supervisor::new(config, tasks.clone());
    let opened = timeout(START, supervisor.open(TrafficFilter::default())).await;
    let version = supervisor.version().unwrap_or_else(|| "Chromium".to_owned());
    let result = match opened {
        Ok(Ok(page)) => {
            drop(page);
            Ok(version)
        }
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no page within {} s", START.as_secs())),
    };
    supervisor.close().await;
    tasks.stop(START).await;
    result
}

fn sandbox(on: bool) -> CheckResult {
    if on {
        return CheckResult::ok("chromium sandbox", "on");
    }
    let remedy = "run the broker as an ordinary user with LATCHKEY_CHROMIUM_SANDBOX=on";
    CheckResult::warn("chromium sandbox", "off: a page that breaks out of the renderer is the broker", remedy)
}

fn remedy(sandbox: bool) -> &'static str {
    if sandbox {
        "the sandbox needs an ordinary user (not root) and user namespaces (in a container: the seccomp profile of \
         compose/); LATCHKEY_CHROMIUM_SANDBOX=off is for tests only"
    } else {
        "run it by hand with --headless --no-sandbox to see what it misses"
    }
}
