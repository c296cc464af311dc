//! Where a frame goes and whether it may.
