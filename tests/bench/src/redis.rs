//! A private redis-server.

use std::{net::SocketAddr, path::Path, time::Duration};

use anyhow::bail;
use tokio::net::TcpStream;

use crate::process::Process;

/// Starts one that keeps nothing, and waits until it listens.
pub(crate) async fn start(directory: &Path, listen: SocketAddr) -> anyhow::Result<Process> {
    let (port, directory) = (listen.port().to_string(), directory.display().to_string());
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
