//! Why a response failed.

use serde::Serialize;

/// Why a response failed.
#[derive(Debug, Serialize)]
pub(super) struct ErrorView<'a> {
    pub(super) code: &'a str,
    pub(super) message: &'a str,
}
