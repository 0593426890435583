//! Opens a socket: the upgrade of a declared request (RFC 6455, section 4), and what the protocol wants first.
//!
//! The request goes out through the one HTTP client, so TLS, cookies and refusals are those of every other request.

use latchkey_shared::site::chat::socket::{SocketChat, SocketProtocol};
use reqwest::{
    StatusCode, Url,
    header::{self, HeaderMap},
};
use secrecy::SecretString;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        handshake::{client::generate_key, derive_accept_key},
        protocol::{Role, WebSocketConfig},
    },
};

use super::{
    super::{call::SiteClient, fill::PlaceholderValues, variables::PromptVariables},
    connection::{OpenSocket, SocketStream},
};
use crate::{
    sites::{
        headers::{self, sensitive},
        http, refusal,
    },
    stream::{delta::Captures, fault::Fault},
};

/// Longest message that is taken; whole files pass through tool arguments.
const LIMIT_BYTES: usize = 16 * 1024 * 1024;
/// What it is for, in the log.
const CALL: &str = "its socket";
const NO_SOCKET: Fault = Fault::Unreadable("the site does not open a socket where the site file says");

/// Opens the site's socket.
///
/// # Errors
/// When the site refuses.
pub(super) async fn line(
    client: &SiteClient,
    socket: &SocketChat,
    variables: PromptVariables,
    captures: &Captures,
) -> Result<OpenSocket, Fault> {
    let fill = PlaceholderValues {
        variables: Some(&variables),
        session: &client.session,
        captures,
        tells_system: false,
    };
    let mut path = fill.path(&socket.path)?;
    if matches!(socket.protocol, SocketProtocol::SocketIo { .. }) {
        path.push_str(if path.contains('?') { "&" } else { "?" });
        path.push_str("EIO=4&transport=websocket");
    }
    let url = client.site.url(&path);
    let mut headers = headers::of(&client.session, &url)?;
    let origin = client.site.base_url.origin().ascii_serialization();
    headers.insert(header::ORIGIN, sensitive(&origin.into())?);
    for (name, text) in &socket.headers {
        let name: header::HeaderName =
            name.parse().map_err(|_| Fault::Unreadable("the site file names no header"))?;
        headers.insert(name, sensitive(&SecretString::from(fill.text(text)?))?);
    }
    let stream = upgraded(client, url, headers).await?;
    Ok(OpenSocket::new(stream, client, socket, variables))
}

async fn upgraded(caller: &SiteClient, url: Url, headers: HeaderMap) -> Result<SocketStream, Fault> {
    let key = generate_key();
    let request = caller
        .client
        .get(url)
        .headers(headers)
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_VERSION, "13")
        .header(header::SEC_WEBSOCKET_KEY, &key);
    let response = request.send().await;
    let response = response.map_err(|error| http::sending_fault(&caller.site.name, CALL, &error))?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        let is_html = http::has_type(&response, "text/html");
        return Err(match response.status().is_success() && !is_html {
            true => NO_SOCKET,
            false => refusal::read(response, is_html, &caller.site).await,
        });
    }
    let accepted = response.headers().get(header::SEC_WEBSOCKET_ACCEPT);
    if accepted.is_none_or(|accepted| accepted != derive_accept_key(key.as_bytes()).as_str()) {
        return Err(NO_SOCKET);
    }
    let upgraded = response.upgrade().await;
    let upgraded = upgraded.map_err(|error| http::sending_fault(&caller.site.name, CALL, &error))?;
    let config = WebSocketConfig::default()
        .max_message_size(Some(LIMIT_BYTES))
        .max_frame_size(Some(LIMIT_BYTES))
        .max_write_buffer_size(LIMIT_BYTES * 2);
    Ok(WebSocketStream::from_raw_socket(upgraded, Role::Client, Some(config)).await)
}
