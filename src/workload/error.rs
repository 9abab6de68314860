//! Why a change of a workload cannot be made.

use crate::model::Revision;

/// Why a change of a workload cannot be made. Nothing is written then; the next look at the cluster decides anew.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum WorkloadError {
    /// There is no pod template to copy.
    #[error("{object} has no pod template to copy")]
    NoTemplate {
        /// Kind and name.
        object: String,
    },
    /// The template is of another revision than was decided on.
    #[error("{object} has the revision {found} and not {wanted}, which was to be copied")]
    OtherRevision {
        /// Kind and name.
        object: String,
        /// The revision that was decided on.
        wanted: Revision,
        /// The revision that is there.
        found: Revision,
    },
    /// A config of the revision is neither in the cluster any more nor kept.
    #[error("{object} has changed since it was analysed, so its analysed content cannot be given to the primary")]
    ConfigLost {
        /// Kind and name.
        object: String,
    },
}
