//! A client from its identity to its farewell.

use lanparty_cli::{Failure, Hooks, MemberOptions, SAY, Shutdown, run_member};
use lanparty_sdk::ctrl::PeerRole;
use lanparty_sdk::identity::Identity;
use lanparty_sdk::port::InterfaceAddress;
use lanparty_sdk::room::Room as _;
use lanparty_sdk::session::{MemberSession, Session as _};
use tracing::{info, warn};

use crate::adapter::{self, TapError, TapHandle};
use crate::options::Options;
use crate::script::UpScript;

/// Stays in the room until `shutdown`, the relay ends it or the adapter is gone.
pub(crate) async fn run(options: Options, mut shutdown: Shutdown) -> Result<(), Failure> {
    adapter::check_permission()?;
    let plug = options.adapter;
    let path = MemberOptions::identity_path(plug.identity, "client-identity.json")?;
    let loaded = Identity::load_or_create(&path)?;
    if let Some(warning) = &loaded.warning {
        warn!(target: SAY, "{warning}");
    }
    if loaded.created {
        info!(target: SAY, path = %path.display(), "made a new identity in {}", path.display());
    }
    let identity = match plug.virtual_mac {
        Some(mac) => loaded.identity.with_mac(mac)?,
        None => loaded.identity,
    };
    let mac = identity.mac();
    let Ok(setup) = shutdown.unless_requested(options.member.prepare()).await else { return Ok(()) };
    let setup = setup?;
    // Nobody is to see a member in the room whose adapter does not work.
    let Some((port, handle)) = adapter::open(&plug.tap, mac, plug.mtu, &mut shutdown).await? else {
        return Ok(());
    };
    let name = handle.name().to_owned();

    // What goes to this host itself takes no route that a tunnel could steal.
    let local = !setup.relay.is_empty() && setup.relay.iter().all(|relay| relay.ip().is_loopback());
    let agent = concat!("lanparty-client/", env!("CARGO_PKG_VERSION"));
    let mut builder = options.member.session(PeerRole::Client, setup, identity, agent).port(port);
    if !local && !plug.no_route_pin {
        builder = builder.keep_out_of(&name);
    }
    let room = options.member.room().clone();
    let script = plug.up_script.map(|path| UpScript::new(path, name, mac, room));
    let mut plug = Plug { handle, address: plug.address, script };
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
