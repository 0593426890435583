//! The document at `/openapi.json` says what the API does: no more, no less.

use insta::assert_snapshot;
use reqwest::{Method, StatusCode};
use serde_json::Value;

use super::{alice, broker::Broker};

const DOCUMENT: &str = include_str!("../../../broker/openapi.json");
const ROUTES: &str = include_str!("../../../broker/src/admin.rs");
const REFUSALS: &str = concat!(
    include_str!("credentials.rs"),
    include_str!("edge.rs"),
    include_str!("refusals.rs"),
    include_str!("session.rs")
);

fn document() -> Value {
    serde_json::from_str(DOCUMENT).unwrap()
}

/// The document as it is served: the paths that are written by hand, and the schemas of the types.
async fn served() -> Value {
    Broker::start().await.bare(Method::GET, "/openapi.json").send().await.unwrap().json().await.unwrap()
}

/// Every method and path of the document.
fn routes(document: &Value) -> Vec<(Method, String)> {
    let mut routes = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            routes.push((method.to_uppercase().parse().unwrap(), path.clone()));
        }
    }
    routes
}

#[tokio::test]
async fn the_document_is_served_without_a_token() {
    let served = served().await;

    assert_eq!(served["paths"], document()["paths"]);
    let listed: Vec<String> =
        routes(&document()).iter().map(|(method, path)| format!("{method} {path}")).collect();
    assert_snapshot!(listed.join("\n"), @"
    GET /livez
    GET /metrics
    GET /openapi.json
    GET /readyz
    GET /v1/accounts
    POST /v1/accounts
    DELETE /v1/accounts/{id}
    GET /v1/accounts/{id}
    PATCH /v1/accounts/{id}
    PUT /v1/accounts/{id}/credentials
    POST /v1/accounts/{id}/logins
    POST /v1/accounts/{id}/repair
    PUT /v1/accounts/{id}/session
    GET /v1/audit
    GET /v1/keys
    POST /v1/keys/rewrap
    GET /v1/operations/{id}
    GET /v1/operations/{id}/events
    GET /v1/operations/{id}/screenshot
    ");
}

#[tokio::test]
async fn every_route_of_the_document_is_there() {
    let broker = Broker::start_with([("LATCHKEY_CHROMIUM", "/nonexistent/chromium")]).await;
    let account = broker.add_account(&alice()).await;
    let operation = broker.start_login(&account).await;
    broker.ended(&operation).await;
    let document = broker.bare(Method::GET, "/openapi.json").send().await.unwrap().json().await.unwrap();
    let mut routes = routes(&document);
    // The account must be there for the others.
    routes.sort_by_key(|(method, _)| method == Method::DELETE);

    for (method, path) in routes {
        let real = match path.starts_with("/v1/operations") {
            true => path.replace("/v1/operations/{id}", &operation),
            false => path.replace("/v1/accounts/{id}", &account),
        };
        let answer = broker.request(method.clone(), &real).send().await.unwrap();
        let status = answer.status();
        let answer = answer.json::<Value>().await.unwrap_or_default();
        let code = &answer["code"];
        assert!(code != "not_found" && code != "method_not_allowed", "{method} {path}: {status} {code}");
        if let Some(schema) = schema(&document, &method, &path, status) {
            let said = jsonschema::validate(&schema, &answer).map_err(|error| error.to_string());
            assert_eq!(said, Ok(()), "{method} {path}: {status} {answer}");
        }
    }
}

/// What the document says of an answer in JSON.
fn schema(document: &Value, method: &Method, path: &str, status: StatusCode) -> Option<Value> {
    let responses = &document["paths"][path][method.as_str().to_lowercase()]["responses"];
    let content = match responses.get(status.as_str()) {
        Some(response) => &response["content"]["application/json"],
        None => &document["components"]["responses"]["Problem"]["content"]["application/problem+json"],
    };
    let mut schema = content.get("schema")?.clone();
    schema["components"] = document["components"].clone();
    Some(schema)
}

#[test]
fn every_route_is_in_the_document() {
    let document = document();
    let routed = ROUTES.split(".route(\"").skip(1).map(|rest| rest.split('"').next().unwrap());

    for path in routed {
        let nested = format!("/v1{path}");
        let known = |path: &str| document["paths"].get(path).is_some();
        assert!(known(path) || known(&nested), "{path} is not in openapi.json");
    }
}

#[tokio::test]
async fn every_problem_of_the_document_has_a_test() {
    let document = served().await;
    let codes = document.pointer("/components/schemas/Problem/properties/code/enum").unwrap();

    for code in codes.as_array().unwrap().iter().map(|code| code.as_str().unwrap()) {
        assert!(REFUSALS.contains(&format!("    {code}: ")), "no test produces {code}");
    }
}
