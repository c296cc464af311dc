//! LAN parties over the Internet: real Ethernet frames in QUIC datagrams.
//!
//! People far apart play a LAN game as if they sat in one room. A remote player's computer gets a real Ethernet adapter;
//! its frames travel in QUIC datagrams to a relay; a gateway at the party bridges them into the physical LAN.
//! Everything Ethernet carries works: ARP, the party's own DHCP, broadcast game lists, multicast, IPv6, IPX.
//!
//! ```text
//! game <-> TAP adapter <-> client ==QUIC==> relay ==QUIC==> gateway <-> AF_PACKET <-> the party's switch
//!                                             |
//!                      more clients  ==QUIC==>+        rooms: who hears whom
//! ```
//!
//! Three traits are the face of the crate:
//! - [`port::FrameSink`], with its sibling [`port::FrameSource`]: where frames leave and enter a host. Open: implement
//!   them for devices of your own.
//! - [`session::Session`]: one member's life in a room, for clients and gateways alike.
//! - [`room::Room`]: a room as its members and its relay see it.
//!
//! # What it does not do
//!
//! The relay sees the frames it forwards: there is no end-to-end encryption yet, so use a relay that you trust. Whoever
//! knows a room's code may join. There is no direct path between members, and no fallback for networks that block UDP.
//!
//! # Host a relay
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use lanparty_sdk::quic::ServerCert;
//! use lanparty_sdk::relay::{Relay, RelayOptions};
//!
//! let cert = ServerCert::development("relay.example")?;
//! let relay = Relay::bind("127.0.0.1:0".parse()?, &cert, RelayOptions::default())?;
//! println!("listening on {}", relay.local_addr()?);
//! for room in relay.rooms() {
//!     println!("{} has {} members", room.code, room.members.len());
//! }
//! relay.close("the party is over").await;
//! # Ok(()) }
//! ```
//!
//! # Join a room and exchange raw frames
//!
//! The program itself is a port: no driver, no special rights.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # use lanparty_sdk::quic::ServerCert;
//! # use lanparty_sdk::relay::{Relay, RelayOptions};
//! use lanparty_sdk::identity::Identity;
//! use lanparty_sdk::port::memory;
//! use lanparty_sdk::quic::Trust;
//! use lanparty_sdk::room::Room;
//! use lanparty_sdk::session::{Session, SessionBuilder};
//!
//! # let cert = ServerCert::development("relay.example")?;
//! # let relay = Relay::bind("127.0.0.1:0".parse()?, &cert, RelayOptions::default())?;
//! # let address = relay.local_addr()?.to_string();
//! # let certificate = cert.cert_der();
//! let join = async |identity: Identity| {
//!     let (mine, theirs) = memory::pair(64);
//!     let trust = Trust::certificates(certificate)?;
//!     let session = SessionBuilder::client(address.parse()?, trust, "PARTY-42".parse()?, identity)
//!         .server_name("relay.example")
//!         .port(theirs.into_port())
//!         .connect()
//!         .await?;
//!     Ok::<_, Box<dyn std::error::Error>>((session, mine))
//! };
//! let (ann, bob) = (Identity::generate()?, Identity::generate()?);
//! let (from, to) = (ann.mac(), bob.mac());
//! let (_ann, ann_port) = join(ann).await?;
//! let (bob, mut bob_port) = join(bob).await?;
//!
//! let mut frame = [to.octets(), from.octets()].concat();
//! frame.extend_from_slice(&[0x88, 0xb5]); // EtherType for local experiments
//! frame.extend_from_slice(b"hello over there");
//! # let room = bob.room();
//! # let mut changes = room.subscribe();
//! # while room.peers().is_empty() { changes.next().await; }
//! loop {
//!     ann_port.send(&frame).await?;
//!     // Ann's session may not know Bob yet; frames are not kept, as on a real wire.
//!     let wait = std::time::Duration::from_millis(100);
//!     if let Ok(Some(received)) = tokio::time::timeout(wait, bob_port.recv()).await {
//!         assert_eq!(received, frame);
//!         break;
//!     }
//! }
//! # Ok(()) }
//! ```
//!
//! # Bridge a port
//!
//! Any [`port::Port`] will do: a TAP adapter, a physical interface, or, as here, a cable in memory behind which a LAN of
//! the program's own lives.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # use lanparty_sdk::quic::ServerCert;
//! # use lanparty_sdk::relay::{Relay, RelayOptions};
//! use lanparty_sdk::ctrl::LeaveReason;
//! use lanparty_sdk::identity::Identity;
//! use lanparty_sdk::port::memory;
//! use lanparty_sdk::quic::Trust;
//! use lanparty_sdk::session::{Session, SessionBuilder};
//!
//! # let cert = ServerCert::development("relay.example")?;
//! # let relay = Relay::bind("127.0.0.1:0".parse()?, &cert, RelayOptions::default())?;
//! # let address = relay.local_addr()?.to_string();
//! # let trust = Trust::certificates(cert.cert_der())?;
//! let gateway = SessionBuilder::gateway(address.parse()?, trust, "PARTY-42".parse()?, Identity::generate()?)
//!     .server_name("relay.example")
//!     .connect()
//!     .await?;
//! let (_lan, cable) = memory::pair(256);
//! gateway.bridge(cable.into_port()).await?;
//! for line in gateway.diagnostics().user_lines() {
//!     println!("{}", line.text);
//! }
//! gateway.close(LeaveReason::Normal, "good night").await;
//! # Ok(()) }
//! ```
//!
//! # Features
//!
//! - `runtime` (default): sockets, devices and the asynchronous drivers, on tokio and quinn. Without it the crate is its
//!   pure part: every decision, and no clock, socket, thread or random source.
//! - `testing`: a deterministic simulator of whole parties, and builders of crafted frames.
//!
//! Nothing here installs a logger, a panic hook or a signal handler, reads the environment, or keeps a process-wide state.
#![cfg_attr(not(test), warn(clippy::cast_possible_truncation))]
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, reason = "a test may fail by panicking"),
    allow(clippy::disallowed_methods, reason = "a test's time begins at some instant")
)]

mod client;
pub mod ctrl;
pub mod error;
pub mod frame;
mod gateway;
pub mod member;
pub mod obs;
pub mod port;
pub mod proto;
pub mod relay;
pub mod room;
pub mod route;
pub mod switch;
#[cfg(feature = "testing")]
pub mod testing;

#[cfg(feature = "runtime")]
mod file;
#[cfg(feature = "runtime")]
pub mod identity;
#[cfg(all(feature = "runtime", any(windows, test)))]
mod lease;
#[cfg(feature = "runtime")]
pub mod net;
#[cfg(feature = "runtime")]
pub mod quic;
#[cfg(feature = "runtime")]
mod sealed;
#[cfg(feature = "runtime")]
pub mod session;
#[cfg(feature = "runtime")]
pub mod settings;
