//! What every driver needs of HTTP: a client that hides nothing, and readings of answers.

use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use latchkey_shared::{id::SiteName, network::NetworkError, threads::PerThread, time::Timestamp};
use reqwest::{Client, ClientBuilder, Response, header, redirect};
use rustls::ClientConfig;
use rustls_platform_verifier::ConfigVerifierExt;
use tokio::time::{Instant, timeout_at};
use tracing::Span;

use crate::stream::{ByteStream, deferred::DeferredFault, fault::Fault};

const CONNECT: Duration = Duration::from_secs(10);
/// Shorter than the keep-alive of common servers, so that a request seldom meets a closing connection.
const IDLE: Duration = Duration::from_secs(55);

/// What the request is for that asks a site, in the log.
pub(crate) const CHAT: &str = "a chat";

/// The ways to all sites, each thread's own: an answer comes in on the thread that asks. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct HttpClients {
    requests: PerThread<Client>,
    sockets: PerThread<Client>,
}

impl HttpClients {
    /// Clients of so many threads. A redirect is a finding, not a way; only the driver knows how long is too long.
    ///
    /// # Errors
    /// When the machine has no usable TLS.
    pub(crate) fn new(threads: usize) -> anyhow::Result<Self> {
        // Broker and adapter may live in one process, as in tests; the first to install the provider wins.
        rustls::crypto::ring::default_provider().install_default().ok();
        // One for all: each client would hold the machine's authorities for itself.
        let tls = ClientConfig::with_platform_verifier()?;
        let with = |names: &[&[u8]]| {
            let mut tls = tls.clone();
            tls.alpn_protocols = names.iter().map(|name| name.to_vec()).collect();
            builder().tls_backend_preconfigured(tls)
        };
        let requests = PerThread::new(threads, || with(&[b"h2", b"http/1.1"]).build())?;
        let sockets = PerThread::new(threads, || with(&[b"http/1.1"]).http1_only().build())?;
        Ok(Self { requests, sockets })
    }

    /// For all requests.
    pub(crate) fn requests(&self) -> &Client {
        self.requests.here()
    }

    /// For those that open a socket: only HTTP/1.1 is upgraded (RFC 6455, section 4.1).
    pub(crate) fn sockets(&self) -> &Client {
        self.sockets.here()
    }
}

fn builder() -> ClientBuilder {
    Client::builder()
        .redirect(redirect::Policy::none())
        .connect_timeout(CONNECT)
        .pool_idle_timeout(IDLE)
        .tcp_nodelay(true)
        // The environment is read in one place, and that knows of no proxy.
        .no_proxy()
}

/// What it means that a request could not be sent. Why is for the log alone.
pub(crate) fn sending_fault(site: &SiteName, call: &str, error: &reqwest::Error) -> Fault {
    NetworkError::of(error).log(site, call);
    match error {
        error if error.is_connect() && error.is_timeout() => Fault::ConnectTimeout,
        error if error.is_connect() => Fault::Unreachable,
        error if error.is_timeout() => Fault::ResponseTimeout,
        _ => Fault::Truncated,
    }
}

/// Waits for a site until a deadline; that it has passed is a fault of the network's like any other.
///
/// # Errors
/// `late` when it has passed.
pub(crate) async fn by<T>(
    deadline: Instant,
    site: &SiteName,
    call: &str,
    late: Fault,
    asking: impl Future<Output = T>,
) -> Result<T, Fault> {
    timeout_at(deadline, asking).await.map_err(|_| {
        NetworkError::timeout("answer").log(site, call);
        late
    })
}

/// Whether an answer has a content type.
pub(crate) fn has_type(response: &Response, expected: &str) -> bool {
    let value = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    value.is_some_and(|value| value.trim_start().to_ascii_lowercase().starts_with(expected))
}

/// The wait that an answer asks for: milliseconds as `OpenAI` tells them, seconds, or a date (RFC 9110, section 10.2.3).
pub(crate) fn retry_after(response: &Response) -> Option<Duration> {
    let header = |name: &str| Some(response.headers().get(name)?.to_str().ok()?.trim());
    let wait = |text: &str, unit: f64| Duration::try_from_secs_f64(text.parse::<f64>().ok()? / unit).ok();
    if let Some(wait) = header("retry-after-ms").and_then(|text| wait(text, 1000.0)) {
        return Some(wait);
    }
    let text = header("retry-after")?;
    wait(text, 1.0).or_else(|| http_date(text).map(|date| Timestamp::now().until(date)))
}

/// An answer's bytes as they arrive; `span` is the request's, whoever reads them.
pub(crate) fn body(response: Response, site: &SiteName, span: &Span) -> ByteStream {
    let site = site.clone();
    let span = span.clone();
    let cutoff = move |error| DeferredFault::of(&error, CHAT, site.clone(), span.clone());
    response.bytes_stream().map_err(cutoff).boxed()
}

/// The beginning of a body, as much as came in time.
pub(crate) async fn beginning(
    site: &SiteName,
    mut response: Response,
    limit: usize,
    time: Duration,
) -> Vec<u8> {
    const CALL: &str = "a body";

    let deadline = Instant::now() + time;
    let mut body = Vec::new();
    while body.len() < limit {
        match timeout_at(deadline, response.chunk()).await {
            Ok(Ok(Some(bytes))) => body.extend_from_slice(&bytes),
            Ok(Ok(None)) => break,
            Ok(Err(error)) => {
                NetworkError::of(&error).log(site, CALL);
                break;
            }
            Err(_) => {
                NetworkError::timeout("rest of a body").log(site, CALL);
                break;
            }
        }
    }
    body.truncate(limit);
    body
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`, the only form that servers may send.
fn http_date(text: &str) -> Option<Timestamp> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let [_, day, month, year, clock, "GMT"] = words[..] else { return None };
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    let day: u8 = day.parse().ok()?;
    let rfc3339 = format!("{year}-{month:02}-{day:02}T{clock}Z");
    let time = humantime::parse_rfc3339(&rfc3339).ok()?;
    let since_epoch = time.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(Timestamp::default() + since_epoch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_of_http_is_understood() {
        assert_eq!(http_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Timestamp::from_secs(784_111_777)));
        assert_eq!(http_date("tomorrow"), None);
    }
}
