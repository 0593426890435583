//! A private redis-server.

use std::{net::SocketAddr, path::Path, time::Duration};

use anyhow::{Context, bail, ensure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::process::Process;

/// Starts one that keeps nothing, and waits until it listens.
pub(crate) async fn start(directory: &Path, listen: SocketAddr) -> anyhow::Result<Process> {
    let port = listen.port().to_string();
    let directory = directory.display().to_string();
    let fixed =
        ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction"];
    let own = ["--port", &port, "--dir", &directory];
    let process = Process::start("redis-server", &[&own[..], &fixed[..]].concat(), &[])?;
    for _ in 0..2000 {
        if TcpStream::connect(listen).await.is_ok() {
            return Ok(process);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    bail!("redis-server does not listen on {listen}")
}

/// A connection that asks the server what it did.
pub(crate) struct Statistics(TcpStream);

impl Statistics {
    /// Connects.
    pub(crate) async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        Ok(Self(TcpStream::connect(address).await?))
    }

    /// How often the server has read from clients since it was started, this question included. A client that waits for
    /// each answer is read once in a round trip, whatever a pipeline or a script does in it.
    pub(crate) async fn reads(&mut self) -> anyhow::Result<u64> {
        self.0.write_all(b"INFO stats\r\n").await?;
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            let read = timeout(Duration::from_secs(5), self.0.read_buf(&mut answer)).await;
            ensure!(read.context("redis-server is silent")?? > 0, "redis-server hung up");
        }
        let text = String::from_utf8_lossy(&answer);
        let reads = text.lines().find_map(|line| line.strip_prefix("total_reads_processed:"));
        Ok(reads.context("this redis-server does not count its reads; 6.0 and later do")?.parse()?)
    }
}
