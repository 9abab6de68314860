//! The primary: our copy of the target, which serves.

use serde_json::{Map, Value, json};

use super::snapshot::{self, COPIED};
use super::{
    CANARY, Configs, Replicas, Subject, WorkloadError, configs, hash, metadata, patch, pods, subject, template,
};
use crate::api::sentences;
use crate::model::{Complaint, PrimaryMatch, PrimarySeen, Revision};
use crate::object::kinds::DEPLOYMENT;
use crate::object::{Change, Objects, value};

/// Annotation of the primary: the revision that it was made to run.
pub const REVISION: &str = "serin.dev/revision";

/// What the primary is made from.
#[derive(Clone, Copy, Debug)]
pub enum Source<'a> {
    /// The target, as it is, and the configs that its pods read: a promotion.
    Target(&'a Value, &'a Configs),
    /// The snapshot of a promoted revision: the primary is mended.
    Snapshot(&'a Value),
}

/// The writes that make the primary run `revision`; none where it does. The source must be of that revision.
///
/// The primary has no owner: when the Canary is lost, by accident or with its CRD, the pods that serve are not.
pub fn changes(
    subject: &Subject<'_>,
    revision: &Revision,
    source: Source<'_>,
    have: Option<&Value>,
) -> Result<Vec<Change>, WorkloadError> {
    let (object, deployment, configs) = match source {
        Source::Target(target, configs) => (target, Some(target), configs.clone()),
        Source::Snapshot(snapshot) => (snapshot, snapshot::kept(snapshot), snapshot::configs(snapshot)),
    };
    let template = snapshot::template_of(object, deployment.and_then(pods::template), &configs, revision)?;
    let template = &template::of_primary(subject, template, &configs);
    let deployment = deployment.unwrap_or(&Value::Null);
    let asked = pods::replicas(subject.kind, deployment);
    Ok(match have {
        None => {
            let replicas = if let Replicas::OfPrimary(Some(had)) = subject.replicas { had } else { asked };
            vec![Change::Create(subject.kind, render(subject, revision, deployment, template, replicas.max(1)))]
        }
        Some(have) => {
            let serving = pods::replicas(subject.kind, have);
            let replicas = match (source, subject.replicas) {
                (_, Replicas::OfScaler) => serving,
                (_, Replicas::OfPrimary(had)) => {
                    if serving > 0 {
                        serving
                    } else {
                        had.unwrap_or(asked).max(1)
                    }
                }
                (Source::Target(..), Replicas::OfTarget) if asked > 0 => asked,
                // Mending must not take capacity away from what serves.
                (Source::Snapshot(_), Replicas::OfTarget) if serving == 0 => asked.max(1),
                (Source::Target(..) | Source::Snapshot(_), Replicas::OfTarget) => serving,
            };
            let want = render(subject, revision, deployment, template, replicas);
            update(have, &want).map(|patch| Change::Merge(subject.primary(), patch)).into_iter().collect()
        }
    })
}

/// The primary as it was seen; a complaint where it is a Deployment that can never become one.
pub fn seen(
    subject: &Subject<'_>,
    have: &Value,
    candidates: &[&Candidate<'_>],
    objects: &Objects,
) -> Result<PrimarySeen, Complaint> {
    let selects = value::at(have, &["spec", "selector"]).unwrap_or(&Value::Null);
    let wanted = json!({"matchLabels": subject.selector.primary_pods()});
    if *selects != wanted {
        let values = [
            ("kind", subject.kind.kind),
            ("primary", &*subject.primary().name),
            ("found", &*selects.to_string()),
            ("wanted", &*wanted.to_string()),
        ];
        return Err(Complaint::blocks(sentences::CAN062.reason, sentences::CAN062.say(&values)));
    }
    Ok(PrimarySeen {
        runs: runs(subject, have, candidates, objects),
        replicas: pods::replicas(subject.kind, have),
        rollout: pods::rollout(subject.kind, have),
    })
}

/// A revision that the primary may run.
#[derive(Clone, Debug)]
pub struct Candidate<'a> {
    /// The target's pod template of it.
    template: &'a Value,
    /// What its pods read.
    configs: Configs,
    /// Its name.
    pub revision: Revision,
}

impl<'a> Candidate<'a> {
    /// The revision of this template with these configs. Naming it takes a fingerprint of the whole template.
    pub fn of(template: &'a Value, configs: Configs) -> Self {
        let revision = hash::revision_with(template, &configs);
        Self { template, configs, revision }
    }
}

