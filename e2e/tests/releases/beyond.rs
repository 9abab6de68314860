//! What Flagger has not: windows and order, sizes, previews, a hand on the lever, ways back. `e2e/test.sh beyond` runs these.

mod after;
mod back;
mod groups;
mod in_place;
mod lever;
mod on_nodes;
mod pods;
mod policies;
mod preview;
mod sizes;
mod windows;

use super::strategies::{INSIDER, MOVES_WITHIN, RELEASED_WITHIN};
