//! A proxy between a client and an adapter that breaks one stream in its middle, as a network does.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use reqwest::Url;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    task::JoinSet,
};

/// A running proxy. Dropped, it stops.
#[derive(Debug)]
pub struct Breaker {
    /// Where it listens.
    pub url: Url,
    broke: Arc<AtomicBool>,
    _tasks: JoinSet<()>,
}

impl Breaker {
    /// Starts one before an adapter. It breaks the first answer in which `mark` has come by.
    pub async fn start(adapter: &Url, mark: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let address = format!("127.0.0.1:{}", adapter.port().unwrap());
        let broke = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&broke);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let upstream = TcpStream::connect(&address).await.unwrap();
                connections.spawn(pass(client, upstream, mark, Arc::clone(&flag)));
            }
        });
        Self { url, broke, _tasks: tasks }
    }

    /// Whether it has broken a stream.
    #[must_use]
    pub fn broke(&self) -> bool {
        self.broke.load(Ordering::SeqCst)
    }
}

async fn pass(client: TcpStream, upstream: TcpStream, mark: &'static str, broke: Arc<AtomicBool>) {
    let (mut from_client, to_client) = client.into_split();
    let (from_upstream, mut to_upstream) = upstream.into_split();
    tokio::select! {
        () = answer(from_upstream, to_client, mark, &broke) => {}
        copied = copy(&mut from_client, &mut to_upstream) => drop(copied),
    }
    // Both ends are dropped here, whatever was on its way.
}

async fn answer(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mark: &str, broke: &AtomicBool) {
    let mut seen = String::new();
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
        seen.push_str(&String::from_utf8_lossy(&buffer[..count]));
        if seen.contains(mark) && !broke.swap(true, Ordering::SeqCst) {
            return;
        }
    }
}
