//! Keeps traits from being implemented elsewhere, so that methods can be added to them.

/// Implemented for whatever implements a sealed trait.
pub trait Sealed {}
