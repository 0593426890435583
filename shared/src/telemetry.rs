//! Logs: for people on a terminal, JSON lines otherwise, always on standard error. And traces, where there is a collector.
//!
//! Secrets never reach a log. Our own code keeps to that at every level; other crates do not
//! (chromiumoxide prints frames with passwords at TRACE and DEBUG, measured on 0.9.1), so they are capped here,
//! whatever `LATCHKEY_LOG` says.

use std::io::IsTerminal;

use tracing::{Level, Metadata, level_filters::LevelFilter};
use tracing_subscriber::{
    EnvFilter, Layer, filter::filter_fn, layer::SubscriberExt, util::SubscriberInitExt,
};

use crate::env::{Env, EnvError};

mod traces;

pub use traces::{Traces, follow};

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LogFormat {
    Auto,
    Human,
    Json,
}

/// Starts logging as `LATCHKEY_LOG` (default `info`) and `LATCHKEY_LOG_FORMAT` (`auto`, `human`, `json`) say.
///
/// And tracing to where `LATCHKEY_OTLP` says: what is returned sends the last spans when it is dropped. A second call in
/// one process changes nothing.
///
/// # Errors
/// When a variable has a value that is none of these.
pub fn init(env: &Env, service: &'static str) -> Result<Option<Traces>, EnvError> {
    let directives = env.text("LATCHKEY_LOG")?.unwrap_or_else(|| "info".to_owned());
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .parse(&directives)
        .map_err(|_| EnvError::invalid("LATCHKEY_LOG", "a filter like info or latchkey_adapter=debug"))?;
    let formats = [("auto", LogFormat::Auto), ("human", LogFormat::Human), ("json", LogFormat::Json)];
    let format = env.choice("LATCHKEY_LOG_FORMAT", &formats, LogFormat::Auto)?;
    let terminal = std::io::stderr().is_terminal();
    let human = format == LogFormat::Human || (format == LogFormat::Auto && terminal);
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(terminal);
    let layer =
        if human { layer.with_target(false).boxed() } else { layer.json().flatten_event(true).boxed() };
    let layer = layer.with_filter(filter_fn(is_safe)).with_filter(filter);
    let traces = Traces::from_env(env, service)?;
    let tracing = traces.as_ref().map(|traces| traces.layer().with_filter(filter_fn(is_traced)));
    // Only tests start logging twice in one process.
    tracing_subscriber::registry().with(layer).with(tracing).try_init().ok();
    Ok(traces)
}

/// Whether a span or an event is part of a trace: ours from INFO up, whatever the log shows.
fn is_traced(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with("latchkey") && *metadata.level() <= Level::INFO
}

/// Whether a line may be written: ours at any level, those of the browser crate never, others from INFO up.
fn is_safe(metadata: &Metadata<'_>) -> bool {
    let target = metadata.target();
    let ours = target.starts_with("latchkey");
    let browser = target.starts_with("chromiumoxide") || target.starts_with("tungstenite");
    ours || (!browser && *metadata.level() <= Level::INFO)
}
