//! `GET /v1/models`.

use axum::{Json, extract::State};

use super::auth::AuthorizedClient;
use crate::{openai::answer::ModelList, state::AppState};

/// Lists the models of all sites of which the client may use an account.
pub(super) async fn list(client: AuthorizedClient, State(app): State<AppState>) -> Json<ModelList> {
    Json(ModelList::new(app.models.list(&client.scope).await))
}
