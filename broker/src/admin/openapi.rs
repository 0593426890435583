//! What this API does, in OpenAPI: its paths by hand, the schemas of what goes in and out derived from the types.

use std::sync::LazyLock;

use axum::{http::header::CONTENT_TYPE, response::IntoResponse};
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

use super::{accounts, audit, credentials, health, keys, problem, session};
use crate::operations;

const PATHS: &str = include_str!("../../openapi.json");

static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
    let mut document: Value = serde_json::from_str(PATHS).unwrap_or_default();
    document["components"]["schemas"] = schemas().into();
    format!("{document:#}")
});

/// `GET /openapi.json`.
pub(super) async fn show() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], DOCUMENT.as_str())
}

/// Schemas by name; what is only read may be left out of a body, what is only written always stands in an answer.
fn schemas() -> Map<String, Value> {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut bodies = settings.clone().for_deserialize().into_generator();
    bodies.subschema_for::<accounts::NewAccount>();
    bodies.subschema_for::<accounts::ChangedAccount>();
    bodies.subschema_for::<credentials::OtherCredentials>();
    bodies.subschema_for::<session::SessionBody>();
    let mut answers = settings.for_serialize().into_generator();
    answers.subschema_for::<accounts::AccountList>();
    answers.subschema_for::<audit::AuditList>();
    answers.subschema_for::<credentials::CredentialsVersion>();
    answers.subschema_for::<health::Liveness>();
    answers.subschema_for::<health::Readiness>();
    answers.subschema_for::<keys::KeysView>();
    answers.subschema_for::<operations::OperationView>();
    answers.subschema_for::<problem::ProblemView>();
    answers.subschema_for::<session::ImportedView>();
    let mut schemas = bodies.take_definitions(true);
    schemas.extend(answers.take_definitions(true));
    schemas
}
