//! A real identity provider: npm's oidc-provider, installed once, with a small sign-in page of ours.
//!
//! It is `localhost`, where the sites of the tests are 127.0.0.1: another origin, and another jar of cookies, which
//! know no ports.

use std::process::Command;

use reqwest::Url;

use crate::product::{self, Place, Product};

/// Who may come in.
pub const USERNAME: &str = "alice@example.org";
/// Their password.
pub const PASSWORD: &str = "correct-horse-battery";
/// The one client that it serves.
pub const CLIENT_ID: &str = "latchkey-tests";
/// The client's secret.
pub const CLIENT_SECRET: &str = "latchkey-tests-secret";

/// A running provider.
#[derive(Debug)]
pub struct OidcProvider {
    /// Its issuer, and so its origin.
    pub issuer: Url,
    _product: Product,
}

impl OidcProvider {
    /// Installs it if need be, and starts one.
    ///
    /// # Panics
    /// When it cannot be installed or does not start; the message has the end of its log.
    pub async fn start() -> Self {
        let product = Product::start("oidc-provider", serve).await;
        Self { issuer: issuer(product.url.port().unwrap()), _product: product }
    }

    /// Where its endpoints are told.
    #[must_use]
    pub fn discovery(&self) -> Url {
        self.issuer.join("/.well-known/openid-configuration").unwrap()
    }

    /// How many times a password was given to its page, right or wrong.
    ///
    /// # Panics
    /// When it does not answer.
    pub async fn passwords_typed(&self) -> u32 {
        let url = self.issuer.join("/passwords-typed").unwrap();
        crate::http::client().get(url).send().await.unwrap().text().await.unwrap().parse().unwrap()
    }
}

fn issuer(port: u16) -> Url {
    format!("http://localhost:{port}").parse().unwrap()
}

fn serve(command: &mut Command, place: Place<'_>) {
    command
        .arg(product::file(&["oidc", "provider.mjs"]))
        .env("ISSUER", issuer(place.port).as_str().trim_end_matches('/'))
        .env("PORT", place.port.to_string())
        .env("CLIENT_ID", CLIENT_ID)
        .env("CLIENT_SECRET", CLIENT_SECRET)
        .env("USERS", format!("{USERNAME}={PASSWORD}"));
}
