//! Templates of promoted revisions, kept as ControllerRevisions: what a primary is mended from when the target has moved on.

use serde_json::{Value, json};

use super::{CANARY, Subject, WorkloadError, deployment, hash, metadata};
use crate::model::Revision;
use crate::object::kinds::CONTROLLER_REVISION;
use crate::object::{Change, ObjectKey, Objects, value};

/// Fields of a Deployment that the primary takes over at a promotion, beside template and replicas.
pub(super) const COPIED: [&str; 4] = ["minReadySeconds", "progressDeadlineSeconds", "revisionHistoryLimit", "strategy"];

/// Keeps what a primary of `revision` is made from. The target must be of that revision.
pub fn create(
    subject: &Subject<'_>,
    revision: &Revision,
    target: &Value,
    snapshots: &[&Value],
) -> Result<Change, WorkloadError> {
    let template = template_of(target, deployment::template(target), revision)?;
    let mut spec = json!({"replicas": deployment::replicas(target), "template": template});
    for field in COPIED {
        if let Some(value) = value::at(target, &["spec", field]) {
            spec[field] = value.clone();
        }
    }
    let newest = snapshots.iter().map(|snapshot| number(snapshot)).max().unwrap_or_default();
    let key = key(subject, revision);
    let object = json!({
        "apiVersion": CONTROLLER_REVISION.api_version(),
        "kind": CONTROLLER_REVISION.kind,
        "metadata": {
            "name": key.name,
            "namespace": key.namespace,
            "labels": {CANARY: subject.canary, "app.kubernetes.io/managed-by": "serin"},
            // Not the controller, and losing it is harmless: the primary can be mended from the target too.
            "ownerReferences": [
                {"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "name": subject.canary, "uid": subject.uid},
            ],
        },
        "data": {
            "metadata": {
                "labels": metadata::labels(target, &["*".to_owned()]),
                "annotations": metadata::annotations(target),
            },
            "spec": spec,
        },
        "revision": newest + 1,
    });
    Ok(Change::Create(CONTROLLER_REVISION, object))
}

/// Where the template of a revision is kept: `<canary>-<revision>`.
pub fn key(subject: &Subject<'_>, revision: &Revision) -> ObjectKey {
    CONTROLLER_REVISION.named(subject.namespace, format!("{}-{revision}", subject.canary))
}

/// The snapshots of this canary, oldest first.
pub fn all<'a>(subject: &Subject<'_>, have: &'a Objects) -> Vec<&'a Value> {
    let ours = |object: &Value| value::text(object, &["metadata", "labels", CANARY]) == Some(subject.canary);
    let objects = have.of_kind(CONTROLLER_REVISION).filter(|(key, _)| key.namespace == subject.namespace);
    let mut snapshots: Vec<&Value> = objects.map(|(_, object)| object).filter(|object| ours(object)).collect();
    snapshots.sort_by_key(|snapshot| number(snapshot));
    snapshots
}

/// The pod template that a snapshot keeps, as the target had it.
pub fn template(snapshot: &Value) -> Option<&Value> {
    kept(snapshot).and_then(deployment::template)
}

/// The revision of that template.
pub fn revision(snapshot: &Value) -> Option<Revision> {
    template(snapshot).map(hash::revision)
}

/// The part of the target that a snapshot keeps, in the form of a Deployment.
pub(super) fn kept(snapshot: &Value) -> Option<&Value> {
    value::at(snapshot, &["data"])
}

/// `template`, if it is of the revision that was decided on.
pub(super) fn template_of<'a>(
    object: &Value,
    template: Option<&'a Value>,
    wanted: &Revision,
) -> Result<&'a Value, WorkloadError> {
    let text = |path: &[&str]| value::text(object, path).unwrap_or_default().to_owned();
    let name = || format!("{}/{}", text(&["kind"]), text(&["metadata", "name"]));
    let template = template.ok_or_else(|| WorkloadError::NoTemplate { object: name() })?;
    let found = hash::revision(template);
    if found == *wanted {
        Ok(template)
    } else {
        Err(WorkloadError::OtherRevision { object: name(), wanted: wanted.clone(), found })
    }
}

