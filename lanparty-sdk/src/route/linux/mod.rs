//! Routes on Linux, over netlink.

mod message;
mod netlink;
mod table;

pub(super) use table::Tables;
