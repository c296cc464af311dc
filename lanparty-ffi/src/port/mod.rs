//! Ports: where frames enter and leave a program, or this host.

mod device;
mod frames;
mod plug;
mod sink;

use std::ffi::c_char;
use std::sync::Arc;

use lanparty_sdk::frame::MIN_MTU;
use lanparty_sdk::port::InterfaceAddress;

use crate::error::{Failure, lanparty_error};
use crate::event::{LANPARTY_FLAG_BRIDGED, LANPARTY_FLAG_CLOSED, with_mac};
use crate::handle::{Handle, boundary, free, on, opaque, writable, write_owned};
use crate::status::*;
use crate::text::{Record, field, fill, optional_text, text};
pub(crate) use device::{Capture, Device, Opened, Wanted};
use device::{Kind, Tap};
use sink::{CallerSink, mtu_of};

pub use frames::lanparty_frame;
pub use sink::lanparty_frame_sink;

/// The program itself is the port: it sends and receives raw frames. No driver, no special rights.
pub const LANPARTY_PORT_VIRTUAL: u32 = 1;
/// A device of the program's own, by callbacks.
pub const LANPARTY_PORT_SINK: u32 = 2;
/// A network adapter of this host.
pub const LANPARTY_PORT_TAP: u32 = 3;
/// A wired interface of this host.
pub const LANPARTY_PORT_AF_PACKET: u32 = 4;

/// How many frames each direction of a virtual port holds unless it is told otherwise.
const DEFAULT_CAPACITY: u32 = 256;
/// And at most.
const MAX_CAPACITY: u32 = 65_536;

/// A port of a room: where frames enter and leave. Made by one of the lanparty_port_new functions, used by one session at a
/// time, and freed with lanparty_port_free whether a session uses it or not: a session keeps what it uses alive by itself.
///
/// A virtual port, or a sink, that a session uses ends together with that session, unless it was unbridged before. A TAP
/// adapter or an interface is opened when a session begins to use it and closed when the session stops; it can be used
/// again.
///
/// All functions may be called by several threads at once; lanparty_port_free must be the last call.
#[derive(Debug)]
pub struct lanparty_port(Handle<Arc<Device>>);

opaque!(lanparty_port => Arc<Device>, "port");

/// What a port is at the moment.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct lanparty_port_info {
    /// sizeof(lanparty_port_info), set by the caller.
    pub struct_size: u32,
    /// LANPARTY_PORT_*.
    pub kind: u32,
    /// LANPARTY_FLAG_HAS_MAC, LANPARTY_FLAG_BRIDGED, LANPARTY_FLAG_CLOSED.
    pub flags: u32,
    /// The largest payload of a frame that it carries, in bytes.
    pub mtu: u32,
    /// The device's own address, if LANPARTY_FLAG_HAS_MAC is set.
    pub mac: [u8; 6],
    /// Zero.
    pub reserved: [u8; 2],
    /// The device's name, as the system's tools show it.
    pub name: [c_char; 64],
}

// SAFETY: numbers and arrays of numbers, as C lays them out.
unsafe impl Record for lanparty_port_info {
    const FIRST_SIZE: usize = 88;

    fn keep_size(&mut self, size: u32) {
        self.struct_size = size;
    }
}

unsafe fn make(
    port: *mut *mut lanparty_port,
    err: *mut *mut lanparty_error,
    device: impl FnOnce() -> Result<Device, Failure>,
) -> i32 {
    let body = || {
        writable(port, "port")?;
        let made = lanparty_port(Handle::new(Arc::new(device()?)));
        // SAFETY: not NULL, and the callers' callers may write it.
        unsafe { write_owned(port, made) };
        Ok(LANPARTY_OK)
    };
    // SAFETY: `err` is NULL or may be written, as the callers ask.
    unsafe { boundary(err, body) }
}

