//! Log lines with the keys of Flagger's (`level`, `ts`, `msg`, `canary`), so that what reads its logs reads ours.

use std::fmt;
use std::io::IsTerminal;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::world::Clock;

/// Starts to log to stderr.
pub(super) fn start(level: &str, encoding: &str) {
    let level = match level {
        "debug" | "info" | "error" => level,
        "warn" | "warning" => "warn",
        "fatal" | "panic" => "error",
        _ => "info",
    };
    // The libraries below report what we report anyway.
    let filter = EnvFilter::new(format!("serin={level},kube_client=off,kube_runtime=off,warn"));
    // Colours are for people who watch; in a file they are noise.
    let colours = std::io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr);
    if encoding == "console" { builder.with_timer(Clock).init() } else { builder.event_format(Json).init() }
}

/// One JSON object a line.
struct Json;

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut ts = String::new();
        Clock.format_time(&mut Writer::new(&mut ts))?;
        let level = event.metadata().level().as_str().to_lowercase();
        let mut fields = Fields(Map::new());
        fields.0.insert("level".to_owned(), level.into());
        fields.0.insert("ts".to_owned(), ts.into());
        event.record(&mut fields);
        writeln!(writer, "{}", Value::Object(fields.0))
    }
}

struct Fields(Map<String, Value>);

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        let name = if field.name() == "message" { "msg" } else { field.name() };
        self.0.insert(name.to_owned(), value);
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}").into());
    }
}

impl FormatTime for Clock {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        write!(writer, "{}", Self::now(*self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[test]
    fn a_line_has_the_keys_that_flaggers_readers_look_for() {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (sink, canary) = (Arc::clone(&lines), "podinfo.test");
        let subscriber =
            tracing_subscriber::fmt().event_format(Json).with_writer(move || Sink(Arc::clone(&sink))).finish();
        tracing::subscriber::with_default(subscriber, || tracing::warn!(%canary, strikes = 3, "Halt \"x\""));
        let line: Value = serde_json::from_slice(&lines.lock().unwrap()).unwrap();
        assert_eq!(line["level"], "warn");
        assert_eq!(line["msg"], "Halt \"x\"");
        assert_eq!(line["canary"], "podinfo.test");
        assert_eq!(line["strikes"], 3);
        assert!(crate::model::Time::parse(line["ts"].as_str().unwrap()).is_some());
    }

    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
}
