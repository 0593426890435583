//! What must hold for the bridge whatever a site sends. libFuzzer tries to disprove it; a test holds it for the seeds.

mod mutated;
pub mod repair;
pub mod seeds;
pub mod sieve;
mod tools;
