//! A Knative Service: its own controller makes a revision of each template, and its traffic names the one that is the primary.

use std::time::Duration;

use serde_json::{Value, json};

use super::whole::{Place, Whole, one};
use super::{WorkloadError, patch};
use crate::api::sentences;
use crate::model::{Complaint, Endpoints, PrimaryMatch, PrimarySeen, Replacement, Revision, Seen, TargetSeen};
use crate::object::kinds::{KNATIVE_REVISION, KNATIVE_SERVICE};
use crate::object::{Change, ObjectKey, value};

/// Annotation that names the primary; Flagger's, and the router's too.
const PRIMARY: &str = "flagger.app/primary-revision";

/// Requests that Knative lets a revision finish by default.
const GRACE: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(super) struct Knative;

impl Whole for Knative {
    fn target(&self, at: &Place<'_>) -> Result<TargetSeen, Complaint> {
        let newest = newest(at.target).ok_or_else(|| {
            let sentence = sentences::CAN066.say(&[("name", at.name), ("namespace", at.namespace)]);
            Complaint::blocks(sentences::CAN066.reason, sentence)
        })?;
        Ok(TargetSeen {
            revision: named(newest),
            replicas: 1,
            rollout: one(is_ready(at, newest)),
            grace: GRACE,
            replacement: Replacement::Rolling,
        })
    }

    fn primary(&self, at: &Place<'_>) -> Seen<PrimarySeen> {
        let Some(primary) = primary(at.target) else { return Seen::Missing };
        let runs = PrimaryMatch::Revision(named(primary));
        Seen::Found(PrimarySeen { runs, replicas: 1, rollout: one(is_ready(at, primary)) })
    }

    fn endpoints(&self, at: &Place<'_>) -> Endpoints {
        let ready = |name: Option<&str>| u32::from(name.is_some_and(|name| is_ready(at, name)));
        Endpoints { primary: ready(primary(at.target)), canary: ready(newest(at.target)), ..Endpoints::default() }
    }

    fn kept(&self, at: &Place<'_>) -> Vec<Revision> {
        at.objects.of_kind(KNATIVE_REVISION).map(|(key, _)| named(&key.name)).collect()
    }

    fn sides(&self, _at: &Place<'_>) -> Vec<Change> {
        Vec::new()
    }

    fn promote(&self, at: &Place<'_>, revision: &Revision) -> Result<Vec<Change>, WorkloadError> {
        let name = name_of(revision).ok_or_else(|| WorkloadError::NoTemplate { object: revision.to_string() })?;
        if primary(at.target) == Some(name) {
            return Ok(Vec::new());
        }
        let note = patch::of(at.target, &json!({"annotations": {PRIMARY: name}}), &json!({}));
        Ok(vec![Change::Merge(KNATIVE_SERVICE.named(at.namespace, at.name), note)])
    }

    /// The annotation goes with the route.
    fn discard(&self, _at: &Place<'_>) -> Vec<Change> {
        Vec::new()
    }
}

/// The revisions whose readiness counts.
pub(super) fn revisions(namespace: &str, target: Option<&Value>, promoted: Option<&Revision>) -> Vec<ObjectKey> {
    let of_target = target.into_iter().flat_map(|target| [newest(target), primary(target)]).flatten();
    let mut names: Vec<&str> = of_target.chain(promoted.and_then(name_of)).collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(|name| KNATIVE_REVISION.named(namespace, name)).collect()
}

/// Knative names its revisions itself, and never uses a name twice.
fn named(name: &str) -> Revision {
    Revision::new(format!("{}{name}", Revision::SCHEME))
}

fn name_of(revision: &Revision) -> Option<&str> {
    revision.as_str().strip_prefix(Revision::SCHEME).filter(|name| !name.is_empty())
}

/// The revision that a Knative Service has come to.
pub fn newest(target: &Value) -> Option<&str> {
    value::text(target, &["status", "latestCreatedRevisionName"]).filter(|name| !name.is_empty())
}

