//! Redis: the one place where broker and adapters meet, and the only door to it.
//!
//! Every call has a deadline and fails closed. What is secret comes in as `Sealed` and goes out so.

mod accounts;
mod address;
mod answers;
mod attendance;
mod audit;
mod cached_sets;
mod config;
mod connections;
mod conversations;
mod core;
mod due;
mod error;
mod events;
mod flights;
mod junk;
mod junk_count;
mod leases;
mod lists;
mod outcomes;
mod records;
mod refresh;
mod rights;
mod role;
mod server;
mod services;
mod sessions;
mod sides;
mod topology;
mod totp;
mod values;

pub use self::core::Store;
pub use accounts::AccountChange;
pub use attendance::{Attendance, PRESENCE};
pub use audit::{AuditEntry, AuditQuery, is_audit_id};
pub use config::RedisConfig;
pub use conversations::StoredConversation;
pub use error::StoreError;
pub use events::{EventStream, StoreEvent};
pub use leases::{LeaseOutcome, LeaseTerms, LeaseToken, SESSION_EXPIRED};
pub use records::SealedRecord;
pub use refresh::RefreshRequest;
pub use rights::{AclRights, AclUser, acl_file};
pub use role::StoreRole;
pub use server::ServerInfo;
pub use services::Service;
pub use sessions::{LoginLock, NewSession, Published, ReplaceOutcome, StoredSession};
pub use sides::{AdapterStore, BrokerStore};
pub use totp::SeedDigest;
