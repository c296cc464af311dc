//! Logs on standard error, or in a file: sentences for people, or one JSON object per line.

mod file;

use std::fmt;
use std::io::{self, IsTerminal as _};
use std::str::FromStr;
use std::sync::Mutex;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::registry::LookupSpan;

pub use file::LogFile;

/// The target of whole sentences. As text they stand for themselves; their fields appear in JSON only.
pub const SAY: &str = "lanparty";

/// What a log line looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// Sentences for people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// A filter in the notation of `tracing_subscriber::EnvFilter`, checked.
#[derive(Clone, Debug)]
pub(crate) struct LogLevel(String);

impl FromStr for LogLevel {
    type Err = tracing_subscriber::filter::ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        EnvFilter::builder().parse(text).map(|_| Self(text.to_owned()))
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Starts logging on standard error, for the whole process.
pub(crate) fn init(format: LogFormat, level: &LogLevel) {
    start(format, level, io::stderr, !io::stderr().is_terminal());
}

/// Starts logging to a file, for the whole process.
pub(crate) fn init_file(format: LogFormat, level: &LogLevel, file: LogFile) {
    start(format, level, Mutex::new(file), true);
}

fn start<W>(format: LogFormat, level: &LogLevel, writer: W, with_time: bool)
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let builder = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::builder().parse_lossy(&level.0))
        .with_writer(writer);
    // It fails only if there is a subscriber already, as in tests: then that one stays.
    let _ = match format {
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
        LogFormat::Text => builder.with_ansi(false).event_format(Lines { with_time }).try_init(),
    };
}

/// Lines for people: no level where all is well, and the time only where nobody watches.
struct Lines {
    with_time: bool,
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        if self.with_time {
            SystemTime.format_time(&mut writer)?;
            writer.write_char(' ')?;
        }
        let metadata = event.metadata();
        match *metadata.level() {
            Level::ERROR => writer.write_str("error: ")?,
            Level::WARN => writer.write_str("warning: ")?,
            Level::INFO => {}
            Level::DEBUG => write!(writer, "debug: {}: ", metadata.target())?,
            Level::TRACE => write!(writer, "trace: {}: ", metadata.target())?,
        }
        if metadata.target() == SAY {
            event.record(&mut Message(&mut writer));
        } else {
            context.field_format().format_fields(writer.by_ref(), event)?;
        }
        writeln!(writer)
    }
}

/// Writes the sentence alone.
struct Message<'a, 'w>(&'a mut Writer<'w>);

impl Visit for Message<'_, '_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            let _ = write!(self.0, "{value:?}"); // an unwritten line has no way to complain
        }
    }
}
