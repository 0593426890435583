//! The clocks of a run.

use rustix::time::{ClockId, clock_gettime};

/// `CLOCK_MONOTONIC` in nanoseconds: the same in every process of the machine.
pub(crate) fn nanos() -> u64 {
    read(ClockId::Monotonic)
}

/// What this thread has used of a processor, in nanoseconds: others on the machine do not count.
pub(crate) fn cpu_nanos() -> u64 {
    read(ClockId::ThreadCPUTime)
}

fn read(clock: ClockId) -> u64 {
    let now = clock_gettime(clock);
    let secs = now.tv_sec.unsigned_abs();
    let nanos = now.tv_nsec.unsigned_abs();
    secs * 1_000_000_000 + nanos
}
