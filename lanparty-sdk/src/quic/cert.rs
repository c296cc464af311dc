//! The relay's certificate.

use std::fmt;
use std::io::{self, Read as _};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use rustls::server::ResolvesServerCert;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};

use super::restart::RestartSecret;
use super::tls;
use crate::error::{Coded, code};
use crate::file::{self, Audience};

/// No certificate or key file is larger; a path to something else must not fill the memory.
pub(super) const MAX_PEM_LEN: u64 = 1024 * 1024;
/// Years between which a development certificate is valid: no clock is needed to make one, nor a right one to use it.
const DEVELOPMENT_YEARS: (i32, i32) = (2020, 2100);

/// The relay's certificate chain and private key. Cloning is cheap.
#[derive(Clone)]
pub struct ServerCert {
    certified: Arc<CertifiedKey>,
    restart: RestartSecret,
}

impl ServerCert {
    /// Takes a PEM chain, the relay's own certificate first, and a PEM private key (PKCS#8, SEC1 or PKCS#1).
    ///
    /// # Errors
    /// [`CertError`] if either holds nothing usable or the two do not belong together.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, CertError> {
        let chain: Vec<_> =
            CertificateDer::pem_slice_iter(chain).collect::<Result<_, _>>().map_err(|_| CertError::Chain)?;
        if chain.is_empty() {
            return Err(CertError::Chain);
        }
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| CertError::Key)?;
        Self::new(chain, key)
    }

    /// [`ServerCert::from_pem`] with the contents of two files.
    ///
    /// # Errors
    /// As there, and [`CertError::Read`].
    pub fn from_pem_files(chain: impl AsRef<Path>, key: impl AsRef<Path>) -> Result<Self, CertError> {
        let read = |path: &Path| {
            read_bounded(path).map_err(|source| CertError::Read { path: path.to_owned(), source })
        };
        Self::from_pem(&read(chain.as_ref())?, &read(key.as_ref())?)
    }

    /// Makes a self-signed certificate for `name`, a host name or an IP address: ECDSA on P-256, valid from 2020 to
    /// 2100. Members trust it by [`Trust::certificates`](super::Trust::certificates) with [`ServerCert::cert_der`].
    ///
    /// # Errors
    /// [`CertError::Name`] if `name` cannot stand in a certificate.
    pub fn development(name: &str) -> Result<Self, CertError> {
        Self::generate(name).map(|(cert, _)| cert)
    }

    /// [`ServerCert::development`], kept in files so that a relay that starts again is still trusted: the certificate in
    /// DER at `path`, for members to trust, and its private key (PEM, mode 0600) beside it under the same name with
    /// `.key` behind. They are made, parent folders included, if either is missing or the certificate is for another name.
    ///
    /// # Errors
    /// As [`ServerCert::development`]; [`CertError::Read`] and [`CertError::Write`]; [`CertError::Kept`] if the files are
    /// there but cannot be used. They are never replaced then: that would make the relay a stranger to its members.
    pub fn development_file(name: &str, path: impl AsRef<Path>) -> Result<Self, CertError> {
        let path = path.as_ref();
        let key_path = development_key_path(path);
        if let (Some(der), Some(key)) = (read_if_there(path)?, read_if_there(&key_path)?) {
            let kept = PrivateKeyDer::from_pem_slice(&key)
                .map_err(|_| CertError::Key)
                .and_then(|key| Self::new(vec![der.into()], key))
                .map_err(|source| CertError::Kept { path: path.to_owned(), source: Box::new(source) })?;
            if kept.is_for(name) {
                return Ok(kept);
            }
        }
        let (cert, key) = Self::generate(name)?;
        file::replace(&key_path, key.as_bytes(), Audience::Owner)
            .map_err(|source| CertError::Write { path: key_path, source })?;
        cert.write_der(path)?;
        Ok(cert)
    }

    /// A development certificate, and its key in PEM.
    fn generate(name: &str) -> Result<(Self, String), CertError> {
        let name_error = |_| CertError::Name { name: name.to_owned() };
        let san = subject(name);
        ServerName::try_from(san.as_str()).map_err(|_| CertError::Name { name: name.to_owned() })?;

        let mut params = CertificateParams::new([san]).map_err(name_error)?;
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "lanparty development relay");
        params.not_before = rcgen::date_time_ymd(DEVELOPMENT_YEARS.0, 1, 1);
        params.not_after = rcgen::date_time_ymd(DEVELOPMENT_YEARS.1, 1, 1);
        params.is_ca = IsCa::ExplicitNoCa;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).map_err(|_| CertError::Generate)?;
        let cert = params.self_signed(&key).map_err(|_| CertError::Generate)?;
        let pem = key.serialize_pem();
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        Ok((Self::new(vec![cert.der().clone()], key)?, pem))
    }

    fn is_for(&self, name: &str) -> bool {
        let der = CertificateDer::from(self.cert_der());
        let cert = webpki::EndEntityCert::try_from(&der);
        let name = ServerName::try_from(subject(name));
        matches!((cert, name), (Ok(cert), Ok(name)) if cert.verify_is_valid_for_subject_name(&name).is_ok())
    }

    /// The relay's own certificate in DER.
    #[must_use]
    pub fn cert_der(&self) -> &[u8] {
        // `CertifiedKey::end_entity_cert` fails on an empty chain only, and no constructor lets one in.
        self.certified.cert.first().map_or(&[], |cert| cert.as_ref())
    }

    /// Writes [`ServerCert::cert_der`] to `path` for members to trust, creating its parent folders. A reader finds
    /// the whole file or what was there before.
    ///
    /// # Errors
    /// [`CertError::Write`].
    pub fn write_der(&self, path: impl AsRef<Path>) -> Result<(), CertError> {
        let path = path.as_ref();
        file::replace(path, self.cert_der(), Audience::Everyone)
            .map_err(|source| CertError::Write { path: path.to_owned(), source })
    }

    /// What a relay with this certificate remembers over a restart.
    pub(super) const fn restart(&self) -> &RestartSecret {
        &self.restart
    }

    pub(super) fn resolver(&self) -> Arc<dyn ResolvesServerCert> {
        Arc::new(SingleCertAndKey::from(Arc::clone(&self.certified)))
    }

    fn new(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<Self, CertError> {
        let restart = RestartSecret::derive(key.secret_der());
        match CertifiedKey::from_der(chain, key, &tls::provider()) {
            Ok(certified) => Ok(Self { certified: Arc::new(certified), restart }),
            Err(rustls::Error::InconsistentKeys(_)) => Err(CertError::Mismatch),
            Err(rustls::Error::InvalidCertificate(_)) => Err(CertError::Chain),
            Err(_) => Err(CertError::Key),
        }
    }
}

