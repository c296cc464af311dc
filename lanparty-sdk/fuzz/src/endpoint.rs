//! Any text as the addresses that people type: of a relay, to listen on, of an adapter.

use lanparty_sdk::frame::MacAddr;
use lanparty_sdk::net::{ListenAddr, RelayAddr};

pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(relay) = text.parse::<RelayAddr>() {
        assert_eq!(relay.to_string().parse(), Ok(relay.clone()), "{relay} does not survive");
        assert!(!relay.server_name().is_empty());
    }
    if let Ok(listen) = text.parse::<ListenAddr>() {
        assert_eq!(listen.to_string().parse(), Ok(listen));
    }
    if let Ok(mac) = text.parse::<MacAddr>() {
        assert!(mac.to_string().eq_ignore_ascii_case(&text.replace('-', ":")));
    }
    #[cfg(target_os = "linux")]
    let _ = text.parse::<lanparty_sdk::port::InterfaceAddress>();
}
