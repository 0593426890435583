//! Why a socket ends, and what its client is told.

use tokio_tungstenite::tungstenite::{
    Error, Message, Utf8Bytes,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

/// Why a socket ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SocketEnd {
    /// The client has gone, or says that it goes.
    Left,
    /// The adapter stops.
    Draining,
    /// Nothing was asked for a while.
    Idle,
    /// It has been there for as long as one may be.
    Old,
    /// A message is longer than a body may be.
    TooLong,
    /// A message is no text.
    NotText,
    /// What came is no WebSocket's.
    Malformed,
    /// An answer broke off without an end of its own.
    Broken,
}

impl SocketEnd {
    /// The last frame; none for a client that has gone.
    pub(super) fn frame(self) -> Option<CloseFrame> {
        let (code, reason) = match self {
            Self::Left => return None,
            Self::Draining => (CloseCode::Away, "the service is being restarted; connect again"),
            Self::Idle => (CloseCode::Normal, "nothing was asked for a while"),
            Self::Old => (CloseCode::Normal, "a connection lasts an hour at most; connect again"),
            Self::TooLong => (CloseCode::Size, "a message is longer than a body may be"),
            Self::NotText => (CloseCode::Unsupported, "expected messages of text"),
            Self::Malformed => (CloseCode::Protocol, "expected frames of a WebSocket"),
            Self::Broken => (CloseCode::Error, "the answer broke off"),
        };
        Some(CloseFrame { code, reason: Utf8Bytes::from_static(reason) })
    }
}

/// The text of what came, if it is one.
///
/// # Errors
/// When nothing more can come.
pub(super) fn text_of(came: Option<Result<Message, Error>>) -> Result<Option<Utf8Bytes>, SocketEnd> {
    match came {
        Some(Ok(Message::Text(text))) => Ok(Some(text)),
        Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Ok(None),
        Some(Ok(Message::Binary(_))) => Err(SocketEnd::NotText),
        Some(Err(Error::Capacity(_))) => Err(SocketEnd::TooLong),
        Some(Err(Error::Utf8(_))) => Err(SocketEnd::NotText),
        // A peer that goes without a word breaks the protocol, too.
        Some(Err(Error::Protocol(fault))) if !is_gone(&fault) => Err(SocketEnd::Malformed),
        Some(Ok(Message::Close(_)) | Err(_)) | None => Err(SocketEnd::Left),
    }
}

fn is_gone(fault: &tokio_tungstenite::tungstenite::error::ProtocolError) -> bool {
    use tokio_tungstenite::tungstenite::error::ProtocolError;
    matches!(fault, ProtocolError::ResetWithoutClosingHandshake | ProtocolError::ReceivedAfterClosing)
}
