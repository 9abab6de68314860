//! Everything that touches the outside.

mod cache;
mod clock;
mod place;
mod queue;
