//! The form in which a client wants the answer, where a site's chat has no field for it: written into the prompt.

use latchkey_bridge::{
    arguments::answer,
    catalog::{Catalog, Tool},
    render::reask,
};
use latchkey_shared::site::Site;
use serde_json::{Value, json};

use crate::{
    capability,
    openai::request::{ChatRequest, InvalidRequest},
};

/// Where it stands in a chat.
pub(super) const FIELD: &str = "response_format";

/// JSON of a schema.
#[derive(Debug)]
pub(crate) struct WantedFormat {
    /// Holds the schema, as if it were that of a tool.
    catalog: Catalog,
}

/// Whether the prompt has to say it.
///
/// # Errors
/// When its schema is more than is taken.
pub(super) fn writes(request: &ChatRequest, site: &Site) -> Result<bool, InvalidRequest> {
    Ok(!capability::takes_fields(site) && of(request)?.is_some())
}

/// What a request wants.
///
/// # Errors
/// When its schema is more than is taken.
pub(super) fn of(request: &ChatRequest) -> Result<Option<WantedFormat>, InvalidRequest> {
    let format =
        request.rest.get(FIELD).map(|raw| serde_json::from_str::<Value>(raw.get()).unwrap_or_default());
    let schema = match format.as_ref().and_then(|format| Some((format["type"].as_str()?, format))) {
        Some(("json_schema", format)) => format["json_schema"]["schema"].clone(),
        Some(("json_object", _)) => Value::Null,
        _ => return Ok(None),
    };
    let schema = if schema.is_object() { schema } else { json!({"type": "object"}) };
    let tool = json!({"name": "answer", "parameters": schema}).to_string();
    let catalog = Catalog::read(std::iter::once(tool.as_str()))
        .map_err(|error| InvalidRequest(format!("{FIELD}: {}", error.limit)))?;
    Ok(Some(WantedFormat { catalog }))
}

impl WantedFormat {
    /// What the site is told; `tools` says whether calls may come before the answer.
    pub(super) fn words(&self, tools: bool) -> String {
        self.tool().map_or_else(String::new, |tool| reask::format(&tool.schema, tools))
    }

    /// What the site is told whose answer is none.
    pub(crate) fn reshape(&self, detail: &str) -> String {
        self.tool().map_or_else(String::new, |tool| reask::reshape(detail, &tool.schema))
    }

    /// The JSON of an answer.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn read(&self, text: &str) -> Result<String, String> {
        self.tool().map_or_else(|| Ok(text.to_owned()), |tool| answer::read(text, tool))
    }

    fn tool(&self) -> Option<&Tool> {
        self.catalog.tools().first()
    }
}
