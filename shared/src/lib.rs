#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

pub mod account;
pub mod credentials;
pub mod env;
pub mod grace;
pub mod heartbeat;
pub mod id;
mod keys;
pub mod mask;
pub mod network;
pub mod recording;
pub mod session;
pub mod shutdown;
pub mod site;
pub mod store;
pub mod telemetry;
pub mod terminal;
pub mod threads;
pub mod time;
pub mod trial;
pub mod vault;

pub use latchkey_site::nearest;
