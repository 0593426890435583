//! What an operator is to do about an error, for the log: users are told what they can do, and nothing of accounts.

use super::kind::ApiError;
use crate::stream::fault::Fault;

/// The operator's words; empty where there is nothing to be done.
pub(super) fn of(error: &ApiError) -> &'static str {
    match error {
        ApiError::Unauthorized => "compare the key of the gateway's channel with LATCHKEY_SHARED_SECRETS",
        ApiError::NoAccount(_) => "sign an account in with the broker",
        ApiError::Busy { .. } | ApiError::Overloaded | ApiError::Fault(Fault::RateLimited { .. }) => {
            "add accounts, or raise the limits of the site file"
        }
        ApiError::Full => "add adapters, or raise LATCHKEY_STREAMS",
        ApiError::BodyTooLong { .. } => "raise LATCHKEY_BODY_LIMIT if such requests are to be served",
        ApiError::Fault(Fault::SessionDead) => "sign the accounts of the site in again with the broker",
        ApiError::Fault(Fault::Unreachable | Fault::ConnectTimeout) => {
            "check the site's address and whether it runs"
        }
        ApiError::Fault(Fault::Unreadable(_)) => "the site file may be out of date; try it with site try",
        ApiError::NotFound
        | ApiError::NoSocket
        | ApiError::OldSocket
        | ApiError::NoResponse
        | ApiError::Invalid(_)
        | ApiError::PromptTooLong(_)
        | ApiError::Encoding(_)
        | ApiError::NoModel(_)
        | ApiError::Bug
        | ApiError::Fault(_) => "",
    }
}
