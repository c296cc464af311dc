//! What is changed of a Windows adapter's IP settings, as data.

/// What is changed of an adapter's IP settings while it is a port, and put back afterwards. Only Windows needs that: an
/// adapter of Linux is made for its session.
///
/// The default is what games need, and harms nothing else: broadcasts and multicast leave by the adapter, the default
/// route never does, and name servers of the party come after the computer's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AdapterPolicy {
    /// Whether anything is changed at all. Default: yes. If not, nothing is, not even the MTU.
    pub manage: bool,
    /// The interface's metric; `None` leaves it to Windows. Default: [`AdapterPolicy::DEFAULT_METRIC`].
    pub metric: Option<u16>,
    /// Whether 255.255.255.255 and multicast leave by the adapter. Default: yes.
    pub broadcasts: bool,
    /// Whether Windows shall treat the adapter's network as private, so that its firewall lets games in. Default: yes.
    pub private_network: bool,
}

impl AdapterPolicy {
    /// Above what Windows chooses for physical adapters (5 to 85), so that those come first for everything else; and
    /// below the 256 that Windows adds to every adapter's own broadcast route, so that ours, which adds nothing, wins.
    pub const DEFAULT_METRIC: u16 = 120;

    /// Changes nothing.
    pub const HANDS_OFF: Self =
        Self { manage: false, metric: None, broadcasts: false, private_network: false };
}

impl Default for AdapterPolicy {
    fn default() -> Self {
        Self { manage: true, metric: Some(Self::DEFAULT_METRIC), broadcasts: true, private_network: true }
    }
}
