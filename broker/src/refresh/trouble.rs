//! Whose trouble a failure is: one account's, or everybody's.

use latchkey_shared::{id::AccountId, store::StoreError};

/// What is wrong with one account's keys is that account's trouble; it is due again when its claim ends. What is wrong
/// with Redis is everybody's.
pub(super) fn spare_others<T: Default>(
    id: AccountId,
    result: Result<T, StoreError>,
) -> Result<T, StoreError> {
    match result {
        Err(error @ StoreError::Unreadable(_)) => {
            tracing::error!(account.id = %id, %error, "cannot see to the account");
            Ok(T::default())
        }
        result => result,
    }
}
