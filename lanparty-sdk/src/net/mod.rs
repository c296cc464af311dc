//! Relay addresses: parsing and resolution.

use crate::error::{Coded, code};
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// The UDP port of a relay unless another is given.
pub const DEFAULT_PORT: u16 = 443;
/// Longest host name (RFC 1035, section 2.3.4, in its written form).
const MAX_HOST_LEN: usize = 253;
/// Longest part of a host name between two dots.
const MAX_LABEL_LEN: usize = 63;

/// Where a relay is reached: a host and a UDP port, by default [`DEFAULT_PORT`].
///
/// ```
/// use lanparty_sdk::net::RelayAddr;
///
/// let relay: RelayAddr = "relay.example.org".parse()?;
/// assert_eq!(relay.to_string(), "relay.example.org:443");
/// assert_eq!("[2001:db8::1]:4433".parse::<RelayAddr>()?.port(), 4433);
/// # Ok::<(), lanparty_sdk::net::ParseAddrError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RelayAddr {
    host: Host,
    port: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Host {
    Ip(IpAddr),
    /// Lower case, and nothing but letters, digits, hyphens, underscores and dots.
    Name(String),
}

impl RelayAddr {
    /// The UDP port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The name that the relay's certificate must be made out to: the host name in lower case, or the IP address
    /// without brackets.
    #[must_use]
    pub fn server_name(&self) -> String {
        match &self.host {
            Host::Ip(ip) => ip.to_string(),
            Host::Name(name) => name.clone(),
        }
    }

    /// Asks the operating system for the relay's addresses, in the order in which it gives them, each once.
    ///
    /// # Errors
    /// [`ResolveError`] if the look-up failed or found nothing.
    pub async fn resolve(&self) -> Result<Vec<SocketAddr>, ResolveError> {
        let name = match &self.host {
            Host::Ip(ip) => return Ok(vec![SocketAddr::new(*ip, self.port)]),
            Host::Name(name) => name,
        };
        let found = tokio::net::lookup_host((name.as_str(), self.port))
            .await
            .map_err(|source| ResolveError::Lookup { host: name.clone(), source })?;
        let mut addrs = Vec::new();
        for addr in found {
            if !addrs.contains(&addr) {
                addrs.push(addr);
            }
        }
        if addrs.is_empty() { Err(ResolveError::Empty { host: name.clone() }) } else { Ok(addrs) }
    }
}

impl FromStr for RelayAddr {
    type Err = ParseAddrError;

    /// Reads `HOST`, `HOST:PORT`, `IPv4`, `IPv4:PORT`, `[IPv6]`, `[IPv6]:PORT` or a bare `IPv6`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.contains('/') {
            return Err(ParseAddrError::Url);
        }
        let (host, port) = if let Some(rest) = text.strip_prefix('[') {
            let (ip, port) = parse_bracketed(rest)?;
            (Host::Ip(ip.into()), port)
        } else if let Ok(ip) = text.parse::<Ipv6Addr>() {
            (Host::Ip(ip.into()), None)
        } else {
            match text.rsplit_once(':') {
                Some((host, _)) if host.contains(':') => return Err(ParseAddrError::Brackets),
                Some((host, port)) => (parse_host(host)?, Some(parse_port(port)?)),
                None => (parse_host(text)?, None),
            }
        };
        match port.unwrap_or(DEFAULT_PORT) {
            0 => Err(ParseAddrError::Port),
            port => Ok(Self { host, port }),
        }
    }
}

impl fmt::Display for RelayAddr {
    /// Always with the port, and in a form that [`FromStr`] reads back.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Ip(ip) => SocketAddr::new(*ip, self.port).fmt(f),
            Host::Name(name) => write!(f, "{name}:{}", self.port),
        }
    }
}

/// Where a relay listens: a local address and a UDP port, by default `0.0.0.0:443`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ListenAddr(pub SocketAddr);

impl Default for ListenAddr {
    fn default() -> Self {
        Self(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), DEFAULT_PORT))
    }
}

impl FromStr for ListenAddr {
    type Err = ParseAddrError;

    /// Reads `ADDR:PORT` or `PORT`, each also with `/udp` behind it. An IPv6 address stands in brackets. Port 0 lets
    /// the operating system choose.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = match text.split_once('/') {
            Some((addr, "udp")) => addr,
            Some(_) => return Err(ParseAddrError::Protocol),
            None => text,
        };
        if let Some(rest) = text.strip_prefix('[') {
            let (ip, port) = parse_bracketed(rest)?;
            return Ok(Self(SocketAddr::new(ip.into(), port.ok_or(ParseAddrError::Port)?)));
        }
        match text.rsplit_once(':') {
            Some((host, _)) if host.contains(':') => Err(ParseAddrError::Brackets),
            Some((host, port)) => {
                let ip: Ipv4Addr = host.parse().map_err(|_| ParseAddrError::ListenHost)?;
                Ok(Self(SocketAddr::new(ip.into(), parse_port(port)?)))
            }
            None => Ok(Self(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), parse_port(text)?))),
        }
    }
}

