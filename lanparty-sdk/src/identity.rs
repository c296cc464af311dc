//! A member's persisted identity.
//!
//! An [`Identity`] is the Ethernet address that a client's adapter has in every room, and a secret from which the
//! client derives the token that a relay knows it by. It is kept in a small JSON file, so that a player has the same
//! address (and with it the same DHCP lease, firewall rules and game identity) at every party.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::{fmt, str};

use ring::hmac;
use ring::rand::{SecureRandom as _, SystemRandom};
use serde::{Deserialize, Serialize};

use crate::error::{Coded, code};
use crate::file::{self, Audience};
use crate::frame::MacAddr;

/// Length of the secret in bytes.
pub const KEY_LEN: usize = 32;
/// Length of [`Identity::token`] in bytes.
pub const TOKEN_LEN: usize = 16;
/// The only version of the file so far.
const FILE_VERSION: u32 = 1;
/// No identity file is larger; a path to something else must not fill the memory.
const MAX_FILE_LEN: u64 = 4096;
/// Keeps tokens apart from anything else that might ever be derived from the same secret.
const TOKEN_DOMAIN: &[u8] = b"lanparty identity token v1";

/// The Ethernet address and the secret of one member.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    mac: MacAddr,
    key: [u8; KEY_LEN],
}

/// What [`Identity::load`] and [`Identity::load_or_create`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoadedIdentity {
    /// The identity.
    pub identity: Identity,
    /// Whether the file was made just now.
    pub created: bool,
    /// What the user should know about the file, although it could be read.
    pub warning: Option<IdentityWarning>,
}

impl Identity {
    /// Makes a new identity: a random, locally administered unicast address and a random secret.
    ///
    /// # Errors
    /// [`IdentityError::NoRandomness`] if the operating system gives no random bytes.
    pub fn generate() -> Result<Self, IdentityError> {
        let random = SystemRandom::new();
        let (mut mac, mut key) = ([0; 6], [0; KEY_LEN]);
        random.fill(&mut mac).map_err(|_| IdentityError::NoRandomness)?;
        random.fill(&mut key).map_err(|_| IdentityError::NoRandomness)?;
        Ok(Self { mac: MacAddr::from_random(mac), key })
    }

    /// Reads the identity at `path`, or makes one and writes it there if there is no such file, parent folders
    /// included. The new file is the owner's alone: mode 0600, and on Windows an access list of this account, the system
    /// and administrators. Of several processes that do so at once, all end with the same identity.
    ///
    /// # Errors
    /// As [`Identity::load`], save that a missing file is none; [`IdentityError::Write`] if it could not be written.
    /// A file that is there but cannot be used is never replaced: that would silently make the player a stranger.
    pub fn load_or_create(path: impl AsRef<Path>) -> Result<LoadedIdentity, IdentityError> {
        let path = path.as_ref();
        match Self::load(path) {
            Err(IdentityError::Missing { .. }) => {}
            found => return found,
        }
        let identity = Self::generate()?;
        let created = file::create(path, identity.to_json().as_bytes(), Audience::Owner)
            .map_err(|source| IdentityError::Write { path: path.to_owned(), source })?;
        if created { Ok(LoadedIdentity { identity, created, warning: None }) } else { Self::load(path) }
    }

    /// Reads the identity at `path`.
    ///
    /// # Errors
    /// [`IdentityError`] names the path and what to do about it.
    pub fn load(path: impl AsRef<Path>) -> Result<LoadedIdentity, IdentityError> {
        let path = path.as_ref();
        let read_error = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => IdentityError::Missing { path: path.to_owned() },
            _ => IdentityError::Read { path: path.to_owned(), source },
        };
        let file = file::open(path).map_err(read_error)?;
        let warning = open_to_others(&file.metadata().map_err(read_error)?)
            .map(|mode| IdentityWarning::OpenToOthers { path: path.to_owned(), mode });
        let mut text = Vec::new();
        file.take(MAX_FILE_LEN + 1).read_to_end(&mut text).map_err(read_error)?;

