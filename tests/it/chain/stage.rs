//! A site with its model, a broker that has signed in there, and an adapter before it.

use std::any::Any;

use latchkey_shared::id::AccountId;
use reqwest::Method;
use serde_json::json;
use support::{
    model::ScriptedModel,
    open_webui::{EMAIL, OpenWebUi, PASSWORD},
    world::World,
};

use crate::{chat::SITE_FILE, gradio};

/// What the adapter is told: a heartbeat shorter than the clients' patience, and that a client which gives up is seen.
pub(crate) const ADAPTER: [(&str, &str); 2] = [("LATCHKEY_HEARTBEAT", "1s"), ("LATCHKEY_RESEND", "off")];

/// One site.
pub(super) struct ChainStage {
    pub(super) name: &'static str,
    pub(super) world: World,
    pub(super) model: ScriptedModel,
    /// The one that is signed in.
    pub(super) account: AccountId,
    /// What runs as long as the stage does.
    _site: Box<dyn Any>,
}

impl ChainStage {
    /// The practice site, whose chat takes nothing but text.
    pub(super) async fn practice() -> Self {
        let file = SITE_FILE.replace("tools = true", "tools = false");
        let start = World::start().site_file(file).signed_in("alice");
        let world = ADAPTER.iter().fold(start, |start, (name, value)| start.adapter_env(name, value)).await;
        let model = world.practice.model();
        let account = world.account("alice");
        Self { name: "practice site, text", world, model, account, _site: Box::new(()) }
    }

    /// A real Open WebUI, which takes tools.
    pub(super) async fn open_webui() -> Self {
        let model = ScriptedModel::start().await;
        let open_webui = OpenWebUi::start(&model.url).await;
        let urls = format!("open-webui={}", open_webui.url);
        let start =
            World::start().broker_env("LATCHKEY_SITE_URLS", &urls).adapter_env("LATCHKEY_SITE_URLS", &urls);
        let world = ADAPTER.iter().fold(start, |start, (name, value)| start.adapter_env(name, value)).await;
        let credentials = json!({"username": EMAIL, "password": PASSWORD});
        let body = json!({"site": "open-webui", "label": "alice", "credentials": credentials});
        let admin = world.admin();
        let account = admin.send(Method::POST, "/v1/accounts", Some(&body)).await.json();
        let account = account["id"].as_str().unwrap().parse().unwrap();
        let login = admin.sign_in(account).await;
        assert!(login.error.is_none(), "{login:#?}");
        let scripted = model.model.clone();
        Self {
            name: "Open WebUI, tools",
            world,
            model: scripted,
            account,
            _site: Box::new((model, open_webui)),
        }
    }

    /// A real Gradio, whose chat takes nothing but text.
    pub(super) async fn gradio() -> Self {
        // The clients know their model by the name that all tests use.
        let file =
            include_str!("../../../shared/sites/gradio.toml").replace("[\"gradio\"]", "[\"practice-1\"]");
        let stage = gradio::GradioStage::with_adapter(4, 4, &file, &ADAPTER).await;
        let account = stage.sign_in().await.id;
        let (world, model, site) = stage.into_parts();
        let scripted = model.model.clone();
        Self { name: "Gradio, text", world, model: scripted, account, _site: Box::new((model, site)) }
    }

    /// Ends the world; the site goes after it.
    pub(super) async fn stop(self) {
        self.world.stop().await;
    }
}
