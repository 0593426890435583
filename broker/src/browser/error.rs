//! What goes wrong with the browser, in our own words.

use chromiumoxide::error::CdpError;

/// What went wrong with the browser itself. Never says what was typed or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrowserError {
    /// It cannot be started.
    #[error("{0}")]
    Unavailable(String),
    /// The browser or the page's renderer ended.
    #[error("the browser ended during {0}")]
    Crashed(&'static str),
    /// A call took too long.
    #[error("the browser did not answer {0} in time")]
    Timeout(&'static str),
    /// The browser refused a call.
    #[error("the browser refused {0}")]
    Refused(&'static str),
}

/// Says in our own words what chromiumoxide says: its errors may carry whole frames with cookies and passwords.
pub(super) fn in_our_words(error: &CdpError, call: &'static str) -> BrowserError {
    match error {
        CdpError::Timeout => BrowserError::Timeout(call),
        CdpError::Ws(_) | CdpError::Io(_) | CdpError::NoResponse | CdpError::ChannelSendError(_) => {
            BrowserError::Crashed(call)
        }
        _ => BrowserError::Refused(call),
    }
}
