//! A real product, installed once by a script of ours and started for one test on a free port, gone with its owner.

use std::{
    fs::File,
    net::TcpListener,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use reqwest::Url;
use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;

use crate::wait;

/// 27 s were measured for the slowest on two cores; other tests may want them too.
const START: Duration = Duration::from_secs(120);

/// A running product.
#[derive(Debug)]
pub(crate) struct Product {
    /// Its base URL, by IP address.
    pub(crate) url: Url,
    name: &'static str,
    child: Child,
    directory: TempDir,
}

/// What a product is started with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    /// Where its files may be.
    pub(crate) directory: &'a Path,
    /// Where it listens.
    pub(crate) port: u16,
}

impl Product {
    /// Installs it if need be, and starts it with what `serve` adds to `scripts/NAME serve`.
    ///
    /// # Panics
    /// When it cannot be installed or does not start; the message has the end of its log.
    pub(crate) async fn start(name: &'static str, serve: impl FnOnce(&mut Command, Place<'_>)) -> Self {
        let install = Command::new(script(name)).arg("install").stdin(Stdio::null()).output().unwrap();
        let complaint = String::from_utf8_lossy(&install.stderr);
        assert!(install.status.success(), "cannot install {name}: {complaint}");
        let directory = tempfile::Builder::new().prefix(&format!("latchkey-{name}-")).tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let url = format!("http://127.0.0.1:{port}").parse().unwrap();
        let child = launch(name, Place { directory: directory.path(), port }, serve);
        let mut started = Self { url, name, child, directory };
        started.wait_until_ready().await;
        started
    }

    /// Ends it and starts it again at the same address.
    pub(crate) async fn restart(&mut self, serve: impl FnOnce(&mut Command, Place<'_>)) {
        self.end();
        let place = Place { directory: self.directory.path(), port: self.url.port().unwrap() };
        self.child = launch(self.name, place, serve);
        self.wait_until_ready().await;
    }

    async fn wait_until_ready(&mut self) {
        let http = crate::http::client();
        wait::until_some(START, async || {
            let exited = self.child.try_wait().unwrap();
            assert!(exited.is_none(), "{} stopped by itself: {}", self.name, self.log());
            let answer = http.get(self.url.clone()).send().await;
            answer.is_ok_and(|answer| !answer.status().is_server_error()).then_some(())
        })
        .await;
    }

    fn log(&self) -> String {
        let log = std::fs::read(self.directory.path().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&log[log.len().saturating_sub(4096)..]).into_owned()
    }

    fn end(&mut self) {
        // Its own process group: the server and whatever it has started.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
    }
}

impl Drop for Product {
    fn drop(&mut self) {
        self.end();
    }
}

/// A file of `tests/support`.
pub(crate) fn file(parts: &[&str]) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "support"].iter().chain(parts).collect()
}

fn launch(name: &str, place: Place<'_>, serve: impl FnOnce(&mut Command, Place<'_>)) -> Child {
    let log = File::options().create(true).append(true).open(place.directory.join("log")).unwrap();
    let mut command = Command::new(script(name));
    serve(command.arg("serve"), place);
    let command = command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
    command.process_group(0).spawn().unwrap()
}

pub(crate) fn script(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "scripts", name].iter().collect()
}
