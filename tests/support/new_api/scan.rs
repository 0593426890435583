//! Reads an upstream's stream line by line, and keeps the client's connection meanwhile.
//!
//! Measured on v1.0.0-rc.24: only `data:` lines count, comments and names of events do not; a cut is an end; a client
//! that leaves is noticed at once, and the upstream told.

use std::time::Duration;

use reqwest::Response;
use tokio::time::{Instant, Interval, interval_at};

use super::client::AnswerClient;

/// One thing that happens.
#[derive(Debug)]
pub(super) enum Event {
    /// The payload of a `data:` line.
    Data(String),
    /// It said that it is done, ended or broke off, or nobody listens any more.
    End,
}

/// An upstream's stream.
#[derive(Debug)]
pub(super) struct UpstreamEvents {
    upstream: Response,
    unread: Vec<u8>,
    pings: Option<Interval>,
    ended: bool,
}

impl UpstreamEvents {
    pub(super) fn new(upstream: Response, ping: Option<Duration>) -> Self {
        Self { upstream, unread: Vec::new(), pings: ping.map(pings), ended: false }
    }

    /// The next event.
    pub(super) async fn next(&mut self, client: &mut AnswerClient) -> Event {
        loop {
            while let Some(line) = self.line() {
                match payload(&line) {
                    Some("[DONE]") => return Event::End,
                    Some(data) => return Event::Data(data.to_owned()),
                    None => {}
                }
            }
            if self.ended {
                return Event::End;
            }
            tokio::select! {
                read = self.upstream.chunk() => match read {
                    Ok(Some(bytes)) => self.unread.extend_from_slice(&bytes),
                    // The last line need not have an end.
                    Ok(None) | Err(_) => {
                        self.unread.push(b'\n');
                        self.ended = true;
                    }
                },
                () = tick(self.pings.as_mut()) => client.ping().await,
                () = client.gone() => return Event::End,
            }
        }
    }

    fn line(&mut self) -> Option<String> {
        let end = self.unread.iter().position(|&byte| byte == b'\n')?;
        let line: Vec<u8> = self.unread.drain(..=end).collect();
        Some(String::from_utf8_lossy(&line).trim_end().to_owned())
    }
}

fn payload(line: &str) -> Option<&str> {
    line.strip_prefix("data:").map(str::trim).filter(|data| !data.is_empty())
}

/// A clock of pings; the first one comes after a whole interval.
pub(super) fn pings(every: Duration) -> Interval {
    interval_at(Instant::now() + every, every)
}

/// Waits for the next ping, for ever where there are none.
pub(super) async fn tick(pings: Option<&mut Interval>) {
    match pings {
        Some(pings) => drop(pings.tick().await),
        None => std::future::pending().await,
    }
}
