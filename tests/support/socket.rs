//! A site that is one WebSocket with a script: what it says, and what it waits for. Files may be posted beside it.

use std::{
    io::ErrorKind,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::{SinkExt, StreamExt};
use latchkey_shared::shutdown::Tasks;
use reqwest::Url;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_tungstenite::{
    WebSocketStream, accept_hdr_async,
    tungstenite::{
        Message,
        handshake::server::{ErrorResponse, Request, Response},
    },
};

use crate::{server, wait};

/// How long a file waits until the socket was heard.
const SOON: Duration = Duration::from_secs(10);

/// What a script does next.
#[derive(Clone, Debug)]
pub enum Act {
    /// Sends a text.
    Say(String),
    /// Waits for a text that contains this.
    Hear(&'static str),
    /// Pings, as the protocol has it, and waits for the pong.
    Ping,
    /// Sends bytes that are no text.
    Bytes,
    /// Waits until the peer closes.
    Stay,
    /// Ends the connection without a word.
    Cut,
}

/// A running site. Every connection plays the script; at its end the site closes it politely.
#[derive(Debug)]
pub struct SocketSite {
    /// Its base URL.
    pub url: Url,
    seen: Arc<Mutex<SocketLog>>,
    tasks: Tasks,
}

#[derive(Debug, Default)]
struct SocketLog {
    heard: Vec<String>,
    opened: Vec<Opened>,
    pongs: usize,
    posted: Vec<String>,
    closed: usize,
}

/// A request that opened a socket.
#[derive(Clone, Debug, Default)]
pub struct Opened {
    /// Its path and query.
    pub path: String,
    /// Its cookies.
    pub cookie: String,
    /// Where it says that it comes from.
    pub origin: String,
}

impl SocketSite {
    /// Starts one.
    pub async fn start(script: &[Act]) -> Self {
        Self::answering(None, script).await
    }

    /// Starts one that refuses every socket with these bytes of HTTP.
    pub async fn refusing(answer: &'static str) -> Self {
        Self::answering(Some(answer), &[]).await
    }

    async fn answering(refusal: Option<&'static str>, script: &[Act]) -> Self {
        let listener = server::listener().await;
        let seen = Arc::default();
        let tasks = Tasks::new();
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        tasks.spawn(serve(listener, Arc::clone(&seen), refusal, script.to_vec(), tasks.clone()));
        Self { url, seen, tasks }
    }

    /// Every text that it was told.
    #[must_use]
    pub fn heard(&self) -> Vec<String> {
        self.seen.lock().unwrap().heard.clone()
    }

    /// The requests that opened sockets.
    #[must_use]
    pub fn opened(&self) -> Vec<Opened> {
        self.seen.lock().unwrap().opened.clone()
    }

    /// The requests that posted files, head and body. Each is answered once a ping over the socket was.
    #[must_use]
    pub fn posted(&self) -> Vec<String> {
        self.seen.lock().unwrap().posted.clone()
    }

    /// How many sockets the peer has closed.
    #[must_use]
    pub fn closed(&self) -> usize {
        self.seen.lock().unwrap().closed
    }
}

impl Drop for SocketSite {
    fn drop(&mut self) {
        self.tasks.stopping().cancel();
    }
}

async fn serve(
    listener: TcpListener,
    seen: Arc<Mutex<SocketLog>>,
    refusal: Option<&'static str>,
    script: Vec<Act>,
    tasks: Tasks,
) {
    let stopping = tasks.stopping();
    while let Some(Ok((stream, _))) = stopping.run_until_cancelled(listener.accept()).await {
        let seen = Arc::clone(&seen);
        let script = script.clone();
        let stopping = tasks.stopping();
        tasks.spawn(async move {
            let connection = async move {
                match refusal {
                    Some(answer) => refuse(stream, answer).await,
                    None if is_post(&stream).await => take_file(stream, &seen).await,
                    None => play(stream, &seen, script).await,
                }
            };
            stopping.run_until_cancelled(connection).await;
        });
    }
}

async fn is_post(stream: &TcpStream) -> bool {
    let mut begins = [0; 4];
    while stream.peek(&mut begins).await.is_ok_and(|read| 0 < read && read < begins.len()) {}
    begins == *b"POST"
}

async fn take_file(mut stream: TcpStream, seen: &Mutex<SocketLog>) {
    let mut request = Vec::new();
    // Where a form ends (RFC 2046, section 5.1.1).
    while !request.ends_with(b"--\r\n") {
        if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
            return;
        }
    }
    wait::until(SOON, || seen.lock().unwrap().pongs > 0).await;
    seen.lock().unwrap().posted.push(String::from_utf8_lossy(&request).into_owned());
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 11\r\n\r\n";
    stream.write_all(format!("{head}{{\"id\":\"f1\"}}").as_bytes()).await.ok();
}

async fn refuse(mut stream: TcpStream, answer: &str) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        stream.readable().await.unwrap();
        match stream.try_read_buf(&mut request) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
    stream.write_all(answer.as_bytes()).await.unwrap();
}

#[expect(clippy::result_large_err, reason = "the library's own callback")]
async fn play(stream: TcpStream, seen: &Mutex<SocketLog>, script: Vec<Act>) {
    let note = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
        let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let cookie = header("cookie").unwrap_or_default();
        let origin = header("origin").unwrap_or_default();
        seen.lock().unwrap().opened.push(Opened { path: request.uri().to_string(), cookie, origin });
        Ok(response)
    };
    let mut socket = accept_hdr_async(stream, note).await.unwrap();
    for act in script {
        let sent = match &act {
            Act::Say(text) => socket.send(Message::text(text.as_str())).await,
            Act::Bytes => socket.send(Message::binary(vec![0, 159])).await,
            Act::Ping => socket.send(Message::Ping("are you there".into())).await,
            Act::Hear(_) | Act::Stay => Ok(()),
            Act::Cut => return,
        };
        let goes_on = match act {
            _ if sent.is_err() => false,
            Act::Hear(part) => {
                hear(
                    &mut socket,
                    seen,
                    |message| matches!(message, Message::Text(text) if text.contains(part)),
                )
                .await
            }
            Act::Ping => {
                let heard = hear(&mut socket, seen, Message::is_pong).await;
                seen.lock().unwrap().pongs += usize::from(heard);
                heard
            }
            Act::Stay => hear(&mut socket, seen, |_| false).await,
            Act::Say(_) | Act::Bytes | Act::Cut => true,
        };
        if !goes_on {
            seen.lock().unwrap().closed += 1;
            return;
        }
    }
    socket.close(None).await.ok();
    hear(&mut socket, seen, |_| false).await;
}

/// Notes texts until the wanted message comes; false when the peer has closed.
async fn hear(
    socket: &mut WebSocketStream<TcpStream>,
    seen: &Mutex<SocketLog>,
    wanted: impl Fn(&Message) -> bool,
) -> bool {
    while let Some(Ok(message)) = socket.next().await {
        if let Message::Text(text) = &message {
            seen.lock().unwrap().heard.push(text.as_str().to_owned());
        }
        if wanted(&message) {
            return true;
        }
    }
    false
}
