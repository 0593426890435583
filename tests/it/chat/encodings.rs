//! Request bodies that come packed.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use insta::assert_snapshot;
use reqwest::Response;
use serde_json::{Value, json};
use support::{
    http,
    world::{SHARED_SECRET, World},
};

use super::adapter;

/// The same question as gzip, zlib and zstd write it (1.12, 1.2.13 and 1.5.4), and as two frames of zstd.
const PACKED: [(&str, &str); 4] = [
    (
        "gzip",
        "H4sIAAAAAAACA6tWys1PSc1RslIqKEpMLslMTtU1VNJRyk0tLk5MTy1WsoquVirKz0kFKigtTi0CSiXn55Wk5pUABTIylWpjawF+/PRbQgAAAA==",
    ),
    (
        "deflate",
        "eNqrVsrNT0nNUbJSKihKTC7JTE7VNVTSUcpNLS5OTE8tVrKKrlYqys9JBSooLU4tAkol5+eVpOaVAAUyMpVqY2sB47cWFA==",
    ),
    (
        "zstd",
        "KLUv/QRo1QEAIoQNEaDthefUzN5O7lSNnhfmfxgClVSr5LVsl80ZA8PH6fWXg6ZjHY9KjGcGFuFGSVPg83r9OGYaAKtnJnI=",
    ),
    (
        "zstd",
        "KLUv/QRYoQAAeyJtb2RlbCI6InByYWN0aWNlLTGwdvPBKLUv/QRYcQEAIiwibWVzc2FnZXMiOlt7InJvbGUiOiJ1c2VyIiwiY29udGVudCI6ImhpIn1dfXrpwhk=",
    ),
];
/// Two million blanks before it.
const BOMBS: [(&str, &str); 2] = [
    (
        "gzip",
        "H4sIAAAAAAACA+3KPQ6CQBSF0a2QV2thy1aMBRlflIQfw4wVYe+yD88pv3u7DgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA+Dd7zOszp+jjsw2ljSWvt7jEnLUOr6zR3/fY1inPw7fmdk5lXVou7QzvMY7H8QMEBzQcwoQeAA==",
    ),
    (
        "zstd",
        "KLUv/QRoTAAACCABAPz/ORACAgAQIAIAECACABAgAgAQIAIAECACABAgAgAQIAIAECACABAgAgAQIAIAECACABAgAgAQIAIAECAdAgCSgwwRoO2FHdOhrz25UzWPyeN/GAK1VC8l3aV7J37n2YumZHifzO6bgUX4WfKYCD3Mjl4zDQQANAHjEyAgCqg+gg6sGvr3wQ==",
    ),
];

async fn sent(world: &World, encoding: &str, body: Vec<u8>) -> Response {
    let url = world.adapters[0].url.join("/v1/chat/completions").unwrap();
    let request = http::client().post(url).bearer_auth(SHARED_SECRET);
    let request = request.header("content-type", "application/json").header("content-encoding", encoding);
    request.body(body).send().await.unwrap()
}

async fn told(response: Response) -> String {
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap();
    format!("{status} {}", body["error"]["message"].as_str().unwrap_or_default())
}

#[tokio::test]
async fn a_packed_body_is_read_like_any_other() {
    let world = adapter().await;
    for (encoding, packed) in PACKED {
        let answer = sent(&world, encoding, BASE64_STANDARD.decode(packed).unwrap()).await;

        assert_eq!(answer.status(), 200, "{encoding}");
        let asked = world.practice.model().last_call();
        assert_eq!(asked.body["messages"], json!([{"role": "user", "content": "hi"}]), "{encoding}");
    }
}

#[tokio::test]
async fn a_body_that_grows_beyond_the_limit_is_unpacked_no_further() {
    let world = adapter().adapter_env("LATCHKEY_BODY_LIMIT", "100000").await;
    for (encoding, packed) in BOMBS {
        let answer = sent(&world, encoding, BASE64_STANDARD.decode(packed).unwrap()).await;

        assert_eq!(
            told(answer).await,
            "400 prompt is too long: the body has more than 100000 bytes",
            "{encoding}"
        );
    }
    assert!(world.practice.model().calls().is_empty());
}

#[tokio::test]
async fn what_cannot_be_unpacked_is_refused_by_name() {
    let world = adapter().await;

    let unknown = told(sent(&world, "br", b"{}".to_vec()).await).await;
    let several = told(sent(&world, "gzip, br", b"{}".to_vec()).await).await;
    let broken = told(sent(&world, "gzip", b"{}".to_vec()).await).await;
    let plain = sent(
        &world,
        "identity",
        json!({"model": "practice-1", "messages": [{"role": "user", "content": "hi"}]})
            .to_string()
            .into_bytes(),
    )
    .await;

    assert_snapshot!(unknown, @"415 content-encoding: expected gzip, deflate, zstd or none, not br");
    assert_snapshot!(several, @"415 content-encoding: expected gzip, deflate, zstd or none, not ...");
    assert_snapshot!(broken, @"400 the body is not the gzip that content-encoding says");
    assert_eq!(plain.status(), 200);
}
