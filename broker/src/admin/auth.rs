//! Who may use the API: whoever knows the admin token.

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::header::{AUTHORIZATION, USER_AGENT},
    http::request::Parts,
};

use super::{listener::AdminConnection, problem::Problem};
use crate::{audit::Actor, state::App};

/// Proof that the request carries the admin token, and by what it was sent. A handler without it is a public one.
pub(crate) struct AdminAuth(pub(crate) Actor);

/// How our own commands name themselves. Only for the audit: whoever holds the token may say anything.
pub(crate) const CLI_AGENT: &str = "latchkey-broker";

impl FromRequestParts<App> for AdminAuth {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let header = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = header.and_then(bearer).ok_or(Problem::Unauthorized)?;
        let connection =
            parts.extensions.get().map(|ConnectInfo(connection): &ConnectInfo<AdminConnection>| connection);
        if !app.admin_token.admits(token) {
            if let Some(connection) = connection {
                connection.wrong_token().await;
            }
            return Err(Problem::Unauthorized);
        }
        if let Some(connection) = connection {
            connection.auth.authenticate();
        }
        let agent = parts.headers.get(USER_AGENT).and_then(|value| value.to_str().ok());
        Ok(Self(if agent == Some(CLI_AGENT) { Actor::Cli } else { Actor::Api }))
    }
}

/// The token of a bearer header; the scheme's case does not count (RFC 9110, section 11.1).
fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_has_no_case() {
        assert_eq!(bearer("bearer x"), Some("x"));
        assert_eq!(bearer("Bearer  x"), Some("x"));
        assert_eq!(bearer("Basic x"), None);
    }
}
