//! What the library would write into a log, handed to the program if it asks for it.

use std::ffi::c_void;
use std::fmt::{self, Write as _};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::thread::{self, JoinHandle};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record as SpanRecord};
use tracing::subscriber::set_global_default;
use tracing::{Event, Level, Metadata, Subscriber};

use crate::callback;
use crate::error::{Failure, lanparty_error};
use crate::handle::boundary;
use crate::lock::lock;
use crate::signal::{Deadline, Signal};
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

/// Receives a line. Called on a thread that the library has for this alone, one line at a time and in order, so that it may
/// call any function that does not wait; what these would log is lost. The texts are lent for the time of the call.
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

/// Lines that wait for a callback that does not keep up; more are lost, and counted.
const QUEUE_CAPACITY: usize = 4096;

/// How long a callback that was taken away is waited for, in milliseconds.
const LAST_CALL_MS: u32 = 1000;

/// Who listens: lines are written wherever the library happens to be, under whatever lock, and handed out by a thread of
/// their own.
struct Listener {
    level: u32,
    /// `None` wakes the thread, to look whether it is to stop.
    lines: SyncSender<Option<Line>>,
    lost: AtomicU64,
    stopped: AtomicBool,
    over: AtomicBool,
    /// The thread is over.
    ended: Signal,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Line {
    level: u32,
    target: &'static str,
    message: String,
}

/// The callback, as the thread has it that calls it.
struct Callback {
    function: unsafe extern "C-unwind" fn(*mut c_void, u32, lanparty_str, lanparty_str),
    user_data: UserData,
}

/// What belongs to a callback; released when the last call is over.
struct UserData(*mut c_void, lanparty_release_fn);

// SAFETY: the caller promises that its functions may be called from any thread, and `user_data` is only handed to them.
unsafe impl Send for UserData {}

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

impl Listener {
    /// Starts the thread that hands lines out.
    fn start(level: u32, callback: Callback) -> Result<Arc<Self>, Failure> {
        let (sender, lines) = sync_channel(QUEUE_CAPACITY);
        let listener = Arc::new(Self {
            level,
            lines: sender,
            lost: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
            over: AtomicBool::new(false),
            ended: Signal::default(),
            thread: Mutex::new(None),
        });
        let shared = Arc::clone(&listener);
        let thread = thread::Builder::new()
            .name("lanparty-log".to_owned())
            .spawn(move || {
                callback.hand_out(&lines, &shared);
                drop(callback);
                shared.over.store(true, Ordering::SeqCst);
                shared.ended.notify();
            })
            .map_err(|error| Failure::system("no thread can be started for the log", &error))?;
        *lock(&listener.thread) = Some(thread);
        Ok(listener)
    }

    fn write(&self, line: Line) {
        if self.lines.try_send(Some(line)).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Ends the thread, and waits a while for that, unless this is the thread.
    fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        let _ = self.lines.try_send(None); // a full queue keeps the thread awake as well
        if callback::is_inside() {
            return;
        }
        let over = || self.over.load(Ordering::SeqCst).then_some(());
        if self.ended.until(Deadline::after_ms(LAST_CALL_MS), over).is_some()
            && let Some(thread) = lock(&self.thread).take()
        {
            let _ = thread.join(); // it has nothing left to do
        }
    }
}

impl Callback {
    fn hand_out(&self, lines: &Receiver<Option<Line>>, listener: &Listener) {
        for line in lines {
            if listener.stopped.load(Ordering::SeqCst) {
                break;
            }
            let lost = listener.lost.swap(0, Ordering::Relaxed);
            if lost > 0 {
                let message = format!("{lost} lines were lost: the callback does not keep up");
                self.call(&Line { level: LANPARTY_LEVEL_WARN, target: "lanparty::ffi", message });
            }
            if let Some(line) = line {
                self.call(&line);
            }
        }
    }

    fn call(&self, line: &Line) {
        callback::call(|| {
            // SAFETY: the caller's promise; both texts outlive the call.
            unsafe {
                (self.function)(
                    self.user_data.0,
                    line.level,
                    line.target.into(),
                    line.message.as_str().into(),
                );
            }
        });
    }
}

/// Has the log handed to a callback: opt-in, and for the whole process. Nothing is logged anywhere else.
///
/// @param level the highest LANPARTY_LEVEL_* that is wanted.
/// @param callback receives the lines; NULL takes the former one away. Its last call is waited for, a second at most, unless
///     this is called from inside it. See lanparty_log_fn.
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
                Some(Listener::start(level, Callback { function, user_data })?)
            }
        };
        let old = {
            let mut place = LISTENER.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *place, listener)
        };
        tracing::callsite::rebuild_interest_cache();
        if let Some(old) = old {
            old.stop();
        }
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
        let Some(listener) = listener().filter(|listener| level <= listener.level) else { return };
        let mut text = Text::default();
        event.record(&mut text);
        listener.write(Line { level, target: event.metadata().target(), message: text.finish() });
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
struct Text {
    message: String,
    fields: String,
}

impl Text {
    fn finish(mut self) -> String {
        self.message.push_str(&self.fields);
        self.message
    }
}

impl Visit for Text {
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
