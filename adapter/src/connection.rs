//! What a request knows of the connection that it came on.

use latchkey_shared::grace::ConnectionAuth;

/// The connection that a request came on: whether it has shown a secret.
#[derive(Clone, Debug)]
pub(crate) struct ClientConnection(pub ConnectionAuth);
