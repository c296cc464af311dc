//! What both ends agree on in TLS: version 1.3 only, *ring* only, our application protocol, no 0-RTT.

use std::sync::Arc;

use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use rustls::client::Resumption;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, ring};
use rustls::{CipherSuite, SupportedCipherSuite};

use super::cert::ServerCert;

/// The cryptography used throughout, handed over explicitly so that nothing depends on a process-wide default.
///
/// Where the processor has AES instructions, AES-128-GCM stands first: it costs about a tenth less than AES-256, which
/// rustls prefers. Elsewhere ChaCha20-Poly1305 does. The server follows the client's order.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    let mut provider = ring::default_provider();
    provider.cipher_suites.retain(|suite| suite.tls13().is_some());
    provider.cipher_suites.sort_by_key(|suite| rank(suite, has_aes()));
    Arc::new(provider)
}

fn rank(suite: &SupportedCipherSuite, has_aes: bool) -> u8 {
    match (suite.suite(), has_aes) {
        (CipherSuite::TLS13_AES_128_GCM_SHA256, true)
        | (CipherSuite::TLS13_CHACHA20_POLY1305_SHA256, false) => 0,
        (CipherSuite::TLS13_AES_128_GCM_SHA256, false) => 1,
        (CipherSuite::TLS13_AES_256_GCM_SHA384, _) => 2,
        _ => 3,
    }
}

fn has_aes() -> bool {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    return std::arch::is_x86_feature_detected!("aes");
    #[cfg(target_arch = "aarch64")]
    return std::arch::is_aarch64_feature_detected!("aes");
    #[cfg(not(any(target_arch = "x86", target_arch = "x86_64", target_arch = "aarch64")))]
    return false;
}

/// The relay's half.
pub(super) fn server_crypto(cert: &ServerCert, alpn: &[u8]) -> Arc<QuicServerConfig> {
    let mut config = rustls::ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("the provider has TLS 1.3 suites")
        .with_no_client_auth()
        .with_cert_resolver(cert.resolver());
    config.alpn_protocols = vec![alpn.to_vec()];
    // 0-RTT data can be replayed.
    config.max_early_data_size = 0;
    Arc::new(QuicServerConfig::try_from(config).expect("the provider has the suite of QUIC's first flight"))
}

/// The member's half.
pub(super) fn client_crypto(verifier: Arc<dyn ServerCertVerifier>, alpn: &[u8]) -> Arc<QuicClientConfig> {
    let mut config = rustls::ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("the provider has TLS 1.3 suites")
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = vec![alpn.to_vec()];
    config.enable_early_data = false;
    // A resumed session would skip the certificate, and saves no round trip without 0-RTT.
    config.resumption = Resumption::disabled();
    Arc::new(QuicClientConfig::try_from(config).expect("the provider has the suite of QUIC's first flight"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cheapest_suite_comes_first() {
        let mut suites = provider().cipher_suites.clone();
        assert_eq!(suites.len(), 3);
        suites.sort_by_key(|suite| rank(suite, true));
        assert_eq!(suites[0].suite(), CipherSuite::TLS13_AES_128_GCM_SHA256);
        suites.sort_by_key(|suite| rank(suite, false));
        assert_eq!(suites[0].suite(), CipherSuite::TLS13_CHACHA20_POLY1305_SHA256);
        assert!(CryptoProvider::get_default().is_none(), "nothing was installed for the whole process");
    }
}