fn primary(target: &Value) -> Option<&str> {
    value::text(target, &["metadata", "annotations", PRIMARY]).filter(|name| !name.is_empty())
}

fn is_ready(at: &Place<'_>, name: &str) -> bool {
    let revision = at.objects.find(&KNATIVE_REVISION.named(at.namespace, name));
    let conditions = revision.and_then(|revision| value::at(revision, &["status", "conditions"])?.as_array());
    conditions.into_iter().flatten().any(|condition| {
        value::text(condition, &["type"]) == Some("Ready") && value::text(condition, &["status"]) == Some("True")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Percent;
    use crate::object::FakeStore;

    fn service(newest: &str, primary: Option<&str>) -> Value {
        json!({"metadata": {"annotations": {PRIMARY: primary}}, "status": {"latestCreatedRevisionName": newest}})
    }

    fn revision(ready: &str) -> Value {
        json!({"status": {"conditions": [{"type": "Active", "status": "False"}, {"type": "Ready", "status": ready}]}})
    }

    fn store(revisions: &[(&str, &str)]) -> FakeStore {
        let mut store = FakeStore::default();
        for (name, ready) in revisions {
            store.put(KNATIVE_REVISION.named("shop", *name), revision(ready));
        }
        store
    }

    fn place<'a>(target: &'a Value, store: &'a FakeStore) -> Place<'a> {
        Place { namespace: "shop", canary: "cart", name: "cart", apex: "cart", target, objects: store.objects() }
    }

    #[test]
    fn a_new_revision_of_knatives_is_a_change_and_counts_when_it_is_ready() {
        let (target, store) =
            (service("cart-00002", Some("cart-00001")), store(&[("cart-00001", "True"), ("cart-00002", "Unknown")]));
        let at = place(&target, &store);
        let seen = Knative.target(&at).expect("it has a revision");
        assert_eq!(seen.revision.as_str(), "s1-cart-00002");
        assert!(seen.rollout.readiness(Percent::FULL).is_err(), "so the deadline of the Canary runs");
        assert_eq!(Knative.endpoints(&at), Endpoints { primary: 1, canary: 0, ..Endpoints::default() });
        let Seen::Found(primary) = Knative.primary(&at) else { panic!("the annotation names it") };
        assert_eq!(
            (primary.runs, primary.rollout.readiness(Percent::FULL)),
            (PrimaryMatch::Revision(named("cart-00001")), Ok(()))
        );
    }

    #[test]
    fn a_promotion_moves_the_annotation_and_nothing_else() {
        let (target, store) = (service("cart-00002", Some("cart-00001")), store(&[]));
        let at = place(&target, &store);
        let changes = Knative.promote(&at, &named("cart-00002")).expect("it has a name");
        let patch = json!({"metadata": {"annotations": {PRIMARY: "cart-00002"}}});
        assert_eq!(changes, [Change::Merge(KNATIVE_SERVICE.named("shop", "cart"), patch)]);
        assert_eq!(Knative.promote(&at, &named("cart-00001")), Ok(vec![]));
    }

    #[test]
    fn the_promoted_revision_can_serve_again_while_it_is_there() {
        let (target, store) = (service("cart-00002", None), store(&[("cart-00001", "True")]));
        assert_eq!(Knative.primary(&place(&target, &store)), Seen::Missing);
        assert_eq!(Knative.kept(&place(&target, &store)), [named("cart-00001")]);
        let keys = revisions("shop", Some(&target), Some(&named("cart-00001")));
        assert_eq!(keys.iter().map(|key| &*key.name).collect::<Vec<_>>(), ["cart-00001", "cart-00002"]);
    }

    #[test]
    fn a_service_without_a_revision_is_told() {
        let (target, store) = (json!({}), store(&[]));
        let complaint = Knative.target(&place(&target, &store)).expect_err("it has none");
        assert!(complaint.sentence.contains("cart"), "{}", complaint.sentence);
    }
}