fn number(snapshot: &Value) -> u64 {
    value::at(snapshot, &["revision"]).and_then(Value::as_u64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::primary::{self, Source};
    use super::super::samples;
    use super::*;
    use crate::object::FakeStore;

    fn target(image: &str) -> (Revision, Value) {
        let mut target = samples::deployment();
        target["spec"]["template"]["spec"]["containers"][0]["image"] = json!(image);
        (hash::revision(&target["spec"]["template"]), target)
    }

    /// A store in which the promotions of these images were kept, in this order.
    fn kept_images(images: &[&str]) -> FakeStore {
        let subject = samples::subject();
        let mut store = FakeStore::default();
        for image in images {
            let (revision, target) = target(image);
            let snapshots = all(&subject, store.objects());
            let change = create(&subject, &revision, &target, &snapshots).expect("it is of this revision");
            store.write(&change).expect("a creation never conflicts");
        }
        store
    }

    #[test]
    fn snapshots_are_found_oldest_first_with_their_template_and_revision() {
        let images = ["cart:1", "cart:2", "cart:3", "cart:4"];
        for images in [images, {
            let mut turned = images;
            turned.reverse();
            turned
        }] {
            let store = kept_images(&images);
            let snapshots = all(&samples::subject(), store.objects());
            let found: Vec<_> = snapshots.iter().filter_map(|snapshot| revision(snapshot)).collect();
            assert_eq!(found, images.map(|image| target(image).0));
            let image = |snapshot| value::text(template(snapshot)?, &["spec", "containers", "0", "image"]);
            assert_eq!(snapshots.into_iter().filter_map(image).collect::<Vec<_>>(), images);
        }
    }

    #[test]
    fn a_snapshot_belongs_to_its_canary_and_carries_its_label() {
        let store = kept_images(&["cart:1"]);
        let key = key(&samples::subject(), &target("cart:1").0);
        let snapshot = store.objects().find(&key).expect("it is stored under its key");
        assert!(key.name.starts_with("cart-s1-"), "{key}");
        assert_eq!(snapshot["metadata"]["labels"], json!({CANARY: "cart", "app.kubernetes.io/managed-by": "serin"}));
        assert_eq!(snapshot["metadata"]["ownerReferences"][0]["uid"], "1-2-3");
        let other = Subject { canary: "other", ..samples::subject() };
        assert!(all(&other, store.objects()).is_empty());
        let elsewhere = Subject { namespace: "elsewhere", ..samples::subject() };
        assert!(all(&elsewhere, store.objects()).is_empty());
    }

    #[test]
    fn a_target_that_moved_on_is_not_kept_under_the_old_name() {
        let result = create(&samples::subject(), &target("cart:1").0, &target("cart:2").1, &[]);
        assert!(matches!(result, Err(WorkloadError::OtherRevision { .. })), "{result:?}");
        let result = create(&samples::subject(), &target("cart:1").0, &json!({}), &[]);
        assert!(matches!(result, Err(WorkloadError::NoTemplate { .. })), "{result:?}");
    }

    #[test]
    fn a_primary_that_was_deleted_comes_back_from_its_snapshot_as_it_was() {
        let subject = samples::subject();
        let (revision, target) = target("cart:1");
        let store = kept_images(&["cart:1"]);
        let snapshots = all(&subject, store.objects());
        let from_snapshot = primary::changes(&subject, &revision, Source::Snapshot(snapshots[0]), None);
        assert_eq!(from_snapshot, primary::changes(&subject, &revision, Source::Target(&target), None));
    }

    #[test]
    fn mending_a_primary_gives_it_its_template_back_and_takes_no_pods_away() {
        let subject = samples::subject();
        let (revision, target) = target("cart:1");
        let mut store = kept_images(&["cart:1"]);
        let made = primary::changes(&subject, &revision, Source::Target(&target), None).expect("same revision");
        made.iter().for_each(|change| store.write(change).expect("no other hand wrote"));
        let mut edited = store.objects().find(&subject.primary()).cloned().expect("it was created");
        edited["spec"]["replicas"] = json!(9);
        edited["spec"]["template"]["spec"]["containers"][0]["image"] = json!("by-hand");
        let snapshots = all(&subject, store.objects());
        let mend = primary::changes(&subject, &revision, Source::Snapshot(snapshots[0]), Some(&edited));
        let mend = mend.expect("the snapshot is of this revision");
        store.put(subject.primary(), edited);
        let [Change::Merge(_, patch)] = &mend[..] else { panic!("{mend:?}") };
        assert_eq!(patch["spec"].get("replicas"), None);
        assert_eq!(patch["spec"]["template"]["spec"]["containers"][0]["image"], "cart:1");
    }
}
