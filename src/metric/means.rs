//! What a request is made of besides the question: the Secret, a session, who the operator is, and the time.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use super::secret::Keys;
use super::{Ask, HttpRequest, HttpResponse, QueryError, SecretData};
use crate::model::Time;

/// What a request is made of besides the question.
#[derive(Clone, Copy)]
pub struct Means<'a> {
    /// The data of the Secret that the question names; `None` where it names none.
    pub secret: Option<&'a SecretData>,
    /// What a login gave.
    pub session: Option<&'a Session>,
    /// Who the operator is outside of the cluster.
    pub identity: &'a Identity,
    /// When the question is asked.
    pub now: Time,
}

/// A request for a session, and how its answer is read.
#[derive(Clone, Debug)]
pub struct Login {
    /// What is sent.
    pub request: HttpRequest,
    /// What the answer gives; an error is part of a sentence.
    pub read: fn(&HttpResponse, Time) -> Result<Session, String>,
}

/// Credentials for some time.
#[derive(Clone, PartialEq, Eq)]
pub struct Session {
    /// The credentials.
    pub grant: Grant,
    /// When they end.
    pub until: Time,
}

/// What a login gives.
#[derive(Clone, PartialEq, Eq)]
pub enum Grant {
    /// A bearer token.
    Bearer(String),
    /// Keys that sign requests to Amazon.
    Aws {
        /// Id of the key.
        key: String,
        /// The key.
        secret: String,
        /// Goes with every request; none for keys that do not end.
        token: Option<String>,
    },
}

/// Who the operator is outside of the cluster: what the platform wrote into its pod's environment.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Identity(BTreeMap<String, String>);

impl Identity {
    /// The variables that are read. One that ends in `_FILE` stands for the content of the file.
    pub const VARIABLES: &'static [&'static str] = &[
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_ROLE_ARN",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        "AZURE_TENANT_ID",
        "AZURE_CLIENT_ID",
        "AZURE_FEDERATED_TOKEN_FILE",
    ];

    /// From pairs of a variable and its value, or the content of its file.
    pub fn new(values: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(values.into_iter().map(|(name, value)| (name, value.trim().to_owned())).collect())
    }

    /// Its values that nobody may see: keys, and the content of files.
    fn secrets(&self) -> impl Iterator<Item = &[u8]> {
        let secret = |name: &str| name.ends_with("_FILE") || name.ends_with("_KEY") || name.ends_with("_TOKEN");
        self.0.iter().filter(move |(name, _)| secret(name)).map(|(_, value)| value.as_bytes())
    }

    /// The value of a variable; an empty one is none.
    pub(super) fn value(&self, variable: &str) -> Option<&str> {
        self.0.get(variable).map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// Shorter texts stand in answers by chance.
const SECRET_FROM: usize = 8;
/// Keys of Secrets that hold names.
const NAMES: &[&str] = &["username", "org", "project", "newrelic_account_id", "azure_tenant_id", "azure_client_id"];

impl<'a> Means<'a> {
    /// The Secret of the question, for reading.
    pub(super) fn keys(&self, ask: &'a Ask) -> Option<Keys<'a>> {
        let (name, data) = (ask.secret.as_ref()?, self.secret?);
        Some(Keys { name, data, wanted: ask.provider.about().secret })
    }

    /// The Secret of a question that cannot do without.
    pub(super) fn needed(&self, ask: &'a Ask) -> Result<Keys<'a>, QueryError> {
        self.keys(ask).ok_or_else(|| QueryError::SecretNeeded(ask.provider.about().secret))
    }

    /// The bearer token of the session.
    pub(super) fn bearer(&self) -> Option<String> {
        match &self.session?.grant {
            Grant::Bearer(token) => Some(token.clone()),
            Grant::Aws { .. } => None,
        }
    }

    /// An answer without the secrets that a server repeats: it may end in an event that everybody reads.
    pub fn scrub(&self, answer: HttpResponse) -> HttpResponse {
        let Cow::Owned(body) = self.hidden(&answer.body) else { return answer };
        HttpResponse { body, ..answer }
    }

    /// The answer of a login without what was shown to it; what it gives is still in it.
    pub fn scrub_login(&self, answer: HttpResponse) -> HttpResponse {
        if (200..300).contains(&answer.status) { answer } else { self.scrub(answer) }
    }

    fn hidden<'b>(&self, body: &'b [u8]) -> Cow<'b, [u8]> {
        let mut hidden = Cow::Borrowed(body);
        for secret in self.secrets() {
            if let Some(without) = without(&hidden, secret) {
                hidden = Cow::Owned(without);
            }
        }
        hidden
    }

    fn secrets(&self) -> Vec<&[u8]> {
        let data = self.secret.into_iter().flatten().filter(|(key, _)| !NAMES.contains(&key.as_str()));
        let mut secrets: Vec<&[u8]> = data.map(|(_, value)| value.trim_ascii_end()).collect();
        match self.session.map(|session| &session.grant) {
            Some(Grant::Bearer(token)) => secrets.push(token.as_bytes()),
            Some(Grant::Aws { secret, token, .. }) => {
                secrets.push(secret.as_bytes());
                secrets.extend(token.as_ref().map(String::as_bytes));
            }
            None => {}
        }
        secrets.extend(self.identity.secrets());
        secrets.retain(|secret| secret.len() >= SECRET_FROM);
        secrets
    }
}

/// The text without a word; `None` where it does not hold it.
fn without(text: &[u8], word: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let (mut rest, mut found) = (text, false);
    while let Some(at) = rest.windows(word.len()).position(|window| window == word) {
        out.extend_from_slice(rest.get(..at)?);
        out.extend_from_slice("…".as_bytes());
        rest = rest.get(at + word.len()..)?;
        found = true;
    }
    out.extend_from_slice(rest);
    found.then_some(out)
}

impl fmt::Debug for Means<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Means(… at {})", self.now)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session(… until {})", self.until)
    }
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bearer(_) => "Bearer(…)",
            Self::Aws { .. } => "Aws(…)",
        })
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}
