//! Which adapter is taken, and what is said when none is.

use lanparty_sdk::error::{Coded as _, code};
use lanparty_sdk::frame::MacAddr;
use lanparty_sdk::port::tap_windows::{AdapterChoice, TapError, TapPort};
use libtest_mimic::Trial;

use crate::computer::{Adapter, block_on, open_error, options, trial};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("no_adapter", no_adapter),
        trial("of_several_one_is_chosen", of_several_one_is_chosen),
        trial("one_that_is_switched_off", one_that_is_switched_off),
        trial("an_old_driver", an_old_driver),
        trial("one_that_another_program_uses", one_that_another_program_uses),
        trial("the_only_one_is_taken_with_its_own_address", the_only_one),
        trial("it_takes_the_members_address", it_takes_the_members_address),
        trial("another_address_fails_closed", another_address_fails_closed),
        trial("what_cannot_be", what_cannot_be),
    ]
}

fn no_adapter() {
    let only = options(AdapterChoice::Only);
    let error = open_error(&only);
    assert!(matches!(error, TapError::NoDriver), "{error:?}");
    let _other = Adapter::add(3, &["name=Access", r"component=tapoas"]);
    let error = open_error(&only);
    assert_eq!(error.code(), code::DRIVER_MISSING);
    assert!(error.to_string().contains("\"Access\""), "{error}");
}

fn of_several_one_is_chosen() {
    let first = Adapter::add(7, &["name=Ethernet 2"]);
    let second = Adapter::add(8, &["name=LAN party", "component=tap0901"]);
    let error = open_error(&options(AdapterChoice::Only));
    assert_eq!(error.code(), code::ADAPTER_AMBIGUOUS);
    let text = error.to_string();
    for part in ["\"Ethernet 2\"", "\"LAN party\"", &first.id(), &second.id(), "--tap-instance-id"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let error = open_error(&options(AdapterChoice::parse("Ethernet 3")));
    assert_eq!(error.code(), code::INTERFACE_MISSING);
    for (choice, wanted) in [("lan PARTY", &second), (&*first.id(), &first)] {
        let (port, handle) = TapPort::open_with_handle(&options(AdapterChoice::parse(choice))).unwrap();
        assert_eq!(handle.instance_id(), wanted.id());
        assert_eq!(port.sink.caps().mac, Some(wanted.mac()));
    }
}

fn one_that_is_switched_off() {
    let _adapter = Adapter::add(7, &["name=LAN party", "disabled=1"]);
    let error = open_error(&options(AdapterChoice::Only));
    assert_eq!(
        (error.code(), error.to_string().contains("LAN party")),
        (code::ADAPTER_DISABLED, true),
        "{error}"
    );
    // The registry may say nothing of it.
    let adapter = Adapter::add(8, &["name=Other"]);
    adapter.yank("cancelled");
    assert_eq!(open_error(&adapter.options()).code(), code::ADAPTER_DISABLED);
}

fn an_old_driver() {
    let told = Adapter::add(7, &["driver-version=9.21.2.0"]);
    let error = open_error(told.options().mac(MacAddr([2, 0, 0, 0, 0, 1])));
    assert_eq!(error.code(), code::DRIVER_OLD);
    assert!(error.to_string().contains("9.21"), "{error}");
    assert_eq!((told.registry("NetworkAddress"), &*told.status("opens")), (None, "0"));
    drop(told);
    // What it says itself counts too.
    let asked = Adapter::add(7, &["version=9.24"]);
    assert_eq!(open_error(&asked.options()).code(), code::DRIVER_OLD);
    asked.wait(&["open=0"]);
}

fn one_that_another_program_uses() {
    let adapter = Adapter::add(7, &[]);
    let holder = adapter.hold();
    let error = open_error(&adapter.options());
    assert_eq!(error.code(), code::ADAPTER_BUSY, "{error:?}");
    drop(holder);
    adapter.wait(&["open=0"]);
    let first = adapter.open();
    assert_eq!(open_error(&adapter.options()).code(), code::ADAPTER_BUSY);
    first.sink.set_link(true).unwrap();
    adapter.wait(&["media=1"]);
}

fn the_only_one() {
    let adapter = Adapter::add(7, &["name=LAN party", "mtu=1500"]);
    let (port, handle) = TapPort::open_with_handle(&options(AdapterChoice::Only)).unwrap();
    let caps = port.sink.caps();
    assert_eq!((&*caps.name, caps.mac, caps.mtu), ("LAN party", Some(adapter.mac()), 1500));
    assert_eq!((handle.name(), handle.instance_id()), ("LAN party", &*adapter.id()));
    assert_eq!(handle.driver_version().to_string(), "9.26");
    assert_eq!((adapter.registry("NetworkAddress"), &*adapter.status("media")), (None, "0"));
    assert!(port.sink.set_mtu(1501).is_err());
    drop(port);
    let address = "10.0.0.1/24".parse().unwrap();
    assert_eq!(handle.add_address(address).unwrap_err().kind(), std::io::ErrorKind::NotConnected);
    adapter.wait(&["open=0"]);
}

fn it_takes_the_members_address() {
    let adapter = Adapter::add(7, &["mac=020000000009"]);
    adapter.set(&["reload=1"]);
    let mac = MacAddr([0x02, 0xab, 0, 0, 0, 0x1f]);
    let port = TapPort::open(adapter.options().mac(mac)).unwrap();
    assert_eq!(port.sink.caps().mac, Some(mac));
    assert_eq!(adapter.registry("NetworkAddress").as_deref(), Some("02AB0000001F"));
    drop(port);
    assert_eq!(adapter.registry("NetworkAddress").as_deref(), Some("020000000009"));
    drop(adapter);
    // What was not there is not there again.
    let adapter = Adapter::add(7, &[]);
    adapter.set(&["reload=1"]);
    drop(TapPort::open(adapter.options().mac(mac)).unwrap());
    assert_eq!(adapter.registry("NetworkAddress"), None);
}

fn another_address_fails_closed() {
    let adapter = Adapter::add(7, &["mac=020000000009"]);
    let error = open_error(adapter.options().mac(MacAddr([2, 0, 0, 0, 0, 1])));
    assert_eq!(error.code(), code::ADAPTER_MAC, "{error:?}");
    for part in ["02:00:00:00:00:09", "02:00:00:00:00:01", "020000000001"] {
        assert!(error.to_string().contains(part), "{part}: {error}");
    }
    adapter.wait(&["open=0", "media=0"]);
    assert_eq!(adapter.registry("NetworkAddress").as_deref(), Some("020000000009"));
}

fn what_cannot_be() {
    let adapter = Adapter::add(7, &[]);
    assert_eq!(open_error(adapter.options().mac(MacAddr::BROADCAST)).code(), code::BAD_MAC);
    assert_eq!(open_error(adapter.options().mtu(1279)).code(), code::MTU);
    for operations in [0, 257] {
        assert_eq!(open_error(adapter.options().operations(operations)).code(), code::BAD_VALUE);
    }
    assert_eq!(adapter.status("opens"), "0");
    for operations in [1, 256] {
        let port = TapPort::open(adapter.options().operations(operations)).unwrap();
        block_on(async { port.sink.set_link(true).unwrap() });
        adapter.wait(&[&format!("reads_waiting={operations}")]);
    }
}