/// Where the key of a development certificate at `path` is.
fn development_key_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".key");
    name.into()
}

/// The name as it stands in a certificate: IPv6 addresses may come as users write them.
fn subject(name: &str) -> String {
    let bare = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
    bare.parse::<IpAddr>().map_or_else(|_| name.to_owned(), |ip| ip.to_string())
}

fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, CertError> {
    match read_bounded(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(CertError::Read { path: path.to_owned(), source }),
    }
}

impl fmt::Debug for ServerCert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerCert").field("chain_len", &self.certified.cert.len()).finish_non_exhaustive()
    }
}

/// The relay's certificate could not be loaded, made or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertError {
    /// There is no usable certificate.
    #[error("no usable certificate in the chain: give it in PEM, the relay's own certificate first")]
    Chain,
    /// No certificate could be made.
    #[error("cannot make a development certificate: the cryptography library failed")]
    Generate,
    /// The development certificate that was made earlier cannot be used.
    #[error(
        "the development certificate {0} and its key {0}.key cannot be used: delete both to get new ones, \
         which members must be given again", .path.display()
    )]
    Kept {
        /// The certificate's file.
        path: PathBuf,
        /// What is wrong with them.
        source: Box<Self>,
    },
    /// There is no usable private key.
    #[error("no usable private key: give an unencrypted PEM key of ECDSA (P-256, P-384), Ed25519 or RSA")]
    Key,
    /// The key is another certificate's.
    #[error("the private key does not belong to the certificate: give the pair that was issued together")]
    Mismatch,
    /// The name cannot stand in a certificate.
    #[error("{name:?} cannot stand in a certificate: give a host name or an IP address")]
    Name {
        /// The name asked for.
        name: String,
    },
    /// A file could not be read.
    #[error("cannot read {}: check the path and its permissions", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file could not be written.
    #[error("cannot write {}: make its folder writable, or name another file", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

