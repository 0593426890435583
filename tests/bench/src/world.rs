//! All that a run measures against, started once: the site, Redis, and each target as a process of its own.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::{
    adapter::{Deployment, NATIVE, TEXT},
    figures::median,
    machine, nginx, peers,
    process::{Process, free_address},
    redis,
    size::Size,
    target::Target,
};

/// What a start showed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Start {
    /// Which target.
    pub target: String,
    /// Until it was ready.
    pub cold_start_ms: f64,
    /// Its memory then.
    pub idle_mib: f64,
}

/// The processes of a run.
pub(crate) struct World {
    /// What is measured, in the order of the table.
    pub targets: Vec<Target>,
    /// How each of them started.
    pub starts: Vec<Start>,
    site: SocketAddr,
    adapter: PathBuf,
    deployment: Deployment,
    /// Before the directory: it goes when nobody writes into it any more.
    processes: Vec<Process>,
    directory: TempDir,
}

/// An adapter that has done nothing yet, with a Redis of its own.
pub(crate) struct Apart {
    /// The adapter.
    pub target: Target,
    /// Where its Redis listens.
    pub redis: SocketAddr,
    /// The process of its Redis.
    pub redis_pid: u32,
    _processes: [Process; 2],
    _directory: TempDir,
}

impl World {
    /// Starts everything; of peers those that were installed in a directory.
    pub(crate) async fn start(adapter: &Path, peers: Option<&Path>, size: Size) -> anyhow::Result<Self> {
        let directory = directory()?;
        let own = own()?;
        let site = free_address()?;
        let mut upstream = Process::start(&own, &["upstream", &site.to_string()], &[])?;
        upstream.ready(&format!("http://{site}/readyz")).await?;
        let address = free_address()?;
        let redis = redis::start(directory.path(), address).await?;
        let deployment = Deployment::new(directory.path(), address, site).await?;
        for site in [NATIVE, TEXT] {
            deployment.add_accounts(site, size.accounts()[0]).await?;
        }
        let mut world = Self {
            targets: vec![target("direct", site)],
            starts: Vec::new(),
            site,
            adapter: adapter.to_owned(),
            deployment,
            processes: vec![upstream, redis],
            directory,
        };
        world.start_nginx().await?;
        world.start_floor().await?;
        if let Some(installed) = peers {
            world.start_peers(installed).await?;
        }
        world.start_adapters(size).await?;
        Ok(world)
    }

    async fn start_nginx(&mut self) -> anyhow::Result<()> {
        let listen = free_address()?;
        let mut nginx = nginx::start(self.directory.path(), listen, self.site)?;
        let took = nginx.ready(&format!("http://{listen}/readyz")).await?;
        self.note(&nginx, "nginx", took);
        self.add(nginx, target("nginx", listen));
        Ok(())
    }

    async fn start_floor(&mut self) -> anyhow::Result<()> {
        let listen = free_address()?;
        let upstream = format!("http://{}", self.site);
        let mut floor = Process::start(own()?, &["floor", &listen.to_string(), &upstream], &[])?;
        let took = floor.ready(&format!("http://{listen}/readyz")).await?;
        self.note(&floor, "floor", took);
        self.add(floor, target("floor", listen));
        Ok(())
    }

    async fn start_peers(&mut self, installed: &Path) -> anyhow::Result<()> {
        for peer in peers::ALL {
            let listen = free_address()?;
            let (process, took) = peer.start(installed, self.directory.path(), listen, self.site).await?;
            self.note(&process, peer.name(), took);
            self.add(process, Target { head: peer.head(self.site), ..target(peer.name(), listen) });
        }
        Ok(())
    }

    /// An adapter for each mode, so that none has memory left of another's work. The first starts are for the clock alone.
    async fn start_adapters(&mut self, size: Size) -> anyhow::Result<()> {
        let mut took_ms = Vec::new();
        let mut idle_mib = Vec::new();
        for _ in 0..size.starts() {
            let (process, _, took) = self.start_adapter().await?;
            took_ms.push(took.as_secs_f64() * 1e3);
            idle_mib.push(machine::resident(process.pid()) as f64 / 1024.0 / 1024.0);
        }
        let cold_start_ms = median(took_ms);
        let idle_mib = median(idle_mib);
        self.starts.push(Start { target: "adapter".to_owned(), cold_start_ms, idle_mib });
        for (name, model, call) in [("native", NATIVE, false), ("sieve", TEXT, false), ("calls", TEXT, true)]
        {
            let (process, listen, _) = self.start_adapter().await?;
            self.add(process, Target { model, call, ..target(name, listen) });
        }
        Ok(())
    }

    /// An adapter that has done nothing yet, with the accounts of all.
    pub(crate) async fn fresh(&self, mode: Target) -> anyhow::Result<(Process, Target)> {
        let (process, address, _) = self.start_adapter().await?;
        let pid = Some(process.pid());
        let idle = machine::resident(process.pid());
        Ok((process, Target { address, pid, idle, ..mode }))
    }

    /// The target of this name, as it was started.
    pub(crate) fn mode(&self, name: &str) -> anyhow::Result<Target> {
        let found = self.targets.iter().find(|target| target.name == name);
        found.cloned().with_context(|| format!("there is no target {name}"))
    }

    /// An adapter with a Redis of its own and so many accounts at the site that takes tools.
    pub(crate) async fn apart(&self, name: &'static str, accounts: usize) -> anyhow::Result<Apart> {
        let directory = directory()?;
        let address = free_address()?;
        let redis = redis::start(directory.path(), address).await?;
        let deployment = Deployment::new(directory.path(), address, self.site).await?;
        deployment.add_accounts(NATIVE, accounts).await?;
        let (process, listen, _) =
            deployment.start(&self.adapter).await.context("cannot start the adapter")?;
        let pid = Some(process.pid());
        let idle = machine::resident(process.pid());
        Ok(Apart {
            target: Target { model: NATIVE, pid, idle, ..target(name, listen) },
            redis: address,
            redis_pid: redis.pid(),
            _processes: [process, redis],
            _directory: directory,
        })
    }

    async fn start_adapter(&self) -> anyhow::Result<(Process, SocketAddr, Duration)> {
        self.deployment.start(&self.adapter).await.context("cannot start the adapter")
    }

    fn note(&mut self, process: &Process, target: &str, took: Duration) {
        self.starts.push(Start {
            target: target.to_owned(),
            cold_start_ms: took.as_secs_f64() * 1e3,
            idle_mib: machine::resident(process.pid()) as f64 / 1024.0 / 1024.0,
        });
    }

    fn add(&mut self, process: Process, target: Target) {
        let pid = Some(process.pid());
        let idle = machine::resident(process.pid());
        self.targets.push(Target { pid, idle, ..target });
        self.processes.push(process);
    }
}

fn own() -> anyhow::Result<String> {
    Ok(std::env::current_exe()?.display().to_string())
}

fn directory() -> anyhow::Result<TempDir> {
    tempfile::Builder::new().prefix("latchkey-bench-").tempdir().context("cannot make a directory")
}

/// A target that offers a tool and is answered in text.
fn target(name: &'static str, address: SocketAddr) -> Target {
    Target {
        name,
        address,
        pid: None,
        idle: 0,
        head: String::new(),
        model: "bench",
        tools: true,
        call: false,
    }
}
