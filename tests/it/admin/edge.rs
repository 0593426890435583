//! What the admin API refuses before it knows what is asked: who asks, where, and with what body.

use std::time::Duration;

use insta::assert_snapshot;
use reqwest::{Method, header};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    broker::{Broker, TOKEN},
    refusals::NOBODY,
    shown::{redacted, shown},
};

#[tokio::test]
async fn unauthorized() {
    let broker = Broker::start().await;

    let without = broker.bare(Method::GET, "/v1/accounts").send().await.unwrap();
    let wrong = broker.bare(Method::GET, "/v1/accounts").bearer_auth("wrong").send().await.unwrap();
    let unknown = broker.bare(Method::GET, NOBODY).send().await.unwrap();

    assert_snapshot!(shown(without).await, @r#"
    401 Unauthorized
    content-type: application/problem+json
    www-authenticate: Bearer realm="latchkey-broker"

    {
      "code": "unauthorized",
      "detail": "send the admin token as `Authorization: Bearer ...`",
      "status": 401,
      "title": "The admin token is missing or wrong",
      "type": "urn:latchkey:problem:unauthorized"
    }
    "#);
    assert_eq!([wrong.status(), unknown.status()], [401, 401]);
}

#[tokio::test]
async fn not_found() {
    let broker = Broker::start().await;
    assert_snapshot!(shown(broker.get("/v2/accounts").send().await.unwrap()).await, @r#"
    404 Not Found
    content-type: application/problem+json

    {
      "code": "not_found",
      "detail": "there is nothing at this path; see /openapi.json",
      "status": 404,
      "title": "No such path",
      "type": "urn:latchkey:problem:not_found"
    }
    "#);
}

#[tokio::test]
async fn method_not_allowed() {
    let broker = Broker::start().await;
    let answer = broker.request(Method::PUT, "/v1/accounts").send().await.unwrap();
    assert_snapshot!(shown(answer).await, @r#"
    405 Method Not Allowed
    content-type: application/problem+json
    allow: GET,HEAD,POST

    {
      "code": "method_not_allowed",
      "detail": "this path knows other methods; see the `Allow` header",
      "status": 405,
      "title": "No such method at this path",
      "type": "urn:latchkey:problem:method_not_allowed"
    }
    "#);
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
    assert_snapshot!(redacted(&pretty(body)), @r#"
    {
      "code": "body_timeout",
      "detail": "the body did not arrive within 5 seconds",
      "status": 408,
      "title": "The body came too slowly",
      "type": "urn:latchkey:problem:body_timeout"
    }
    "#);
}

#[tokio::test]
async fn body_too_large() {
    let broker = Broker::start().await;
    let answer = broker.post("/v1/accounts", &json!({ "label": "a".repeat(64 * 1024) })).await;
    assert_snapshot!(shown(answer).await, @r#"
    413 Payload Too Large
    content-type: application/problem+json

    {
      "code": "body_too_large",
      "detail": "the body is larger than 64 KiB, or than 1 MiB where it is a session",
      "status": 413,
      "title": "The body is too large",
      "type": "urn:latchkey:problem:body_too_large"
    }
    "#);
}

#[tokio::test]
async fn unsupported_media_type() {
    let broker = Broker::start().await;
    let answer = broker.request(Method::POST, "/v1/accounts").body("{}").send().await.unwrap();
    assert_snapshot!(shown(answer).await, @r#"
    415 Unsupported Media Type
    content-type: application/problem+json

    {
      "code": "unsupported_media_type",
      "detail": "send `Content-Type: application/json`",
      "status": 415,
      "title": "The body has another type than JSON",
      "type": "urn:latchkey:problem:unsupported_media_type"
    }
    "#);
}

#[tokio::test]
async fn invalid_json() {
    let broker = Broker::start().await;
    let request =
        broker.request(Method::POST, "/v1/accounts").header(header::CONTENT_TYPE, "application/json");
    let answer = request.body("{\"site\": \"practice\",").send().await.unwrap();
    assert_snapshot!(shown(answer).await, @r#"
    400 Bad Request
    content-type: application/problem+json

    {
      "code": "invalid_json",
      "detail": "the body is no JSON object: it breaks at line 1 column 20",
      "status": 400,
      "title": "The body is no JSON object",
      "type": "urn:latchkey:problem:invalid_json"
    }
    "#);
}

fn pretty(body: &str) -> String {
    serde_json::to_string_pretty(&serde_json::from_str::<Value>(body).unwrap()).unwrap()
}
