//! A real Chainlit: installed from PyPI once, with a small chat of ours, started for one test on a free port.

use std::process::Command;

use reqwest::Url;

use crate::product::{self, Place, Product};

/// Who may come in.
pub const USERNAME: &str = "alice";
/// Their password.
pub const PASSWORD: &str = "correct-horse-battery";

/// A running Chainlit.
#[derive(Debug)]
pub struct Chainlit {
    product: Product,
    model_url: Url,
    /// Signs its sessions.
    secret: u32,
}

impl Chainlit {
    /// Installs it if need be, and starts one with the model behind `model_url`, an API without its `/v1`.
    ///
    /// # Panics
    /// When it cannot be installed or does not start; the message has the end of its log.
    pub async fn start(model_url: &Url) -> Self {
        let model_url = model_url.clone();
        let secret = 1;
        let product = Product::start("chainlit", |command, place| {
            serve(command, place, &model_url, secret);
        })
        .await;
        Self { product, model_url, secret }
    }

    /// Its base URL.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.product.url
    }

    /// Ends it and starts it again at the same address: it has forgotten what was said, and knows who is signed in.
    pub async fn restart(&mut self) {
        let Self { product, model_url, secret } = self;
        product.restart(|command, place| serve(command, place, model_url, *secret)).await;
    }

    /// The same with another secret: whoever was signed in is so no more.
    pub async fn restart_signed_out(&mut self) {
        self.secret += 1;
        self.restart().await;
    }
}

fn serve(command: &mut Command, place: Place<'_>, model_url: &Url, secret: u32) {
    command
        .arg(product::file(&["chainlit", "app.py"]))
        .arg(place.port.to_string())
        .env("MODEL_URL", model_url.as_str().trim_end_matches('/'))
        .env("USERS", format!("{USERNAME}={PASSWORD}"))
        .env("CHAINLIT_AUTH_SECRET", format!("{secret:064}"))
        .env("CHAINLIT_APP_ROOT", place.directory)
        .env("HOME", place.directory);
}
