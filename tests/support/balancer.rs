//! A real nginx with the configuration of `compose/balancer`, on a free loopback port, gone with its owner.

use std::{
    fs::{self, File},
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use reqwest::Url;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::{http, processes, wait};

/// How long a start, and a change of the adapters, may take.
const START: Duration = Duration::from_secs(30);

const MISSING: &str = "cannot start nginx; install it: apt-get install nginx-light";

/// A running balancer.
#[derive(Debug)]
pub struct Balancer {
    /// Its base URL.
    pub url: Url,
    directory: TempDir,
    child: Child,
}

impl Balancer {
    /// Starts one in front of these adapters.
    ///
    /// # Panics
    /// When nginx is not installed, or refuses the configuration.
    pub async fn start(adapters: &[&Url]) -> Self {
        let directory = tempfile::Builder::new().prefix("latchkey-balancer-").tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let url: Url = format!("http://127.0.0.1:{port}").parse().unwrap();
        configure(directory.path(), &url, adapters);
        let log = File::create(directory.path().join("log")).unwrap();
        let child = Command::new("nginx")
            .arg("-p")
            .arg(directory.path())
            .arg("-c")
            .arg(directory.path().join("nginx.conf"))
            // Root's workers would be nobody's, who cannot open the directory. Others may not say this, and need not.
            .args(["-g", "user root;"])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect(MISSING);
        let mut balancer = Self { url, directory, child };
        let (http, livez) = (http::client(), balancer.url.join("/livez").unwrap());
        wait::until_some(START, async || {
            let ended = balancer.child.try_wait().unwrap();
            assert!(ended.is_none(), "nginx ended before it answered:\n{}", balancer.log());
            http.get(livez.clone()).send().await.ok()
        })
        .await;
        balancer
    }

    /// Puts it in front of other adapters, as Docker's names do when a service is scaled; what runs, runs on.
    pub async fn change(&self, adapters: &[&Url]) {
        configure(self.directory.path(), &self.url, adapters);
        let before: Vec<u32> = self.workers();
        let pid = Pid::from_raw(self.child.id().cast_signed()).unwrap();
        kill_process(pid, Signal::HUP).unwrap();
        wait::until(START, || self.workers().iter().any(|worker| !before.contains(worker))).await;
    }

    /// Everything that it wrote so far.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap()
    }

    fn workers(&self) -> Vec<u32> {
        processes::descendants(self.child.id()).iter().map(|process| process.pid).collect()
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        // Its workers end with it only if it may tell them.
        processes::terminate(self.child.id());
        self.child.wait().unwrap();
    }
}

/// Writes compose's own configuration, but for where things are on this machine.
fn configure(directory: &Path, url: &Url, adapters: &[&Url]) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../compose/balancer/nginx.conf");
    let mut text = fs::read_to_string(source).unwrap();
    let address = |url: &Url| format!("{}:{}", url.host_str().unwrap(), url.port().unwrap());
    let server = "server adapter:7802 resolve max_fails=1 fail_timeout=5s;";
    let servers: Vec<String> =
        adapters.iter().map(|url| server.replace("adapter:7802 resolve", &address(url))).collect();
    let here = [
        // First: the directory is below /tmp itself.
        ("/tmp/", format!("{}/", directory.display())),
        ("/dev/stdout", directory.join("access.log").display().to_string()),
        ("listen 7800;", format!("listen {};", address(url))),
        (server, servers.join("\n        ")),
        ("    resolver 127.0.0.11 valid=2s ipv6=off;\n", String::new()),
    ];
    for (there, here) in here {
        assert!(text.contains(there), "compose/balancer/nginx.conf has no {there:?} any more");
        text = text.replace(there, &here);
    }
    fs::write(directory.join("nginx.conf"), text).unwrap();
}
