//! The Secret of a provider: which keys it has, and what it lacks in words.

use std::collections::BTreeMap;
use std::fmt;

use super::QueryError;

/// The data of a Secret.
pub type SecretData = BTreeMap<String, Vec<u8>>;

/// Which Secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SecretName {
    /// Its namespace: the template's.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.name, self.namespace)
    }
}

/// A Secret with its name, for reading.
#[derive(Clone, Copy)]
pub(super) struct Keys<'a> {
    pub(super) name: &'a SecretName,
    pub(super) data: &'a SecretData,
    /// What it should have, for sentences.
    pub(super) wanted: &'static str,
}

impl Keys<'_> {
    /// The value of a key that must be there.
    pub(super) fn needed(&self, key: &'static str) -> Result<String, QueryError> {
        self.optional(key)?.ok_or_else(|| self.missing(key))
    }

    /// The value of a key without the line break that editors and `echo` leave at its end; it must fit into a header.
    pub(super) fn optional(&self, key: &'static str) -> Result<Option<String>, QueryError> {
        if !self.data.contains_key(key) {
            return Ok(None);
        }
        match self.text(key).map(|text| text.trim_end_matches(['\r', '\n'])) {
            Some(text) if !text.is_empty() && !text.chars().any(char::is_control) => Ok(Some(text.to_owned())),
            _ => Err(QueryError::KeyUnusable(self.name.clone(), key)),
        }
    }

    /// User and password, of which neither comes without the other.
    pub(super) fn user(&self) -> Result<Option<(String, String)>, QueryError> {
        match (self.optional("username")?, self.optional("password")?) {
            (Some(user), Some(password)) => Ok(Some((user, password))),
            (None, None) => Ok(None),
            (Some(_), None) => Err(self.missing("password")),
            (None, Some(_)) => Err(self.missing("username")),
        }
    }

    /// The text of a key, of any length and form.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.data.get(key).and_then(|bytes| std::str::from_utf8(bytes).ok())
    }

    pub(super) fn missing(&self, missing: &'static str) -> QueryError {
        QueryError::KeyMissing { secret: self.name.clone(), missing, wanted: self.wanted }
    }
}
