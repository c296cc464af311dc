//! Which relay certificates a member believes.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use webpki::{EndEntityCert, KeyUsage};

use super::cert::read_bounded;
use super::tls;
use crate::error::{Coded, code};

/// Which relay certificates a member believes. Cloning is cheap.
#[derive(Clone)]
pub struct Trust {
    verifier: Arc<dyn ServerCertVerifier>,
    kind: &'static str,
}

impl Trust {
    /// Believes what the operating system believes: for a relay with a certificate of a public authority.
    ///
    /// # Errors
    /// [`TrustError::Platform`] if the system has no usable store of authorities.
    pub fn platform() -> Result<Self, TrustError> {
        let verifier = rustls_platform_verifier::Verifier::new(tls::provider())
            .map_err(|source| TrustError::Platform { source })?;
        Ok(Self { verifier: Arc::new(verifier), kind: "platform" })
    }

    /// Believes the given certificates and nothing else. `bytes` is one certificate in DER or any number in PEM.
    ///
    /// Each is believed as it stands, in its validity period and for the names in it: a relay's own self-signed
    /// certificate needs no authority. One that says it is an authority is also believed about the relays whose
    /// certificates it signed.
    ///
    /// # Errors
    /// [`TrustError::NoCertificate`] if there is none in `bytes`, [`TrustError::Unusable`] if one cannot be used.
    pub fn certificates(bytes: &[u8]) -> Result<Self, TrustError> {
        let provider = tls::provider();
        let certs = parse(bytes)?;
        let mut roots = RootCertStore::empty();
        for cert in &certs {
            let unusable = |source| TrustError::Unusable { source };
            match is_authority(cert, &provider) {
                Ok(true) => roots.add(cert.clone()).map_err(unusable)?,
                Ok(false) => {}
                Err(error) => return Err(unusable(error.into())),
            }
        }
        let authorities = if roots.is_empty() {
            None
        } else {
            let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
            Some(builder.build().expect("there is a root, and no revocation list that could be broken"))
        };
        let verifier = Pinned { certs, authorities, provider };
        Ok(Self { verifier: Arc::new(verifier), kind: "certificates" })
    }

    /// [`Trust::certificates`] with the contents of a file.
    ///
    /// # Errors
    /// As there, and [`TrustError::Read`].
    pub fn certificate_file(path: impl AsRef<Path>) -> Result<Self, TrustError> {
        let path = path.as_ref();
        let bytes =
            read_bounded(path).map_err(|source| TrustError::Read { path: path.to_owned(), source })?;
        Self::certificates(&bytes)
    }

    /// Believes anybody. Whoever sits between member and relay can then read and change everything: for tests only.
    #[must_use]
    pub fn dangerous_accept_any() -> Self {
        Self { verifier: Arc::new(AcceptAny(tls::provider())), kind: "dangerous_accept_any" }
    }

    pub(super) fn verifier(&self) -> Arc<dyn ServerCertVerifier> {
        Arc::clone(&self.verifier)
    }

    /// A verifier that leaves its reason for a refusal behind: the QUIC layer passes on no more than an alert number.
    pub(super) fn verifier_with_fault(&self) -> (Arc<dyn ServerCertVerifier>, Fault) {
        let fault = Fault::default();
        (Arc::new(Recording { inner: self.verifier(), fault: fault.clone() }), fault)
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Trust").field(&self.kind).finish()
    }
}

/// The trust could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// No certificate was given.
    #[error("no certificate found: give the relay's certificate, or its authority's, in DER or PEM")]
    NoCertificate,
    /// The operating system's authorities cannot be used.
    #[error(
        "the system's certificate store cannot be used: install its CA certificates, or give the relay's own"
    )]
    Platform {
        /// What the store said.
        source: rustls::Error,
    },
    /// The file could not be read.
    #[error("cannot read certificate file {}: check the path and its permissions", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The bytes are no certificate that TLS can use.
    #[error(
        "the certificate cannot be used: give the relay's certificate, or its authority's, in DER or PEM"
    )]
    Unusable {
        /// What is wrong with it.
        source: rustls::Error,
    },
}

/// Where a [`Recording`] verifier leaves its reason.
#[derive(Clone, Debug, Default)]
pub(super) struct Fault(Arc<Mutex<Option<CertificateError>>>);

impl Fault {
    pub(super) fn take(&self) -> Option<CertificateError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn set(&self, error: &CertificateError) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.clone());
    }
}

