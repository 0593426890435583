//! One timer for waits whose deadline moves on.
//!
//! A timer of its own for each wait costs a place in the runtime's wheel for each token. Deadlines of a stream move on
//! with every token and are hardly ever met, so one timer may ring too early and look again.

use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::time::{Instant, Sleep, sleep_until};

/// The timer.
#[derive(Debug, Default)]
pub(crate) struct LazyDeadline(Option<Pin<Box<Sleep>>>);

impl LazyDeadline {
    /// Waits for a future, but not past `until`; `None` then. Cancel-safe where the future is.
    pub(crate) async fn timeout_at<T>(
        &mut self,
        until: Instant,
        future: impl Future<Output = T>,
    ) -> Option<T> {
        let mut future = std::pin::pin!(future);
        poll_fn(|cx| {
            if let Poll::Ready(value) = future.as_mut().poll(cx) {
                return Poll::Ready(Some(value));
            }
            self.poll(until, cx).map(|()| None)
        })
        .await
    }

    /// Ready once it is that late.
    fn poll(&mut self, until: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let timer = self.0.get_or_insert_with(|| Box::pin(sleep_until(until)));
        // One that rings before is as good: it is set anew then.
        if until < timer.deadline() {
            timer.as_mut().reset(until);
        }
        loop {
            ready!(timer.as_mut().poll(cx));
            if until <= timer.deadline() {
                return Poll::Ready(());
            }
            timer.as_mut().reset(until);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{future::pending, time::Duration};

    use tokio::time::sleep;

    use super::*;

    const TICK: Duration = Duration::from_millis(5);
    const NEVER: Duration = Duration::from_secs(3600);

    #[tokio::test]
    async fn it_rings_no_sooner_than_it_should_whichever_way_the_deadline_moves() {
        let mut alarm = LazyDeadline::default();
        let start = Instant::now();
        for until in [4, 9, 10, 2, 12].map(|ticks| start + TICK * ticks) {
            assert_eq!(alarm.timeout_at(until, pending::<()>()).await, None);

            assert!(until <= Instant::now());
        }
    }

    #[tokio::test]
    async fn it_rings_after_it_was_set_for_much_later() {
        let mut alarm = LazyDeadline::default();
        assert_eq!(alarm.timeout_at(Instant::now() + NEVER, sleep(TICK)).await, Some(()));

        assert_eq!(alarm.timeout_at(Instant::now() + TICK, sleep(NEVER)).await, None);
    }

    #[tokio::test]
    async fn what_comes_in_time_is_given_though_the_first_deadline_passes() {
        let mut alarm = LazyDeadline::default();
        for _ in 0..6 {
            assert_eq!(alarm.timeout_at(Instant::now() + TICK * 4, sleep(TICK)).await, Some(()));
        }
        assert_eq!(
            alarm.timeout_at(Instant::now(), async { 1 }).await,
            Some(1),
            "what is there is never late"
        );
    }
}
