//! Routes and an adapter's IP settings on Windows, over the IP Helper interface.

mod adapter;

pub(crate) use adapter::AdapterSettings;