/// Believes given certificates exactly as they stand, and the authorities among them about others.
#[derive(Debug)]
struct Pinned {
    certs: Vec<CertificateDer<'static>>,
    authorities: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.certs.iter().any(|cert| cert == end_entity) {
            check_validity(end_entity, now, &self.provider)?;
            rustls::client::verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
            return Ok(ServerCertVerified::assertion());
        }
        match &self.authorities {
            Some(authorities) => {
                authorities.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
            }
            None => Err(CertificateError::UnknownIssuer.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Believes every certificate, though the peer must still own its key.
#[derive(Debug)]
struct AcceptAny(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAny {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Another verifier, whose refusal is kept.
#[derive(Debug)]
struct Recording {
    inner: Arc<dyn ServerCertVerifier>,
    fault: Fault,
}

impl ServerCertVerifier for Recording {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now).inspect_err(
            |error| {
                if let rustls::Error::InvalidCertificate(error) = error {
                    self.fault.set(error);
                }
            },
        )
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// One certificate in DER, or all those in a PEM text.
fn parse(bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>, TrustError> {
    /// The tag with which every certificate in DER begins. In a PEM text it would be a stray digit 0.
    const SEQUENCE: u8 = 0x30;
    if bytes.first() == Some(&SEQUENCE) {
        return Ok(vec![CertificateDer::from(bytes.to_vec())]);
    }
    let certs: Vec<_> = CertificateDer::pem_slice_iter(bytes)
        .collect::<Result<_, _>>()
        .map_err(|_| TrustError::NoCertificate)?;
    if certs.is_empty() { Err(TrustError::NoCertificate) } else { Ok(certs) }
}

/// What WebPKI has against `cert` by itself at `time`, apart from its issuer: it judges the validity period first, and
/// next that the certificate is not an authority's. There being no issuer to find, the answer is always an error.
fn judge(cert: &CertificateDer<'_>, time: UnixTime, provider: &CryptoProvider) -> webpki::Error {
    let algorithms = provider.signature_verification_algorithms.all;
    match EndEntityCert::try_from(cert) {
        Ok(cert) => cert
            .verify_for_usage(algorithms, &[], &[], time, KeyUsage::server_auth(), None, None)
            .map_or_else(|error| error, |_| webpki::Error::UnknownIssuer),
        Err(error) => error,
    }
}

/// Whether the certificate says of itself that it is an authority's. It must be asked at a time at which it is valid.
fn is_authority(cert: &CertificateDer<'_>, provider: &CryptoProvider) -> Result<bool, CertificateError> {
    let epoch = UnixTime::since_unix_epoch(Duration::ZERO);
    let verdict = match judge(cert, epoch, provider) {
        webpki::Error::CertNotValidYet { not_before, .. } => judge(cert, not_before, provider),
        webpki::Error::CertExpired { not_after, .. } => judge(cert, not_after, provider),
        verdict => verdict,
    };
    match verdict {
        // Version 1 of X.509, which has no place to say it, is used for authorities only.
        webpki::Error::CaUsedAsEndEntity | webpki::Error::UnsupportedCertVersion => Ok(true),
        // Without an issuer there is nothing else against it, or it was made for another purpose.
        webpki::Error::UnknownIssuer
        | webpki::Error::EmptyEkuExtension
        | webpki::Error::RequiredEkuNotFoundContext(_) => Ok(false),
        _ => Err(CertificateError::BadEncoding),
    }
}

fn check_validity(
    cert: &CertificateDer<'_>,
    now: UnixTime,
    provider: &CryptoProvider,
) -> Result<(), CertificateError> {
    match judge(cert, now, provider) {
        webpki::Error::CertExpired { time, not_after } => {
            Err(CertificateError::ExpiredContext { time, not_after })
        }
        webpki::Error::CertNotValidYet { time, not_before } => {
            Err(CertificateError::NotValidYetContext { time, not_before })
        }
        webpki::Error::InvalidCertValidity
        | webpki::Error::BadDer
        | webpki::Error::BadDerTime
        | webpki::Error::TrailingData(_) => Err(CertificateError::BadEncoding),
        // Being self-signed, an authority's, or made for another purpose is what exact equality forgives.
        _ => Ok(()),
    }
}

impl Coded for TrustError {
    fn code(&self) -> u32 {
        code::CERTIFICATE_FILE
    }
}
