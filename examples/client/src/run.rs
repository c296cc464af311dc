//! A client from its identity to its farewell.

use lanparty_cli::{Exit, Failure, Hooks, MemberOptions, SAY, Shutdown, run_member};
use lanparty_sdk::ctrl::PeerRole;
use lanparty_sdk::identity::Identity;
use lanparty_sdk::port::InterfaceAddress;
use lanparty_sdk::port::tap_linux::{TapError, TapHandle, TapOptions, TapPort};
use lanparty_sdk::room::Room as _;
use lanparty_sdk::session::{MemberSession, Session as _};
use tracing::{info, warn};

use crate::options::Options;
use crate::script::UpScript;

/// Stays in the room until a signal comes, the relay ends it or the adapter is gone.
pub(crate) async fn run(options: Options) -> Result<(), Failure> {
    let shutdown = Shutdown::listen()
        .map_err(|error| Failure::with_source(Exit::Internal, "cannot listen to signals", error))?;
    let adapter = options.adapter;
    let path = MemberOptions::identity_path(adapter.identity, "client-identity.json")?;
    let loaded = Identity::load_or_create(&path)?;
    if let Some(warning) = &loaded.warning {
        warn!(target: SAY, "{warning}");
    }
    if loaded.created {
        info!(target: SAY, path = %path.display(), "made a new identity in {}", path.display());
    }
    let identity = match adapter.virtual_mac {
        Some(mac) => loaded.identity.with_mac(mac)?,
        None => loaded.identity,
    };
    let mac = identity.mac();
    let setup = options.member.prepare().await?;

    let mut tap = TapOptions::new(&adapter.tap);
    tap.mac(mac).mtu(adapter.mtu);
    let (port, handle) = TapPort::open_with_handle(&tap)?;
    info!(target: SAY, event = "port", tap = adapter.tap, %mac, "made the adapter {} ({mac})", adapter.tap);

    // What goes to this host itself takes no route that a tunnel could steal.
    let local = !setup.relay.is_empty() && setup.relay.iter().all(|relay| relay.ip().is_loopback());
    let agent = concat!("lanparty-client/", env!("CARGO_PKG_VERSION"));
    let mut builder = options.member.session(PeerRole::Client, setup, identity, agent).port(port);
    if !local && !adapter.no_route_pin {
        builder = builder.keep_out_of(&adapter.tap);
    }
    let room = options.member.room().clone();
    let script = adapter.up_script.map(|path| UpScript::new(path, adapter.tap, mac, room));
    let mut plug = Plug { handle, address: adapter.address, script };
    run_member(builder, &options.member, shutdown, &mut plug).await
}

/// Gives the adapter its address as soon as there is a room behind it.
struct Plug {
    handle: TapHandle,
    address: Option<InterfaceAddress>,
    script: Option<UpScript>,
}

impl Hooks for Plug {
    const ROLE: PeerRole = PeerRole::Client;

    async fn joined(&mut self, session: &MemberSession, first: bool) -> Result<(), Failure> {
        if !first {
            return Ok(());
        }
        if let Some(address) = self.address {
            let name = self.handle.name().to_owned();
            self.handle.add_address(address).map_err(|source| TapError::Address { name, address, source })?;
        }
        match (&mut self.script, session.room().mtu()) {
            (Some(script), Some(mtu)) => script.up(mtu).await,
            _ => Ok(()),
        }
    }

    async fn leaving(&mut self) {
        if let Some(script) = &mut self.script {
            script.down().await;
        }
    }
}
