//! What a request knows of the connection that it came on, and the connections that became sockets.

use latchkey_shared::grace::ConnectionAuth;

mod sockets;

pub(crate) use sockets::OpenSockets;

/// The connection that a request came on: whether it has shown a secret.
#[derive(Clone, Debug)]
pub(crate) struct ClientConnection(pub ConnectionAuth);
