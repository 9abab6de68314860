//! Where the pods of a release run.

/// Where the pods of a release run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Layout {
    /// Beside those of the primary, which is a workload of its own.
    #[default]
    Beside,
    /// In their place, one after the other, within one workload: a weight is a share of its pods.
    InPlace,
}
