//! A log file that never grows too large.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A file that lines are added to. When it is full it gets `.old` behind its name, in place of the one before, and a new
/// one begins: there are never more than two.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    file: File,
    len: u64,
    max_len: u64,
}

impl LogFile {
    /// How large a file becomes.
    pub const MAX_LEN: u64 = 1024 * 1024;

    /// Opens the file, or makes it. Its folder must be there.
    ///
    /// # Errors
    /// The system's.
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::with_max_len(path, Self::MAX_LEN)
    }

    fn with_max_len(path: &Path, max_len: u64) -> io::Result<Self> {
        let file = append(path)?;
        let len = file.metadata()?.len();
        Ok(Self { path: path.to_owned(), file, len, max_len })
    }

    /// Begins a new file. What cannot be put aside is overwritten: a full disk would be worse.
    fn turn(&mut self) -> io::Result<()> {
        let mut old = OsString::from(&self.path);
        old.push(".old");
        if fs::rename(&self.path, old).is_err() {
            File::create(&self.path)?;
        }
        self.file = append(&self.path)?;
        self.len = 0;
        Ok(())
    }
}

impl Write for LogFile {
    /// Takes one record, which is never torn apart.
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        let more = u64::try_from(record.len()).unwrap_or(u64::MAX);
        if self.len > 0 && self.len.saturating_add(more) > self.max_len {
            self.turn()?;
        }
        self.file.write_all(record)?;
        self.len = self.len.saturating_add(more);
        Ok(record.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_file_is_put_aside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("client.log");
        let old = folder.path().join("client.log.old");
        let mut log = LogFile::with_max_len(&path, 8).unwrap();
        log.write_all(b"one\n").unwrap();
        log.write_all(b"two\n").unwrap();
        assert!(!old.exists());
        log.write_all(b"three\n").unwrap();
        assert_eq!(
            (fs::read(&old).unwrap(), fs::read(&path).unwrap()),
            (b"one\ntwo\n".to_vec(), b"three\n".to_vec())
        );
        drop(log);

        let mut log = LogFile::with_max_len(&path, 8).unwrap();
        log.write_all(b"far too long for it\n").unwrap();
        log.write_all(b"4\n").unwrap();
        assert_eq!(fs::read(&old).unwrap(), b"far too long for it\n");
        assert_eq!(fs::read(&path).unwrap(), b"4\n");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
