//! Chromium's `DevTools` pipe as the one WebSocket that chromiumoxide speaks.
//!
//! A `DevTools` port is open to every local user, who could read a password while it is typed. The pipe is nobody's but
//! ours: fd 3 and 4 of Chromium, JSON that ends in a NUL each way (Chromium's `--remote-debugging-pipe`; measured on
//! 156, 2026-11-29). chromiumoxide takes an address alone, so it gets one on loopback, with a path that nobody can
//! guess, which takes one connection and is gone then.

use std::{io, net::Ipv4Addr, time::Duration};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use futures::{SinkExt, StreamExt, stream::FuturesUnordered};
use rand::{TryRng, rngs::SysRng};
use subtle::ConstantTimeEq;
use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, accept_hdr_async_with_config,
    tungstenite::{
        Message,
        handshake::server::{ErrorResponse, Request, Response},
        http::StatusCode,
        protocol::WebSocketConfig,
    },
};
use tokio_util::sync::CancellationToken;

/// The longest message of Chromium: a screenshot of 4,096 by 4,096 pixels is a tenth of it.
const LONGEST_MESSAGE: u64 = 256 << 20;
/// For whoever connects to say which path it wants; ours says so at once.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(5);
/// Strangers who may be in the middle of that at once.
const STRANGERS: usize = 16;

/// The two ends of the pipe that Chromium has as fd 3 and 4.
pub(super) struct DevToolsPipe<R, W> {
    /// What Chromium says.
    pub from: R,
    /// What it is told; closed, Chromium ends.
    pub to: W,
}

/// An address on loopback that takes one connection, to be served by a pipe.
pub(super) struct DevToolsListener {
    listener: TcpListener,
    path: String,
}

impl<R: AsyncBufRead + Unpin, W: AsyncWrite + Unpin> DevToolsPipe<R, W> {
    /// Asks Chromium for its version, so that it is known to take commands.
    ///
    /// # Errors
    /// Where the pipe breaks before Chromium answers.
    pub(super) async fn greet(&mut self) -> io::Result<()> {
        write_message(&mut self.to, br#"{"id":0,"method":"Browser.getVersion"}"#).await?;
        read_message(&mut self.from).await?.map(drop).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

async fn write_message(to: &mut (impl AsyncWrite + Unpin), message: &[u8]) -> io::Result<()> {
    to.write_all(message).await?;
    to.write_all(b"\0").await?;
    to.flush().await
}

/// The next message; `None` at the end.
async fn read_message(from: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<String>> {
    let mut message = Vec::new();
    from.take(LONGEST_MESSAGE).read_until(0, &mut message).await?;
    if message.pop_if(|last| *last == 0).is_none() {
        let is_cut = message.len() as u64 == LONGEST_MESSAGE;
        return if is_cut { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(None) };
    }
    String::from_utf8(message).map(Some).map_err(|_| io::ErrorKind::InvalidData.into())
}

impl DevToolsListener {
    /// Binds a port of 127.0.0.1 that is free, and draws a path of 256 random bits.
    ///
    /// # Errors
    /// Where no port or no randomness is to be had.
    pub(super) async fn bind() -> io::Result<Self> {
        let mut random = [0; 32];
        SysRng.try_fill_bytes(&mut random).map_err(io::Error::other)?;
        let path = format!("/{}", BASE64_URL_SAFE_NO_PAD.encode(random));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        Ok(Self { listener, path })
    }

    /// Where to connect to. It is a secret, as the path is in it.
    ///
    /// # Errors
    /// Where the socket is none any more.
    pub(super) fn address(&self) -> io::Result<String> {
        Ok(format!("ws://{}{}", self.listener.local_addr()?, self.path))
    }

    /// Serves the first connection that knows the path, until either side ends or `stop` says so. No port is open from
    /// that connection on, and the pipe is closed in the end.
    pub(super) async fn serve<R, W>(self, pipe: DevToolsPipe<R, W>, stop: CancellationToken)
    where
        R: AsyncBufRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        let served = async {
            let Some(socket) = self.accept().await else { return };
            if let Err(error) = relay(socket, pipe).await {
                tracing::warn!(%error, "the connection to chromium broke");
            }
        };
        // Whoever waits for the pipe to close must not wait for its other end.
        let _ = stop.run_until_cancelled(served).await;
    }

    async fn accept(self) -> Option<WebSocketStream<TcpStream>> {
        let mut handshakes = FuturesUnordered::new();
        loop {
            tokio::select! {
                connection = self.listener.accept(), if handshakes.len() < STRANGERS => {
                    let (connection, _) = connection.ok()?;
                    handshakes.push(timeout(HANDSHAKE_LIMIT, handshake(connection, &self.path)));
                }
                Some(done) = handshakes.next() => if let Ok(Some(socket)) = done {
                    return Some(socket);
                },
            }
        }
    }
}

/// A WebSocket, for who knows the path; a stranger gets a 404.
async fn handshake(connection: TcpStream, path: &str) -> Option<WebSocketStream<TcpStream>> {
    let config = WebSocketConfig::default().max_message_size(None).max_frame_size(None);
    #[expect(clippy::result_large_err, reason = "the error is the library's own type")]
    let knows = |request: &Request, response: Response| {
        let asked = request.uri().path().as_bytes();
        if asked.ct_eq(path.as_bytes()).into() {
            return Ok(response);
        }
        let mut refused = ErrorResponse::new(None);
        *refused.status_mut() = StatusCode::NOT_FOUND;
        Err(refused)
    };
    connection.set_nodelay(true).ok()?;
    accept_hdr_async_with_config(connection, knows, Some(config)).await.ok()
}

/// Moves messages both ways until either side ends.
async fn relay<R, W>(socket: WebSocketStream<TcpStream>, pipe: DevToolsPipe<R, W>) -> io::Result<()>
where
    R: AsyncBufRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let (mut to_us, mut from_us) = socket.split();
    let DevToolsPipe { mut from, mut to } = pipe;
    let commands = async {
        while let Some(Ok(message)) = from_us.next().await {
            if let Message::Text(command) = message {
                write_message(&mut to, command.as_bytes()).await?;
            }
        }
        Ok(())
    };
    let events = async {
        while let Some(event) = read_message(&mut from).await? {
            to_us.send(Message::text(event)).await.map_err(io::Error::other)?;
        }
        Ok(())
    };
    tokio::select! {
        ended = commands => ended,
        ended = events => ended,
    }
}

#[cfg(test)]
mod tests;
