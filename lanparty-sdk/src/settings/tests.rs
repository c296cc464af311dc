use super::*;
use crate::ctrl::PeerRole;
use crate::identity::Identity;
use crate::quic::Trust;
use crate::relay::RelayOptions;
use crate::switch::Rate;

fn session() -> SessionSettings {
    SessionSettings::new(PeerRole::Client)
}

#[test]
fn keys_are_told_apart_and_each_takes_something() {
    for keys in [SessionSettings::keys(), RelaySettings::keys()] {
        let mut sorted = keys.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), keys.len());
    }
    // Some value fits every key.
    let values = ["1024", "2s", "true", "200:400", "PARTY-42", "under-load", "443"];
    for key in SessionSettings::keys() {
        assert!(values.iter().any(|value| session().set(key, value).is_ok()), "{key}");
    }
    for key in RelaySettings::keys() {
        assert!(values.iter().any(|value| RelaySettings::default().set(key, value).is_ok()), "{key}");
    }
}

#[test]
fn an_unknown_key_is_told_with_its_neighbour() {
    let error = session().set("keepalive", "2s").unwrap_err();
    assert_eq!(error.to_string(), "there is no key \"keepalive\": did you mean \"keep-alive\"?");
    assert_eq!(error.code(), code::UNKNOWN_KEY);
    let error = RelaySettings::default().set("colour", "red").unwrap_err();
    assert_eq!(error.to_string(), "there is no key \"colour\"");
}

#[test]
fn a_wrong_value_changes_nothing() {
    let mut settings = session();
    settings.set("mtu", "1400").unwrap();
    for (key, value) in
        [("mtu", "9000"), ("retry", "yes"), ("keep-alive", "2"), ("room", "a b"), ("name", "")]
    {
        let error = settings.set(key, value).unwrap_err();
        assert_eq!(error.code(), code::BAD_VALUE, "{key}");
        assert!(error.to_string().starts_with(&format!("wrong value for {key:?}: ")), "{error}");
    }
    assert_eq!(settings.mtu, Some(1400));
}

#[test]
fn toml_is_taken_whole_or_not_at_all() {
    let mut settings = session();
    settings.load_toml("relay = \"relay.example\"\nroom = \"PARTY-42\"\nmtu = 1400\nretry = true\n").unwrap();
    assert_eq!((settings.mtu, settings.retry), (Some(1400), true));
    for (text, line, unknown) in [
        ("mtu = 1300\nretry = false\nnane = \"Ann\"", 3, true),
        ("mtu = 1300\nretry = \"maybe\"", 2, false),
        ("mtu = 1300\n\nretry = = true", 3, false),
        ("mtu = 1300\nroom = [1]", 2, false),
    ] {
        match settings.load_toml(text).unwrap_err() {
            SettingsError::Toml { line: told, unknown_key, .. } => {
                assert_eq!((told, unknown_key), (line, unknown), "{text}");
            }
            other => panic!("{other}"),
        }
        assert_eq!((settings.mtu, settings.retry), (Some(1400), true), "{text}");
    }
}

#[test]
fn what_must_be_set_is_named() {
    let trust = || Some(Trust::dangerous_accept_any());
    let mut settings = session();
    let error = settings.builder(Identity::generate().unwrap(), trust()).unwrap_err();
    assert!(matches!(error, SettingsError::Missing { key: "relay" }));
    assert_eq!(error.code(), code::MISSING);
    settings.set("relay", "relay.example").unwrap();
    let error = settings.builder(Identity::generate().unwrap(), trust()).unwrap_err();
    assert!(matches!(error, SettingsError::Missing { key: "room" }));
    settings.set("room", "PARTY-42").unwrap();
    let _ = settings.builder(Identity::generate().unwrap(), trust()).unwrap();
}

#[test]
fn values_that_do_not_fit_together_are_told_at_the_end() {
    let mut settings = RelaySettings::default();
    settings.set("idle-timeout", "2s").unwrap();
    let error = settings.options().unwrap_err();
    assert!(error.to_string().starts_with("wrong value for \"keep-alive\": 1500ms does not fit"), "{error}");
    settings.set("keep-alive", "500ms").unwrap();
    settings.options().unwrap();
    settings.set("limit-send-queue", "1Ki").unwrap();
    assert!(settings.options().is_err());
}

#[test]
fn a_relay_without_settings_has_the_defaults() {
    let (made, defaults) = (RelaySettings::default().options().unwrap(), RelayOptions::default());
    assert_eq!(made.config, defaults.config);
    assert_eq!(made.handshake, defaults.handshake);
    assert_eq!(made.transport, defaults.transport);
    assert_eq!((made.buffers, made.outbox), (defaults.buffers, defaults.outbox));
}

#[test]
fn limits_reach_the_relay() {
    let mut settings = RelaySettings::default();
    settings
        .load_toml(
            "listen = \"127.0.0.1:0\"\nmax-clients-per-room = 3\nlimit-client-bytes = \"unlimited\"\n\
             limit-table-ageing = \"90s\"\nlimit-handshake-retry = \"always\"\n",
        )
        .unwrap();
    let options = settings.options().unwrap();
    assert_eq!(settings.listen.to_string(), "127.0.0.1:0");
    assert_eq!(options.config.room.max_clients, 3);
    assert_eq!(options.config.room.client_limits.bytes, Rate::UNLIMITED);
    assert_eq!(options.config.room.table.ageing_secs, 90);
}

#[test]
fn a_certificate_needs_its_key() {
    let mut settings = RelaySettings::default();
    assert!(settings.certificate().is_ok(), "a self-made one");
    settings.set("cert", "chain.pem").unwrap();
    assert!(matches!(settings.certificate(), Err(SettingsError::Missing { key: "key" })));
}
