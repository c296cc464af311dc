//! The DHCP server of the demonstration's LAN: the four messages of RFC 2131 that give a host its address.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use anyhow::Result;
use smoltcp::wire::{DHCP_CLIENT_PORT, DHCP_SERVER_PORT};
use smoltcp::wire::{DhcpMessageType, DhcpPacket, DhcpRepr, EthernetAddress, Ipv4Cidr};

use crate::socket::UdpSocket;
use crate::stack::Stack;

/// Which addresses a server gives out, and for how long.
#[derive(Debug)]
pub(crate) struct Server {
    /// Its own address and the network's size.
    own: Ipv4Cidr,
    /// The first address that it gives; the following ones come next.
    first: Ipv4Addr,
    leases: BTreeMap<EthernetAddress, Ipv4Addr>,
}

impl Server {
    pub(crate) const fn new(own: Ipv4Cidr, first: Ipv4Addr) -> Self {
        Self { own, first, leases: BTreeMap::new() }
    }

    /// Serves on `stack` for as long as the task lives.
    pub(crate) async fn run(mut self, stack: Stack) -> Result<()> {
        let socket = UdpSocket::bind(&stack, DHCP_SERVER_PORT)?;
        loop {
            let (request, _) = socket.recv_from().await;
            if let Some(reply) = self.answer(&request) {
                // A client without an address cannot be asked for it by ARP.
                socket.send_to(&reply, (Ipv4Addr::BROADCAST, DHCP_CLIENT_PORT))?;
            }
        }
    }

    /// What to say to a client, if anything. Whoever asks again gets the same address.
    pub(crate) fn answer(&mut self, request: &[u8]) -> Option<Vec<u8>> {
        let packet = DhcpPacket::new_checked(request).ok()?;
        let request = DhcpRepr::parse(&packet).ok()?;
        let client = request.client_hardware_address;
        let message_type = match request.message_type {
            DhcpMessageType::Discover => DhcpMessageType::Offer,
            DhcpMessageType::Request
                if request.server_identifier.is_none_or(|id| id == self.own.address()) =>
            {
                let wanted = request.requested_ip.unwrap_or(request.client_ip);
                if self.leases.get(&client).is_some_and(|lease| *lease == wanted) {
                    DhcpMessageType::Ack
                } else {
                    DhcpMessageType::Nak
                }
            }
            DhcpMessageType::Release => {
                self.leases.remove(&client);
                return None;
            }
            _ => return None,
        };
        let granted = message_type != DhcpMessageType::Nak;
        let reply = DhcpRepr {
            message_type,
            transaction_id: request.transaction_id,
            secs: 0,
            client_hardware_address: client,
            client_ip: Ipv4Addr::UNSPECIFIED,
            your_ip: if granted { self.address_of(client)? } else { Ipv4Addr::UNSPECIFIED },
            server_ip: self.own.address(),
            router: granted.then(|| self.own.address()),
            subnet_mask: granted.then(|| self.own.netmask()),
            relay_agent_ip: Ipv4Addr::UNSPECIFIED,
            broadcast: true,
            requested_ip: None,
            client_identifier: None,
            server_identifier: Some(self.own.address()),
            parameter_request_list: None,
            dns_servers: None,
            max_size: None,
            lease_duration: granted.then_some(LEASE_SECONDS),
            renew_duration: None,
            rebind_duration: None,
            additional_options: &[],
        };
        let mut bytes = vec![0; reply.buffer_len()];
        reply.emit(&mut DhcpPacket::new_unchecked(&mut bytes)).ok()?;
        Some(bytes)
    }

    /// A client's address, the old one or the lowest that is free; `None` if there is none left.
    fn address_of(&mut self, client: EthernetAddress) -> Option<Ipv4Addr> {
        if let Some(address) = self.leases.get(&client) {
            return Some(*address);
        }
        let first = self.first.to_bits();
        let free = (first..=u32::MAX)
            .map(Ipv4Addr::from_bits)
            .take_while(|address| self.own.contains_addr(address) && Some(*address) != self.own.broadcast())
            .find(|address| !self.leases.values().any(|taken| taken == address))?;
        self.leases.insert(client, free);
        Some(free)
    }
}

const LEASE_SECONDS: u32 = 3600;

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: Ipv4Cidr = Ipv4Cidr::new(Ipv4Addr::new(10, 77, 0, 1), 29);

    fn server() -> Server {
        Server::new(OWN, Ipv4Addr::new(10, 77, 0, 5))
    }

    fn ask(
        server: &mut Server,
        message_type: DhcpMessageType,
        client: u8,
        wanted: Option<Ipv4Addr>,
    ) -> Option<(DhcpMessageType, Ipv4Addr)> {
        let request = DhcpRepr {
            message_type,
            transaction_id: 7,
            secs: 0,
            client_hardware_address: EthernetAddress([2, 0, 0, 0, 0, client]),
            client_ip: Ipv4Addr::UNSPECIFIED,
            your_ip: Ipv4Addr::UNSPECIFIED,
            server_ip: Ipv4Addr::UNSPECIFIED,
            router: None,
            subnet_mask: None,
            relay_agent_ip: Ipv4Addr::UNSPECIFIED,
            broadcast: false,
            requested_ip: wanted,
            client_identifier: None,
            server_identifier: None,
            parameter_request_list: None,
            dns_servers: None,
            max_size: None,
            lease_duration: None,
            renew_duration: None,
            rebind_duration: None,
            additional_options: &[],
        };
        let mut bytes = vec![0; request.buffer_len()];
        request.emit(&mut DhcpPacket::new_unchecked(&mut bytes)).unwrap();
        let reply = server.answer(&bytes)?;
        let packet = DhcpPacket::new_checked(&reply[..]).unwrap();
        let reply = DhcpRepr::parse(&packet).unwrap();
        assert_eq!(reply.transaction_id, 7);
        Some((reply.message_type, reply.your_ip))
    }

    #[test]
    fn a_client_gets_what_it_was_offered_and_keeps_it() {
        let (mut server, address) = (server(), Ipv4Addr::new(10, 77, 0, 5));
        assert_eq!(
            ask(&mut server, DhcpMessageType::Discover, 1, None),
            Some((DhcpMessageType::Offer, address))
        );
        for _ in 0..2 {
            assert_eq!(
                ask(&mut server, DhcpMessageType::Request, 1, Some(address)),
                Some((DhcpMessageType::Ack, address))
            );
        }
    }

    #[test]
    fn what_was_not_offered_is_refused() {
        let (mut server, foreign) = (server(), Ipv4Addr::new(10, 77, 0, 6));
        assert_eq!(
            ask(&mut server, DhcpMessageType::Request, 1, Some(foreign)),
            Some((DhcpMessageType::Nak, Ipv4Addr::UNSPECIFIED))
        );
    }

    #[test]
    fn addresses_run_out_and_come_back() {
        let mut server = server();
        assert!(ask(&mut server, DhcpMessageType::Discover, 1, None).is_some());
        assert!(ask(&mut server, DhcpMessageType::Discover, 2, None).is_some());
        assert_eq!(
            ask(&mut server, DhcpMessageType::Discover, 3, None),
            None,
            "the next is the broadcast address"
        );
        assert_eq!(ask(&mut server, DhcpMessageType::Release, 1, None), None);
        assert!(ask(&mut server, DhcpMessageType::Discover, 3, None).is_some());
    }

    #[test]
    fn garbage_is_not_answered() {
        assert_eq!(server().answer(&[0; 300]), None);
        assert_eq!(server().answer(b""), None);
    }
}
