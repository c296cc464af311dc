//! Relay addresses: parsing and resolution.
