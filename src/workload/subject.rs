//! What a canary releases, and the names of all that is made for it.

use serde_json::Value;

use super::Selector;
use crate::api::sentences;
use crate::model::Complaint;
use crate::object::kinds::SERVICE;
use crate::object::{Kind, ObjectKey, value};

/// Annotation of the Deployments and Services that we make, and label of the snapshots: the Canary they are made for.
pub const CANARY: &str = "serin.dev/canary";

/// The workload that a canary releases.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Namespace of the Canary and of all objects here.
    pub namespace: &'a str,
    /// Name of the Canary.
    pub canary: &'a str,
    /// Uid of the Canary.
    pub uid: &'a str,
    /// Kind of the target and of the primary.
    pub kind: Kind,
    /// Name of the target.
    pub target: &'a str,
    /// Name of the apex Service: `service.name`, or the target's.
    pub apex: &'a str,
    /// The label that tells the sides apart.
    pub selector: &'a Selector,
    /// Labels of the target with one of these prefixes are copied to the primary; `*` copies all.
    pub label_prefixes: &'a [String],
    /// Who decides on the primary's number of pods.
    pub replicas: Replicas,
    /// What the apex Service selects now, where its selector is the route; the primary's pods everywhere else.
    pub apex_pods: Option<&'a Value>,
}

/// Who decides on the primary's number of pods.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Replicas {
    /// The user: it is the target's.
    OfTarget,
    /// The primary itself, since the target's is that of a canary: what it had last, where that is known.
    OfPrimary(Option<u32>),
    /// An autoscaler.
    OfScaler,
}

impl Subject<'_> {
    /// Our copy of the target, `<target>-primary`.
    pub fn primary(&self) -> ObjectKey {
        self.kind.named(self.namespace, format!("{}-primary", self.target))
    }

    /// The Service of a role.
    pub fn service(&self, role: Role) -> ObjectKey {
        SERVICE.named(self.namespace, format!("{}{}", self.apex, role.suffix()))
    }

    /// Whether an object was made for this canary, by us or by a Flagger before us.
    pub fn made(&self, object: &Value) -> bool {
        self.marked(object) || owners(object).any(|owner| value::text(owner, &["name"]) == Some(self.canary))
    }

    /// Whether we made it: our annotation is on it.
    pub(super) fn marked(&self, object: &Value) -> bool {
        value::text(object, &["metadata", "annotations", CANARY]) == Some(self.canary)
    }

    /// Names that Kubernetes would refuse because they are too long, each with what to shorten.
    pub fn overlong(&self) -> Vec<Complaint> {
        let mut complaints = Vec::new();
        let service = self.service(Role::Primary).name;
        if service.len() > LIMIT {
            let values = [("name", self.apex), ("length", &service.len().to_string())];
            complaints.push(Complaint::blocks(sentences::CAN020.reason, sentences::CAN020.say(&values)));
        }
        let Self { kind, target, selector, .. } = self;
        let field = format!("spec.selector.matchLabels[{}] of {}/{target}", selector.label, kind.kind);
        complaints.extend(overlong_label(&field, &self.selector.value, &self.selector.primary_value()));
        complaints.extend(overlong_label("metadata.name of the Canary", self.canary, self.canary));
        complaints
    }
}

/// Characters in the name of a Service (RFC 1123 label) and in the value of a label.
const LIMIT: usize = 63;

fn overlong_label(field: &str, written: &str, label: &str) -> Option<Complaint> {
    let limit = LIMIT - (label.len() - written.len());
    let (length, limit) = (label.len().to_string(), limit.to_string());
    let values = [("field", field), ("value", written), ("label", label), ("length", &length), ("limit", &limit)];
    (label.len() > LIMIT).then(|| Complaint::blocks(sentences::CAN060.reason, sentences::CAN060.say(&values)))
}

/// The Canaries among the owners of an object: Flagger makes itself the controller of what it generates.
pub(super) fn owners(object: &Value) -> impl Iterator<Item = &Value> {
    let owners = value::at(object, &["metadata", "ownerReferences"]).and_then(Value::as_array);
    owners.into_iter().flatten().filter(|owner| is_canary(owner))
}

/// Whether an owner reference names a Canary.
pub(super) fn is_canary(owner: &Value) -> bool {
    value::text(owner, &["kind"]) == Some("Canary")
        && value::text(owner, &["apiVersion"]).is_some_and(|version| version.starts_with("flagger.app/"))
}

/// What a Service is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Role {
    /// What users call.
    Apex,
    /// The promoted revision.
    Primary,
    /// The revision under test.
    Canary,
}

impl Role {
    const fn suffix(self) -> &'static str {
        match self {
            Self::Apex => "",
            Self::Primary => "-primary",
            Self::Canary => "-canary",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use serde_json::json;

    #[test]
    fn names_that_kubernetes_refuses_are_told_with_what_to_shorten() {
        let long = "a".repeat(56);
        let selector = Selector { label: "app".to_owned(), value: long.clone() };
        let subject = Subject { apex: &long, selector: &selector, ..samples::subject() };
        let sentences: Vec<String> = subject.overlong().into_iter().map(|c| c.sentence).collect();
        assert_eq!(sentences.len(), 2);
        assert!(
            sentences[0].contains(&format!("{long}-primary would have a name of 64 characters")),
            "{}",
            sentences[0]
        );
        assert!(
            sentences[1].starts_with("spec.selector.matchLabels[app] of Deployment/cart is aaa"),
            "{}",
            sentences[1]
        );
        assert!(sentences[1].ends_with(
            "of 64 characters where 63 are allowed, so nothing can be made for it; write at most 55 characters"
        ));
        assert_eq!(samples::subject().overlong(), []);
    }

    #[test]
    fn what_flagger_made_for_this_canary_counts_as_made() {
        let owned = |name: &str, kind: &str| json!({"metadata": {"ownerReferences": [{"apiVersion": "flagger.app/v1beta1", "kind": kind, "name": name, "controller": true}]}});
        assert!(samples::subject().made(&owned("cart", "Canary")));
        assert!(!samples::subject().made(&owned("other", "Canary")));
        assert!(!samples::subject().made(&owned("cart", "Deployment")));
        let mut elsewhere = owned("cart", "Canary");
        elsewhere["metadata"]["ownerReferences"][0]["apiVersion"] = json!("example.com/v1");
        assert!(!samples::subject().made(&elsewhere));
        assert!(samples::subject().made(&json!({"metadata": {"annotations": {CANARY: "cart"}}})));
        assert!(!samples::subject().made(&json!({"metadata": {}})));
    }
}
