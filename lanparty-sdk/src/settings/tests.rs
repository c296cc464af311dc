use std::collections::BTreeSet;
use std::time::Duration;

use super::*;
use crate::ctrl::PeerRole;
use crate::error::{Coded, code};
use crate::identity::Identity;
use crate::quic::Trust;
use crate::relay::{RelayOptions, RetryPolicy};
use crate::switch::Rate;

fn client() -> SessionSettings {
    SessionSettings::new(PeerRole::Client)
}

fn complete() -> SessionSettings {
    let mut settings = client();
    settings.load_toml("relay = \"127.0.0.1:4433\"\nroom = \"party-42\"\n").unwrap();
    settings
}

fn build(settings: &SessionSettings) -> Result<String, SettingsError> {
    let trust = Some(Trust::dangerous_accept_any());
    settings.builder(Identity::generate().unwrap(), trust).map(|builder| format!("{builder:?}"))
}

/// A value for each key that is not its default.
const SESSION: [(&str, &str); 29] = [
    ("relay", "relay.example:4433"),
    ("room", "party-42"),
    ("server-name", "other.example"),
    ("relay-ca-cert", "relay.der"),
    ("name", "Ann"),
    ("agent", "launcher/1.0"),
    ("mtu", "1400"),
    ("retry", "true"),
    ("identity", "identity.json"),
    ("workers", "4"),
    ("no-route-pin", "true"),
    ("no-adapter-settings", "true"),
    ("adapter-metric", "50"),
    ("no-private-network", "true"),
    ("idle-timeout", "20s"),
    ("keep-alive", "2s"),
    ("limit-outbox-bytes", "64Ki"),
    ("limit-outbox-datagrams", "100"),
    ("limit-receive-queue", "65536"),
    ("limit-send-queue", "16Ki"),
    ("socket-receive-buffer", "2Mi"),
    ("socket-send-buffer", "512Ki"),
    ("segmentation-offload", "false"),
    ("probe-interval", "1s"),
    ("stats-interval", "10s"),
    ("backoff-min", "100ms"),
    ("backoff-max", "5s"),
    ("welcome-timeout", "3s"),
    ("refresh-interval", "30s"),
];

#[test]
fn every_key_of_a_session_changes_something() {
    assert_eq!(SESSION.map(|(key, _)| key).into_iter().collect::<BTreeSet<_>>(), keys(SessionSettings::KEYS));
    let untouched = format!("{:?}", client());
    for (key, value) in SESSION {
        let mut settings = client();
        settings.set(key, value).unwrap();
        assert_ne!(format!("{settings:?}"), untouched, "{key}");
    }
    let mut settings = client();
    SESSION.iter().for_each(|(key, value)| settings.set(key, value).unwrap());
    assert_eq!(settings.transport.options.idle_timeout, Duration::from_secs(20));
    assert_eq!(settings.transport.outbox.bytes, 64 * 1024);
    assert_eq!((settings.workers, settings.mtu), (4, Some(1400)));
    let built = build(&settings).unwrap();
    for value in ["other.example", "\"Ann\"", "launcher/1.0", "1400", "retry_first: true", "PARTY-42"] {
        assert!(built.contains(value), "{value} in {built}");
    }
}

fn keys(keys: &'static [&'static str]) -> BTreeSet<&'static str> {
    let set: BTreeSet<_> = keys.iter().copied().collect();
    assert_eq!(set.len(), keys.len(), "each once");
    set
}

#[test]
fn a_mistake_is_told_and_changes_nothing() {
    let mut settings = client();
    let before = format!("{settings:?}");
    for (key, value, problem) in [
        ("relay", "https://x", "leave out the scheme"),
        ("room", "R1", "a room code has 3 to 64 characters"),
        ("name", "", "a name has 1 to 32 characters"),
        ("name", "Ann\n", "no control characters"),
        ("agent", "", "it is empty"),
        ("identity", "", "it is empty"),
        ("mtu", "9000", "write a whole number from 1280 to 1500"),
        ("mtu", "+1400", "write a whole number"),
        ("workers", "0", "write a whole number from 1 to 64"),
        ("workers", "65", "write a whole number from 1 to 64"),
        ("retry", "yes", "write true or false"),
        ("idle-timeout", "10", "not a time"),
        ("probe-interval", "0s", "it must be more than zero"),
        ("limit-outbox-bytes", "4x", "not a size"),
        ("limit-outbox-datagrams", "0", "write a whole number from 1"),
    ] {
        let error = settings.set(key, value).unwrap_err();
        assert!(matches!(&error, SettingsError::BadValue { key: told, .. } if *told == key), "{error:?}");
        assert!(error.to_string().contains(problem), "{key}: {error}");
        assert_eq!(error.code(), code::BAD_VALUE);
    }
    assert_eq!(format!("{settings:?}"), before);
}

