//! Faults of the network on the way to a site: what the log tells apart, and the client never hears.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
};

use reqwest::Method;
use rustix::net::sockopt::set_socket_linger;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use serde_json::{Value, json};
use support::{
    http,
    socket::{Act, SocketSite},
    world::{HttpAnswer, World},
};
use tracing_subscriber::{layer::SubscriberExt, util::SubscriberInitExt};

use super::{declared, log::LogBuffer};
use crate::{login::tls, socket};

const MESSAGE: &str = "a call to the site failed";
const LOGGED: &str = "latchkey_adapter=trace,latchkey_broker=trace,latchkey_shared=trace";

/// What a site does with each connection, once a request has come in.
#[derive(Clone, Copy)]
enum FaultySite {
    /// Resets it.
    Resets,
    /// Closes it.
    Closes,
    /// Says nothing.
    KeepsSilent,
    /// Begins an answer, and closes it.
    BreaksOff,
    /// Speaks no TLS, whatever comes.
    SpeaksPlainly,
}

impl FaultySite {
    /// Its address; it ends with the process.
    fn start(self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let mut kept = Vec::new();
            for stream in listener.incoming().filter_map(Result::ok) {
                kept.extend(self.serve(stream));
            }
        });
        address.to_string()
    }

    /// Gives the connection back if it is to stay open.
    fn serve(self, mut stream: TcpStream) -> Option<TcpStream> {
        const EVENT: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Half\"}}]}\n\n";
        const HEAD: &str =
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

        let mut request = Vec::new();
        let mut some = [0; 4096];
        // The question's own body ends so; of a handshake the beginning will do.
        while !request.ends_with(b"}") && !matches!(self, Self::SpeaksPlainly) {
            match stream.read(&mut some) {
                Ok(0) | Err(_) => return None,
                Ok(count) => request.extend_from_slice(&some[..count]),
            }
        }
        match self {
            Self::Resets => set_socket_linger(&stream, Some(std::time::Duration::ZERO)).unwrap(),
            Self::Closes => {}
            Self::KeepsSilent => return Some(stream),
            Self::BreaksOff => {
                let beginning = format!("{HEAD}{:x}\r\n{EVENT}\r\n", EVENT.len());
                stream.write_all(beginning.as_bytes()).unwrap();
            }
            Self::SpeaksPlainly => stream.write_all(b"220 no HTTP here\r\n").unwrap(),
        }
        None
    }
}

/// A world whose site is at `url`; the account's own secret is in the query of the request.
async fn world_at(url: &str) -> World {
    let path = "path = \"/api/chat/completions";
    let site = declared().replacen(path, &format!("{path}?key={{bearer}}"), 1);
    World::start()
        .without_broker()
        .site_file(site + "[limits]\nfirst_token = \"3s\"\n")
        .adapter_env("LATCHKEY_SITE_URLS", &format!("practice={url}"))
        .with_session("alice")
        .await
}

/// The cause of the one fault in the log, and the id of the request that met it.
fn told(log: &LogBuffer) -> (String, String) {
    let lines = log.take(MESSAGE);
    let [line] = lines.as_slice() else { panic!("not one line: {lines:#?}") };
    let cause = line["fields"]["network.cause"].as_str().unwrap().to_owned();
    assert!(!line["fields"]["network.sources"].as_str().unwrap().is_empty(), "{line}");
    (cause, request_id(line))
}

fn request_id(line: &Value) -> String {
    let spans = line["spans"].as_array().cloned().unwrap_or_default();
    let mut ids = spans.iter().filter_map(|span| span["request.id"].as_str());
    ids.next_back().unwrap_or_default().to_owned()
}

/// A name that is too long for any resolver to ask for.
fn nowhere() -> String {
    format!("http://{}.invalid", "a".repeat(70))
}

