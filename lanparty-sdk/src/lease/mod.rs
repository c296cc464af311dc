//! Changes of this computer's settings that are undone: on drop, on an error half-way, and at the next start after a
//! kill.
//!
//! Every change is written to a journal first, with what was there before. Undoing puts that back where the setting
//! still has the value that was set; what somebody else has changed meanwhile is theirs, and stays.
//!
//! ```text
//! read before -> journal {setting, before, after} -> write after      change
//! read now == after? -> write before -> journal: undone               undo, in reverse order
//! ```

mod journal;
mod setting;

pub(crate) use journal::Journal;
pub(crate) use setting::{Family, Setting, Value};

use std::io;

/// The settings of a computer, one at a time. The true one, or a test's.
pub(crate) trait Host: Send {
    /// What `setting` is now; `None` if it is not there.
    fn read(&mut self, setting: &Setting) -> io::Result<Option<Value>>;

    /// Sets it; `None` removes it.
    fn write(&mut self, setting: &Setting, value: Option<&Value>) -> io::Result<()>;
}

/// Changes that are held. Dropping it undoes them.
#[derive(Debug)]
pub(crate) struct Lease<H: Host> {
    host: H,
    journal: Journal,
}
