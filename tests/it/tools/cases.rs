//! The project's cases, groups A to G, from the site's bytes to the client's chunks.

use latchkey_bridge::dialect::CallFormat;
use serde_json::{Value, json};
use support::{model::Reply, world::SHARED_SECRET};

use super::{ToolsSite, adapter, calls, ended};
use crate::bridge::cases::load::{self, BridgeCase, CaseUpstream};

#[tokio::test]
async fn every_case_holds_through_the_endpoint_in_xml() {
    check_all(CallFormat::Xml).await;
}

#[tokio::test]
async fn every_case_holds_through_the_endpoint_in_json() {
    check_all(CallFormat::Json).await;
}

#[tokio::test]
async fn every_case_holds_through_the_endpoint_in_fences() {
    check_all(CallFormat::Fence).await;
}

async fn check_all(form: CallFormat) {
    let site = ToolsSite::start(adapter(form), form).await;
    for case in load::cases() {
        if let Some(upstream) = case.upstream() {
            check(&site, &case, &upstream).await;
        }
    }
}

async fn check(site: &ToolsSite, case: &BridgeCase, upstream: &CaseUpstream) {
    let id = &case.id;
    site.model().reset();
    site.model().will(reply(case, upstream));
    site.model().always(Reply::text(&site.bash("ls")));

    let stream = site.stream().await;

    ended(&stream, id);
    let asked = if case.expect.asks_again() { 2 } else { 1 };
    assert_eq!(site.model().calls().len(), asked, "{id}: {}", stream.raw);
    if asked == 2 {
        assert_eq!(calls(&stream).last().unwrap(), &("bash".to_owned(), json!({"command": "ls"})), "{id}");
    } else {
        case.expect.check_calls(id, &calls(&stream));
    }
    if case.expect.is_for_the_judge() {
        assert_eq!(stream.text() + &stream.reasoning(), upstream.text, "{id}");
    }
}

/// The case's pieces as the site sends them; bytes that split a letter split it on the wire.
fn reply(case: &BridgeCase, upstream: &CaseUpstream) -> Reply {
    let field = match (upstream.channel)(String::new()) {
        crate::bridge::support::Piece::Text(_) => "content",
        crate::bridge::support::Piece::Reasoning(_) => "reasoning_content",
    };
    let mut reply = Reply::new();
    let mut waiting = Vec::new();
    let mut pieces = case.pieces();
    if pieces.is_empty() {
        pieces.push(upstream.text.clone().into_bytes());
    }
    for piece in pieces {
        waiting.extend(piece);
        let Ok(text) = std::str::from_utf8(&waiting) else { continue };
        reply = match !text.is_ascii() {
            true => split(reply, &json!({field: text})),
            false if text.is_empty() => reply,
            false => reply.delta(json!({field: text})),
        };
        waiting.clear();
    }
    match &upstream.after {
        Some(after) => reply.piece(after),
        None => reply,
    }
}

/// One event in two pieces, parted inside its first letter of several bytes.
fn split(reply: Reply, delta: &Value) -> Reply {
    let event = format!("data: {}\n\n", json!({"choices": [{"index": 0, "delta": delta}]})).into_bytes();
    let at = event.iter().position(|byte| !byte.is_ascii()).unwrap() + 1;
    reply.bytes(event[..at].to_vec()).bytes(event[at..].to_vec())
}

#[tokio::test]
async fn the_nonce_is_the_same_on_every_replica() {
    let site = ToolsSite::start(adapter(CallFormat::Xml).adapters(2), CallFormat::Xml).await;
    site.model().always(Reply::text(&site.bash("ls")));

    let other = site.world.adapter_at(1).stream(&super::task()).await;

    assert_eq!(calls(&other).len(), 1);
}

#[tokio::test]
async fn a_client_that_keeps_its_secret_keeps_its_nonce_whatever_else_the_ring_holds() {
    let others = ["a-secret-of-another-tenant", "the-next-secret-of-that-tenant"];
    let mut nonces = Vec::new();
    for ring in [SHARED_SECRET.to_owned(), format!("{},{SHARED_SECRET}", others.join(","))] {
        let start = adapter(CallFormat::Xml).adapter_env("LATCHKEY_SHARED_SECRETS", &ring);
        let site = ToolsSite::start(start, CallFormat::Xml).await;
        for other in others.into_iter().filter(|other| ring.contains(other)) {
            site.model().will(Reply::text(&site.bash("ls")));
            let theirs = site.world.adapter().with_secret(other).stream(&super::task()).await;
            assert_eq!(calls(&theirs).len(), 0, "{other} has the nonce of another tenant");
            site.model().reset();
        }
        nonces.push(site.nonce.clone());
    }
    assert_eq!(nonces[0], nonces[1]);
}
