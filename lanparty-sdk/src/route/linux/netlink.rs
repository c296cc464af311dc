//! A netlink socket: one question at a time, and all of its answers.

use std::io::{self, IoSliceMut};
use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recvmsg, sendto,
    setsockopt, socket, sockopt::ReceiveTimeout,
};
use nix::sys::time::TimeVal;

/// The length of a message's header in bytes.
const HEADER_LEN: usize = 16;
/// The kernel makes its messages no longer than this.
const BUFFER_LEN: usize = 0x8000;
/// The kernel answers while it is asked. This only keeps an odd one from blocking a session.
const TIMEOUT_S: i64 = 2;
const ERROR: u16 = 2;
const DONE: u16 = 3;

/// A connection to the kernel's routing tables.
#[derive(Debug)]
pub(super) struct Socket {
    fd: OwnedFd,
    sequence: u32,
    buffer: Vec<u8>,
}

impl Socket {
    pub(super) fn open() -> io::Result<Self> {
        let protocol = SockProtocol::NetlinkRoute;
        let fd = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol)?;
        setsockopt(&fd, ReceiveTimeout, &TimeVal::new(TIMEOUT_S, 0))?;
        bind(fd.as_raw_fd(), &NetlinkAddr::new(0, 0))?;
        Ok(Self { fd, sequence: 0, buffer: vec![0; BUFFER_LEN] })
    }

    /// Sends a request and gives the kind and body of each answer to `each`.
    ///
    /// Fails with the kernel's error, and with [`io::ErrorKind::Interrupted`] if a list changed while it was read.
    pub(super) fn ask(
        &mut self,
        kind: u16,
        flags: libc::c_int,
        body: &[u8],
        mut each: impl FnMut(u16, &[u8]),
    ) -> io::Result<()> {
        self.sequence = self.sequence.wrapping_add(1);
        let flags = flags | libc::NLM_F_REQUEST | libc::NLM_F_ACK;
        let request = encode(kind, flags, self.sequence, body)?;
        sendto(self.fd.as_raw_fd(), &request, &NetlinkAddr::new(0, 0), MsgFlags::empty())?;
        let mut changed = false;
        loop {
            let len = self.receive()?;
            let mut rest = self.buffer.get(..len).unwrap_or_default();
            while let Some(message) = Message::split(&mut rest)? {
                if message.sequence != self.sequence {
                    continue;
                }
                changed |= message.is_inconsistent;
                match message.kind {
                    ERROR | DONE => {
                        let code = message.code()?;
                        if code != 0 {
                            return Err(io::Error::from_raw_os_error(code.saturating_neg()));
                        }
                        return if changed { Err(io::ErrorKind::Interrupted.into()) } else { Ok(()) };
                    }
                    kind => each(kind, message.body),
                }
            }
        }
    }

    /// The length of the next datagram that comes from the kernel itself.
    fn receive(&mut self) -> io::Result<usize> {
        loop {
            let mut parts = [IoSliceMut::new(&mut self.buffer)];
            let received = recvmsg::<NetlinkAddr>(self.fd.as_raw_fd(), &mut parts, None, MsgFlags::empty());
            let received = match received {
                Err(nix::errno::Errno::EINTR) => continue,
                other => other?,
            };
            if received.flags.contains(MsgFlags::MSG_TRUNC) {
                return Err(malformed("an answer is longer than any the kernel should send"));
            }
            if received.address.is_some_and(|from| from.pid() == 0) {
                return Ok(received.bytes);
            }
        }
    }
}

/// One message of an answer.
#[derive(Debug)]
struct Message<'a> {
    kind: u16,
    sequence: u32,
    is_inconsistent: bool,
    body: &'a [u8],
}

impl<'a> Message<'a> {
    /// Cuts the next message off `rest`.
    fn split(rest: &mut &'a [u8]) -> io::Result<Option<Self>> {
        if rest.is_empty() {
            return Ok(None);
        }
        let short = || malformed("an answer ends within a message");
        let (header, _) = rest.split_first_chunk::<HEADER_LEN>().ok_or_else(short)?;
        let &[l0, l1, l2, l3, k0, k1, f0, f1, s0, s1, s2, s3, ..] = header;
        let len = usize::try_from(u32::from_ne_bytes([l0, l1, l2, l3])).map_err(|_| short())?;
        let body = rest.get(HEADER_LEN..len).ok_or_else(short)?;
        *rest = rest.get(len.next_multiple_of(4)..).unwrap_or_default();
        let flags = libc::c_int::from(u16::from_ne_bytes([f0, f1]));
        Ok(Some(Self {
            kind: u16::from_ne_bytes([k0, k1]),
            sequence: u32::from_ne_bytes([s0, s1, s2, s3]),
            is_inconsistent: flags & libc::NLM_F_DUMP_INTR != 0,
            body,
        }))
    }

    /// The negative error number of a final message; zero if all went well.
    fn code(&self) -> io::Result<i32> {
        let code = self.body.first_chunk().ok_or_else(|| malformed("a final message says nothing"))?;
        Ok(i32::from_ne_bytes(*code))
    }
}

fn encode(kind: u16, flags: libc::c_int, sequence: u32, body: &[u8]) -> io::Result<Vec<u8>> {
    let long = |_| malformed("a request is too long");
    let len = u32::try_from(HEADER_LEN + body.len()).map_err(long)?;
    let flags = u16::try_from(flags).map_err(long)?;
    let mut request = Vec::with_capacity(HEADER_LEN + body.len());
    request.extend(len.to_ne_bytes());
    request.extend(kind.to_ne_bytes());
    request.extend(flags.to_ne_bytes());
    request.extend(sequence.to_ne_bytes());
    // The kernel knows the sender by its socket.
    request.extend([0; 4]);
    request.extend(body);
    Ok(request)
}

fn malformed(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_splits_into_itself() {
        let mut bytes = encode(7, 3, 9, b"abcde").unwrap();
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes.extend(encode(8, libc::NLM_F_DUMP_INTR, 10, b"").unwrap());
        let mut rest = bytes.as_slice();
        let first = Message::split(&mut rest).unwrap().unwrap();
        assert_eq!((first.kind, first.sequence, first.is_inconsistent), (7, 9, false));
        assert_eq!(first.body, b"abcde");
        let second = Message::split(&mut rest).unwrap().unwrap();
        assert_eq!((second.kind, second.sequence, second.is_inconsistent), (8, 10, true));
        assert!(Message::split(&mut rest).unwrap().is_none());
    }

    #[test]
    fn no_length_leads_out_of_the_answer() {
        let whole = encode(ERROR, 0, 1, &(-1i32).to_ne_bytes()).unwrap();
        for end in 1..whole.len() {
            assert!(Message::split(&mut &whole[..end]).is_err(), "{end}");
        }
        for claimed in [0u32, 15, 21, u32::MAX] {
            let mut bytes = whole.clone();
            bytes[..4].copy_from_slice(&claimed.to_ne_bytes());
            assert!(Message::split(&mut bytes.as_slice()).is_err(), "{claimed}");
        }
        let empty = encode(DONE, 0, 1, b"").unwrap();
        assert!(Message::split(&mut empty.as_slice()).unwrap().unwrap().code().is_err());
    }
}
