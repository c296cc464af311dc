//! How members and their reasons are called in sentences.

use super::{LeaveReason, PeerInfo, PeerRole};

impl PeerInfo {
    /// How the other members of its room call it: a room has one gateway, and clients may have names.
    #[must_use]
    pub fn called(&self) -> String {
        match (self.role, &self.name) {
            (PeerRole::Gateway, _) => "the LAN's gateway".to_owned(),
            (PeerRole::Client, Some(name)) => name.clone(),
            (PeerRole::Client, None) => format!("member {}", self.peer),
        }
    }
}

impl LeaveReason {
    /// The reason together with the leaver's own `words`. `None` if there is nothing to tell.
    pub(crate) fn with_words(self, words: &str) -> Option<String> {
        match (self, words) {
            (Self::Normal, "") => None,
            (Self::Normal, words) => Some(words.to_owned()),
            (reason, "") => Some(reason.to_string()),
            (reason, words) => Some(format!("{reason} ({words})")),
        }
    }
}
