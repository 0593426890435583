//! Traces over OTLP: what a collector gets of a request and of a login.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, body::Bytes, extract::State, routing::post};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value},
    trace::v1::Span,
};
use prost::Message;
use reqwest::Method;
use support::{
    binaries::Binary,
    practice::{PASSWORD, Practice, PracticeOptions, USERNAME},
    redis::Redis,
    server::Server,
    wait,
    world::{AdapterClient, Admin, Keys},
};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";
/// A browser and two processes, on a busy machine.
const SOON: Duration = Duration::from_secs(30);

/// A collector that keeps what comes in, whole.
pub(crate) struct Collector {
    server: Server,
    bodies: Arc<Mutex<Vec<Bytes>>>,
}

impl Collector {
    pub(crate) async fn start() -> Self {
        let bodies = Arc::<Mutex<Vec<Bytes>>>::default();
        let keep = async |State(bodies): State<Arc<Mutex<Vec<Bytes>>>>, body: Bytes| {
            bodies.lock().unwrap().push(body);
        };
        let router = Router::new().route("/v1/traces", post(keep)).with_state(Arc::clone(&bodies));
        Self { server: Server::start(router).await, bodies }
    }

    /// The variable that leads here.
    pub(crate) fn variable(&self) -> (String, String) {
        ("LATCHKEY_OTLP".to_owned(), self.server.url().to_string())
    }

    /// All bytes that came.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.bodies.lock().unwrap().concat()
    }

    /// Every span with its service's name.
    fn spans(&self) -> Vec<(String, Span)> {
        let bodies = self.bodies.lock().unwrap();
        let decoded = bodies.iter().map(|body| ExportTraceServiceRequest::decode(body.clone()).unwrap());
        let mut spans = Vec::new();
        for resource in decoded.flat_map(|request| request.resource_spans) {
            let service = attributes(&resource.resource.unwrap().attributes)["service.name"].clone();
            let of_all = resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
            spans.extend(of_all.map(|span| (service.clone(), span)));
        }
        spans
    }
}

fn attributes(list: &[KeyValue]) -> HashMap<String, String> {
    let text = |value: &KeyValue| match value.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some((value.key.clone(), text.clone())),
        _ => None,
    };
    list.iter().filter_map(text).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_sees_what_a_request_and_a_login_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let collector = Collector::start().await;
    let redis = Redis::start().await;
    let practice = Practice::start(PracticeOptions::default()).await;
    let keys = Keys::generate();
    let mut common = keys.common(&redis.url(), &format!("practice={}", practice.url));
    common.push(collector.variable());
    let artefacts = directory.path().display().to_string();
    let mut broker =
        Binary::broker(directory.path(), &[common.clone(), keys.broker(&artefacts)].concat()).await;
    let mut adapter = Binary::adapter(directory.path(), &[common, keys.adapter()].concat()).await;
    let (account, error) = Admin::new(&broker.url).add_and_sign_in("practice", USERNAME, PASSWORD).await;
    assert_eq!(error, None);

    let question = AdapterClient::question("hi");
    let (id, status) = wait::until_some(SOON, async || {
        let asked = AdapterClient::new(&adapter.url);
        let request = asked.request(Method::POST, "/v1/chat/completions", Some(&question));
        let answer = request.header("traceparent", format!("00-{TRACE}-{PARENT}-01")).send().await.unwrap();
        let id = answer.headers()["x-oneapi-request-id"].to_str().unwrap().to_owned();
        // The adapter may not know the account yet.
        (answer.status() != 503).then(|| (id, answer.status()))
    })
    .await;
    assert_eq!(status, 200);
    adapter.stop().await;
    broker.stop().await;

    let spans = collector.spans();
    let named = |name: &str| -> &(String, Span) {
        let of_trace = |span: &Span| name != "request" || attributes(&span.attributes)["request.id"] == id;
        let found = spans.iter().find(|(_, span)| span.name == name && of_trace(span));
        found.unwrap_or_else(|| panic!("no span {name}: {spans:#?}"))
    };
    let (service, request) = named("request");
    assert_eq!((service.as_str(), hex(&request.parent_span_id).as_str()), ("latchkey-adapter", PARENT));
    assert_eq!(attributes(&request.attributes)["request.id"], id);
    assert!(request.events.iter().any(|event| event.name == "turn ended"), "{request:#?}");
    for name in ["lease", "ask"] {
        let (_, span) = named(name);
        assert_eq!(span.parent_span_id, request.span_id, "{name}");
        assert_eq!(attributes(&span.attributes)["site"], "practice", "{name}");
    }
    assert_eq!(attributes(&named("ask").1.attributes)["account.id"], account.id.to_string());
    let (service, login) = named("login");
    assert_eq!(service, "latchkey-broker");
    assert_eq!(attributes(&login.attributes)["account.id"], account.id.to_string());
}

#[tokio::test]
async fn a_collector_that_is_away_harms_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let redis = Redis::start().await;
    let keys = Keys::generate();
    let mut environment = [keys.common(&redis.url(), "practice=http://127.0.0.1:9"), keys.adapter()].concat();
    environment.push(("LATCHKEY_OTLP".to_owned(), "http://127.0.0.1:9".to_owned()));
    let mut adapter = Binary::adapter(directory.path(), &environment).await;

    assert_eq!(AdapterClient::new(&adapter.url).ask("hi").await.status, 503, "nobody is signed in");

    adapter.stop().await;
}
