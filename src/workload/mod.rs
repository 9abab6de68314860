//! The user's workload and what is made of it: the primary, the Services of both sides, and the kept templates.
//!
//! Objects in, changes or domain values out. Never a client, a clock, a decision, or the routing between the sides.

mod defaults;
mod hash;
#[cfg(test)]
mod samples;

pub use hash::revision;
