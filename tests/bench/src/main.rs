#![doc = include_str!("../README.md")]

use std::net::SocketAddr;

use anyhow::bail;
use clap::{Parser, Subcommand};
use reqwest::Url;

mod accounts;
mod adapter;
mod bridge;
mod clock;
mod figures;
mod floor;
mod instructions;
mod lengths;
mod load;
mod machine;
mod nginx;
mod peers;
mod process;
mod progress;
mod redis;
mod report;
mod run;
mod scenario;
mod size;
mod target;
mod upstream;
mod world;

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measures everything and prints the table.
    Run(run::Options),
    /// Measures what a byte of a call costs, at doubling sizes.
    Bridge,
    /// Counts what a chunk costs the adapter in instructions.
    Instructions(instructions::Options),
    /// Judges ends of turns so many times over, for `instructions` to count.
    Judge {
        /// How many times.
        rounds: usize,
    },
    /// Serves the stamped upstream.
    Upstream {
        /// Where.
        listen: SocketAddr,
    },
    /// Serves the minimal pass-through that the adapter is measured against.
    Floor {
        /// Where.
        listen: SocketAddr,
        /// The upstream's base URL.
        upstream: Url,
    },
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    rustls::crypto::ring::default_provider().install_default().expect("nobody else installed one");
    match Arguments::parse().command {
        // Whoever stops a run leaves none of its processes behind.
        Command::Run(options) => tokio::select! {
            done = run::run(options) => done,
            () = latchkey_shared::shutdown::signal() => bail!("stopped before it was done"),
        },
        Command::Bridge => bridge::run(),
        Command::Instructions(options) => Box::pin(instructions::run(options)).await,
        Command::Judge { rounds } => instructions::judge(rounds),
        Command::Upstream { listen } => upstream::serve(listen).await,
        Command::Floor { listen, upstream } => floor::serve(listen, upstream).await,
    }
}
