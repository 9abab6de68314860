//! Templates of promoted revisions, kept as ControllerRevisions: what a primary is mended from when the target has moved on.

use serde_json::{Value, json};

use super::primary::Candidate;
use super::{CANARY, Configs, Subject, WorkloadError, daemon_set, hash, metadata, pods};
use crate::model::Revision;
use crate::object::kinds::{CONFIG_MAP, CONTROLLER_REVISION, SECRET};
use crate::object::{Change, Content, ObjectKey, Objects, content, value};

/// Fields of a Deployment or DaemonSet that the primary takes over at a promotion, beside template and replicas.
pub(super) const COPIED: [&str; 5] =
    ["minReadySeconds", "progressDeadlineSeconds", "revisionHistoryLimit", "strategy", "updateStrategy"];

/// Bytes of ConfigMaps that a snapshot keeps: well below what the apiserver takes.
const MOST_BYTES: usize = 512 * 1024;

/// Keeps what a primary of `revision` is made from. The target must be of that revision.
///
/// Of the ConfigMaps the content is kept as well; of Secrets only the checksum, since everybody may read snapshots.
pub fn create(
    subject: &Subject<'_>,
    revision: &Revision,
    target: &Value,
    configs: &Configs,
    have: &Objects,
) -> Result<Change, WorkloadError> {
    let template = template_of(target, pods::template(target), configs, revision)?;
    let mut template = template.clone();
    daemon_set::unpark(&mut template);
    let mut spec = json!({"replicas": pods::replicas(subject.kind, target), "template": template});
    for field in COPIED {
        if let Some(value) = value::at(target, &["spec", field]) {
            spec[field] = value.clone();
        }
    }
    let newest = all(subject, have).into_iter().map(number).max().unwrap_or_default();
    let key = key(subject, revision);
    let (kept, contents) = keep(configs, have);
    let mut object = json!({
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
    if !configs.is_empty() {
        object["data"]["configs"] = kept;
    }
    let create = Change::Create(CONTROLLER_REVISION, object);
    Ok(if contents.is_empty() { create } else { Change::Filled(Box::new(create), contents) })
}

/// What is written of the configs, and what is still to be filled in.
fn keep(configs: &Configs, have: &Objects) -> (Value, Vec<Content>) {
    let (mut kept, mut contents, mut room) = (json!({}), Vec::new(), MOST_BYTES);
    for (key, checksum) in configs {
        let size = have.find(key).map_or(usize::MAX, content::size);
        let fits = key.kind == CONFIG_MAP && size <= room;
        if fits {
            room -= size;
            let (source, into) = (key.clone(), place_of(key));
            contents.push(Content { source, from: Vec::new(), checksum: checksum.clone(), into });
        }
        kept[name_of(key)] = json!({"checksum": checksum, "kept": fits});
    }
    (kept, contents)
}

/// The configs of the revision that a snapshot keeps.
pub fn configs(snapshot: &Value) -> Configs {
    let namespace = value::text(snapshot, &["metadata", "namespace"]).unwrap_or_default();
    let entries = value::at(snapshot, &["data", "configs"]).and_then(Value::as_object).into_iter().flatten();
    let read = |(name, entry): (&String, &Value)| {
        let (kind, name) = name.split_once('/')?;
        let kind = [CONFIG_MAP, SECRET].into_iter().find(|known| known.kind.eq_ignore_ascii_case(kind))?;
        Some((kind.named(namespace, name), value::text(entry, &["checksum"])?.to_owned()))
    };
    entries.filter_map(read).collect()
}

/// Whether the content of a config is in the snapshot.
pub(super) fn keeps(snapshot: &Value, key: &ObjectKey) -> bool {
    let kept = value::at(snapshot, &["data", "configs", &name_of(key), "kept"]);
    kept == Some(&Value::Bool(true))
}

/// Where in a snapshot the content of a config is.
pub(super) fn place_of(key: &ObjectKey) -> Vec<String> {
    vec!["data".to_owned(), "configs".to_owned(), name_of(key)]
}

/// The key under which a snapshot was read.
pub(super) fn own_key(snapshot: &Value) -> Option<ObjectKey> {
    ObjectKey::of(CONTROLLER_REVISION, snapshot)
}

/// `configmap/cart`, as in `status.trackedConfigs`.
pub fn name_of(key: &ObjectKey) -> String {
    format!("{}/{}", key.kind.kind.to_lowercase(), key.name)
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
    kept(snapshot).and_then(pods::template)
}

/// What it keeps, as the primary may run it.
pub fn candidate(snapshot: &Value) -> Option<Candidate<'_>> {
    template(snapshot).map(|template| Candidate::of(template, configs(snapshot)))
}

/// The part of the target that a snapshot keeps, in the form of a Deployment.
pub(super) fn kept(snapshot: &Value) -> Option<&Value> {
    value::at(snapshot, &["data"])
}

/// `template`, if it is of the revision that was decided on.
pub(super) fn template_of<'a>(
    object: &Value,
    template: Option<&'a Value>,
    configs: &Configs,
    wanted: &Revision,
) -> Result<&'a Value, WorkloadError> {
    let text = |path: &[&str]| value::text(object, path).unwrap_or_default().to_owned();
    let name = || format!("{}/{}", text(&["kind"]), text(&["metadata", "name"]));
    let template = template.ok_or_else(|| WorkloadError::NoTemplate { object: name() })?;
    let found = hash::revision_with(template, configs);
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
            let change =
                create(&subject, &revision, &target, &Configs::new(), store.objects()).expect("it is of this revision");
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
            let found: Vec<_> = snapshots.iter().filter_map(|snapshot| Some(candidate(snapshot)?.revision)).collect();
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
        let result =
            create(&samples::subject(), &target("cart:1").0, &target("cart:2").1, &Configs::new(), &Objects::default());
        assert!(matches!(result, Err(WorkloadError::OtherRevision { .. })), "{result:?}");
        let result = create(&samples::subject(), &target("cart:1").0, &json!({}), &Configs::new(), &Objects::default());
        assert!(matches!(result, Err(WorkloadError::NoTemplate { .. })), "{result:?}");
    }

    #[test]
    fn a_primary_that_was_deleted_comes_back_from_its_snapshot_as_it_was() {
        let subject = samples::subject();
        let (revision, target) = target("cart:1");
        let store = kept_images(&["cart:1"]);
        let snapshots = all(&subject, store.objects());
        let from_snapshot = primary::changes(&subject, &revision, Source::Snapshot(snapshots[0]), None);
        assert_eq!(
            from_snapshot,
            primary::changes(&subject, &revision, Source::Target(&target, &Configs::new()), None)
        );
    }

    #[test]
    fn mending_a_primary_gives_it_its_template_back_and_takes_no_pods_away() {
        let subject = samples::subject();
        let (revision, target) = target("cart:1");
        let mut store = kept_images(&["cart:1"]);
        let made = primary::changes(&subject, &revision, Source::Target(&target, &Configs::new()), None)
            .expect("same revision");
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
