//! A page of the web on this machine, over HTTPS: Claude Code asks for no other.

use std::{path::Path, process::Stdio};

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

/// A page. Dropped, it is gone.
pub(super) struct Page {
    pub(super) url: String,
    /// The file of the authority that its certificate is by.
    pub(super) authority: String,
    _server: Child,
}

impl Page {
    /// Serves a text.
    pub(super) async fn start(text: &str) -> Self {
        let file = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join(name).display().to_string();
        let certificate = |name: &str| file(&format!("it/fleet/certificate/{name}"));
        let mut server = Command::new("python3")
            .arg(file("it/agents/page.py"))
            .args([certificate("server.pem"), certificate("server.key"), text.to_owned()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut port = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut port).await.unwrap();
        let url = format!("https://127.0.0.1:{}/", port.trim());
        Self { url, authority: certificate("ca.pem"), _server: server }
    }
}
