//! The file in which changes stand before they are made.

/// The journal of one run.
#[derive(Debug)]
pub(crate) struct Journal;
