//! OpenAI's words on the wire: types, and how deltas are written as a stream of them.

pub(crate) mod answer;
mod body;
pub(crate) mod choice;
mod custom;
pub(crate) mod error;
pub(crate) mod message;
pub(crate) mod messages;
pub(crate) mod models;
pub(crate) mod origin;
pub(crate) mod reminders;
pub(crate) mod request;
pub(crate) mod stream;
