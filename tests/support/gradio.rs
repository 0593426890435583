//! A real Gradio: installed from PyPI once, with a small chat page of ours, started for one test on a free port.

use std::process::Command;

use reqwest::Url;

use crate::product::{self, Place, Product};

/// Who may come in.
pub const USERNAME: &str = "alice";
/// Their password.
pub const PASSWORD: &str = "correct-horse-battery";

/// A running Gradio.
#[derive(Debug)]
pub struct Gradio {
    product: Product,
    settings: GradioSettings,
}

/// How the page is.
#[derive(Clone, Debug)]
pub struct GradioSettings {
    /// The model behind it, an API without its `/v1`.
    pub model_url: Url,
    /// How many answers it gives at once.
    pub concurrency: u32,
    /// How many questions may wait.
    pub queue: u32,
    /// Whether people may add files to what they say.
    pub multimodal: bool,
}

impl Gradio {
    /// Installs it if need be, and starts one.
    ///
    /// # Panics
    /// When it cannot be installed or does not start; the message has the end of its log.
    pub async fn start(settings: GradioSettings) -> Self {
        let product = Product::start("gradio", |command, place| serve(command, place, &settings)).await;
        Self { product, settings }
    }

    /// Its base URL.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.product.url
    }

    /// Ends it and starts it again at the same address: whoever was signed in is so no more.
    pub async fn restart(&mut self) {
        let Self { product, settings } = self;
        product.restart(|command, place| serve(command, place, settings)).await;
    }
}

fn serve(command: &mut Command, place: Place<'_>, settings: &GradioSettings) {
    command
        .arg(product::file(&["gradio", "app.py"]))
        .env("PORT", place.port.to_string())
        .env("MODEL_URL", settings.model_url.as_str().trim_end_matches('/'))
        .env("USERS", format!("{USERNAME}={PASSWORD}"))
        .env("CONCURRENCY", settings.concurrency.to_string())
        .env("QUEUE", settings.queue.to_string())
        .envs(settings.multimodal.then_some(("MULTIMODAL", "1")))
        .env("GRADIO_TEMP_DIR", place.directory.join("files"))
        .env("HOME", place.directory);
}
