//! What the admin API refuses before it knows what is asked: who asks, where, and with what body.

use std::time::Duration;

use insta::assert_snapshot;
use reqwest::{Method, StatusCode, header};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    broker::{Broker, TOKEN},
    refusals::NOBODY,
    shown::{problem, shown},
};

#[tokio::test]
async fn unauthorized() {
    let broker = Broker::start().await;

    let without = broker.bare(Method::GET, "/v1/accounts").send().await.unwrap();
    let wrong = broker.bare(Method::GET, "/v1/accounts").bearer_auth("wrong").send().await.unwrap();
    let unknown = broker.bare(Method::GET, NOBODY).send().await.unwrap();

    assert_snapshot!(shown(without).await, @r#"
    401 Unauthorized
    www-authenticate: Bearer realm="latchkey-broker"
    unauthorized: The admin token is missing or wrong
    send the admin token as `Authorization: Bearer ...`
    "#);
    assert_eq!([wrong.status(), unknown.status()], [401, 401]);
}

#[tokio::test]
async fn not_found() {
    let broker = Broker::start().await;
    assert_snapshot!(shown(broker.get("/v2/accounts").send().await.unwrap()).await, @"
    404 Not Found
    not_found: No such path
    there is nothing at this path; see /openapi.json
    ");
}

#[tokio::test]
async fn method_not_allowed() {
    let broker = Broker::start().await;
    let answer = broker.request(Method::PUT, "/v1/accounts").send().await.unwrap();
    assert_snapshot!(shown(answer).await, @"
    405 Method Not Allowed
    allow: GET,HEAD,POST
    method_not_allowed: No such method at this path
    this path knows other methods; see the `Allow` header
    ");
}

#[tokio::test]
async fn body_timeout() {
    let broker = Broker::start().await;
    let mut stream = TcpStream::connect(broker.url.trim_start_matches("http://")).await.unwrap();
    let head = format!(
        "POST /v1/accounts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\
         Content-Type: application/json\r\nContent-Length: 10\r\nConnection: close\r\n\r\n{{"
    );

    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let read = stream.read_to_string(&mut answer);
    tokio::time::timeout(Duration::from_secs(20), read).await.unwrap().unwrap();

    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    assert_snapshot!(problem(StatusCode::REQUEST_TIMEOUT, body), @"
    body_timeout: The body came too slowly
    the body did not arrive within 5 seconds
    ");
}

#[tokio::test]
async fn body_too_large() {
    let broker = Broker::start().await;
    let answer = broker.post("/v1/accounts", &json!({ "label": "a".repeat(64 * 1024) })).await;
    assert_snapshot!(shown(answer).await, @"
    413 Payload Too Large
    body_too_large: The body is too large
    the body is larger than 64 KiB, or than 1 MiB where it is a session
    ");
}

#[tokio::test]
async fn unsupported_media_type() {
    let broker = Broker::start().await;
    let answer = broker.request(Method::POST, "/v1/accounts").body("{}").send().await.unwrap();
    assert_snapshot!(shown(answer).await, @"
    415 Unsupported Media Type
    unsupported_media_type: The body has another type than JSON
    send `Content-Type: application/json`
    ");
}

#[tokio::test]
async fn invalid_json() {
    let broker = Broker::start().await;
    let request =
        broker.request(Method::POST, "/v1/accounts").header(header::CONTENT_TYPE, "application/json");
    let answer = request.body("{\"site\": \"practice\",").send().await.unwrap();
    assert_snapshot!(shown(answer).await, @"
    400 Bad Request
    invalid_json: The body is no JSON object
    the body is no JSON object: it breaks at line 1 column 20
    ");
}