impl fmt::Display for ListenAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The text is not an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseAddrError {
    /// An IPv6 address together with a port, without brackets.
    #[error("put the IPv6 address in brackets, as in [2001:db8::1]:443")]
    Brackets,
    /// The host is not a name.
    #[error("not a host name: write only letters, digits, hyphens and dots, as in relay.example.org:443")]
    Host,
    /// What stands where an IPv4 address should.
    #[error("not an IPv4 address: write four numbers from 0 to 255, as in 192.0.2.1")]
    Ipv4,
    /// What stands in brackets.
    #[error("not an IPv6 address in brackets: write it as in [2001:db8::1]:443")]
    Ipv6,
    /// A listening address that is no IP address.
    #[error("not a local address to listen on: write PORT, or ADDRESS:PORT as in 0.0.0.0:443 or [::]:443")]
    ListenHost,
    /// The port.
    #[error("not a port: write a number from 1 to 65535 after the colon")]
    Port,
    /// A protocol other than UDP.
    #[error("only /udp may follow a listening address")]
    Protocol,
    /// A URL.
    #[error("not a host: leave out the scheme and the path, as in relay.example.org:443")]
    Url,
}

/// The relay's addresses could not be found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// The look-up gave no address.
    #[error("host {host} has no address: check its spelling")]
    Empty {
        /// The name that was looked up.
        host: String,
    },
    /// The look-up failed.
    #[error("cannot look up host {host}: check its spelling and this computer's Internet connection")]
    Lookup {
        /// The name that was looked up.
        host: String,
        /// What the operating system said.
        source: io::Error,
    },
}

/// Reads what follows the opening bracket.
fn parse_bracketed(text: &str) -> Result<(Ipv6Addr, Option<u16>), ParseAddrError> {
    let (ip, rest) = text.split_once(']').ok_or(ParseAddrError::Ipv6)?;
    let ip = ip.parse().map_err(|_| ParseAddrError::Ipv6)?;
    match rest.strip_prefix(':') {
        Some(port) => Ok((ip, Some(parse_port(port)?))),
        None if rest.is_empty() => Ok((ip, None)),
        None => Err(ParseAddrError::Ipv6),
    }
}

/// Reads digits only: `u16` itself would also take a sign.
fn parse_port(text: &str) -> Result<u16, ParseAddrError> {
    if text.is_empty() || text.len() > 5 || !text.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(ParseAddrError::Port);
    }
    text.parse().map_err(|_| ParseAddrError::Port)
}

fn parse_host(text: &str) -> Result<Host, ParseAddrError> {
    if let Ok(ip) = text.parse::<Ipv4Addr>() {
        return Ok(Host::Ip(ip.into()));
    }
    let label_ok = |label: &str| {
        !label.is_empty()
            && label.len() <= MAX_LABEL_LEN
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    if text.len() > MAX_HOST_LEN || !text.split('.').all(label_ok) {
        return Err(ParseAddrError::Host);
    }
    // No top-level domain is a number: this is a mistyped IPv4 address, and resolvers disagree on what it means.
    if text.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit())) {
        return Err(ParseAddrError::Ipv4);
    }
    Ok(Host::Name(text.to_ascii_lowercase()))
}

impl Coded for ParseAddrError {
    fn code(&self) -> u32 {
        code::ADDRESS
    }
}

