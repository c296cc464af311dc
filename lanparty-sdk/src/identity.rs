//! A member's persisted identity.
