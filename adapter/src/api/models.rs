//! `GET /v1/models` and `/v1/models/{id}`: in OpenAI's shape, and in Anthropic's for whoever sends `anthropic-version`.

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
    http::HeaderMap,
    response::{IntoResponse, Response},
};

use super::{auth::AuthorizedClient, error::ApiError};
use crate::{
    anthropic::models::{ModelEntry, ModelPage},
    models::{ListedModel, ModelError},
    openai::models::{ModelList, ModelView},
    state::AppState,
    turn::TurnError,
};

/// Lists the models of all sites of which the client may use an account.
pub(super) async fn list(
    client: AuthorizedClient,
    State(app): State<AppState>,
    headers: HeaderMap,
) -> Response {
    let models = app.models.list(&client.scope).await.into_iter();
    match is_anthropics(&headers) {
        true => Json(ModelPage::new(models.map(entry))).into_response(),
        false => Json(ModelList::new(models.map(view))).into_response(),
    }
}

/// Tells of one model, by any name that leads to it.
pub(super) async fn show(
    client: AuthorizedClient,
    State(app): State<AppState>,
    name: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Response {
    let is_anthropics = is_anthropics(&headers);
    match found(&app, &client, name).await {
        Ok(model) if is_anthropics => Json(entry(model)).into_response(),
        Ok(model) => Json(view(model)).into_response(),
        Err(error) if is_anthropics => error.into_anthropic(),
        Err(error) => error.into_response(),
    }
}

async fn found(
    app: &AppState,
    client: &AuthorizedClient,
    name: Result<Path<String>, PathRejection>,
) -> Result<ListedModel, ApiError> {
    // A name that is no text is none of a model.
    let Ok(Path(name)) = name else { return Err(ApiError::NotFound) };
    let route = app.models.resolve(&client.scope, &name).await.map_err(refusal)?;
    Ok(ListedModel { name, site: route.site, id: route.model })
}

fn refusal(error: ModelError) -> ApiError {
    match error {
        ModelError::Unknown(_) => ApiError::NoModel(error.to_string()),
        error => ApiError::from(TurnError::Model(error)),
    }
}

fn is_anthropics(headers: &HeaderMap) -> bool {
    headers.contains_key("anthropic-version")
}

fn view(ListedModel { name, site, id }: ListedModel) -> ModelView {
    ModelView::new(name, site.name.as_str(), site.model_info(&id))
}

fn entry(ListedModel { name, site, id }: ListedModel) -> ModelEntry {
    ModelEntry::new(name, &site.model_info(&id))
}
