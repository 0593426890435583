#![doc = include_str!("../README.md")]
#![expect(clippy::unwrap_used, reason = "a harness that cannot go on ends the test, and says where")]

pub mod balancer;
pub mod binaries;
pub mod breaker;
pub mod chainlit;
pub mod claude;
pub mod codex;
pub mod command;
pub mod gradio;
pub mod http;
pub mod hunt;
pub mod librechat;
pub mod model;
pub mod new_api;
pub mod oidc;
pub mod open_webui;
pub mod opencode;
pub mod parts;
pub mod practice;
pub mod processes;
mod product;
pub mod prometheus;
pub mod redis;
pub mod replay;
pub mod responses;
pub mod server;
pub mod sites;
pub mod soak;
pub mod socket;
pub mod store;
pub mod streams;
pub mod wait;
pub mod world;
