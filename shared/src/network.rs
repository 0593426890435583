//! Why a call to a site failed, told apart by what lies below the HTTP client's own error, for the log.
//!
//! An HTTP client's error names the whole URL, and a query or a user part may be a secret: of every address that an
//! error mentions, only the origin is kept.

use std::{error::Error, fmt, io};

use url::Url;

use crate::id::SiteName;

/// More sources than this have no network fault below them.
const DEEPEST: usize = 16;
/// The longest text that is written of all sources together.
const LONGEST: usize = 600;

/// What kind of fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum NetworkCause {
    /// The name has no address.
    Dns,
    /// Nobody listens there.
    Refused,
    /// The other side, or something between, broke the connection.
    Reset,
    /// The connection ended in the middle of an answer, or before it.
    Closed,
    /// No way leads there.
    NoRoute,
    /// The certificate is signed by nobody whom this machine trusts: a private CA, often.
    UnknownCa,
    /// The certificate is another's, too old, or not yet good.
    Certificate,
    /// The two sides do not agree on TLS.
    Tls,
    /// Nothing came in time.
    Timeout,
    /// None of these.
    Other,
}

/// A fault of the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkError {
    /// Its kind.
    pub cause: NetworkCause,
    /// What the errors say, from the outer to the inner.
    pub sources: String,
}

impl NetworkCause {
    /// Its name in the log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Whether the certificate or the handshake was refused, not the connection.
    #[must_use]
    pub fn is_tls(self) -> bool {
        matches!(self, Self::UnknownCa | Self::Certificate | Self::Tls)
    }
}

impl fmt::Display for NetworkCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl NetworkError {
    /// Looks through an error and all that it comes of. The innermost that says something decides.
    #[must_use]
    pub fn of(error: &(dyn Error + 'static)) -> Self {
        let mut cause = NetworkCause::Other;
        let mut said: Vec<String> = Vec::new();
        let mut next = Some(error);
        for _ in 0..DEEPEST {
            let Some(error) = next else { break };
            if let Some(found) = cause_of(error) {
                cause = found;
            }
            let text = without_addresses(&error.to_string());
            // Many errors repeat what they come of.
            if !said.last().is_some_and(|last| last.ends_with(&text)) {
                said.push(text);
            }
            next = below(error);
        }
        let mut sources = said.join(": ");
        if let Some((at, _)) = sources.char_indices().nth(LONGEST) {
            sources.truncate(at);
            sources.push_str("...");
        }
        Self { cause, sources }
    }

    /// Writes it down, once, where it is met: in the span of the request or the login. `call` is what the site was
    /// asked for.
    pub fn log(&self, site: &SiteName, call: &str) {
        let cause = self.cause.as_str();
        let sources = self.sources.as_str();
        tracing::warn!(%site, call, network.cause = cause, network.sources = sources, "a call to the site failed");
    }

    /// Nothing came in time, and no error says so.
    #[must_use]
    pub fn timeout(waited_for: &str) -> Self {
        Self { cause: NetworkCause::Timeout, sources: format!("no {waited_for} in time") }
    }
}

/// The next error below one. An `io::Error` hides its own inside, and `source` would step over it.
fn below<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    let inside = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    inside.map(|inside| inside as &(dyn Error + 'static)).or_else(|| error.source())
}

fn cause_of(error: &(dyn Error + 'static)) -> Option<NetworkCause> {
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return Some(of_tls(error));
    }
    if let Some(cause) = error.downcast_ref::<io::Error>().and_then(|error| of_io(error.kind())) {
        return Some(cause);
    }
    // The connector's and the client's own errors have no public types. A test holds each of these words.
    match error.to_string().as_str() {
        "dns error" => Some(NetworkCause::Dns),
        "operation timed out" | "deadline has elapsed" => Some(NetworkCause::Timeout),
        "connection closed before message completed"
        | "error reading a body from connection"
        | "Connection reset without closing handshake" => Some(NetworkCause::Closed),
        _ => None,
    }
}

fn of_tls(error: &rustls::Error) -> NetworkCause {
    use rustls::{CertificateError as Wrong, Error as Tls};

    match error {
        Tls::InvalidCertificate(Wrong::UnknownIssuer) => NetworkCause::UnknownCa,
        // One that signed itself, as `openssl req -x509` makes it: its only CA is itself. The error has no public type.
        Tls::InvalidCertificate(Wrong::Other(other))
            if format!("{other:?}").contains("CaUsedAsEndEntity") =>
        {
            NetworkCause::UnknownCa
        }
        Tls::InvalidCertificate(_) => NetworkCause::Certificate,
        _ => NetworkCause::Tls,
    }
}

fn of_io(kind: io::ErrorKind) -> Option<NetworkCause> {
    use io::ErrorKind as Kind;

    Some(match kind {
        Kind::ConnectionRefused => NetworkCause::Refused,
        Kind::ConnectionReset | Kind::ConnectionAborted | Kind::BrokenPipe => NetworkCause::Reset,
        Kind::UnexpectedEof => NetworkCause::Closed,
        Kind::HostUnreachable | Kind::NetworkUnreachable | Kind::NetworkDown => NetworkCause::NoRoute,
        Kind::TimedOut => NetworkCause::Timeout,
        _ => return None,
    })
}

/// A text with nothing but the origin left of each address in it.
fn without_addresses(text: &str) -> String {
    let bare = |word: &str| {
        let Some(scheme_end) = word.find("://") else { return word.to_owned() };
        let begins = word[..scheme_end].rfind(|letter: char| !letter.is_ascii_alphanumeric());
        let (before, address) = word.split_at(begins.map_or(0, |at| at + 1));
        let origin = address.trim_end_matches([')', ',', ';', ':', '"', '\'']).parse::<Url>();
        let origin =
            origin.map_or_else(|_| "an address".to_owned(), |url| url.origin().ascii_serialization());
        format!("{before}{origin}{}", if address.ends_with(')') { ")" } else { "" })
    };
    text.split(' ').map(bare).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct OuterError(&'static str, #[source] io::Error);

    fn of(error: io::Error) -> NetworkCause {
        NetworkError::of(&OuterError("error sending request", error)).cause
    }

    #[test]
    fn what_lies_deepest_decides() {
        let certificate = |wrong| io::Error::other(rustls::Error::InvalidCertificate(wrong));

        assert_eq!(of(io::ErrorKind::ConnectionRefused.into()), NetworkCause::Refused);
        assert_eq!(of(io::ErrorKind::ConnectionReset.into()), NetworkCause::Reset);
        assert_eq!(of(io::ErrorKind::TimedOut.into()), NetworkCause::Timeout);
        assert_eq!(of(certificate(rustls::CertificateError::UnknownIssuer)), NetworkCause::UnknownCa);
        assert_eq!(of(certificate(rustls::CertificateError::Expired)), NetworkCause::Certificate);
        assert_eq!(of(io::Error::other(rustls::Error::DecryptError)), NetworkCause::Tls);
        assert_eq!(of(io::Error::other("who knows")), NetworkCause::Other);
    }

    #[test]
    fn sources_are_told_once_each_and_without_what_may_be_secret() {
        let inner =
            io::Error::other("no way to https://user:word@chat.example:8443/p/secret?key=secret#secret");
        let outer =
            OuterError("error sending request for url (https://chat.example/api?token=secret)", inner);

        let sources = NetworkError::of(&outer).sources;

        assert_eq!(
            sources,
            "error sending request for url (https://chat.example): no way to https://chat.example:8443"
        );
    }
}
