//! Base64, as tokens and keys are written in.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// As the parts of a JSON Web Token are written.
pub(super) fn for_url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The bytes between the marks of a PEM text; `None` where it is none of this kind.
pub(super) fn pem(text: &str, kind: &str) -> Option<Vec<u8>> {
    let (_, rest) = text.split_once(&format!("-----BEGIN {kind}-----"))?;
    let (inside, _) = rest.split_once("-----END")?;
    STANDARD.decode(inside.split_whitespace().collect::<String>()).ok()
}
