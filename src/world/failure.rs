//! Why a call to the apiserver did not do what it should, in sentences for the user.

use std::fmt;
use std::time::Duration;

use kube::core::Status;

use crate::object::{Kind, ObjectKey};

/// A call that failed. Its text says what was attempted on which object, and what to do where the user can do something.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// It may work later.
    #[error("{attempt} failed, will be repeated: {cause}")]
    Transient { attempt: Box<Attempt>, cause: String },
    /// Somebody else was faster; the watch will show what they did.
    #[error("{attempt} met a newer version of the object, will be decided anew")]
    Conflict { attempt: Box<Attempt> },
    /// The cluster does not know the kind.
    #[error(
        "{attempt} failed: the cluster does not serve {}; install the CustomResourceDefinition {}.{}",
        attempt.kind.api_version(), attempt.kind.plural, attempt.kind.group
    )]
    NotServed { attempt: Box<Attempt> },
    /// Our ServiceAccount may not.
    #[error("{attempt} is forbidden; grant {} on {} to serin's ServiceAccount{}: {cause}", attempt.verb, attempt.resource(), attempt.scope())]
    Forbidden { attempt: Box<Attempt>, cause: String },
    /// The object is refused as it is; repeating it will not help.
    #[error("{attempt} was refused: {cause}")]
    Terminal { attempt: Box<Attempt>, cause: String },
    /// This replica does not hold the lease (any more): nothing is written.
    #[error("{attempt} was not tried: another replica leads")]
    NotLeading { attempt: Box<Attempt> },
    /// Nothing was attempted: the user or an admin has to mend something first.
    #[error("{sentence}")]
    Blocked { reason: &'static str, sentence: String },
}

/// What was attempted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Attempt {
    /// RBAC's word for it.
    pub(crate) verb: &'static str,
    pub(crate) kind: Kind,
    /// `status`, or nothing.
    pub(crate) subresource: &'static str,
    pub(crate) namespace: String,
    /// Empty for lists and watches.
    pub(crate) name: String,
}

impl Attempt {
    pub(crate) fn on(verb: &'static str, key: &ObjectKey) -> Self {
        let (namespace, name) = (key.namespace.clone(), key.name.clone());
        Self { verb, kind: key.kind, subresource: "", namespace, name }
    }

    /// The resource as RBAC rules name it: `virtualservices.networking.istio.io`, `canaries.flagger.app/status`.
    pub(crate) fn resource(&self) -> String {
        let dot = if self.kind.group.is_empty() { "" } else { "." };
        let slash = if self.subresource.is_empty() { "" } else { "/" };
        format!("{}{dot}{}{slash}{}", self.kind.plural, self.kind.group, self.subresource)
    }

    fn scope(&self) -> String {
        if self.namespace.is_empty() {
            " in all namespaces".to_owned()
        } else {
            format!(" in namespace {}", self.namespace)
        }
    }

    /// Sorts an error of the client.
    pub(crate) fn failed(self, error: &kube::Error) -> Failure {
        match error {
            kube::Error::Api(status) => self.answered(status),
            other => Failure::Transient { attempt: Box::new(self), cause: chain(other) },
        }
    }

    /// Sorts an answer of the apiserver.
    pub(crate) fn answered(self, status: &Status) -> Failure {
        let cause = shorten(&status.message);
        match status.code {
            403 if cause.contains("because it is being terminated") => {
                Failure::Terminal { attempt: Box::new(self), cause }
            }
            403 => Failure::Forbidden { attempt: Box::new(self), cause },
            // A missing object is named in the answer; a missing kind is not.
            404 if status.details.as_ref().is_none_or(|d| d.name.is_empty()) => {
                Failure::NotServed { attempt: Box::new(self) }
            }
            404 | 409 => Failure::Conflict { attempt: Box::new(self) },
            400 | 413 | 415 | 422 => Failure::Terminal { attempt: Box::new(self), cause },
            _ => Failure::Transient { attempt: Box::new(self), cause },
        }
    }

    pub(crate) fn timed_out(self, after: Duration) -> Failure {
        let cause = format!("the apiserver did not answer within {} s", after.as_secs());
        Failure::Transient { attempt: Box::new(self), cause }
    }
}

/// `patch Deployment/podinfo.test`, `patch status of Canary/podinfo.test`
impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { verb, kind, subresource, namespace, name } = self;
        let part = if subresource.is_empty() { String::new() } else { format!(" {subresource} of") };
        match name.is_empty() {
            true => write!(f, "{verb} {}", kind.plural),
            false => write!(f, "{verb}{part} {}/{name}.{namespace}", kind.kind),
        }
    }
}

impl Failure {
    /// CamelCase, for the event and the log.
    pub(crate) const fn reason(&self) -> &'static str {
        match self {
            Self::Transient { .. } => "ClusterUnavailable",
            Self::Conflict { .. } => "Conflict",
            Self::NotServed { .. } => "KindNotServed",
            Self::Forbidden { .. } => "Forbidden",
            Self::Terminal { .. } => "WriteRefused",
            Self::NotLeading { .. } => "NotLeading",
            Self::Blocked { reason, .. } => reason,
        }
    }

    /// Whether only a person can mend it, so that it is worth an event on the Canary.
    pub(crate) const fn needs_a_person(&self) -> bool {
        match self {
            Self::NotServed { .. } | Self::Forbidden { .. } | Self::Terminal { .. } | Self::Blocked { .. } => true,
            Self::Transient { .. } | Self::Conflict { .. } | Self::NotLeading { .. } => false,
        }
    }
}

/// An error with its causes: clients put the interesting part last.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    shorten(&text)
}

/// Events hold 1 kB; the rest of a long answer helps nobody.
fn shorten(text: &str) -> String {
    text.chars().take(600).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::kinds::{CANARY, SERVICE};

    fn status(code: u16, name: &str, message: &str) -> Status {
        let answer = serde_json::json!({"code": code, "message": message, "details": {"name": name}});
        serde_json::from_value(answer).expect("a Status")
    }

    fn attempt() -> Attempt {
        Attempt::on("patch", &CANARY.named("test", "podinfo"))
    }

    #[test]
    fn forbidden_says_what_to_grant_and_where() {
        let failure = Attempt { subresource: "status", ..attempt() }.answered(&status(403, "podinfo", "no"));
        assert_eq!(
            failure.to_string(),
            "patch status of Canary/podinfo.test is forbidden; grant patch on canaries.flagger.app/status to serin's \
             ServiceAccount in namespace test: no"
        );
        let core = Attempt::on("patch", &SERVICE.named("test", "a"));
        assert_eq!(core.resource(), "services");
    }

    #[test]
    fn a_missing_kind_is_told_apart_from_a_missing_object() {
        assert!(matches!(attempt().answered(&status(404, "", "404 page not found")), Failure::NotServed { .. }));
        assert!(matches!(attempt().answered(&status(404, "podinfo", "not found")), Failure::Conflict { .. }));
    }

    #[test]
    fn what_may_pass_is_repeated_and_what_is_wrong_is_told() {
        assert!(!attempt().answered(&status(500, "", "etcd leader changed")).needs_a_person());
        assert!(!attempt().answered(&status(409, "podinfo", "modified")).needs_a_person());
        assert!(attempt().answered(&status(422, "podinfo", "spec.x: invalid")).needs_a_person());
    }
}
