//! An IP address together with its network, as in `10.77.0.2/24`.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// An IP address of an adapter and the length of its network's prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InterfaceAddress {
    address: IpAddr,
    prefix_len: u8,
}

impl InterfaceAddress {
    /// Joins an address and a prefix length in bits. `None` if the address does not have that many.
    #[must_use]
    pub const fn new(address: IpAddr, prefix_len: u8) -> Option<Self> {
        let bits = if address.is_ipv4() { 32 } else { 128 };
        if prefix_len > bits { None } else { Some(Self { address, prefix_len }) }
    }

    /// The address.
    #[must_use]
    pub const fn address(self) -> IpAddr {
        self.address
    }

    /// How many bits of the address name the network.
    #[must_use]
    pub const fn prefix_len(self) -> u8 {
        self.prefix_len
    }
}

impl fmt::Display for InterfaceAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix_len)
    }
}

/// The text is not an IP address with a prefix length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an address with a prefix length: write it as in 10.77.0.2/24 or fd00::2/64")]
pub struct ParseAddressError;

impl FromStr for InterfaceAddress {
    type Err = ParseAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (address, prefix_len) = text.split_once('/').ok_or(ParseAddressError)?;
        if !prefix_len.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(ParseAddressError);
        }
        let address = address.parse().map_err(|_| ParseAddressError)?;
        let prefix_len = prefix_len.parse().map_err(|_| ParseAddressError)?;
        Self::new(address, prefix_len).ok_or(ParseAddressError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips() {
        for text in ["10.77.0.2/24", "fd00::2/64", "0.0.0.0/0", "::/128"] {
            assert_eq!(text.parse::<InterfaceAddress>().unwrap().to_string(), text);
        }
        for bad in [
            "10.77.0.2",
            "10.77.0.2/33",
            "::1/129",
            "10.77.0/24",
            "10.77.0.2/",
            "10.77.0.2/+4",
            "/24",
            "1::/300",
        ] {
            assert_eq!(bad.parse::<InterfaceAddress>(), Err(ParseAddressError), "{bad}");
        }
    }
}
