//! Traces over OTLP/HTTP, when an operator says where to: each request or login with what it waited for.
//!
//! What a span or an event carries is what the log carries, so no secret is in it. A collector that is slow or away costs
//! nothing but the spans: they queue in memory, at most 2,048, and are dropped beyond.

use std::time::Duration;

use opentelemetry::{Context, propagation::TextMapPropagator, trace::TracerProvider as _};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::{
    Resource,
    propagation::TraceContextPropagator,
    trace::{SdkTracer, SdkTracerProvider},
};
use tracing::Span;
use tracing_opentelemetry::{OpenTelemetryLayer, OpenTelemetrySpanExt};
use tracing_subscriber::registry::LookupSpan;
use url::Url;

use crate::env::{Env, EnvError};

/// Where to; OTLP's own default port is 4318.
const VARIABLE: &str = "LATCHKEY_OTLP";
/// Of one export, and of the last one when the process ends.
const LIMIT: Duration = Duration::from_secs(3);

/// Sends the last spans when it is dropped, for up to three seconds.
#[derive(Debug)]
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// Reads where traces go; `None` when nowhere.
    ///
    /// # Errors
    /// When that is no address.
    pub(super) fn from_env(env: &Env, service: &'static str) -> Result<Option<Self>, EnvError> {
        let expected = "the address of an OTLP/HTTP collector, like http://collector:4318";
        let invalid = || EnvError::invalid(VARIABLE, expected);
        let Some(text) = env.text(VARIABLE)? else { return Ok(None) };
        let url: Url = text.parse().map_err(|_| invalid())?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() || url.query().is_some() {
            return Err(invalid());
        }
        // Whoever came first has installed the same.
        rustls::crypto::ring::default_provider().install_default().ok();
        let endpoint = format!("{}/v1/traces", url.as_str().trim_end_matches('/'));
        let exporter = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(endpoint)
            .with_timeout(LIMIT)
            .build()
            .map_err(|_| invalid())?;
        let provider = SdkTracerProvider::builder()
            .with_resource(Resource::builder().with_service_name(service).build())
            .with_batch_exporter(exporter)
            .build();
        Ok(Some(Self(provider)))
    }

    /// What turns spans of the log into those of a trace.
    pub(super) fn layer<S: tracing::Subscriber + for<'a> LookupSpan<'a>>(
        &self,
    ) -> OpenTelemetryLayer<S, SdkTracer> {
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer("latchkey"))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        // A collector that is away must not keep a process from ending.
        let _ = self.0.shutdown_with_timeout(LIMIT);
    }
}

/// Makes a span a part of the trace that a request's `traceparent` names (W3C Trace Context), if it names one.
pub fn follow(span: &Span, traceparent: &str) {
    let carrier = std::collections::HashMap::from([("traceparent".to_owned(), traceparent.to_owned())]);
    let parent = TraceContextPropagator::new().extract_with_context(&Context::new(), &carrier);
    // Without the layer there is no trace, and that is no error.
    let _ = span.set_parent(parent);
}
