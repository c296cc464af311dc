//! Files that are either there in full or not at all.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use ring::rand::{SecureRandom as _, SystemRandom};

/// Who may read a file that is written here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    /// Everybody, as far as the process' umask allows.
    Everyone,
    /// The owner alone: mode 0600 on Unix; on Windows an access list that names this account, the system and
    /// administrators, and nobody that the folder's own list names. Elsewhere the folder decides.
    Owner,
}

/// Opens a regular file for reading. Anything else is refused at once: a pipe would keep its reader waiting for ever.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(target_os = "linux")]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK);
    let irregular = || io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file");
    // Windows opens no folders at all, and says that they are not permitted.
    let file = options.open(path).map_err(|error| if path.is_dir() { irregular() } else { error })?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(irregular()) }
}

/// Puts `bytes` at `path`, replacing what is there. A reader sees the old content or the new, never a part.
pub(crate) fn replace(path: &Path, bytes: &[u8], audience: Audience) -> io::Result<()> {
    let temporary = Temporary::write(path, bytes, audience)?;
    fs::rename(&temporary.0, path)?;
    sync_parent(path);
    Ok(())
}

/// Puts `bytes` at `path` unless something is there already, in which case it stays and the answer is `false`. Of any
/// number of racing callers exactly one gets `true`, and by then the file is complete.
pub(crate) fn create(path: &Path, bytes: &[u8], audience: Audience) -> io::Result<bool> {
    let temporary = Temporary::write(path, bytes, audience)?;
    match fs::hard_link(&temporary.0, path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
        // Some file systems (FAT, exFAT, several network ones) know no links. There the name is claimed first.
        Err(_) => match open_new(path, audience) {
            Ok(mut file) => {
                file.write_all(bytes)?;
                file.sync_all()?;
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
            Err(error) => return Err(error),
        },
    }
    sync_parent(path);
    Ok(true)
}

/// A complete file under a name that nobody else knows, removed when dropped unless it was renamed.
struct Temporary(PathBuf);

impl Temporary {
    fn write(target: &Path, bytes: &[u8], audience: Audience) -> io::Result<Self> {
        let name = target
            .file_name()
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the path names no file"))?;
        if let Some(parent) = parent(target) {
            fs::create_dir_all(parent)?;
        }
        let mut random = [0; 8];
        SystemRandom::new().fill(&mut random).map_err(|_| io::Error::other("no random bytes"))?;
        let mut unique = OsString::from(".");
        unique.push(name);
        unique.push(format!(".{:016x}.tmp", u64::from_be_bytes(random)));

        let temporary = Self(target.with_file_name(unique));
        let mut file = open_new(&temporary.0, audience)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        Ok(temporary)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn open_new(path: &Path, audience: Audience) -> io::Result<File> {
    #[cfg(windows)]
    if audience == Audience::Owner {
        return crate::route::windows::private::create(path);
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if audience == Audience::Owner {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    #[cfg(not(any(unix, windows)))]
    let _ = audience;
    options.open(path)
}

/// Makes the new name survive a power cut, where the system can do that at all.
fn sync_parent(path: &Path) {
    #[cfg(unix)]
    if let Ok(folder) = File::open(parent(path).unwrap_or_else(|| Path::new("."))) {
        let _ = folder.sync_all();
    }
    #[cfg(not(unix))]
    let _ = path;
}

fn parent(path: &Path) -> Option<&Path> {
    path.parent().filter(|parent| !parent.as_os_str().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<OsString> {
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect()
    }

    #[test]
    fn only_a_regular_file_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(open(folder.path()).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        #[cfg(target_os = "linux")]
        {
            let pipe = folder.path().join("pipe");
            nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
            assert_eq!(open(&pipe).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        }
    }

    #[test]
    fn replacing_creates_parents_and_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/c.der");
        replace(&path, b"one", Audience::Everyone).unwrap();
        replace(&path, b"two", Audience::Everyone).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(names(path.parent().unwrap()), ["c.der"]);
    }

    #[test]
    fn creating_keeps_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("identity.json");
        assert!(create(&path, b"first", Audience::Owner).unwrap());
        assert!(!create(&path, b"second", Audience::Owner).unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"first");
        assert_eq!(names(folder.path()), ["identity.json"]);
    }

    #[test]
    fn a_path_without_a_name_is_an_error() {
        assert_eq!(
            replace(Path::new("/"), b"", Audience::Everyone).unwrap_err().kind(),
            io::ErrorKind::InvalidInput
        );
    }
}
