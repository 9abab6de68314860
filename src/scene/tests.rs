//! Claims about reading and writing a canary.