        let identity = if text.len() as u64 > MAX_FILE_LEN {
            Err("it is too long".to_owned())
        } else {
            Self::from_json(&text)
        }
        .map_err(|problem| IdentityError::Corrupt { path: path.to_owned(), problem })?;
        Ok(LoadedIdentity { identity, created: false, warning })
    }

    /// The same secret with another address, for one run.
    ///
    /// # Errors
    /// [`IdentityError::NotAnIdentity`] unless `mac` is unicast and locally administered.
    pub fn with_mac(self, mac: MacAddr) -> Result<Self, IdentityError> {
        if mac.is_client_identity() {
            Ok(Self { mac, ..self })
        } else {
            Err(IdentityError::NotAnIdentity { mac })
        }
    }

    /// The address of this member's adapter.
    #[must_use]
    pub const fn mac(&self) -> MacAddr {
        self.mac
    }

    /// What proves to one relay, in one room, that this is the same member as before.
    ///
    /// It is derived from the secret (HMAC-SHA-256, cut to 128 bits) together with the address, the relay's name
    /// without regard to case, and the room. So it says nothing to another relay, in another room, or about the
    /// secret, and whoever learns it there cannot use it elsewhere.
    #[must_use]
    pub fn token(&self, relay_name: &str, room: &str) -> [u8; TOKEN_LEN] {
        let relay_name = relay_name.to_ascii_lowercase();
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &self.key));
        // Every field goes in with its length, so that no two different lists of fields look alike.
        for field in [TOKEN_DOMAIN, &self.mac.octets(), relay_name.as_bytes(), room.as_bytes()] {
            context.update(&(field.len() as u64).to_be_bytes());
            context.update(field);
        }
        let mut token = [0; TOKEN_LEN];
        token.copy_from_slice(&context.sign().as_ref()[..TOKEN_LEN]);
        token
    }

    fn to_json(&self) -> String {
        let key = self.key.iter().map(|byte| format!("{byte:02x}")).collect();
        let file = IdentityFile { version: FILE_VERSION, mac: self.mac.to_string(), key };
        let mut text = serde_json::to_string(&file).expect("numbers and strings always become JSON");
        text.push('\n');
        text
    }

    /// The error says what is wrong with the text, without repeating any of it: it may be a mangled secret.
    fn from_json(text: &[u8]) -> Result<Self, String> {
        let file: IdentityFile = serde_json::from_slice(text).map_err(|error| match error.classify() {
            serde_json::error::Category::Eof => "it is cut off".to_owned(),
            _ => format!("it is not the expected JSON (line {}, column {})", error.line(), error.column()),
        })?;
        if file.version != FILE_VERSION {
            return Err(format!(
                "it has version {}, and only version {FILE_VERSION} is known here",
                file.version
            ));
        }
        let mac: MacAddr = file.mac.parse().map_err(|_| "its mac is no Ethernet address".to_owned())?;
        if !mac.is_client_identity() {
            return Err(format!("its mac {mac} is not unicast and locally administered"));
        }
        let key = parse_key(&file.key).ok_or("its key is not 64 hexadecimal digits")?;
        Ok(Self { mac, key })
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("mac", &self.mac).finish_non_exhaustive()
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct IdentityFile {
    version: u32,
    mac: String,
    key: String,
}

/// Something about an identity file that deserves a line to the user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityWarning {
    /// Other users of the computer may read the secret.
    #[error("identity file {} is open to other users (mode {mode:04o}): run chmod 600 on it", .path.display())]
    OpenToOthers {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
}

/// An identity could not be made, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// The file is there, but it is not an identity.
    #[error(
        "identity file {} cannot be used, {problem}: repair it, or delete it to get a new identity",
        .path.display()
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// There is no such file.
    #[error("identity file {} does not exist", .path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The operating system gave no random bytes.
    #[error("the operating system gives no random bytes for a new identity")]
    NoRandomness,
    /// The address cannot be a client's.
    #[error(
        "{mac} cannot be a client's address: take a unicast, locally administered one, such as 02:1a:2b:3c:4d:5e"
    )]
    NotAnIdentity {
        /// The address.
        mac: MacAddr,
    },
    /// The file could not be read.
    #[error("cannot read identity file {}: make it readable, or delete it to get a new identity", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file could not be written.
    #[error("cannot write identity file {}: make its folder writable, or name another file", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

fn parse_key(text: &str) -> Option<[u8; KEY_LEN]> {
    if text.len() != 2 * KEY_LEN || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let mut key = [0; KEY_LEN];
    for (byte, digits) in key.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(key)
}

/// The permission bits, if they let anybody but the owner in.
fn open_to_others(metadata: &fs::Metadata) -> Option<u32> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = metadata.permissions().mode() & 0o7777;
        (mode & 0o077 != 0).then_some(mode)
    }
    #[cfg(not(unix))]
    {
        let _ = metadata;
        None
    }
}

