//! Reads who the operator is outside of the cluster. At every use, because platforms renew the files.

use crate::metric::Identity;

/// What the platform wrote into the pod's environment; a file that cannot be read is as good as none.
#[expect(clippy::disallowed_methods, reason = "platforms write there who a pod is")]
pub(crate) fn read() -> Identity {
    Identity::new(Identity::VARIABLES.iter().filter_map(|name| {
        let value = std::env::var(name).ok()?;
        let value = if name.ends_with("_FILE") { std::fs::read_to_string(value).ok()? } else { value };
        Some(((*name).to_owned(), value))
    }))
}
