//! Why the store did not do it.

use deadpool_redis::redis::{ErrorKind, RedisError, ServerErrorKind};

/// Why the store did not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Redis does not answer, or refuses. Nothing is known about what it did.
    #[error("redis is unavailable: {0}")]
    Unavailable(String),
    /// The ACL lacks something that this side needs.
    #[error("the Redis user may not {0}; `latchkey-broker acl` prints the whole file")]
    Denied(String),
    /// When memory is short, Redis would delete accounts.
    #[error(
        "Redis has maxmemory-policy {0}, which deletes accounts when memory is short: set it to noeviction"
    )]
    Evicts(String),
    /// A key holds something else than it should. Whatever is done with other keys goes on.
    #[error("redis holds what does not belong there: {0}")]
    Unreadable(String),
}

impl From<RedisError> for StoreError {
    fn from(error: RedisError) -> Self {
        if error.kind() == ErrorKind::Server(ServerErrorKind::NoPerm) {
            let what = error.detail().unwrap_or("do that").to_owned();
            return Self::Denied(format!("do what it must: {what}"));
        }
        let text = error.to_string();
        let is_parsed_badly = matches!(error.kind(), ErrorKind::Parse | ErrorKind::UnexpectedReturnType)
            && !error.is_unrecoverable_error();
        let is_another_kind = ["WRONGTYPE", "user_script", "not an integer", "not a valid float"]
            .iter()
            .any(|sign| text.contains(sign));
        if is_parsed_badly || is_another_kind { Self::Unreadable(text) } else { Self::Unavailable(text) }
    }
}