impl Coded for IdentityError {
    fn code(&self) -> u32 {
        match self {
            Self::NoRandomness => code::SYSTEM,
            Self::NotAnIdentity { .. } => code::BAD_MAC,
            _ => code::IDENTITY_FILE,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::thread;

    use super::*;

    #[test]
    fn an_identity_outlives_the_process() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/folder/identity.json");
        let first = Identity::load_or_create(&path).unwrap();
        assert!(first.created && first.warning.is_none());
        assert!(first.identity.mac().is_client_identity());
        let second = Identity::load_or_create(&path).unwrap();
        assert!(!second.created);
        assert_eq!(second.identity, first.identity);
        assert_ne!(Identity::generate().unwrap(), first.identity);
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_private_and_an_open_one_is_reported() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("identity.json");
        let made = Identity::load_or_create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let loaded = Identity::load(&path).unwrap();
        assert_eq!(loaded.identity, made.identity);
        let warning = loaded.warning.expect("readable by others").to_string();
        assert!(warning.contains("0644") && warning.contains("chmod 600"), "{warning}");
    }

    #[test]
    fn a_broken_file_is_an_error_and_stays() {
        let good = Identity::generate().unwrap().to_json();
        let vendor = good.replacen("\"mac\":\"", "\"mac\":\"00:1b:21:00:00:01\",\"_\":\"", 1);
        let long = good.clone() + &" ".repeat(5000);
        for text in [
            "",
            "{}",
            "not json",
            &good[..good.len() - 3],
            &good.replace("\"version\":1", "\"version\":2"),
            &good.replace("\"key\":\"", "\"key\":\"zz"),
            r#"{"version":1,"mac":"00:1b:21:00:00:01","key":"0000000000000000000000000000000000000000000000000000000000000000"}"#,
            &vendor,
            &long,
        ] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("identity.json");
            fs::write(&path, text).unwrap();
            let error = Identity::load_or_create(&path).unwrap_err();
            assert!(matches!(error, IdentityError::Corrupt { .. }), "{text:?} gave {error:?}");
            let said = error.to_string();
            assert!(
                said.contains("identity.json") && said.contains("delete it to get a new identity"),
                "{said}"
            );
            assert_eq!(fs::read_to_string(&path).unwrap(), text, "untouched");
        }
    }

    #[test]
    fn an_unreadable_file_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let error = Identity::load_or_create(folder.path()).unwrap_err();
        assert!(matches!(error, IdentityError::Read { .. }), "{error:?}");
        assert!(matches!(Identity::load(folder.path().join("none")), Err(IdentityError::Missing { .. })));
    }

    #[test]
    fn racing_creators_end_with_one_identity() {
        const RACERS: usize = 8;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("identity.json");
        let start = Barrier::new(RACERS);
        let results: Vec<_> = thread::scope(|scope| {
            let racers: Vec<_> = (0..RACERS)
                .map(|_| {
                    scope.spawn(|| {
                        start.wait();
                        Identity::load_or_create(&path).unwrap()
                    })
                })
                .collect();
            racers.into_iter().map(|racer| racer.join().unwrap()).collect()
        });
        assert!(results.iter().all(|result| result.identity == results[0].identity));
        assert_eq!(results.iter().filter(|result| result.created).count(), 1);
    }

    #[test]
    fn the_address_can_be_overridden_within_the_rule() {
        let identity = Identity::generate().unwrap();
        let mac: MacAddr = "06:00:00:00:00:07".parse().unwrap();
        assert_eq!(identity.clone().with_mac(mac).unwrap().mac(), mac);
        for bad in ["00:1b:21:00:00:01", "03:00:00:00:00:01", "ff:ff:ff:ff:ff:ff"] {
            let error = identity.clone().with_mac(bad.parse().unwrap()).unwrap_err();
            assert!(error.to_string().contains(bad));
        }
    }

    #[test]
    fn tokens_belong_to_one_relay_room_and_address() {
        let identity = Identity { mac: MacAddr([2, 0, 0, 0, 0, 1]), key: [7; KEY_LEN] };
        let token = identity.token("relay.example", "ABCD");
        assert_eq!(token, identity.token("Relay.Example", "ABCD"));
        let mac = MacAddr([2, 0, 0, 0, 0, 2]);
        for other in [
            identity.token("relay.example", "ABCE"),
            identity.token("relay.exampl", "eABCD"),
            identity.token("other.example", "ABCD"),
            identity.clone().with_mac(mac).unwrap().token("relay.example", "ABCD"),
            Identity { key: [8; KEY_LEN], ..identity.clone() }.token("relay.example", "ABCD"),
        ] {
            assert_ne!(token, other);
        }
    }

    #[test]
    fn the_secret_is_not_printed() {
        let identity = Identity { mac: MacAddr([2, 0, 0, 0, 0, 1]), key: [0xab; KEY_LEN] };
        assert_eq!(format!("{identity:?}"), "Identity { mac: 02:00:00:00:00:01, .. }");
    }
}
