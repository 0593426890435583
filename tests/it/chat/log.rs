//! What the adapter logs: each line of a request under the id that its answer bears.

use std::{
    io,
    sync::{Arc, Mutex},
};

use serde_json::Value;
use support::{model::Reply, wait};
use tracing::Subscriber;
use tracing_subscriber::{
    EnvFilter, Layer, fmt::MakeWriter, layer::SubscriberExt, registry::LookupSpan, util::SubscriberInitExt,
};

use super::{SOON, adapter_with};

/// Keeps what is written. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct LogBuffer(Arc<Mutex<Vec<u8>>>);

impl LogBuffer {
    /// Writes what these directives let through, as JSON.
    pub(crate) fn layer<S>(&self, directives: &str) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let layer = tracing_subscriber::fmt::layer().json().with_writer(self.clone());
        layer.with_filter(EnvFilter::new(directives))
    }

    /// The lines with this message, each with the id of its request.
    pub(crate) fn ids_of(&self, message: &str) -> Vec<String> {
        let id = |line: Value| line["span"]["request.id"].as_str().unwrap_or_default().to_owned();
        lines_of(&self.text(), message).into_iter().map(id).collect()
    }

    /// The lines with this message since they were taken last.
    pub(crate) fn take(&self, message: &str) -> Vec<Value> {
        lines_of(&String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap(), message)
    }

    /// Everything that was written since it was taken last.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

fn lines_of(text: &str, message: &str) -> Vec<Value> {
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["fields"]["message"] == message).collect()
}

impl io::Write for LogBuffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for LogBuffer {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn every_line_of_a_request_has_the_id_of_its_answer() {
    let all = LogBuffer::default();
    let warnings = LogBuffer::default();
    let registry = tracing_subscriber::registry().with(all.layer("latchkey_adapter=trace"));
    registry.with(warnings.layer("latchkey_adapter=warn")).init();
    let world = adapter_with(&["alice", "bob"]).await;
    let model = world.practice.model();
    model.will(Reply::html());
    model.will(Reply::text("half").cut());
    model.will(Reply::text("half").hold());

    let cut = world.adapter().ask_streamed("hi").await;
    let mut left = world.adapter().open(&support::world::AdapterClient::question("hi")).await;
    left.chunk().await.unwrap();
    let left_id = left.headers()["x-oneapi-request-id"].to_str().unwrap().to_owned();
    drop(left);

    let cut_id = cut.header("x-oneapi-request-id").to_owned();
    wait::until(SOON, || all.ids_of("turn ended").len() == 2).await;
    assert_eq!(all.ids_of("turn ended"), [cut_id.clone(), left_id.clone()]);
    assert_eq!(all.ids_of("the answer begins"), [cut_id.clone(), left_id]);
    for kept in [&all, &warnings] {
        assert_eq!(kept.ids_of("account failed, trying the next"), [cut_id.as_str()]);
        assert_eq!(kept.ids_of("the answer failed"), [cut_id.as_str()]);
    }
}
