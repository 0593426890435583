//! A real Open WebUI: installed from PyPI once, started for one test on a free port, gone with its owner.

use std::{process::Command, time::Duration};

use reqwest::Url;

use crate::product::{Place, Product};

/// Its administrator, who is made at its first start.
pub const EMAIL: &str = "alice@example.org";
/// The administrator's password.
pub const PASSWORD: &str = "correct-horse-battery";

/// A running Open WebUI.
#[derive(Debug)]
pub struct OpenWebUi {
    /// Its base URL.
    pub url: Url,
    product: Product,
    settings: OpenWebUiSettings,
}

#[derive(Debug)]
struct OpenWebUiSettings {
    model_url: Url,
    further: Vec<(String, String)>,
}

impl OpenWebUi {
    /// Installs it if need be, and starts one whose only model is behind `model_url`, an API without its `/v1`.
    ///
    /// # Panics
    /// When it cannot be installed or does not start; the message has the end of its log.
    pub async fn start(model_url: &Url) -> Self {
        Self::with_settings(model_url, &[]).await
    }

    /// The same with further settings of its own.
    ///
    /// # Panics
    /// As for [`OpenWebUi::start`].
    pub async fn with_settings(model_url: &Url, further: &[(&str, String)]) -> Self {
        let further = further.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let settings = OpenWebUiSettings { model_url: model_url.clone(), further };
        let product = Product::start("open-webui", |command, place| serve(command, place, &settings)).await;
        Self { url: product.url.clone(), product, settings }
    }

    /// Ends it and starts it again at the same address, with another secret: whoever was signed in is so no more. From
    /// now on a session lives for `life`.
    pub async fn restart(&mut self, life: Duration) {
        let Self { product, settings, .. } = self;
        settings.further.push(("JWT_EXPIRES_IN".to_owned(), format!("{}s", life.as_secs())));
        product.restart(|command, place| serve(command, place, settings)).await;
    }
}

fn serve(command: &mut Command, place: Place<'_>, settings: &OpenWebUiSettings) {
    command
        .arg(place.directory.join("data"))
        .arg(place.port.to_string())
        .args([settings.model_url.as_str().trim_end_matches('/'), EMAIL])
        .env("WEBUI_ADMIN_PASSWORD", PASSWORD)
        .envs(settings.further.iter().map(|(name, value)| (name, value)));
}
