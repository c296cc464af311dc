//! What the library would write into a log, handed to the program if it asks for it.

use std::ffi::c_void;
use std::fmt::{self, Write as _};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record as SpanRecord};
use tracing::subscriber::set_global_default;
use tracing::{Event, Level, Metadata, Subscriber};

use crate::callback;
use crate::error::{Failure, lanparty_error};
use crate::handle::boundary;
use crate::status::*;
use crate::text::lanparty_str;

/// Something failed.
pub const LANPARTY_LEVEL_ERROR: u32 = 1;
/// Somebody should do something.
pub const LANPARTY_LEVEL_WARN: u32 = 2;
/// Something happened that a user wants to know.
pub const LANPARTY_LEVEL_INFO: u32 = 3;
/// For those who look for a mistake.
pub const LANPARTY_LEVEL_DEBUG: u32 = 4;
/// Every frame.
pub const LANPARTY_LEVEL_TRACE: u32 = 5;

/// Receives a line. Called on any thread, also on those that call the library, and by several at once; the texts are lent for
/// the time of the call. It may call any function of the library that does not wait; what these would log is lost.
pub type lanparty_log_fn = Option<
    unsafe extern "C-unwind" fn(
        user_data: *mut c_void,
        level: u32,
        target: lanparty_str,
        message: lanparty_str,
    ),
>;

/// Takes `user_data` back: called exactly once, when it is not used any more.
pub type lanparty_release_fn = Option<unsafe extern "C-unwind" fn(user_data: *mut c_void)>;

/// Where lines go.
struct Listener {
    level: u32,
    function: unsafe extern "C-unwind" fn(*mut c_void, u32, lanparty_str, lanparty_str),
    user_data: UserData,
}

/// What belongs to a callback; released when the last call is over.
struct UserData(*mut c_void, lanparty_release_fn);

// SAFETY: the caller promises that its functions may be called from any thread, and `user_data` is only handed to them.
unsafe impl Send for UserData {}
// SAFETY: as above.
unsafe impl Sync for UserData {}

impl Drop for UserData {
    fn drop(&mut self) {
        if let Some(release) = self.1 {
            // SAFETY: the caller's promise.
            callback::call(|| unsafe { release(self.0) });
        }
    }
}

static LISTENER: RwLock<Option<Arc<Listener>>> = RwLock::new(None);
/// Whether this library's subscriber is the process's; decided once.
static INSTALLED: OnceLock<bool> = OnceLock::new();

fn listener() -> Option<Arc<Listener>> {
    // Nothing panics while it is held.
    LISTENER.read().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Has the log handed to a callback: opt-in, and for the whole process. Nothing is logged anywhere else.
///
/// @param level the highest LANPARTY_LEVEL_* that is wanted.
/// @param callback receives the lines; NULL takes the former one away. See lanparty_log_fn.
/// @param user_data handed to both functions.
/// @param release called exactly once, when the callback has been taken away or replaced and its last call is over, also if
///     this function fails; may be NULL.
/// @param err out, or NULL: LANPARTY_E_LOGGER if the program is written in Rust and has a tracing subscriber of its own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_log_set_callback(
    level: u32,
    callback: lanparty_log_fn,
    user_data: *mut c_void,
    release: lanparty_release_fn,
    err: *mut *mut lanparty_error,
) -> lanparty_status {
    let user_data = UserData(user_data, release);
    let body = move || {
        let listener = match callback {
            None => None,
            Some(_) if !(LANPARTY_LEVEL_ERROR..=LANPARTY_LEVEL_TRACE).contains(&level) => {
                let message = format!("there is no level {level}: 1 (error) to 5 (trace)");
                return Err(Failure::usage(LANPARTY_E_INVALID_ARG, message));
            }
            Some(function) => {
                if !INSTALLED.get_or_init(|| set_global_default(Forward).is_ok()) {
                    return Err(Failure::usage(
                        LANPARTY_E_LOGGER,
                        "this process has a tracing subscriber already: the library's log goes there",
                    ));
                }
                Some(Arc::new(Listener { level, function, user_data }))
            }
        };
        let old = {
            let mut place = LISTENER.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *place, listener)
        };
        tracing::callsite::rebuild_interest_cache();
        drop(old); // without the lock: its release is the caller's code
        Ok(LANPARTY_OK)
    };
    // SAFETY: `err` is as this function asks.
    unsafe { boundary(err, body) }
}

/// Forwards every line to the listener.
struct Forward;

impl Subscriber for Forward {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        !callback::is_inside()
            && listener().is_some_and(|listener| number(*metadata.level()) <= listener.level)
    }

    fn register_callsite(&self, _metadata: &'static Metadata<'static>) -> tracing::subscriber::Interest {
        // The level may change at any time.
        tracing::subscriber::Interest::sometimes()
    }

    fn max_level_hint(&self) -> Option<tracing::level_filters::LevelFilter> {
        use tracing::level_filters::LevelFilter;
        Some(match listener().map_or(0, |listener| listener.level) {
            0 => LevelFilter::OFF,
            LANPARTY_LEVEL_ERROR => LevelFilter::ERROR,
            LANPARTY_LEVEL_WARN => LevelFilter::WARN,
            LANPARTY_LEVEL_INFO => LevelFilter::INFO,
            LANPARTY_LEVEL_DEBUG => LevelFilter::DEBUG,
            _ => LevelFilter::TRACE,
        })
    }

    fn event(&self, event: &Event<'_>) {
        let level = number(*event.metadata().level());
        // Taken out, so that no lock is held while the caller's code runs.
        let Some(listener) = listener().filter(|listener| level <= listener.level) else { return };
        let mut line = Line::default();
        event.record(&mut line);
        let message = line.finish();
        let target = event.metadata().target();
        callback::call(|| {
            // SAFETY: the caller's promise; both texts outlive the call.
            unsafe {
                (listener.function)(listener.user_data.0, level, target.into(), message.as_str().into());
            }
        });
    }

    // Spans would only repeat what the lines say.
    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &SpanRecord<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}

const fn number(level: Level) -> u32 {
    match level {
        Level::ERROR => LANPARTY_LEVEL_ERROR,
        Level::WARN => LANPARTY_LEVEL_WARN,
        Level::INFO => LANPARTY_LEVEL_INFO,
        Level::DEBUG => LANPARTY_LEVEL_DEBUG,
        Level::TRACE => LANPARTY_LEVEL_TRACE,
    }
}

/// A line as it is put together: the message, then the fields.
#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Line {
    fn finish(mut self) -> String {
        self.message.push_str(&self.fields);
        self.message
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing into a string cannot fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}
