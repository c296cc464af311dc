//! What a relay remembers over a restart without keeping a file: keys derived from its certificate's private key.
//!
//! A relay that was killed cannot tell its members. When it starts again with the same certificate, it recognises their
//! connection ids as its own and answers their packets with stateless resets (RFC 9000, section 10.3) that they believe,
//! so that they come back at once instead of after their idle timeout.

use std::fmt;
use std::sync::Arc;

use quinn::EndpointConfig;
use ring::{hkdf, hmac};

use super::steering::WorkerIds;
use crate::proto::Worker;

/// The secret from which a relay's lasting keys are derived.
#[derive(Clone)]
pub(super) struct RestartSecret(hmac::Key);

impl RestartSecret {
    /// Derives it from a private key, of which it tells nothing.
    pub(super) fn derive(private_key: &[u8]) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, private_key);
        Self(hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&key, b"lanparty relay restart v1").as_ref()))
    }

    /// An endpoint of one of a relay's workers, which answers for the connections of the one before it.
    pub(super) fn endpoint_config(&self, worker: Worker) -> EndpointConfig {
        let mut config =
            EndpointConfig::new(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, &self.key(b"reset"))));
        let [a, b, c, d, e, f, g, h, ..] = self.key(b"connection ids");
        let ids = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
        config.cid_generator(move || Box::new(WorkerIds::new(ids, worker)));
        config
    }

    /// The key of address validation tokens, so that members need not prove their addresses again.
    pub(super) fn token_key(&self) -> hkdf::Prk {
        hkdf::Salt::new(hkdf::HKDF_SHA256, &[]).extract(&self.key(b"tokens"))
    }

    fn key(&self, purpose: &[u8]) -> [u8; 32] {
        let mut key = [0; 32];
        key.copy_from_slice(hmac::sign(&self.0, purpose).as_ref());
        key
    }
}

impl fmt::Debug for RestartSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RestartSecret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_private_key_gives_the_same_keys_and_each_purpose_its_own() {
        let (one, again, other) =
            (RestartSecret::derive(b"one"), RestartSecret::derive(b"one"), RestartSecret::derive(b"other"));
        assert_eq!(one.key(b"reset"), again.key(b"reset"));
        assert_ne!(one.key(b"reset"), other.key(b"reset"));
        assert_ne!(one.key(b"reset"), one.key(b"tokens"));
    }
}
