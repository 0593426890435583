//! What each client is told: its own file, or lines for it.

use serde_json::{Map, Value, json};

use super::served::{ServedModel, ServedModels};

/// The name under which clients know us.
const PROVIDER: &str = "latchkey";
/// The variable in which `LiteLLM` finds the key.
const VARIABLE: &str = "UPSTREAM_KEY";
/// The longest answer, where the site tells none and a client wants to know it.
const OUTPUT: u64 = 32_000;

/// What is told to any of them.
pub(super) struct ClientSettings {
    /// The base URL, without /v1.
    pub base: String,
    /// Where the key is, as a path that needs no quoting.
    pub key_file: String,
    /// The model that is used first.
    pub model: ServedModel,
    /// All that is served.
    pub served: ServedModels,
}

impl ClientSettings {
    /// `opencode.json`.
    pub(super) fn opencode(&self) -> anyhow::Result<String> {
        let models: Map<String, Value> = self.served.models.iter().map(opencode_model).collect();
        let options = json!({
            "baseURL": format!("{}/v1", self.base),
            "apiKey": format!("{{file:{}}}", self.key_file),
        });
        let provider = json!({
            "npm": "@ai-sdk/openai-compatible", "name": "Latchkey", "options": options, "models": models,
        });
        Ok(serde_json::to_string_pretty(&json!({
            "$schema": "https://opencode.ai/config.json",
            "model": format!("{PROVIDER}/{}", self.model.id),
            "small_model": format!("{PROVIDER}/{}", self.model.id),
            "provider": {PROVIDER: provider},
        }))?)
    }

    /// `settings.json` of Claude Code.
    pub(super) fn claude(&self) -> anyhow::Result<String> {
        let mut env = Map::new();
        env.insert("ANTHROPIC_BASE_URL".to_owned(), self.base.as_str().into());
        for name in [
            "ANTHROPIC_MODEL",
            "ANTHROPIC_DEFAULT_OPUS_MODEL",
            "ANTHROPIC_DEFAULT_SONNET_MODEL",
            "ANTHROPIC_DEFAULT_HAIKU_MODEL",
        ] {
            env.insert(name.to_owned(), self.model.id.as_str().into());
        }
        if let Some(context) = self.model.context {
            env.insert("CLAUDE_CODE_MAX_CONTEXT_TOKENS".to_owned(), context.to_string().into());
        }
        let helper = format!("head -n 1 {}", self.key_file);
        Ok(serde_json::to_string_pretty(&json!({"apiKeyHelper": helper, "env": env}))?)
    }

    /// `config.toml` of Codex. What is quoted as JSON is TOML too.
    pub(super) fn codex(&self) -> String {
        let window = self.model.context.map(|context| format!("model_context_window = {context}\n"));
        format!(
            "model = {model}\n\
             model_provider = \"{PROVIDER}\"\n\
             {window}\n\
             [model_providers.{PROVIDER}]\n\
             name = \"Latchkey\"\n\
             base_url = {base}\n\
             wire_api = \"responses\"\n\
             supports_websockets = {sockets}\n\n\
             [model_providers.{PROVIDER}.auth]\n\
             command = \"head\"\n\
             args = [\"-n\", \"1\", {file}]",
            model = json!(self.model.id),
            window = window.unwrap_or_default(),
            base = json!(format!("{}/v1", self.base)),
            sockets = self.served.has_sockets,
            file = json!(self.key_file),
        )
    }

    /// `config.yaml` of `LiteLLM`. What is quoted as JSON is YAML too.
    pub(super) fn litellm(&self) -> String {
        let mut lines = vec![
            format!("# Before it starts: export {VARIABLE}=\"$(head -n 1 {})\"", self.key_file),
            "model_list:".to_owned(),
        ];
        for model in &self.served.models {
            let quoted = |text: &str| json!(text).to_string();
            lines.push(format!("  - model_name: {}", quoted(&model.id)));
            lines.push("    litellm_params:".to_owned());
            lines.push(format!("      model: {}", quoted(&format!("openai/{}", model.id))));
            lines.push(format!("      api_base: {}", quoted(&format!("{}/v1", self.base))));
            lines.push(format!("      api_key: os.environ/{VARIABLE}"));
            let limits = [("max_input_tokens", model.context), ("max_output_tokens", model.output())];
            let known: Vec<String> = limits
                .iter()
                .filter_map(|(name, limit)| Some(format!("      {name}: {}", (*limit)?)))
                .collect();
            if !known.is_empty() {
                lines.push("    model_info:".to_owned());
                lines.extend(known);
            }
        }
        lines.join("\n")
    }

    /// The headers of a client of Portkey's gateway.
    pub(super) fn portkey(&self) -> String {
        format!(
            "# What a client sends to Portkey's gateway; the key is the first line of {}.\n\
             x-portkey-provider: openai\n\
             x-portkey-custom-host: {}/v1\n\
             Authorization: Bearer <the key>\n\
             # model: {}",
            self.key_file, self.base, self.model.id
        )
    }
}

fn opencode_model(model: &ServedModel) -> (String, Value) {
    let mut told = json!({"name": model.id});
    if let Some(context) = model.context {
        told["limit"] =
            json!({"context": context, "output": model.output().unwrap_or(OUTPUT.min(context / 4))});
    }
    (model.id.clone(), told)
}