#[test]
fn the_nearest_key_is_named() {
    let mut settings = client();
    for (key, near) in [
        ("rom", Some("room")),
        ("server_name", Some("server-name")),
        ("Keep-Alive", Some("keep-alive")),
        ("ca-cert", Some("relay-ca-cert")),
        ("limit-outbox-byte", Some("limit-outbox-bytes")),
        ("zzzzzzzz", None),
        ("", None),
    ] {
        match settings.set(key, "x").unwrap_err() {
            SettingsError::UnknownKey { near: told, .. } => assert_eq!(told, near, "{key}"),
            other => panic!("{other:?}"),
        }
    }
    let error = settings.set(&"long".repeat(1000), "x").unwrap_err();
    assert_eq!((error.code(), error.to_string().len()), (code::UNKNOWN_KEY, 14 + 64));
}

#[test]
fn a_document_is_applied_as_a_whole_or_not_at_all() {
    let mut settings = complete();
    let text = "# mine\nname = \"Ann\"\nmtu = 1_400\nretry = true\nlimit-send-queue = 4096\nidle-timeout = \"20s\"\n";
    settings.load_toml(text).unwrap();
    assert_eq!((settings.name.as_deref(), settings.mtu, settings.retry), (Some("Ann"), Some(1400), true));
    assert_eq!(settings.transport.options.datagram_send_buffer_bytes, 4096);
    settings.load_toml("").unwrap();

    let before = format!("{settings:?}");
    for (text, line, problem, number) in [
        (
            "name = \"Bob\"\n\nrom = \"ROOM1\"",
            3,
            "unknown key `rom`: did you mean `room`?",
            code::UNKNOWN_KEY,
        ),
        ("name = \"Bob\"\nmtu = \"1400\"", 2, "write a whole number, without quotes", code::BAD_VALUE),
        ("mtu = 0x500", 1, "write a whole number, without quotes", code::BAD_VALUE),
        ("mtu = -1", 1, "write a whole number from 1280 to 1500", code::BAD_VALUE),
        ("retry = \"true\"", 1, "write true or false, without quotes", code::BAD_VALUE),
        ("name = 7", 1, "write a text in quotes", code::BAD_VALUE),
        ("[room]\ncode = 1", 1, "write a text in quotes", code::BAD_VALUE),
        ("name = \"Bob\"\nname = \"Ann\"", 2, "duplicate key", code::BAD_VALUE),
        ("name = \"Bob\"\n\nroom = \"ROOM1", 3, "invalid basic string", code::BAD_VALUE),
    ] {
        let error = settings.load_toml(text).unwrap_err();
        let said = error.to_string();
        assert!(said.starts_with(&format!("line {line}: ")) && said.contains(problem), "{text:?}: {said}");
        assert_eq!(error.code(), number, "{text:?}");
        assert_eq!(format!("{settings:?}"), before, "{text:?}");
    }
    let long = "#".repeat(2 << 20);
    assert!(settings.load_toml(&long).unwrap_err().to_string().contains("too long"));
}

