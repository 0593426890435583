//! OpenAI's words on the wire: types only, no behaviour of ours.

pub(crate) mod answer;
mod body;
pub(crate) mod choice;
pub(crate) mod error;
pub(crate) mod message;
pub(crate) mod messages;
pub(crate) mod reminders;
pub(crate) mod request;
