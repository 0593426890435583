//! The program; all of it is in the library, whose cases the tests play.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    latchkey_ops::run().await
}
