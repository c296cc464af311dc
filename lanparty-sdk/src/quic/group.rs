//! Sockets on one UDP port, one for each worker of a relay, between which the kernel sorts datagrams.

use std::io;
use std::net::{SocketAddr, UdpSocket};

use nix::sys::socket::{setsockopt, sockopt::AttachReusePortCbpf};
use socket2::SockRef;

use super::socket::{BindError, BufferReport, SocketBuffers, bind_socket};

/// Opens non-blocking UDP sockets on `addr`: what a [`Worker`](crate::proto::Worker) serves comes in at the socket of
/// its index. One on `::` also serves IPv4, where the system can do that.
pub(crate) fn bind_group(
    addr: SocketAddr,
    count: usize,
    buffers: SocketBuffers,
) -> Result<(Vec<UdpSocket>, BufferReport), BindError> {
    // The first one asks for the port as if it were alone: whoever has it already keeps it, another group too.
    let (first, report) =
        bind_socket(addr, buffers, |_| Ok(())).map_err(|source| BindError::new(addr, source))?;
    let share = || {
        let mut addr = addr;
        addr.set_port(first.local_addr()?.port());
        SockRef::from(&first).set_reuse_port(true)?;
        let mut sockets = Vec::with_capacity(count);
        for _ in 1..count {
            sockets.push(bind_socket(addr, buffers, |socket| socket.set_reuse_port(true))?.0);
        }
        sort(&first, count)?;
        Ok(sockets)
    };
    let mut sockets: Vec<_> = share().map_err(|source| BindError::Workers { addr, source })?;
    sockets.insert(0, first);
    Ok((sockets, report))
}

/// Has the kernel sort what comes for a group of `count` sockets, of which `socket` is one.
fn sort(socket: &UdpSocket, count: usize) -> io::Result<()> {
    let program = program(u32::try_from(count).map_err(|_| io::ErrorKind::InvalidInput)?);
    let program = libc::sock_fprog {
        len: u16::try_from(program.len()).map_err(|_| io::ErrorKind::InvalidInput)?,
        filter: program.as_ptr().cast_mut(),
    };
    Ok(setsockopt(socket, AttachReusePortCbpf, &program)?)
}

/// The classic BPF program that finds the socket for a UDP payload, by the rules of QUIC in all its versions (RFC 8999).
/// What is too short for it goes to the first socket, where it is dropped like any rubbish.
const fn program(count: u32) -> [libc::sock_filter; 7] {
    const LOAD_BYTE: u16 = 0x30;
    const JUMP: u16 = 0x05;
    const JUMP_IF_SET: u16 = 0x45;
    const MODULO: u16 = 0x94;
    const RETURN: u16 = 0x16;
    const LONG_HEADER: u32 = 0x80;
    [
        instruction(LOAD_BYTE, 0, 0, 0),
        instruction(JUMP_IF_SET, 0, 2, LONG_HEADER),
        // Flags, four bytes of the version, one of the length, and then the receiver's connection id.
        instruction(LOAD_BYTE, 0, 0, 6),
        instruction(JUMP, 0, 0, 1),
        // Flags, and then the receiver's connection id.
        instruction(LOAD_BYTE, 0, 0, 1),
        instruction(MODULO, 0, 0, count),
        instruction(RETURN, 0, 0, 0),
    ]
}

const fn instruction(code: u16, jump_true: u8, jump_false: u8, k: u32) -> libc::sock_filter {
    libc::sock_filter { code, jt: jump_true, jf: jump_false, k }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};
    use std::time::Duration;

    use super::super::bind_udp;
    use super::*;
    use crate::proto::Worker;

    /// Far longer than a datagram takes on the loopback; only a failure meets it.
    const PATIENCE: Duration = Duration::from_secs(30);

    fn group(addr: SocketAddr, count: usize) -> Result<Vec<UdpSocket>, BindError> {
        let (sockets, _) = bind_group(addr, count, SocketBuffers::default())?;
        for socket in &sockets {
            socket.set_nonblocking(false).unwrap();
            socket.set_read_timeout(Some(PATIENCE)).unwrap();
        }
        Ok(sockets)
    }

    fn loopback() -> SocketAddr {
        (Ipv4Addr::LOCALHOST, 0).into()
    }

    /// Sends a datagram and expects it at one socket of the group.
    fn arrives(from: &UdpSocket, sockets: &[UdpSocket], at: usize, datagram: &[u8]) {
        let port = sockets[0].local_addr().unwrap().port();
        from.send_to(datagram, (Ipv4Addr::LOCALHOST, port)).unwrap();
        let mut buffer = [0; 64];
        let len =
            sockets[at].recv(&mut buffer).unwrap_or_else(|error| panic!("{datagram:x?} at {at}: {error}"));
        assert_eq!(&buffer[..len], datagram);
    }

    fn every_id_finds_its_socket(addr: SocketAddr, count: usize) {
        let sockets = group(addr, count).unwrap();
        let from = UdpSocket::bind(loopback()).unwrap();
        for byte in 0..=u8::MAX {
            let at = Worker::all(count).position(|worker| worker.serves(byte)).unwrap();
            for flags in [0x80, 0xc3, 0xff] {
                arrives(&from, &sockets, at, &[flags, !byte, 0, 0, 1, 20, byte, !byte, !byte]);
            }
            for flags in [0x00, 0x41, 0x7f] {
                arrives(&from, &sockets, at, &[flags, byte, !byte, !byte, !byte, !byte, !byte, !byte]);
            }
        }
        for short in [&[][..], &[0x40], &[0xc0], &[0xc0, 1, 1, 1, 1, 1]] {
            arrives(&from, &sockets, 0, short);
        }
    }

    #[test]
    fn datagrams_are_sorted_by_connection_id_alone() {
        for count in [2, 3, 64] {
            every_id_finds_its_socket(loopback(), count);
        }
    }

    #[test]
    fn a_group_on_all_addresses_sorts_ipv4_too() {
        let addr: SocketAddr = (Ipv6Addr::UNSPECIFIED, 0).into();
        match UdpSocket::bind(addr) {
            Ok(_) => every_id_finds_its_socket(addr, 4),
            Err(error) => println!("skipped, there is no IPv6 here: {error}"),
        }
    }

    #[test]
    fn nobody_else_gets_the_port_until_the_whole_group_is_gone() {
        let mut sockets = group(loopback(), 3).unwrap();
        let addr = sockets[0].local_addr().unwrap();
        while let Some(last) = sockets.pop() {
            let alone = bind_udp(addr, SocketBuffers::default()).unwrap_err();
            assert!(matches!(alone, BindError::InUse { .. }), "{alone:?}");
            let other = group(addr, 3).unwrap_err();
            assert!(matches!(other, BindError::InUse { .. }), "{other:?}");
            drop(last);
        }
        let sockets = group(addr, 2).unwrap();
        assert!(sockets.iter().all(|socket| socket.local_addr().unwrap() == addr));
    }

    #[test]
    fn a_group_is_refused_a_port_that_somebody_has() {
        let (alone, _) = bind_udp(loopback(), SocketBuffers::default()).unwrap();
        let refused = group(alone.local_addr().unwrap(), 2).unwrap_err();
        assert!(matches!(refused, BindError::InUse { .. }), "{refused:?}");
    }
}
