//! Says `connection: close` on an answer that was given before all of the request's body was read, and on every one to
//! a client that has shown no secret, whose connection has a limit.
//!
//! A client that may keep the connection puts its next request on it, and loses that one when it closes. What is left
//! of the body is read and thrown away at the door.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
};

use axum::{
    body::{Body, HttpBody},
    extract::{ConnectInfo, Request},
    http::{HeaderValue, Version, header::CONNECTION},
    middleware::Next,
    response::Response,
};
use futures::{StreamExt, stream};

use crate::connection::ClientConnection;

/// Runs a request and says so where its body was not read to the end.
pub(super) async fn announce(request: Request, next: Next) -> Response {
    // Of later versions a connection bears several requests at once, and each ends by itself.
    if Version::HTTP_11 < request.version() {
        return next.run(request).await;
    }
    let connection = request.extensions().get::<ConnectInfo<ClientConnection>>().cloned();
    let read = Arc::new(AtomicBool::new(request.body().is_end_stream()));
    let at_end = Arc::clone(&read);
    let end = stream::poll_fn(move |_| {
        at_end.store(true, Ordering::Relaxed);
        Poll::Ready(None)
    });
    let followed = match request.body().is_end_stream() {
        true => request,
        false => request.map(|body| Body::from_stream(body.into_data_stream().chain(end))),
    };
    let mut response = next.run(followed).await;
    let is_strange = connection.is_some_and(|ConnectInfo(ClientConnection(auth))| !auth.is_authenticated());
    if is_strange || !read.load(Ordering::Relaxed) {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
