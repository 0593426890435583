//! Waiting for a condition with a deadline, where a sleep would be a guess.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// How often a condition is looked at. Short, because a test waits for it; not zero, because others want the CPU.
const STEP: Duration = Duration::from_millis(10);

/// Waits until a condition holds.
///
/// # Panics
/// When it does not hold within `limit`; the message is at the caller's line.
pub async fn until(limit: Duration, mut condition: impl FnMut() -> bool) {
    assert!(holds_within(limit, &mut condition).await, "the condition did not hold within {limit:?}");
}

/// Waits until an asynchronous question has an answer, and returns it.
///
/// # Panics
/// When there is none within `limit`.
pub async fn until_some<T>(limit: Duration, mut question: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(answer) = question().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "there was no answer within {limit:?}");
        sleep(STEP).await;
    }
}

/// Whether a condition holds at some time within `limit`.
pub async fn holds_within(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    while !condition() {
        if deadline <= Instant::now() {
            return false;
        }
        sleep(STEP).await;
    }
    true
}
