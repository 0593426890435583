//! Counting the chats of one account, by holding a guard in each answer's body.

use std::{
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use axum::body::{Body, BodyDataStream, Bytes};
use futures::{Stream, StreamExt};

/// The chats of one account: now, at most, and left by their peer.
#[derive(Debug, Default)]
pub(super) struct StreamCounts(Mutex<(u32, u32, u32)>);

/// One chat; dropped before its end, it counts as cancelled.
#[derive(Debug)]
pub(super) struct Chat {
    streams: Arc<StreamCounts>,
    ended: bool,
}

struct Counted {
    body: BodyDataStream,
    chat: Chat,
}

impl StreamCounts {
    pub(super) fn numbers(&self) -> (u32, u32, u32) {
        *self.0.lock().unwrap()
    }
}

impl Chat {
    pub(super) fn begin(streams: Arc<StreamCounts>) -> Self {
        {
            let mut numbers = streams.0.lock().unwrap();
            numbers.0 += 1;
            numbers.1 = numbers.1.max(numbers.0);
        }
        Self { streams, ended: false }
    }

    /// The same body; the chat ends with it.
    pub(super) fn hold(self, body: Body) -> Body {
        Body::from_stream(Counted { body: body.into_data_stream(), chat: self })
    }
}

impl Drop for Chat {
    fn drop(&mut self) {
        let mut numbers = self.streams.0.lock().unwrap();
        numbers.0 -= 1;
        numbers.2 += u32::from(!self.ended);
    }
}

impl Stream for Counted {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = self.body.poll_next_unpin(context);
        if let Poll::Ready(None | Some(Err(_))) = item {
            self.chat.ended = true;
        }
        item
    }
}
