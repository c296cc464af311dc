//! An adapter of TAP-Windows6, taken for the session.

use clap::{Args, value_parser};
use lanparty_cli::{Exit, Failure};
#[cfg(windows)]
use {
    lanparty_cli::{SAY, Shutdown},
    lanparty_sdk::frame::MacAddr,
    lanparty_sdk::port::Port,
    lanparty_sdk::port::tap_windows::{AdapterChoice, TapOptions, TapPort, is_elevated, owns_console},
    lanparty_sdk::route::AdapterPolicy,
    tracing::info,
};

#[cfg(windows)]
pub(crate) use lanparty_sdk::port::tap_windows::{TapError, TapHandle};

#[cfg(windows)]
pub(crate) const ABOUT: &str = "Plugs this computer into a LAN party far away: the cable of a TAP-Windows6 adapter ends in the party's room";

#[cfg(windows)]
pub(crate) const LONG_ABOUT: &str =
    "Plugs this computer into a LAN party far away: the cable of a TAP-Windows6 adapter ends in the party's room.

It must be run as administrator, on a computer with the TAP-Windows6 driver (version 9.26 or later, as OpenVPN's \
installer brings it). What it changes on this computer is put back when it ends; after a crash, when it is started next.";

#[cfg(windows)]
pub(crate) const EXAMPLES: &str = r#"
  In a prompt that was opened with "Run as administrator". The party's own router gives the address:
    lanparty-client --relay relay.example.org --room PARTY-42 --name Ann
  A fixed address, where there is no router:
    lanparty-client --relay 203.0.113.7:4433 --server-name lanparty-relay.local ^
        --relay-ca-cert relay-cert.der --room PARTY-42 --address 10.0.0.5/24
  An up-script is called as `SCRIPT up NAME` once the room was joined first, and as
  `SCRIPT down NAME` at the end, with LANPARTY_TAP, LANPARTY_MAC, LANPARTY_MTU and LANPARTY_ROOM
  in its environment. It is an .exe, .cmd or .bat file.
  As a service, which starts with the computer (`lanparty-client service --help` tells more):
    lanparty-client service install --relay relay.example.org --room PARTY-42 --name Ann"#;

#[cfg(windows)]
pub(crate) const IDENTITY_HELP: &str = r"Where this computer's identity is kept: its MAC address and secret; made if it is not there [default: %LOCALAPPDATA%\lanparty\client-identity.json, of a service %ProgramData%\lanparty\client-identity.json]";

#[cfg(windows)]
pub(crate) const SCRIPT_HINT: &str = "check --up-script, and that it is an .exe, .cmd or .bat file";

/// Which adapter, and what of it may be changed.
#[derive(Args, Clone, Debug)]
pub(crate) struct TapArgs {
    /// The adapter by its name, as in "Ethernet 2" [default: the only TAP-Windows6 adapter]
    #[arg(long, value_name = "NAME")]
    tap: Option<String>,
    /// The adapter by its NetCfgInstanceId, as in {6AE5C2A0-1234-5678-9ABC-DEF012345678}
    #[arg(long, value_name = "GUID", conflicts_with = "tap", value_parser = parse_instance_id)]
    tap_instance_id: Option<String>,
    /// The adapter's interface metric; 0 leaves it to Windows [default: 120: other adapters come first for everything but
    /// broadcasts]
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(0..=9999))]
    adapter_metric: Option<u16>,
    /// Leave the adapter's IP settings alone: metric, MTU, default routes, broadcasts, network category
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = false,
          default_missing_value = "true", action = clap::ArgAction::Set)]
    no_adapter_settings: bool,
    /// Do not have Windows treat the adapter's network as private. Its firewall may then keep games out
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = false,
          default_missing_value = "true", action = clap::ArgAction::Set)]
    no_private_network: bool,
}

impl TapArgs {
    /// Checks these options, and what goes with them: an address is one of the settings, too.
    pub(crate) fn check(&self, has_address: bool) -> Result<(), Failure> {
        let setting = match () {
            () if self.adapter_metric.is_some() => "--adapter-metric",
            () if has_address => "--address",
            () => return Ok(()),
        };
        if self.no_adapter_settings {
            let text = format!(
                "{setting} is one of the settings that --no-adapter-settings leaves alone: give one of them"
            );
            return Err(Failure::new(Exit::Usage, text));
        }
        Ok(())
    }

    #[cfg(windows)]
    fn options(&self, mac: MacAddr, mtu: u16) -> TapOptions {
        let choice = match (&self.tap_instance_id, &self.tap) {
            (Some(id), _) => AdapterChoice::Instance(id.clone()),
            (None, Some(name)) => AdapterChoice::parse(name),
            (None, None) => AdapterChoice::Only,
        };
        let mut policy = AdapterPolicy::default();
        if self.no_adapter_settings {
            policy = AdapterPolicy::HANDS_OFF;
        } else {
            if let Some(metric) = self.adapter_metric {
                policy.metric = (metric > 0).then_some(metric);
            }
            policy.private_network = !self.no_private_network;
        }
        let mut options = TapOptions::new(choice);
        options.mac(mac).mtu(mtu).policy(policy);
        options
    }
}

