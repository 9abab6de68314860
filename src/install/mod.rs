//! What an installation needs, generated from the lists that the code itself uses. Files are compared with it by tests.

pub mod rbac;
