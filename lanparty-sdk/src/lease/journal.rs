//! The file in which changes stand before they are made.
//!
//! One line of JSON each, the first one says what file it is:
//!
//! ```text
//! {"journal":"lanparty lease","version":1}
//! {"change":{"setting":"mtu","luid":1688849860263936,"family":"v4"},"before":1500,"after":1400}
//! {"undone":{"setting":"mtu","luid":1688849860263936,"family":"v4"}}
//! ```
//!
//! The owner holds a lock on its file for as long as it lives. So a file that can be locked is a killed owner's.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};

use super::access;
use super::setting::{Setting, Value};

/// What every journal of this version begins with.
const HEADER: &[u8] = b"{\"journal\":\"lanparty lease\",\"version\":1}\n";
/// A journal of this size is continued in a new one, and one that is larger is not believed.
pub(super) const MAX_LEN: u64 = 256 * 1024;
/// How many journals of others are looked at, the newest first.
pub(super) const MAX_JOURNALS: usize = 64;
/// How often, and after what time each, a folder is tried that another process is working in.
const LOCK_TRIES: u32 = 100;
const LOCK_PAUSE: Duration = Duration::from_millis(50);

const SUFFIX: &str = ".journal";
/// Held while the list of journals is read or changed.
const LOCK: &str = "lock";

/// What a journal says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub(super) enum Record {
    /// It is about to be changed.
    Change {
        #[serde(rename = "change")]
        setting: Setting,
        #[serde(deserialize_with = "present")]
        before: Option<Value>,
        #[serde(deserialize_with = "present")]
        after: Option<Value>,
    },
    /// It has been put back, or is somebody else's by now.
    Undone {
        #[serde(rename = "undone")]
        setting: Setting,
    },
}

/// Null is a value here; no value at all is an error.
fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Option::deserialize(from)
}

/// The folder that all journals of a computer are in.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    path: PathBuf,
    #[cfg(test)]
    pub(super) fuse: super::tests::Fuse,
}

impl Folder {
    /// Makes it, unless it is there.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        access::make_folder(path)?;
        Ok(Self {
            path: path.to_owned(),
            #[cfg(test)]
            fuse: super::tests::Fuse::default(),
        })
    }

    /// Waits until nobody else is changing the list of journals.
    pub(super) fn lock(&self) -> io::Result<File> {
        self.step()?;
        let lock = access::open_or_create(&self.path.join(LOCK))?;
        for _ in 1..LOCK_TRIES {
            match lock.try_lock() {
                Ok(()) => return Ok(lock),
                Err(TryLockError::WouldBlock) => thread::sleep(LOCK_PAUSE),
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        lock.try_lock()?;
        Ok(lock)
    }

    /// The journals' numbers, the newest first.
    pub(super) fn list(&self) -> io::Result<Vec<u64>> {
        self.step()?;
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let name = entry?.file_name();
            let number = name.to_str().and_then(|name| name.strip_suffix(SUFFIX)?.parse::<u64>().ok());
            numbers.extend(number);
        }
        numbers.sort_unstable_by_key(|number| std::cmp::Reverse(*number));
        Ok(numbers)
    }

    /// Where the journal with this number is.
    pub(super) fn path_of(&self, number: u64) -> PathBuf {
        self.path.join(format!("{number:08}{SUFFIX}"))
    }

    /// Stands before each operation, so that a test can end the process there.
    fn step(&self) -> io::Result<()> {
        #[cfg(test)]
        self.fuse.burn()?;
        Ok(())
    }
}

/// The journal of one run, locked.
#[derive(Debug)]
pub(super) struct Journal {
    folder: Folder,
    path: PathBuf,
    file: File,
    /// As far as whole lines reach.
    len: u64,
}

impl Journal {
    /// Begins the newest journal. The folder must be locked.
    pub(super) fn create(folder: &Folder) -> io::Result<Self> {
        let number = folder.list()?.first().map_or(1, |newest| newest.saturating_add(1));
        let path = folder.path_of(number);
        folder.step()?;
        let file = access::create(&path)?;
        file.try_lock()?;
        let mut journal = Self { folder: folder.clone(), path, file, len: 0 };
        journal.write(HEADER)?;
        Ok(journal)
    }

    /// Takes over the journal of an owner that is dead. `None` if he lives, or if there is no such journal any more.
    ///
    /// # Errors
    /// The system's; [`io::ErrorKind::InvalidData`] if somebody unprivileged could have written it.
    pub(super) fn take(folder: &Folder, number: u64) -> io::Result<Option<Self>> {
        let path = folder.path_of(number);
        folder.step()?;
        let file = match access::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        Ok(Some(Self { folder: folder.clone(), path, file, len: 0 }))
    }

    /// Reads all that it says. A last line that is cut off says nothing: what it announces was never begun.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidData`]: it is no journal of this version, or says what no journal may say.
    pub(super) fn read(&mut self) -> io::Result<Vec<Record>> {
        self.folder.step()?;
        let mut bytes = Vec::new();
        self.file.seek(SeekFrom::Start(0))?;
        (&self.file).take(MAX_LEN + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_LEN {
            return Err(invalid("it is too long"));
        }
        if HEADER.starts_with(&bytes) {
            // The owner was killed before it could announce anything.
            return Ok(Vec::new());
        }
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        self.len = whole as u64;
        let mut lines = bytes[..whole].split_inclusive(|byte| *byte == b'\n');
        if lines.next() != Some(HEADER) {
            return Err(invalid("it is of another version"));
        }
        let mut records = Vec::new();
        for line in lines {
            let record = serde_json::from_slice(line)?;
            if let Record::Change { setting, before, after } = &record
                && !(setting.allows(before.as_ref()) && setting.allows(after.as_ref()))
            {
                return Err(invalid("it has a change that nobody makes"));
            }
            records.push(record);
        }
        Ok(records)
    }

    /// Adds a line that stands even if the power fails now.
    ///
    /// # Errors
    /// [`io::ErrorKind::FileTooLarge`] if no more is to be added; the system's otherwise.
    pub(super) fn append(&mut self, record: &Record) -> io::Result<()> {
        let mut line = serde_json::to_vec(record)?;
        line.push(b'\n');
        self.write(&line)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.len + bytes.len() as u64 > MAX_LEN {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        #[cfg(test)]
        if self.folder.fuse.burns_now() {
            self.file.write_all(&bytes[..bytes.len() / 2])?;
        }
        self.folder.step()?;
        // What an earlier write that failed has left behind must not stand before this line.
        self.file.set_len(self.len)?;
        self.file.seek(SeekFrom::Start(self.len))?;
        self.file.write_all(bytes)?;
        // Tests have no power failures, and thousands of lines.
        if !cfg!(test) {
            self.file.sync_data()?;
        }
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// Ends it: all that it says has been undone.
    pub(super) fn remove(self) -> io::Result<()> {
        self.folder.step()?;
        fs::remove_file(&self.path)
    }

    pub(super) const fn folder(&self) -> &Folder {
        &self.folder
    }
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