/// Makes a virtual port: the program itself is the port of a switch. No driver, no special rights.
///
/// @param capacity how many frames each direction holds; 0 for 256; 65536 at most. A full queue drops what comes from the
///     room (counted as port_full), and makes lanparty_port_send answer LANPARTY_WOULD_BLOCK.
/// @param mtu the largest payload of a frame in bytes, 1280 to 1500; 0 for 1500.
/// @param port out: freed with lanparty_port_free.
/// @param err out, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_port_new_virtual(
    capacity: u32,
    mtu: u32,
    port: *mut *mut lanparty_port,
    err: *mut *mut lanparty_error,
) -> lanparty_status {
    let device = || {
        let mtu = mtu_of(mtu)?;
        Ok(Device::new_virtual(capacity_of(capacity)?, mtu))
    };
    // SAFETY: the arguments are as this function asks.
    unsafe { make(port, err, device) }
}

/// Makes a port of a device that is written in C. What the room sends goes to its `send` function; what the program wants
/// to send goes through lanparty_port_send.
///
/// @param sink borrowed: the functions are copied. Its `release` is called exactly once, also if this function fails,
///     unless `sink` is NULL or its struct_size is wrong.
/// @param port out: freed with lanparty_port_free.
/// @param err out, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_port_new_sink(
    sink: *const lanparty_frame_sink,
    port: *mut *mut lanparty_port,
    err: *mut *mut lanparty_error,
) -> lanparty_status {
    let body = || {
        // SAFETY: the sink is as this function asks. Before anything else, so that it is released in any case.
        let taken = unsafe { CallerSink::read(sink) }?;
        writable(port, "port")?;
        let made = lanparty_port(Handle::new(Arc::new(Device::new_sink(capacity_of(0)?, taken))));
        // SAFETY: not NULL, and the caller may write it.
        unsafe { write_owned(port, made) };
        Ok(LANPARTY_OK)
    };
    // SAFETY: `err` is as this function asks.
    unsafe { boundary(err, body) }
}

/// Describes a network adapter (TAP). On Linux it is made when a session begins to use the port, and vanishes when the session
/// stops; that needs CAP_NET_ADMIN. On Windows it is an adapter of the driver TAP-Windows6, taken meanwhile by an elevated
/// process; whatever is changed of it is put back. To begin and to stop using it may then take some seconds more than a timeout
/// allows: an adapter that gets another address is restarted.
///
/// A client's adapter gets its identity's address. The way to the relay is kept out of it by a host route, unless the session's
/// key no-route-pin says otherwise.
///
/// @param name borrowed: on Linux the adapter's name, 15 bytes at most. On Windows the connection's name as in "Ethernet 2", or
///     the adapter's NetCfgInstanceId as in "{6AE5C2A0-...}"; NULL, or an empty text, for the only adapter that there is.
/// @param name_len its length in bytes, or LANPARTY_NUL_TERMINATED.
/// @param address borrowed: an IP address for it with its prefix, as in "10.0.0.5/24", or NULL for none.
/// @param address_len its length in bytes, or LANPARTY_NUL_TERMINATED.
/// @param mtu the largest payload of a frame in bytes, 1280 to 1500; 0 for 1500.
/// @param port out: freed with lanparty_port_free.
/// @param err out, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_port_new_tap(
    name: *const c_char,
    name_len: usize,
    address: *const c_char,
    address_len: usize,
    mtu: u32,
    port: *mut *mut lanparty_port,
    err: *mut *mut lanparty_error,
) -> lanparty_status {
    let device = || {
        // SAFETY: the texts are as this function asks.
        let (name, address) =
            unsafe { (adapter_name(name, name_len)?, optional_text(address, address_len, "address")?) };
        let address = address.map(address_of).transpose()?;
        let tap = Tap { name, address, mtu: mtu_of(mtu)? };
        Ok(Device::new_unopened(Kind::Tap(tap)))
    };
    // SAFETY: the arguments are as this function asks.
    unsafe { make(port, err, device) }
}

/// Describes a wired interface of this host, for a gateway: it is opened when a session begins to use the port, and let
/// alone when it stops. Needs CAP_NET_RAW at that time; Linux only.
///
/// @param iface borrowed: the interface's name.
/// @param iface_len its length in bytes, or LANPARTY_NUL_TERMINATED.
/// @param port out: freed with lanparty_port_free.
/// @param err out, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_port_new_af_packet(
    iface: *const c_char,
    iface_len: usize,
    port: *mut *mut lanparty_port,
    err: *mut *mut lanparty_error,
) -> lanparty_status {
    let device = || {
        // SAFETY: the text is as this function asks.
        let iface = interface_name(unsafe { text(iface, iface_len, "iface") }?)?;
        Ok(Device::new_unopened(Kind::AfPacket { iface }))
    };
    // SAFETY: the arguments are as this function asks.
    unsafe { make(port, err, device) }
}