/// Which of the candidates the primary runs.
///
/// Two candidates can be the same for the primary, where they differ only in what is not copied: then its annotation decides.
pub fn runs(subject: &Subject<'_>, have: &Value, candidates: &[&Candidate<'_>], objects: &Objects) -> PrimaryMatch {
    let is_same = |candidate: &&Candidate<'_>| {
        let template = template::of_primary(subject, candidate.template, &candidate.configs);
        // Ours names its configs in the template.
        let copied = written_revision(have).is_some() || configs::are_copied(&candidate.configs, objects);
        copied && is_running(have, &template)
    };
    let written = written_revision(have);
    // The one that the primary itself names comes first, and is nearly always the one.
    let mut named_first = candidates.to_vec();
    named_first.sort_by_key(|candidate| Some(candidate.revision.as_str()) != written);
    let running = named_first.into_iter().find(is_same);
    running.map_or(PrimaryMatch::Unknown, |candidate| PrimaryMatch::Revision(candidate.revision.clone()))
}

fn render(subject: &Subject<'_>, revision: &Revision, source: &Value, template: &Value, replicas: u32) -> Value {
    let pods = subject.selector.primary_pods();
    let mut labels = Value::Object(metadata::labels(source, subject.label_prefixes));
    value::merge(&mut labels, &pods);
    let mut annotations = Value::Object(metadata::annotations(source));
    value::merge(&mut annotations, &json!({CANARY: subject.canary, REVISION: revision.as_str()}));
    let key = subject.primary();
    let mut object = json!({
        "apiVersion": subject.kind.api_version(),
        "kind": subject.kind.kind,
        "metadata": {"name": key.name, "namespace": key.namespace, "labels": labels, "annotations": annotations},
        "spec": {
            "selector": {"matchLabels": pods},
            "template": template,
        },
    });
    if subject.kind == DEPLOYMENT {
        object["spec"]["replicas"] = json!(replicas);
    }
    for field in COPIED {
        if let Some(value) = value::at(source, &["spec", field]) {
            object["spec"][field] = value.clone();
        }
    }
    object
}

/// Whether the primary runs this template, which was made for it. What we never wrote is Flagger's.
fn is_running(have: &Value, template: &Value) -> bool {
    let same = match written_revision(have) {
        Some(_) => hash::revision,
        None => template::identity,
    };
    // What is spelled alike needs no fingerprint, and that is nearly always so.
    pods::template(have).is_some_and(|running| running == template || same(running) == same(template))
}

fn written_revision(have: &Value) -> Option<&str> {
    value::text(have, &["metadata", "annotations", REVISION])
}

/// The merge patch that brings `have` to `want`; `None` where nothing differs. Labels and annotations of others stay.
fn update(have: &Value, want: &Value) -> Option<Value> {
    let mut spec = Map::new();
    for field in COPIED.into_iter().chain(["replicas"]) {
        let side = |object| value::at(object, &["spec", field]).unwrap_or(&Value::Null);
        spec.extend(value::difference(side(have), side(want)).map(|patch| (field.to_owned(), patch)));
    }
    let template = pods::template(want)?;
    // A template that is only spelled differently stays as it is: writing it would restart every pod that serves.
    if !is_running(have, template) {
        let running = pods::template(have).unwrap_or(&Value::Null);
        spec.extend(value::difference(running, template).map(|patch| ("template".to_owned(), patch)));
    } else if written_revision(have).is_none() {
        // Flagger's still: it stays so until a new template is written.
        return (!spec.is_empty()).then(|| patch::of(have, &json!({}), &Value::Object(spec)));
    }
    let mut meta = Map::new();
    for field in ["labels", "annotations"] {
        let wanted = value::at(want, &["metadata", field]).unwrap_or(&Value::Null);
        if !value::contains(value::at(have, &["metadata", field]).unwrap_or(&Value::Null), wanted) {
            meta.insert(field.to_owned(), wanted.clone());
        }
    }
    if is_owned(have) {
        meta.insert("ownerReferences".to_owned(), other_owners(have));
    }
    if spec.is_empty() && meta.is_empty() {
        return None;
    }
    Some(patch::of(have, &Value::Object(meta), &Value::Object(spec)))
}