/// What must be so before anything else is tried.
#[cfg(windows)]
pub(crate) fn check_permission() -> Result<(), Failure> {
    match is_elevated() {
        Ok(false) => Err(Failure::new(
            Exit::NotPermitted,
            "not elevated: run it as administrator, from a prompt that was opened with \"Run as administrator\"",
        )),
        // Where nobody can tell, the adapter will.
        Ok(true) | Err(_) => Ok(()),
    }
}

/// Takes the adapter; `None` if the program is told to end meanwhile.
#[cfg(windows)]
pub(crate) async fn open(
    tap: &TapArgs,
    mac: MacAddr,
    mtu: u16,
    shutdown: &mut Shutdown,
) -> Result<Option<(Port, TapHandle)>, Failure> {
    let options = tap.options(mac, mtu);
    // It may restart the adapter, which takes seconds.
    let mut opening = tokio::task::spawn_blocking(move || TapPort::open_with_handle(&options));
    let opened = match shutdown.unless_requested(&mut opening).await {
        Ok(opened) => opened,
        Err(_) => {
            // Left half-way, the adapter would be as nobody wants it.
            info!(target: SAY, "putting the adapter back as it was");
            drop(opening.await);
            return Ok(None);
        }
    };
    let (port, handle) = opened
        .map_err(|error| Failure::with_source(Exit::Internal, "the adapter could not be taken", error))??;
    let name = handle.name();
    info!(target: SAY, event = "port", tap = name, %mac, "took the adapter {name} ({mac})");
    Ok(Some((port, handle)))
}

/// A window of the program's own vanishes with it, before anybody can read why.
#[cfg(windows)]
pub(crate) fn keep_window() {
    use std::io::{IsTerminal as _, Write as _};
    let (stdin, mut stderr) = (std::io::stdin(), std::io::stderr());
    if stdin.is_terminal() && owns_console() {
        let _ = write!(stderr, "Press Enter to close this window.");
        let _ = stdin.read_line(&mut String::new());
    }
}

/// Braces are added where they were left out.
fn parse_instance_id(text: &str) -> Result<String, String> {
    let bare = text.trim();
    let bare = bare.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(bare);
    let is_digits = |part: &str, len| part.len() == len && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let parts: Vec<&str> = bare.split('-').collect();
    if parts.len() == 5 && parts.iter().zip([8, 4, 4, 4, 12]).all(|(part, len)| is_digits(part, len)) {
        Ok(format!("{{{}}}", bare.to_ascii_uppercase()))
    } else {
        Err("write it as in {6AE5C2A0-1234-5678-9ABC-DEF012345678}".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Options {
        #[command(flatten)]
        tap: TapArgs,
    }

    fn parse(args: &[&str]) -> Result<TapArgs, String> {
        let args = [&["test"], args].concat();
        Options::try_parse_from(args).map(|options| options.tap).map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_has_to_be_given() {
        let tap = parse(&[]).expect("all is optional");
        assert_eq!((tap.tap, tap.tap_instance_id, tap.adapter_metric), (None, None, None));
        assert!(!tap.no_adapter_settings && !tap.no_private_network);
    }

    #[test]
    fn an_instance_id_is_told_from_anything_else() {
        let wanted = "{6AE5C2A0-1234-5678-9ABC-DEF012345678}";
        for good in
            [wanted, "6ae5c2a0-1234-5678-9abc-def012345678", " {6AE5C2A0-1234-5678-9ABC-DEF012345678} "]
        {
            assert_eq!(parse_instance_id(good).as_deref(), Ok(wanted));
        }
        for bad in [
            "",
            "{}",
            "Ethernet 2",
            "{6AE5C2A0-1234-5678-9ABC-DEF01234567}",
            "{6AE5C2A0",
            "g".repeat(36).as_str(),
        ] {
            assert!(parse_instance_id(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        let id = "{6AE5C2A0-1234-5678-9ABC-DEF012345678}";
        let said = parse(&["--tap", "Ethernet 2", "--tap-instance-id", id]).expect_err("one of them");
        assert!(said.contains("cannot be used with"), "{said}");
        let said = parse(&["--adapter-metric", "10000"]).expect_err("too large");
        assert!(said.contains("10000 is not in 0..=9999"), "{said}");
        let tap = parse(&["--adapter-metric", "5", "--no-adapter-settings"]).expect("well written");
        assert_eq!(tap.check(false).expect_err("contradicting").exit(), Exit::Usage);
        let tap = parse(&["--no-adapter-settings"]).expect("well written");
        assert!(tap.check(false).is_ok());
        let said = tap.check(true).expect_err("contradicting").to_string();
        assert!(said.starts_with("--address is one of the settings"), "{said}");
        let tap = parse(&["--adapter-metric", "5", "--no-adapter-settings=false"]).expect("well written");
        assert!(tap.check(true).is_ok());
    }
}
