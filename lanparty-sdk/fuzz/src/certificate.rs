//! Any bytes as the certificate file that a member is given, and as a relay's own.

use lanparty_sdk::quic::{ServerCert, Trust};

pub fn run(data: &[u8]) {
    let _ = Trust::certificates(data);
    let half = data.len() / 2;
    let _ = ServerCert::from_pem(&data[..half], &data[half..]);
}