impl Coded for ResolveError {
    fn code(&self) -> u32 {
        code::RESOLVE
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn relay(text: &str) -> Result<String, ParseAddrError> {
        text.parse::<RelayAddr>().map(|relay| relay.to_string())
    }

    fn listen(text: &str) -> Result<String, ParseAddrError> {
        text.parse::<ListenAddr>().map(|listen| listen.to_string())
    }

    #[test]
    fn every_form_of_a_relay_address() {
        for (text, expected) in [
            ("relay.example.org", "relay.example.org:443"),
            ("Relay.Example.ORG:4433", "relay.example.org:4433"),
            ("localhost:1", "localhost:1"),
            ("compose_service", "compose_service:443"),
            ("192.0.2.1", "192.0.2.1:443"),
            ("192.0.2.1:65535", "192.0.2.1:65535"),
            ("2001:db8::1", "[2001:db8::1]:443"),
            ("::1", "[::1]:443"),
            ("[2001:db8::1]", "[2001:db8::1]:443"),
            ("[::ffff:192.0.2.1]:8443", "[::ffff:192.0.2.1]:8443"),
        ] {
            assert_eq!(relay(text).as_deref(), Ok(expected), "{text}");
        }
        assert_eq!("[2001:db8::1]:5".parse::<RelayAddr>().unwrap().server_name(), "2001:db8::1");
        assert_eq!("A.b:5".parse::<RelayAddr>().unwrap().server_name(), "a.b");
    }

    #[test]
    fn a_relay_address_is_read_strictly() {
        for (text, expected) in [
            ("", ParseAddrError::Host),
            (":443", ParseAddrError::Host),
            ("host:", ParseAddrError::Port),
            ("host:0", ParseAddrError::Port),
            ("host:+1", ParseAddrError::Port),
            ("host:65536", ParseAddrError::Port),
            ("host:4 3", ParseAddrError::Port),
            (" host", ParseAddrError::Host),
            ("host.", ParseAddrError::Host),
            ("a..b", ParseAddrError::Host),
            ("-a.b", ParseAddrError::Host),
            ("bücher.example", ParseAddrError::Host),
            ("1.2.3", ParseAddrError::Ipv4),
            ("256.1.1.1", ParseAddrError::Ipv4),
            ("443", ParseAddrError::Ipv4),
            ("2001:db8::1:", ParseAddrError::Brackets),
            ("2001:db8::zz:443", ParseAddrError::Brackets),
            ("[2001:db8::1", ParseAddrError::Ipv6),
            ("[2001:db8::1]443", ParseAddrError::Ipv6),
            ("[192.0.2.1]:443", ParseAddrError::Ipv6),
            ("[fe80::1%eth0]:443", ParseAddrError::Ipv6),
            ("[::1]:", ParseAddrError::Port),
            ("[::1]:0", ParseAddrError::Port),
            ("https://relay.example.org", ParseAddrError::Url),
            ("relay.example.org/room", ParseAddrError::Url),
        ] {
            assert_eq!(relay(text), Err(expected), "{text:?}");
        }
    }

    #[test]
    fn every_form_of_a_listening_address() {
        assert_eq!(ListenAddr::default().to_string(), "0.0.0.0:443");
        for (text, expected) in [
            ("443", "0.0.0.0:443"),
            ("4433/udp", "0.0.0.0:4433"),
            ("127.0.0.1:0", "127.0.0.1:0"),
            ("192.0.2.1:443/udp", "192.0.2.1:443"),
            ("[::]:443", "[::]:443"),
            ("[::1]:443/udp", "[::1]:443"),
        ] {
            assert_eq!(listen(text).as_deref(), Ok(expected), "{text}");
        }
        for (text, expected) in [
            ("", ParseAddrError::Port),
            ("443/tcp", ParseAddrError::Protocol),
            ("443/", ParseAddrError::Protocol),
            ("/udp", ParseAddrError::Port),
            ("443/udp/udp", ParseAddrError::Protocol),
            ("localhost:443", ParseAddrError::ListenHost),
            (":443", ParseAddrError::ListenHost),
            ("0.0.0.0", ParseAddrError::Port),
            ("::1:443", ParseAddrError::Brackets),
            ("[::1]", ParseAddrError::Port),
            ("-1", ParseAddrError::Port),
        ] {
            assert_eq!(listen(text), Err(expected), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn socket_addresses_round_trip(ip: IpAddr, port in 1..=u16::MAX) {
            let addr = SocketAddr::new(ip, port);
            prop_assert_eq!(relay(&addr.to_string()), Ok(addr.to_string()));
            prop_assert_eq!(listen(&addr.to_string()), Ok(addr.to_string()));
        }

        #[test]
        fn names_round_trip(host in "[a-z][a-z0-9]{0,9}(\\.[a-z][a-z0-9-]{0,8}[a-z0-9]){0,3}", port in 1..=u16::MAX) {
            let text = format!("{host}:{port}");
            prop_assert_eq!(relay(&text), Ok(text));
            prop_assert_eq!(relay(&host), Ok(format!("{host}:{DEFAULT_PORT}")));
        }

        #[test]
        fn what_parses_prints_as_something_that_parses_to_the_same(text in "[\\[\\]:./a1_%-]{0,12}|\\PC{0,20}") {
            if let Ok(addr) = text.parse::<RelayAddr>() {
                prop_assert_eq!(addr.to_string().parse(), Ok(addr));
            }
            if let Ok(addr) = text.parse::<ListenAddr>() {
                prop_assert_eq!(addr.to_string().parse(), Ok(addr));
            }
        }
    }

    #[tokio::test]
    async fn literals_and_localhost_resolve() {
        let literal: RelayAddr = "[::1]:7".parse().unwrap();
        assert_eq!(literal.resolve().await.unwrap(), ["[::1]:7".parse().unwrap()]);
        let local: RelayAddr = "localhost:7".parse().unwrap();
        let addrs = local.resolve().await.unwrap();
        assert!(addrs.iter().all(|addr| addr.ip().is_loopback() && addr.port() == 7), "{addrs:?}");
    }
}