/// Sends frames into the room, through a virtual port or beside a sink. Never waits: what has no room in the queue stays
/// with the caller.
///
/// Taken is not delivered. Frames that are sent before the member is in its room are dropped (not_joined), and so are a
/// client's frames whose source is not its own address (unauthorized_source_mac): that of its identity, see
/// lanparty_identity_mac and lanparty_diagnostics. lanparty_session_drops counts both.
///
/// @param port borrowed.
/// @param frames borrowed: `count` Ethernet frames of 14 to 65535 bytes, from the destination address on, without check sum.
///     They are copied.
/// @param count how many they are.
/// @param sent out: how many were taken, from the first on.
/// @param err out, or NULL.
/// @return LANPARTY_OK if all were taken, LANPARTY_WOULD_BLOCK if the queue was full before that, LANPARTY_END if the port
///     is closed. LANPARTY_E_FRAME_LENGTH names the bad frame; none is sent then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_port_send(
    port: *const lanparty_port,
    frames: *const lanparty_frame,
    count: usize,
    sent: *mut usize,
    err: *mut *mut lanparty_error,
) -> lanparty_status {
    // SAFETY: the arguments are as this function asks.
    unsafe { on(port, err, |device| frames::send(device, frames, count, sent)) }
}

/// Receives frames that the room has for a virtual port: as many as there are and as fit.
///
/// @param port borrowed.
/// @param buf out: the frames, one behind the other.
/// @param buf_len how many bytes it has. 64 KiB hold any frame.
/// @param frames out: where each frame is in `buf`, and how long.
/// @param cap how many frames at most.
/// @param count out: how many there are; with LANPARTY_TRUNCATED, how many bytes the first one takes.
/// @param timeout_ms how long to wait for the first one: 0 does not wait, LANPARTY_FOREVER waits until there is one.
/// @param err out, or NULL.
/// @return LANPARTY_OK with one frame at least, LANPARTY_WOULD_BLOCK if none came in time, LANPARTY_TRUNCATED if the next
///     frame is larger than `buf` (it stays where it is), LANPARTY_END if none will come any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_port_recv(
    port: *const lanparty_port,
    buf: *mut u8,
    buf_len: usize,
    frames: *mut lanparty_frame,
    cap: usize,
    count: *mut usize,
    timeout_ms: u32,
    err: *mut *mut lanparty_error,
) -> lanparty_status {
    let body = |device: &Arc<Device>| {
        // SAFETY: the arguments are as this function asks.
        let mut tray = unsafe { frames::Tray::new(buf, buf_len, frames, cap, count) }?;
        frames::recv(device, &mut tray, timeout_ms)
    };
    // SAFETY: the arguments are as this function asks.
    unsafe { on(port, err, body) }
}

/// What a loop of the program's own waits on: ready while lanparty_port_recv would answer at once. On Linux it is a file
/// descriptor, readable then, for poll, select, epoll and the like; on Windows the HANDLE of an event object, signalled then,
/// for WaitForMultipleObjects and the like. Now and then it is ready with nothing there; so receive with a timeout of 0. It must
/// not be read, written, set, reset or closed.
///
/// @param port borrowed: a virtual port.
/// @param handle out: a file descriptor, or a HANDLE as a number; valid until the port is freed.
/// @param err out, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_port_wait_handle(
    port: *const lanparty_port,
    handle: *mut i64,
    err: *mut *mut lanparty_error,
) -> lanparty_status {
    let body = |device: &Arc<Device>| {
        writable(handle, "handle")?;
        let raw = frames::wait_handle(device)?;
        // SAFETY: not NULL, and the caller may write it.
        unsafe { handle.write(raw) };
        Ok(LANPARTY_OK)
    };
    // SAFETY: the arguments are as this function asks.
    unsafe { on(port, err, body) }
}

