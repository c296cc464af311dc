//! The up-script: how a system gives the adapter its addresses and routes.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use lanparty_cli::{Exit, Failure, SAY};
use lanparty_sdk::ctrl::RoomCode;
use lanparty_sdk::frame::MacAddr;
use tokio::process::Command;
use tokio::time::timeout;
use tracing::warn;

use crate::adapter::SCRIPT_HINT;

/// How long the script may take at the end.
const DOWN_TIMEOUT: Duration = Duration::from_secs(10);

/// A program that is told when the adapter is plugged in for the first time, and when it goes away.
#[derive(Debug)]
pub(crate) struct UpScript {
    path: PathBuf,
    tap: String,
    mac: MacAddr,
    room: RoomCode,
    mtu: Option<u16>,
}

impl UpScript {
    pub(crate) const fn new(path: PathBuf, tap: String, mac: MacAddr, room: RoomCode) -> Self {
        Self { path, tap, mac, room, mtu: None }
    }

    /// Calls it with `up`.
    pub(crate) async fn up(&mut self, mtu: u16) -> Result<(), Failure> {
        self.mtu = Some(mtu);
        self.call("up", mtu).await
    }

    /// Calls it with `down`, if it was called with `up`.
    pub(crate) async fn down(&mut self) {
        let Some(mtu) = self.mtu.take() else { return };
        match timeout(DOWN_TIMEOUT, self.call("down", mtu)).await {
            Ok(Ok(())) => {}
            Ok(Err(failure)) => warn!(target: SAY, "{failure}"),
            Err(_) => warn!(target: SAY, "{} down took too long", self.path.display()),
        }
    }

    async fn call(&self, what: &str, mtu: u16) -> Result<(), Failure> {
        let status = Command::new(&self.path)
            .args([what, &self.tap])
            .env("LANPARTY_TAP", &self.tap)
            .env("LANPARTY_MAC", self.mac.to_string())
            .env("LANPARTY_MTU", mtu.to_string())
            .env("LANPARTY_ROOM", self.room.as_str())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .status()
            .await;
        let call = format!("{} {what} {}", self.path.display(), self.tap);
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(Failure::new(Exit::Adapter, format!("`{call}` failed: {status}"))),
            Err(error) => {
                Err(Failure::new(Exit::Adapter, format!("cannot run `{call}`: {error}: {SCRIPT_HINT}")))
            }
        }
    }
}