/// A site whose certificate an authority signed that nobody knows.
fn private_ca() -> String {
    const CERTIFICATE: &[u8] = include_bytes!("../fleet/certificate/server.pem");
    const KEY: &[u8] = include_bytes!("../fleet/certificate/server.key");

    let certificate = CertificateDer::from_pem_slice(CERTIFICATE).unwrap();
    tls::serve_as(certificate, PrivateKeyDer::from_pem_slice(KEY).unwrap()).to_string()
}

fn closed_port() -> String {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", free.local_addr().unwrap())
}

#[tokio::test]
async fn each_cause_is_told_apart_in_the_log_under_the_id_of_the_request() {
    http::install_tls();
    let log = LogBuffer::default();
    tracing_subscriber::registry().with(log.layer(LOGGED)).init();
    let unreachable = "the site cannot be reached; ask again later";
    let cut = "the site's answer was cut off; ask again";
    let silent = "the site took the prompt and then kept silent too long; asking again may run it twice";

    for (url, cause, status, message) in [
        (nowhere(), "dns", 502, unreachable),
        (closed_port(), "refused", 502, unreachable),
        (tls::serve().to_string(), "unknown_ca", 502, unreachable),
        (private_ca(), "unknown_ca", 502, unreachable),
        (format!("https://{}", FaultySite::SpeaksPlainly.start()), "tls", 502, unreachable),
        (format!("http://{}", FaultySite::Resets.start()), "reset", 502, cut),
        (format!("http://{}", FaultySite::Closes.start()), "closed", 502, cut),
        (format!("http://{}", FaultySite::KeepsSilent.start()), "timeout", 504, silent),
    ] {
        let world = world_at(&url).await;

        let answer = world.adapter().ask("hi").await;

        assert_eq!(
            (answer.status, answer.json()["error"]["message"].as_str()),
            (status, Some(message)),
            "{url}"
        );
        for secret in [&world.practice.issued()[0].token, &world.practice.issued()[0].cookie] {
            assert!(!log.text().contains(secret.as_str()), "a secret is in the log: {}", log.text());
        }
        assert_eq!(told(&log), (cause.to_owned(), id(&answer)), "{url}");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_told_with_its_cause_over_http_and_over_a_socket() {
    let log = LogBuffer::default();
    tracing_subscriber::registry().with(log.layer(LOGGED)).init();
    let world = world_at(&format!("http://{}", FaultySite::BreaksOff.start())).await;

    let broken = world.adapter().ask_streamed("hi").await;

    assert_eq!(broken.text(), "Half", "{}", broken.raw);
    assert_eq!(told(&log), ("closed".to_owned(), broken.header("x-oneapi-request-id").to_owned()));

    let site = SocketSite::start(&[socket::ready(), Act::Hear("ask"), socket::token("Half"), Act::Cut]).await;
    let world = socket::world(&site, socket::WEBSOCKET).await;
    let broken = world.adapter().ask_streamed("hi").await;

    assert_eq!(broken.text(), "Half", "{}", broken.raw);
    let (cause, request) = told(&log);
    assert_eq!(request, broken.header("x-oneapi-request-id"));
    assert!(["closed", "reset"].contains(&cause.as_str()), "{cause}");
}

#[tokio::test]
async fn a_broker_tells_why_a_probe_had_no_answer() {
    let log = LogBuffer::default();
    tracing_subscriber::registry().with(log.layer(LOGGED)).init();
    let world = World::start().broker_env("LATCHKEY_SITE_URLS", &format!("practice={}", closed_port())).await;
    let admin = world.admin();
    let account = admin.add("alice", "correct-horse-battery", None).await;

    let path = format!("/v1/accounts/{}/session", account.id);
    let refused = admin.send(Method::PUT, &path, Some(&json!({"bearer": "given-token"}))).await;

    assert_eq!(refused.json()["code"], "session_unproved", "{}", refused.body);
    assert!(!log.text().contains("given-token"), "{}", log.text());
    assert_eq!(told(&log), ("refused".to_owned(), refused.header("x-request-id").to_owned()));
}

fn id(answer: &HttpAnswer) -> String {
    answer.header("x-oneapi-request-id").to_owned()
}