pub(super) fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file::open(path)?.take(MAX_PEM_LEN + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_PEM_LEN {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the file is too large"));
    }
    Ok(bytes)
}

impl Coded for CertError {
    fn code(&self) -> u32 {
        code::CERTIFICATE_FILE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pem_pair(name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let cert = CertificateParams::new([name.to_owned()]).unwrap().self_signed(&key).unwrap();
        (cert.pem(), key.serialize_pem())
    }

    #[test]
    fn a_pair_of_files_is_loaded_and_checked() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let (chain, key) = pem_pair("relay.example");
        std::fs::write(path("chain.pem"), &chain).unwrap();
        std::fs::write(path("key.pem"), &key).unwrap();
        let cert = ServerCert::from_pem_files(path("chain.pem"), path("key.pem")).unwrap();
        assert_eq!(CertificateDer::from_pem_slice(chain.as_bytes()).unwrap().as_ref(), cert.cert_der());

        let (_, other_key) = pem_pair("relay.example");
        let load =
            |chain: &str, key: &str| ServerCert::from_pem(chain.as_bytes(), key.as_bytes()).unwrap_err();
        assert!(matches!(load(&chain, &other_key), CertError::Mismatch));
        assert!(matches!(load("", &key), CertError::Chain));
        assert!(matches!(load(&key, &key), CertError::Chain));
        assert!(matches!(load(&chain, &chain), CertError::Key));
        assert!(matches!(load(&chain.replace("MII", "!!!"), &key), CertError::Chain));
        let missing = ServerCert::from_pem_files(path("none.pem"), path("key.pem")).unwrap_err();
        assert!(missing.to_string().contains("none.pem"));
    }

    #[test]
    fn a_development_certificate_is_written_for_members() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/relay.der");
        let cert = ServerCert::development("localhost").unwrap();
        cert.write_der(&path).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), cert.cert_der());
        let again = ServerCert::development("localhost").unwrap();
        again.write_der(&path).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), again.cert_der());
        assert_ne!(cert.cert_der(), again.cert_der());
        assert_eq!(format!("{cert:?}"), "ServerCert { chain_len: 1, .. }");
    }

    #[test]
    fn a_kept_development_certificate_stays_until_its_name_changes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/relay.der");
        let load = |name: &str| ServerCert::development_file(name, &path);
        let first = load("relay.example").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), first.cert_der());
        assert_eq!(load("RELAY.example").unwrap().cert_der(), first.cert_der());
        let renamed = load("[2001:db8::1]").unwrap();
        assert_ne!(renamed.cert_der(), first.cert_der());
        assert_eq!(load("2001:db8::1").unwrap().cert_der(), renamed.cert_der());
        assert_eq!(std::fs::read(&path).unwrap(), renamed.cert_der());

        let key = development_key_path(&path);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
        }
        std::fs::write(&key, "garbage").unwrap();
        let error = load("2001:db8::1").unwrap_err();
        assert!(matches!(&error, CertError::Kept { .. }) && error.to_string().contains("relay.der.key"));
        assert_eq!(std::fs::read(&key).unwrap(), b"garbage", "nothing is replaced");
        std::fs::remove_file(&key).unwrap();
        assert_ne!(load("2001:db8::1").unwrap().cert_der(), renamed.cert_der());
    }

    #[test]
    fn development_names_are_checked() {
        for good in ["localhost", "relay.example.org", "192.0.2.1", "2001:db8::1", "[::1]"] {
            assert!(ServerCert::development(good).is_ok(), "{good}");
        }
        for bad in ["", "a b", "bücher.example"] {
            assert!(matches!(ServerCert::development(bad), Err(CertError::Name { .. })), "{bad}");
        }
    }
}
