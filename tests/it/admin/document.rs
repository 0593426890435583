//! The `openapi.json` document says what the API does: no more, no less.

use std::collections::BTreeSet;

use insta::assert_snapshot;
use reqwest::Method;
use serde_json::Value;

use super::{alice, broker::Broker};

const DOCUMENT: &str = include_str!("../../../broker/openapi.json");
const ROUTES: &str = include_str!("../../../broker/src/admin.rs");
const PROBLEMS: &str = include_str!("../../../broker/src/admin/problem.rs");
const FAILURES: &str = include_str!("../../../broker/src/login/failure.rs");
const REFUSALS: &str = concat!(
    include_str!("credentials.rs"),
    include_str!("edge.rs"),
    include_str!("refusals.rs"),
    include_str!("session.rs")
);

fn document() -> Value {
    serde_json::from_str(DOCUMENT).unwrap()
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
    let broker = Broker::start().await;

    let served = broker.bare(Method::GET, "/openapi.json").send().await.unwrap().text().await.unwrap();

    assert_eq!(served, DOCUMENT);
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
    let mut routes = routes(&document());
    // The account must be there for the others.
    routes.sort_by_key(|(method, _)| method == Method::DELETE);

    for (method, path) in routes {
        let real = match path.starts_with("/v1/operations") {
            true => path.replace("/v1/operations/{id}", &operation),
            false => path.replace("/v1/accounts/{id}", &account),
        };
        let answer = broker.request(method.clone(), &real).send().await.unwrap();
        let status = answer.status();
        let code = answer.json::<Value>().await.map(|body| body["code"].clone()).unwrap_or_default();
        assert!(code != "not_found" && code != "method_not_allowed", "{method} {path}: {status} {code}");
    }
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

#[test]
fn every_code_is_in_the_document_and_every_problem_has_a_test() {
    let document = document();
    let listed = |schema: &str| -> BTreeSet<String> {
        let words = document["components"]["schemas"][schema]["enum"].as_array().unwrap();
        words.iter().map(|word| word.as_str().unwrap().to_owned()).collect()
    };
    let problems = words(PROBLEMS, "fn code(&self)", "=> (\"");
    let mut failures = words(FAILURES, "fn as_str(self)", "=> \"");
    failures.insert("stopped".to_owned());

    assert_eq!(listed("ProblemCode"), problems);
    assert_eq!(listed("LoginCode"), failures);
    for code in problems {
        assert!(REFUSALS.contains(&format!("\"code\": \"{code}\"")), "no test produces {code}");
    }
}

/// The words that the match of a function gives; the compiler sees to it that the match is whole.
fn words(source: &str, function: &str, before: &str) -> BTreeSet<String> {
    let (_, body) = source.split_once(function).unwrap();
    let (body, _) = body.split_once("\n    }\n").unwrap();
    body.split(before).skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}
