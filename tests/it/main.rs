//! Integration tests: the two real binaries' `run`, a private redis-server, real Chromium, the practice site.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed, and says where")]

mod admin;
mod bridge;
mod canary;
mod capabilities;
mod chain;
mod chainlit;
mod chat;
mod claude;
mod cli;
mod compose;
mod contract;
mod end_to_end;
mod fleet;
mod gradio;
mod librechat;
mod load;
mod login;
mod messages;
mod new_api;
mod open_webui_sso;
mod opencode;
mod plain_openai;
mod readme;
mod resend;
mod sdk;
mod signed_in;
mod site;
mod socket;
mod store;
mod tidy;
mod tools;