/// Whether a Canary owns it: a Flagger before us made it so.
pub fn is_owned(have: &Value) -> bool {
    subject::owners(have).next().is_some()
}

/// The patch after which no Canary owns it; `None` where none does. Its pods do not notice.
pub fn disown(have: &Value) -> Option<Value> {
    is_owned(have).then(|| patch::of(have, &json!({"ownerReferences": other_owners(have)}), &json!({})))
}

fn other_owners(have: &Value) -> Value {
    let owners = value::at(have, &["metadata", "ownerReferences"]).and_then(Value::as_array);
    owners.into_iter().flatten().filter(|owner| !subject::is_canary(owner)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use crate::object::FakeStore;

    fn plain(template: &Value) -> Candidate<'_> {
        Candidate::of(template, Configs::new())
    }

    /// The store after a promotion from `source`, which must succeed.
    fn promote(store: &mut FakeStore, revision: &Revision, source: Source<'_>) -> Vec<Change> {
        let subject = samples::subject();
        let have = store.objects().find(&subject.primary()).cloned();
        let changes = changes(&subject, revision, source, have.as_ref()).expect("the source is of this revision");
        changes.iter().for_each(|change| store.write(change).expect("no other hand wrote"));
        changes
    }

    fn stored(store: &FakeStore) -> Value {
        store.objects().find(&samples::subject().primary()).cloned().expect("it was created")
    }

    fn first_revision() -> Revision {
        hash::revision(&samples::template())
    }

    /// The target with another image, which is another revision.
    fn next() -> (Revision, Value) {
        let mut target = samples::deployment();
        target["spec"]["template"]["spec"]["containers"][0]["image"] = json!("cart:1.9.0");
        (hash::revision(&target["spec"]["template"]), target)
    }

    fn created() -> FakeStore {
        let mut store = FakeStore::default();
        promote(&mut store, &first_revision(), Source::Target(&samples::deployment(), &Configs::new()));
        store
    }

    #[test]
    fn a_new_primary_is_the_target_under_its_own_label_and_without_an_owner() {
        let primary = stored(&created());
        let subject = samples::subject();
        assert_eq!(
            primary["metadata"],
            json!({
                "name": "cart-primary", "namespace": "shop", "resourceVersion": "1",
                "labels": {"app": "cart-primary"},
                "annotations": {"note": "kept", CANARY: "cart", REVISION: first_revision().as_str()},
            })
        );
        let spec = &primary["spec"];
        assert_eq!(spec["selector"], json!({"matchLabels": {"app": "cart-primary"}}));
        assert_eq!(spec["template"], template::of_primary(&subject, &samples::template(), &Configs::new()));
        for field in COPIED.into_iter().chain(["replicas"]) {
            assert_eq!(spec[field], samples::deployment()["spec"][field], "{field}");
        }
    }

    #[test]
    fn the_primary_is_named_after_the_target_and_labelled_after_its_selector() {
        let selector = super::super::Selector { label: "name".to_owned(), value: "podinfo".to_owned() };
        let subject = Subject { target: "podinfo-service", selector: &selector, ..samples::subject() };
        let (revision, target) = (first_revision(), samples::deployment());
        let changes = changes(&subject, &revision, Source::Target(&target, &Configs::new()), None)
            .expect("it is of this revision");
        let [Change::Create(_, primary)] = &changes[..] else { panic!("{changes:?}") };
        assert_eq!(primary["metadata"]["name"], "podinfo-service-primary");
        assert_eq!(primary["spec"]["selector"], json!({"matchLabels": {"name": "podinfo-primary"}}));
        assert_eq!(primary["spec"]["template"]["metadata"]["labels"]["name"], "podinfo-primary");
    }

    #[test]
    fn beside_a_canary_of_another_size_the_primary_keeps_its_own_also_when_it_is_made_anew() {
        let subject = Subject { replicas: Replicas::OfPrimary(Some(10)), ..samples::subject() };
        let (revision, target) = next();
        let configs = Configs::new();
        let source = || Source::Target(&target, &configs);
        let [Change::Create(_, anew)] = &changes(&subject, &revision, source(), None).unwrap()[..] else { panic!() };
        assert_eq!(anew["spec"]["replicas"], json!(10));
        let mut serving = stored(&created());
        serving["spec"]["replicas"] = json!(7);
        let [Change::Merge(_, patch)] = &changes(&subject, &revision, source(), Some(&serving)).unwrap()[..] else {
            panic!()
        };
        assert_eq!(patch["spec"].get("replicas"), None, "{patch}");
    }

    #[test]
    fn a_primary_of_a_target_that_is_scaled_to_zero_starts_with_one_pod() {
        let mut target = samples::deployment();
        target["spec"]["replicas"] = json!(0);
        let mut store = FakeStore::default();
        promote(&mut store, &first_revision(), Source::Target(&target, &Configs::new()));
        assert_eq!(pods::replicas(DEPLOYMENT, &stored(&store)), 1);
    }

    #[test]
    fn a_promotion_writes_the_template_exactly_and_keeps_what_others_wrote_beside_it() {
        let mut store = created();
        let mut theirs = stored(&store);
        theirs["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = json!("1");
        theirs["spec"]["template"]["spec"]["hostname"] = json!("by-hand");
        theirs["spec"]["paused"] = json!(false);
        store.put(samples::subject().primary(), theirs);
        let (revision, mut target) = next();
        target["spec"]["replicas"] = json!(5);
        target["spec"].as_object_mut().expect("a map").remove("minReadySeconds");
        promote(&mut store, &revision, Source::Target(&target, &Configs::new()));
        let primary = stored(&store);
        assert_eq!(
            primary["spec"]["template"],
            template::of_primary(&samples::subject(), &target["spec"]["template"], &Configs::new())
        );
        assert_eq!(primary["spec"]["replicas"], json!(5));
        assert_eq!(primary["spec"].get("minReadySeconds"), None);
        assert_eq!(primary["spec"]["paused"], json!(false));
        assert_eq!(primary["metadata"]["annotations"]["deployment.kubernetes.io/revision"], json!("1"));
        assert_eq!(primary["metadata"]["annotations"][REVISION], json!(revision.as_str()));
        assert_eq!(promote(&mut store, &revision, Source::Target(&target, &Configs::new())), []);
    }

    #[test]
    fn promoting_what_already_runs_restarts_nothing() {
        let mut store = created();
        let mut served = samples::deployment();
        served["spec"]["template"] = samples::template_as_served();
        assert_eq!(promote(&mut store, &first_revision(), Source::Target(&served, &Configs::new())), []);
        served["spec"]["replicas"] = json!(4);
        promote(&mut store, &first_revision(), Source::Target(&served, &Configs::new()));
        assert_eq!(stored(&store)["spec"]["template"], stored(&created())["spec"]["template"]);
        assert_eq!(pods::replicas(DEPLOYMENT, &stored(&store)), 4);
    }

    #[test]
    fn a_primary_that_flagger_made_is_recognised_and_stays_until_another_revision_comes() {
        let (subject, plain) = (samples::subject(), samples::template());
        let mut store = created();
        let mut theirs = stored(&store);
        theirs["metadata"]["annotations"] = json!({});
        theirs["spec"]["template"]["metadata"]["annotations"]["flagger-id"] = json!("0b9c");
        theirs["spec"]["template"]["spec"]["volumes"][0]["configMap"]["name"] = json!("cart-primary");
        store.put(subject.primary(), theirs);
        let candidates = [self::plain(&plain)];
        assert_eq!(
            runs(&subject, &stored(&store), &candidates.each_ref(), store.objects()),
            PrimaryMatch::Revision(first_revision())
        );
        assert_eq!(promote(&mut store, &first_revision(), Source::Target(&samples::deployment(), &Configs::new())), []);
        let (revision, target) = next();
        promote(&mut store, &revision, Source::Target(&target, &Configs::new()));
        assert_eq!(
            stored(&store)["spec"]["template"],
            template::of_primary(&subject, &target["spec"]["template"], &Configs::new())
        );
    }

    #[test]
    fn of_a_primary_that_we_made_every_difference_counts() {
        let mut store = created();
        let mut renamed = samples::deployment();
        renamed["spec"]["template"]["spec"]["volumes"][0]["configMap"]["name"] = json!("cart-primary");
        let revision = hash::revision(&renamed["spec"]["template"]);
        promote(&mut store, &revision, Source::Target(&renamed, &Configs::new()));
        assert_eq!(stored(&store)["spec"]["template"]["spec"]["volumes"][0]["configMap"]["name"], "cart-primary");
    }

    #[test]
    fn a_promotion_of_a_target_at_zero_leaves_the_primary_its_pods() {
        let mut store = created();
        let (revision, mut target) = next();
        target["spec"]["replicas"] = json!(0);
        promote(&mut store, &revision, Source::Target(&target, &Configs::new()));
        assert_eq!(pods::replicas(DEPLOYMENT, &stored(&store)), 3);
    }

    #[test]
    fn a_target_that_moved_on_is_not_promoted() {
        let (revision, target) = next();
        let result = changes(&samples::subject(), &first_revision(), Source::Target(&target, &Configs::new()), None);
        let expected = WorkloadError::OtherRevision {
            object: "Deployment/cart".to_owned(),
            wanted: first_revision(),
            found: revision,
        };
        assert_eq!(result, Err(expected));
    }

    #[test]
    fn a_write_from_an_old_look_at_the_primary_fails() {
        let mut store = created();
        let old = stored(&store);
        let (revision, target) = next();
        let late = changes(&samples::subject(), &revision, Source::Target(&target, &Configs::new()), Some(&old))
            .expect("same revision");
        store.put(samples::subject().primary(), old);
        assert!(late.iter().all(|change| store.write(change).is_err()), "{late:?}");
    }

    #[test]
    fn an_owner_that_flagger_set_goes_with_the_next_promotion_and_other_owners_stay() {
        let mut store = created();
        let mut theirs = stored(&store);
        let other = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "y"});
        let canary = json!({"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "name": "cart", "uid": "1-2-3"});
        theirs["metadata"]["ownerReferences"] = json!([canary, other]);
        store.put(samples::subject().primary(), theirs);
        let (revision, target) = next();
        promote(&mut store, &revision, Source::Target(&target, &Configs::new()));
        assert_eq!(stored(&store)["metadata"]["ownerReferences"], json!([other]));
        assert_eq!(promote(&mut store, &revision, Source::Target(&target, &Configs::new())), []);
    }

    #[test]
    fn the_revision_of_a_primary_is_found_whatever_the_apiserver_filled_in() {
        let subject = samples::subject();
        let ((_, target), old) = (next(), samples::template());
        let candidates = [plain(&target["spec"]["template"]), plain(&old)];
        let mut primary = stored(&created());
        primary["spec"]["template"] = template::of_primary(&subject, &samples::template_as_served(), &Configs::new());
        assert_eq!(
            runs(&subject, &primary, &candidates.each_ref(), &Objects::default()),
            PrimaryMatch::Revision(first_revision())
        );
        primary["spec"]["template"]["spec"]["containers"][0]["image"] = json!("by-hand");
        assert_eq!(runs(&subject, &primary, &candidates.each_ref(), &Objects::default()), PrimaryMatch::Unknown);
        assert_eq!(runs(&subject, &json!({}), &candidates.each_ref(), &Objects::default()), PrimaryMatch::Unknown);
    }

    #[test]
    fn of_two_revisions_that_are_one_for_the_primary_the_written_one_counts() {
        let subject = samples::subject();
        let mut marked = samples::deployment();
        marked["spec"]["template"]["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"] = json!("1");
        let second = hash::revision(&marked["spec"]["template"]);
        let first = samples::template();
        let candidates = [plain(&first), plain(&marked["spec"]["template"])];
        let mut store = created();
        assert_eq!(
            runs(&subject, &stored(&store), &candidates.each_ref(), store.objects()),
            PrimaryMatch::Revision(first_revision())
        );
        promote(&mut store, &second, Source::Target(&marked, &Configs::new()));
        assert_eq!(
            runs(&subject, &stored(&store), &candidates.each_ref(), store.objects()),
            PrimaryMatch::Revision(second)
        );
    }

    #[test]
    fn a_deployment_that_can_never_become_the_primary_is_a_complaint() {
        let mut foreign = stored(&created());
        assert!(seen(&samples::subject(), &foreign, &[], &Objects::default()).is_ok());
        foreign["spec"]["selector"]["matchLabels"] = json!({"app": "other"});
        let complaint =
            seen(&samples::subject(), &foreign, &[], &Objects::default()).expect_err("selectors cannot be changed");
        assert_eq!(
            complaint.sentence,
            "Deployment/cart-primary selects {\"matchLabels\":{\"app\":\"other\"}} where it must select \
             {\"matchLabels\":{\"app\":\"cart-primary\"}}, and the selector of a Deployment cannot be changed, so no release can be \
             promoted; delete Deployment/cart-primary or rename it, and it is made anew"
        );
    }
}
