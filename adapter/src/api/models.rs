//! `GET /v1/models`.

use axum::{Json, extract::State};

use super::auth::Client;
use crate::{openai::answer::ModelList, state::AppState};

/// Lists the models of all sites.
pub(super) async fn list(_: Client, State(app): State<AppState>) -> Json<ModelList> {
    Json(ModelList::new(app.models.list().await))
}
