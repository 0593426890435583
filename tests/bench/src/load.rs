//! The load: connections of our own, kept alive, that read as little into an answer as they must.

use std::net::SocketAddr;

use anyhow::{Context, bail, ensure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Duration, timeout},
};

use crate::clock;

/// No read waits longer: a stuck target fails, and the run goes on.
const SILENCE: Duration = Duration::from_secs(60);

/// One connection.
pub(crate) struct Connection {
    socket: TcpStream,
    /// What was read and not yet understood.
    raw: Vec<u8>,
    /// The body so far, without the frames of its chunks.
    body: Vec<u8>,
    /// Bytes read for the answer.
    bytes: u64,
}

/// What one answer showed. Times in nanoseconds.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// From sending to the first stamp.
    pub first: u64,
    /// From each stamp to its arrival.
    pub delays: Vec<u64>,
    /// Bytes read, heads and frames included.
    pub bytes: u64,
    /// Whether the answer ended with calls.
    pub called: bool,
}

/// How much of a body is to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    /// So many bytes.
    Bytes(usize),
    /// A chunk's head is next (RFC 9112, section 7.1).
    ChunkHead,
    /// So many bytes of a chunk, and its line break.
    Chunk(usize),
    Nothing,
}

impl Connection {
    /// Connects.
    pub(crate) async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let socket = TcpStream::connect(address).await.context("cannot connect")?;
        socket.set_nodelay(true)?;
        Ok(Self { socket, raw: Vec::with_capacity(64 * 1024), body: Vec::with_capacity(64 * 1024), bytes: 0 })
    }

    /// Sends one request and reads its answer to the end.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> anyhow::Result<Seen> {
        let sent = clock::nanos();
        self.raw.clear();
        self.body.clear();
        self.bytes = 0;
        self.socket.write_all(request).await?;
        let mut rest = self.head().await?;
        let streams = rest == Rest::ChunkHead;
        let mut seen = Seen::default();
        let mut from = 0;
        loop {
            let now = clock::nanos();
            rest = unframe(&mut self.raw, &mut self.body, rest)?;
            from = stamps(&self.body, from, |stamp| seen.delays.push(now.saturating_sub(stamp)));
            if seen.first == 0 && !seen.delays.is_empty() {
                seen.first = now - sent;
            }
            if rest == Rest::Nothing {
                break;
            }
            self.more().await?;
        }
        let done = memchr::memmem::rfind(&self.body, b"data: [DONE]").is_some();
        ensure!(done || !streams, "the stream ended without [DONE]");
        seen.bytes = self.bytes;
        seen.called = memchr::memmem::rfind(&self.body, b"\"finish_reason\":\"tool_calls\"").is_some();
        Ok(seen)
    }

    async fn head(&mut self) -> anyhow::Result<Rest> {
        loop {
            self.more().await?;
            let Some(end) = memchr::memmem::find(&self.raw, b"\r\n\r\n") else { continue };
            let text = String::from_utf8_lossy(&self.raw[..end]).to_ascii_lowercase();
            let status = text.split_whitespace().nth(1).unwrap_or_default();
            if status != "200" {
                bail!("status {status}: {}", String::from_utf8_lossy(&self.raw));
            }
            let length =
                text.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
            self.raw.drain(..end + 4);
            return Ok(length.map_or(Rest::ChunkHead, Rest::Bytes));
        }
    }

    async fn more(&mut self) -> anyhow::Result<()> {
        let read = timeout(SILENCE, self.socket.read_buf(&mut self.raw)).await.context("silence")??;
        ensure!(read > 0, "the connection ended in the middle of an answer");
        self.bytes += read as u64;
        Ok(())
    }
}

/// Moves what is body from `raw` to `body`.
fn unframe(raw: &mut Vec<u8>, body: &mut Vec<u8>, mut rest: Rest) -> anyhow::Result<Rest> {
    let mut at = 0;
    loop {
        match rest {
            Rest::Nothing => break,
            Rest::Bytes(left) => {
                let taken = left.min(raw.len() - at);
                body.extend_from_slice(&raw[at..at + taken]);
                at += taken;
                rest = if taken == left { Rest::Nothing } else { Rest::Bytes(left - taken) };
                break;
            }
            Rest::ChunkHead => {
                let Some(line) = memchr::memmem::find(&raw[at..], b"\r\n") else { break };
                let size = usize::from_str_radix(std::str::from_utf8(&raw[at..at + line])?.trim(), 16)?;
                if size == 0 {
                    if raw.len() < at + line + 4 {
                        break;
                    }
                    rest = Rest::Nothing;
                    at += line + 4;
                } else {
                    rest = Rest::Chunk(size);
                    at += line + 2;
                }
            }
            Rest::Chunk(0) => {
                if raw.len() < at + 2 {
                    break;
                }
                at += 2;
                rest = Rest::ChunkHead;
            }
            Rest::Chunk(left) => {
                let taken = left.min(raw.len() - at);
                if taken == 0 {
                    break;
                }
                body.extend_from_slice(&raw[at..at + taken]);
                at += taken;
                rest = Rest::Chunk(left - taken);
            }
        }
    }
    raw.drain(..at);
    Ok(rest)
}

/// Calls `each` for every whole stamp `t=<digits>;` from an offset on; gives where to go on.
fn stamps(buffer: &[u8], mut from: usize, mut each: impl FnMut(u64)) -> usize {
    while let Some(at) = memchr::memmem::find(&buffer[from..], b"t=") {
        let begin = from + at + 2;
        let digits = buffer[begin..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        match buffer.get(begin + digits) {
            // Cut off: it is read again when more has come.
            None => return from + at,
            Some(b';') if digits > 0 => {
                let text = std::str::from_utf8(&buffer[begin..begin + digits]).unwrap_or_default();
                text.parse().map(&mut each).unwrap_or_default();
            }
            Some(_) => {}
        }
        from = begin + digits;
    }
    buffer.len().saturating_sub(1).max(from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_read_once_however_it_is_cut() {
        let whole = b"{\"content\":\"t=123; \"} t= t=x; t=45;";
        for cut in 0..=whole.len() {
            let mut found = Vec::new();
            let from = stamps(&whole[..cut], 0, |stamp| found.push(stamp));
            stamps(whole, from, |stamp| found.push(stamp));
            assert_eq!(found, [123, 45], "cut at {cut}");
        }
    }
}
