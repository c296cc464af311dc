//! Settings by key and text, for whatever is configured from outside: a launcher's files and fields, or a caller in
//! another language.
//!
//! The keys are the long options of the programs without their dashes, and the values are written as there: `10s`,
//! `256Ki`, `200:400`, `true`. [`SessionSettings`] make a session, [`RelaySettings`] a relay. Each knows its keys
//! (`KEYS`), takes them one by one (`set`) or as a TOML document (`load_toml`), and has typed fields for code.
//!
//! One value alone is checked at once. What concerns several of them is checked where they are used, so that their order
//! does not matter.
//!
//! ```
//! use lanparty_sdk::ctrl::PeerRole;
//! use lanparty_sdk::identity::Identity;
//! use lanparty_sdk::quic::Trust;
//! use lanparty_sdk::relay::Relay;
//! use lanparty_sdk::settings::{RelaySettings, SessionSettings};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut settings = RelaySettings::new();
//! settings.load_toml("listen = \"127.0.0.1:0\"\nmax-clients-per-room = 8\n")?;
//! let certificate = settings.certificate()?;
//! let relay = Relay::bind(settings.listen, &certificate, settings.options()?)?;
//!
//! let mut settings = SessionSettings::new(PeerRole::Client);
//! settings.set("relay", &relay.local_addr()?.to_string())?;
//! settings.set("room", "PARTY-42")?;
//! settings.set("server-name", "lanparty-relay.local")?;
//! let trust = Trust::certificates(certificate.cert_der())?;
//! let _ann = settings.builder(Identity::generate()?, Some(trust))?.connect().await?;
//!
//! let mistake = settings.set("sever-name", "relay.example").unwrap_err();
//! assert_eq!(mistake.to_string(), "unknown key `sever-name`: did you mean `server-name`?");
//! # Ok(()) }
//! ```

mod error;
mod relay;
mod session;
mod table;
mod transport;
mod values;

pub use error::SettingsError;
pub use relay::RelaySettings;
pub use session::SessionSettings;
pub use transport::TransportSettings;
pub use values::{ByteSize, ParseValueError, RateArg, Span, parse_member_name};

#[cfg(test)]
mod tests;