/// What the port is at the moment.
///
/// @param port borrowed.
/// @param info out: its struct_size is set by the caller.
/// @param err out, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_port_info_get(
    port: *const lanparty_port,
    info: *mut lanparty_port_info,
    err: *mut *mut lanparty_error,
) -> lanparty_status {
    // SAFETY: the struct is as this function asks.
    let body = |device: &Arc<Device>| unsafe { fill(info, "info", info_of(device)) };
    // SAFETY: the arguments are as this function asks.
    unsafe { on(port, err, body) }
}

/// Closes a port for good, in both directions, and wakes everybody who waits in lanparty_port_recv. A session that uses it
/// ends, as if a network card had been pulled out: unbridge it first if the session is to live on. A second call changes
/// nothing.
///
/// @param port borrowed.
/// @param err out, or NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_port_close(
    port: *const lanparty_port,
    err: *mut *mut lanparty_error,
) -> lanparty_status {
    let body = |device: &Arc<Device>| {
        device.close();
        Ok(LANPARTY_OK)
    };
    // SAFETY: the arguments are as this function asks.
    unsafe { on(port, err, body) }
}

/// Frees a port. Never waits. A session that uses it, or a configuration that it was given to, keeps it alive by itself.
///
/// @param port consumed; NULL does nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lanparty_port_free(port: *mut lanparty_port) {
    // SAFETY: NULL or a port that nobody uses any more.
    unsafe { free(port) }
}

fn info_of(device: &Device) -> lanparty_port_info {
    let caps = device.caps();
    let (mac, mut flags) = with_mac(caps.mac, 0);
    if device.is_away() {
        flags |= LANPARTY_FLAG_BRIDGED;
    }
    if device.is_gone() {
        flags |= LANPARTY_FLAG_CLOSED;
    }
    let kind = match device.kind {
        Kind::Virtual => LANPARTY_PORT_VIRTUAL,
        Kind::Sink => LANPARTY_PORT_SINK,
        Kind::Tap(_) => LANPARTY_PORT_TAP,
        Kind::AfPacket { .. } => LANPARTY_PORT_AF_PACKET,
    };
    let mtu = caps.mtu.max(MIN_MTU).into();
    lanparty_port_info { struct_size: 0, kind, flags, mtu, mac, reserved: [0; 2], name: field(&caps.name) }
}

fn capacity_of(capacity: u32) -> Result<usize, Failure> {
    let capacity = if capacity == 0 { DEFAULT_CAPACITY } else { capacity };
    match usize::try_from(capacity) {
        Ok(frames) if capacity <= MAX_CAPACITY => Ok(frames),
        _ => Err(Failure::usage(
            LANPARTY_E_INVALID_ARG,
            format!("a capacity of {capacity} frames: {MAX_CAPACITY} at most"),
        )),
    }
}

/// A name that an interface may have. The system checks it again when it is used.
fn interface_name(name: &str) -> Result<String, Failure> {
    if !name.is_empty() && name.len() <= 15 && !name.contains(['\0', '/']) {
        return Ok(name.to_owned());
    }
    Err(Failure::usage(LANPARTY_E_INTERFACE_NAME, format!("{name:?} is no interface's name: 1 to 15 bytes")))
}

/// The name of an adapter that is to be made.
///
/// # Safety
/// As [`text`].
#[cfg(not(windows))]
unsafe fn adapter_name(name: *const c_char, len: usize) -> Result<String, Failure> {
    // SAFETY: as this function asks.
    interface_name(unsafe { text(name, len, "name") }?)
}

/// The name of an adapter that is there, or its instance id; empty for the only one.
///
/// # Safety
/// As [`text`].
#[cfg(windows)]
unsafe fn adapter_name(name: *const c_char, len: usize) -> Result<String, Failure> {
    // SAFETY: as this function asks.
    let name = unsafe { optional_text(name, len, "name") }?.unwrap_or_default();
    if name.len() <= 1024 && !name.contains('\0') {
        return Ok(name.to_owned());
    }
    Err(Failure::usage(
        LANPARTY_E_INTERFACE_NAME,
        "this is no connection's name: it is too long, or has a NUL",
    ))
}

fn address_of(address: &str) -> Result<InterfaceAddress, Failure> {
    address.parse().map_err(|error| Failure::usage(LANPARTY_E_ADDRESS, format!("{address:?}: {error}")))
}