#[test]
fn what_is_missing_or_does_not_fit_is_told_when_the_session_is_made() {
    let mut settings = client();
    for key in ["relay", "room"] {
        let error = build(&settings).unwrap_err();
        assert!(matches!(error, SettingsError::Missing { key: told } if told == key), "{error:?}");
        assert_eq!(error.code(), code::MISSING);
        settings.set(key, "PARTY-42").unwrap();
    }
    build(&settings).unwrap();
    for (key, value, problem) in [
        ("idle-timeout", "2s", "wrong value for `keep-alive`: 1500ms does not fit the idle-timeout of 2s"),
        ("keep-alive", "0s", "wrong value for `keep-alive`: 0s does not fit"),
        (
            "limit-send-queue",
            "1Ki",
            "wrong value for `limit-send-queue`: 1Ki holds no datagram: give at least 2Ki",
        ),
        ("backoff-min", "11s", "wrong value for `backoff-min`: 11s does not fit the backoff-max of 10s"),
    ] {
        let mut settings = settings.clone();
        settings.set(key, value).unwrap();
        let error = build(&settings).unwrap_err();
        assert!(error.to_string().starts_with(problem), "{error}");
    }
    settings.set("relay-ca-cert", "/nowhere/relay.der").unwrap();
    let error = settings.builder(Identity::generate().unwrap(), None).unwrap_err();
    assert!(matches!(error, SettingsError::Trust(_)) && error.code() == code::CERTIFICATE_FILE, "{error:?}");
    build(&settings).expect("a trust that was handed in counts more");
}

#[test]
fn a_relay_without_settings_has_the_library_s_defaults() {
    let (options, defaults) = (RelaySettings::new().options().unwrap(), RelayOptions::default());
    assert_eq!(options.config, defaults.config);
    assert_eq!(options.handshake, defaults.handshake);
    assert_eq!(options.transport, defaults.transport);
    assert_eq!(options.buffers, defaults.buffers);
    assert_eq!(options.outbox, defaults.outbox);
    assert_eq!(options.workers, defaults.workers);
}

#[test]
fn every_key_of_a_relay_changes_something() {
    let untouched = format!("{:?}", RelaySettings::new());
    keys(RelaySettings::KEYS);
    for key in RelaySettings::KEYS {
        let changed = |value: &str| {
            let mut settings = RelaySettings::new();
            settings.set(key, value).is_ok() && format!("{settings:?}") != untouched
        };
        // One of these is a value of its kind, and none is a default.
        let values = ["1281", "7:9", "7s", "7Ki", "7", "127.0.0.1:7", "never", "false", "text"];
        assert!(values.into_iter().any(changed), "{key}");
    }
    let mut settings = RelaySettings::new();
    for (key, value) in [
        ("limit-gateway-flood", "2k/s:4k"),
        ("limit-handshake-retry", "always"),
        ("limit-table-ageing", "2m"),
        ("limit-handshake-addresses", "5"),
        ("workers", "3"),
    ] {
        settings.set(key, value).unwrap();
    }
    let options = settings.options().unwrap();
    assert_eq!(options.config.room.gateway_limits.flood, Rate::new(2000, 4000));
    assert_eq!(options.config.room.table.ageing_secs, 120);
    assert_eq!((options.handshake.retry, options.handshake.addresses), (RetryPolicy::Always, 5));
    assert_eq!(options.workers, 3);
    settings.set("limit-receive-queue", "1Ki").unwrap();
    assert!(settings.options().is_err());
    for (key, problem) in [("limit-handshake-retry", "write one of"), ("limit-client-bytes", "not a rate")] {
        let error = settings.set(key, "sometimes").unwrap_err();
        assert!(error.to_string().contains(problem), "{error}");
    }
}

#[test]
fn a_relay_s_certificate_is_its_own_or_self_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let mut settings = RelaySettings::new();
    assert!(!settings.certificate().unwrap().cert_der().is_empty());
    settings.set("dev-cert-der-out", &path("relay.der")).unwrap();
    let kept = settings.certificate().unwrap();
    assert_eq!(settings.certificate().unwrap().cert_der(), kept.cert_der());
    assert_eq!(std::fs::read(path("relay.der")).unwrap(), kept.cert_der());
    settings.set("dev-cert-name", "relay.example").unwrap();
    assert_ne!(settings.certificate().unwrap().cert_der(), kept.cert_der());

    settings.set("key", &path("key.pem")).unwrap();
    assert!(matches!(settings.certificate(), Err(SettingsError::Missing { key: "cert" })));
    settings.set("cert", &path("cert.pem")).unwrap();
    assert!(matches!(settings.certificate(), Err(SettingsError::BadValue { key: "dev-cert-der-out", .. })));
    (settings.dev_cert_der_out, settings.dev_cert_name) = (None, None);
    assert_eq!(settings.certificate().unwrap_err().code(), code::CERTIFICATE_FILE);
    settings.key = None;
    assert!(matches!(settings.certificate(), Err(SettingsError::Missing { key: "key" })));
}
