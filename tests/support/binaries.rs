//! The real binaries, as processes of their own: for what `run` inside a test cannot show.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, SystemTime},
};

use reqwest::Url;

use crate::{http, processes, wait};

const START: Duration = Duration::from_secs(20);
const STOP: Duration = Duration::from_secs(30);

/// A running binary. Dropped, it is killed.
#[derive(Debug)]
pub struct Binary {
    /// Its base URL.
    pub url: Url,
    name: &'static str,
    child: Child,
    directory: PathBuf,
}

impl Binary {
    /// Starts `latchkey-broker serve` with nothing but this environment.
    pub async fn broker(directory: &Path, environment: &[(String, String)]) -> Self {
        Self::start("latchkey-broker", &["serve"], "LATCHKEY_BROKER_LISTEN", directory, environment).await
    }

    /// Starts `latchkey-adapter` with nothing but this environment.
    pub async fn adapter(directory: &Path, environment: &[(String, String)]) -> Self {
        Self::start("latchkey-adapter", &[], "LATCHKEY_ADAPTER_LISTEN", directory, environment).await
    }

    async fn start(
        name: &'static str,
        arguments: &[&str],
        listen: &str,
        directory: &Path,
        environment: &[(String, String)],
    ) -> Self {
        // The port is free now; a binary cannot be handed a listener.
        let address = crate::server::listener().await.local_addr().unwrap();
        let home = directory.join(format!("{name}.home"));
        let temporary = temporary(directory, name);
        fs::create_dir(&home).unwrap();
        fs::create_dir(&temporary).unwrap();
        let child = Command::new(path(name))
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", home)
            .env("TMPDIR", temporary)
            .env(listen, address.to_string())
            .envs(environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(File::create(directory.join(format!("{name}.stdout"))).unwrap())
            .stderr(File::create(directory.join(format!("{name}.stderr"))).unwrap())
            .spawn()
            .unwrap();
        let url = format!("http://{address}").parse().unwrap();
        let mut binary = Self { url, name, child, directory: directory.to_owned() };
        binary.answers().await;
        binary
    }

    /// Everything that it wrote so far.
    #[must_use]
    pub fn output(&self) -> String {
        let read = |stream: &str| fs::read(self.directory.join(format!("{}.{stream}", self.name))).unwrap();
        String::from_utf8_lossy(&[read("stdout"), read("stderr")].concat()).into_owned()
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The directory that it was given for temporary files.
    #[must_use]
    pub fn temporary(&self) -> PathBuf {
        temporary(&self.directory, self.name)
    }

    /// Ends it with SIGTERM and waits.
    ///
    /// # Panics
    /// When it does not end in time, or not with success.
    pub async fn stop(&mut self) {
        processes::terminate(self.child.id());
        self.ended().await;
    }

    /// Waits until one that was told to stop has ended.
    ///
    /// # Panics
    /// When it does not end in time, or not with success.
    pub async fn ended(&mut self) {
        let status = wait::until_some(STOP, async || self.child.try_wait().unwrap()).await;
        assert!(status.success(), "{} ended with {status}:\n{}", self.name, self.output());
    }

    /// Ends it with SIGKILL and waits.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    async fn answers(&mut self) {
        let http = http::client();
        let url = self.url.join("/livez").unwrap();
        wait::until_some(START, async || {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "{} ended before it answered:\n{}", self.name, self.output());
            http.get(url.clone()).send().await.ok()
        })
        .await;
    }
}

impl Drop for Binary {
    fn drop(&mut self) {
        // It may have ended already.
        self.child.kill().unwrap_or_default();
        self.child.wait().unwrap();
    }
}

/// The name is short: Chromium puts a socket five directories below it, and a socket's path has 107 characters.
fn temporary(directory: &Path, name: &str) -> PathBuf {
    directory.join(&name["latchkey-".len()..][..1])
}

/// A binary beside the running test or program.
///
/// # Panics
/// When it is not there, or older than its sources: cargo builds the binaries of other packages only when told to.
#[must_use]
pub fn path(name: &str) -> PathBuf {
    let own = std::env::current_exe().unwrap();
    // Tests are in target/<profile>/deps, programs one above.
    let beside = own.ancestors().skip(1).take(2).map(|directory| directory.join(name));
    let path = beside.filter(|path| path.exists()).last().unwrap_or_default();
    let built = fs::metadata(&path).and_then(|metadata| metadata.modified());
    let built =
        built.unwrap_or_else(|_| panic!("{name} is not built: run scripts/test, or cargo build --workspace"));
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let package = match name.trim_start_matches("latchkey-") {
        "bench" => "tests/bench",
        "ops" => "scripts/ops",
        "replay" => "tests",
        package => package,
    };
    let sources = [&format!("{package}/src"), "shared/src", "shared/site/src"];
    let newest = sources.map(|sources| newest(&root.join(sources))).into_iter().max();
    assert!(
        newest <= Some(built),
        "{name} is older than its sources: run scripts/test, or cargo build --workspace"
    );
    path
}

fn newest(sources: &Path) -> SystemTime {
    let modified = |path: &PathBuf| fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    crate::hunt::files(sources).iter().filter_map(modified).max().unwrap_or(SystemTime::UNIX_EPOCH)
}
