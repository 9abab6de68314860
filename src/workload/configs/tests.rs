use serde_json::json;

use super::super::{hash, primary, samples};
use super::*;
use crate::model::PrimaryMatch;
use crate::object::FakeStore;

fn config_map(name: &str) -> ObjectKey {
    CONFIG_MAP.named("shop", name)
}

fn secret(name: &str) -> ObjectKey {
    SECRET.named("shop", name)
}

/// A template that reads a ConfigMap or Secret in every way there is.
fn template() -> Value {
    json!({"spec": {
        "initContainers": [{"name": "i", "envFrom": [{"configMapRef": {"name": "init"}}]}],
        "containers": [{
            "name": "c",
            "env": [
                {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "env", "key": "a"}}},
                {"name": "B", "valueFrom": {"secretKeyRef": {"name": "env", "key": "b", "optional": true}}},
                {"name": "C", "value": "x"},
            ],
            "envFrom": [{"secretRef": {"name": "all"}}],
        }],
        "volumes": [
            {"name": "v", "configMap": {"name": "volume", "optional": true}},
            {"name": "w", "secret": {"secretName": "volume"}},
            {"name": "p", "projected": {"sources": [
                {"configMap": {"name": "projected"}}, {"secret": {"name": "projected"}}, {"serviceAccountToken": {}},
            ]}},
            {"name": "n", "cephfs": {"secretRef": {"name": "not-ours"}}},
        ],
        "imagePullSecrets": [{"name": "not-ours"}],
    }})
}

fn stored(objects: &[(ObjectKey, Value)]) -> FakeStore {
    let mut store = FakeStore::default();
    objects.iter().for_each(|(key, object)| store.put(key.clone(), object.clone()));
    store
}

/// What the sample's pods read.
fn shop() -> FakeStore {
    stored(&[
        (config_map("cart"), json!({"data": {"color": "red"}, "binaryData": {"logo": "AA=="}, "immutable": false})),
        (secret("database"), json!({"type": "Opaque", "data": {"password": "c2VjcmV0"}})),
    ])
}

fn of_sample(store: &FakeStore) -> Configs {
    tracked("shop", &samples::template(), store.objects()).0
}

fn copy(store: &mut FakeStore, configs: &Configs, snapshot: Option<&Value>) -> Vec<Change> {
    let changes = copies(&samples::subject(), configs, snapshot, store.objects()).expect("all of it can be had");
    changes.iter().for_each(|change| store.write(change).expect("no other hand wrote"));
    changes
}

#[test]
fn every_reference_of_a_pod_is_found_and_no_other() {
    let found = referenced("shop", &template());
    let expected = [
        config_map("env"),
        config_map("init"),
        config_map("projected"),
        config_map("volume"),
        secret("all"),
        secret("env"),
        secret("projected"),
        secret("volume"),
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_config_that_is_missing_is_told_unless_every_reference_is_optional() {
    let (configs, complaints) = tracked("shop", &template(), FakeStore::default().objects());
    assert_eq!((configs.len(), complaints.len()), (0, 6));
    assert!(complaints[0].sentence.starts_with("ConfigMap/env is not in namespace shop"), "{}", complaints[0].sentence);
    assert!(!complaints.iter().any(|c| c.sentence.contains("Secret/env") || c.sentence.contains("ConfigMap/volume")));
    let mut twice = template();
    twice["spec"]["containers"][0]["envFrom"] = json!([{"secretRef": {"name": "env"}}]);
    let (_, complaints) = tracked("shop", &twice, FakeStore::default().objects());
    assert!(complaints.iter().any(|c| c.sentence.contains("Secret/env")), "one place needs it");
}

#[test]
fn who_opted_out_and_what_controllers_write_is_not_tracked() {
    let annotated = |value: &str| json!({"metadata": {"annotations": {OPT_OUT: value}}, "data": {"a": "1"}});
    for (object, tracked_as) in [
        (annotated("disabled"), false),
        (annotated("disable"), false),
        (annotated("enabled"), true),
        (json!({"type": "kubernetes.io/tls"}), true),
        (json!({"type": "kubernetes.io/service-account-token"}), false),
        (json!({"type": "helm.sh/release.v1"}), false),
    ] {
        let store = stored(&[(secret("database"), object.clone()), (config_map("cart"), annotated("disabled"))]);
        assert_eq!(of_sample(&store).contains_key(&secret("database")), tracked_as, "{object}");
    }
}

#[test]
fn a_change_of_content_is_another_revision_and_a_change_of_labels_is_not() {
    let revision = |store: &FakeStore| hash::revision_with(&samples::template(), &of_sample(store));
    let (mut store, before) = (shop(), revision(&shop()));
    store.put(
        config_map("cart"),
        json!({"metadata": {"labels": {"a": "b"}}, "data": {"color": "red"}, "binaryData": {"logo": "AA=="}}),
    );
    assert_eq!(revision(&store), before);
    store.put(secret("database"), json!({"type": "Opaque", "data": {"password": "b3RoZXI="}}));
    assert_ne!(revision(&store), before);
    assert_eq!(hash::revision_with(&samples::template(), &Configs::new()), hash::revision(&samples::template()));
}

#[test]
fn a_copy_has_the_whole_content_and_no_owner() {
    let mut store = shop();
    let configs = of_sample(&store);
    assert_eq!(copy(&mut store, &configs, None).len(), 2);
    let copied = store.objects().find(&config_map("cart-primary")).expect("it was made");
    assert_eq!(
        (&copied["data"], &copied["binaryData"], &copied["immutable"]),
        (&json!({"color": "red"}), &json!({"logo": "AA=="}), &json!(false))
    );
    assert_eq!(copied["metadata"].get("ownerReferences"), None);
    let copied = store.objects().find(&secret("database-primary")).expect("it was made");
    assert_eq!((&copied["type"], &copied["data"]["password"]), (&json!("Opaque"), &json!("c2VjcmV0")));
    assert_eq!(copy(&mut store, &configs, None), []);
}

#[test]
fn a_key_that_is_gone_is_gone_from_the_copy_that_flagger_made_and_its_labels_stay() {
    let mut store = shop();
    let owner = json!([{"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "name": "cart", "controller": true}]);
    let theirs = json!({
        "metadata": {"labels": {"theirs": "x"}, "ownerReferences": owner}, "data": {"color": "blue", "old": "1"},
    });
    store.put(config_map("cart-primary"), theirs);
    let configs = of_sample(&store);
    copy(&mut store, &configs, None);
    let copied = store.objects().find(&config_map("cart-primary")).expect("it is there");
    assert_eq!(copied["data"], json!({"color": "red"}));
    assert_eq!(
        (&copied["metadata"]["labels"], &copied["metadata"]["ownerReferences"]),
        (&json!({"theirs": "x"}), &json!([]))
    );
}

#[test]
fn an_immutable_copy_and_one_of_another_type_are_made_anew() {
    let mut store = shop();
    copy(&mut store, &of_sample(&shop()), None);
    let mut fixed = store.objects().find(&config_map("cart-primary")).cloned().expect("it was made");
    fixed["immutable"] = json!(true);
    fixed["data"]["color"] = json!("old");
    store.put(config_map("cart-primary"), fixed);
    store.put(secret("database"), json!({"type": "kubernetes.io/basic-auth", "data": {"password": "b3RoZXI="}}));
    let configs = of_sample(&store);
    let changes = copy(&mut store, &configs, None);
    let deletes: Vec<_> = changes.iter().filter(|change| matches!(change, Change::Delete(_))).collect();
    assert_eq!(deletes.len(), 2, "{changes:?}");
    let copied = store.objects().find(&secret("database-primary")).expect("it is there");
    assert_eq!(copied["type"], "kubernetes.io/basic-auth");
}

#[test]
fn what_was_not_analysed_is_never_copied() {
    let mut store = shop();
    let analysed = of_sample(&store);
    let late = copies(&samples::subject(), &analysed, None, store.objects()).expect("it is still there");
    store.put(secret("database"), json!({"type": "Opaque", "data": {"password": "b3RoZXI="}}));
    assert!(late.iter().any(|change| store.write(change).is_err()), "the write itself looks again");
    let lost = copies(&samples::subject(), &analysed, None, store.objects());
    assert_eq!(lost, Err(WorkloadError::ConfigLost { object: "Secret/database".to_owned() }));
}

#[test]
fn a_snapshot_gives_a_config_map_back_and_holds_no_secret() {
    let (mut store, subject) = (shop(), samples::subject());
    let (configs, target) = (of_sample(&shop()), samples::deployment());
    let revision = hash::revision_with(&samples::template(), &configs);
    let keep = snapshot::create(&subject, &revision, &target, &configs, store.objects()).expect("of this revision");
    store.write(&keep).expect("no other hand wrote");
    let kept = store.objects().find(&snapshot::key(&subject, &revision)).cloned().expect("it was made");
    assert_eq!(
        (snapshot::configs(&kept), snapshot::candidate(&kept).map(|kept| kept.revision)),
        (configs.clone(), Some(revision))
    );
    assert!(!kept.to_string().contains("c2VjcmV0"), "{kept}");

    store.put(config_map("cart"), json!({"data": {"color": "blue"}}));
    assert!(can_be_copied(&configs, Some(&kept), store.objects()));
    copy(&mut store, &configs, Some(&kept));
    assert_eq!(store.objects().find(&config_map("cart-primary")).map(|o| &o["data"]["color"]), Some(&json!("red")));
    store.put(secret("database"), json!({"type": "Opaque", "data": {"password": "b3RoZXI="}}));
    assert!(can_be_copied(&configs, Some(&kept), store.objects()), "the copy still holds it");
    store.remove(&secret("database-primary"));
    assert!(!can_be_copied(&configs, Some(&kept), store.objects()));
}

#[test]
fn a_config_map_that_is_too_large_is_not_kept() {
    let mut store = shop();
    store.put(config_map("cart"), json!({"data": {"book": "x".repeat(600 * 1024)}}));
    let configs = of_sample(&store);
    let revision = hash::revision_with(&samples::template(), &configs);
    let keep = snapshot::create(&samples::subject(), &revision, &samples::deployment(), &configs, store.objects());
    assert!(matches!(keep, Ok(Change::Create(..))), "nothing is filled in");
}

#[test]
fn the_primary_reads_the_copies_and_starts_anew_when_only_these_change() {
    let (mut store, subject, target) = (shop(), samples::subject(), samples::deployment());
    let promote = |store: &mut FakeStore| {
        let configs = of_sample(store);
        let revision = hash::revision_with(&samples::template(), &configs);
        let have = store.objects().find(&subject.primary()).cloned();
        let changes = primary::changes(&subject, &revision, primary::Source::Target(&target, &configs), have.as_ref());
        changes.expect("of this revision").iter().for_each(|change| store.write(change).expect("no other hand wrote"));
        let primary = store.objects().find(&subject.primary()).cloned().expect("it is there");
        let template = samples::template();
        let candidate = primary::Candidate::of(&template, configs);
        assert_eq!(primary::runs(&subject, &primary, &[&candidate], store.objects()), PrimaryMatch::Revision(revision));
        primary["spec"]["template"].clone()
    };
    let before = promote(&mut store);
    assert_eq!(before["spec"]["volumes"][0]["configMap"]["name"], "cart-primary");
    assert_eq!(before["spec"]["initContainers"][0]["envFrom"][0]["secretRef"]["name"], "database-primary");
    store.put(secret("database"), json!({"type": "Opaque", "data": {"password": "b3RoZXI="}}));
    let after = promote(&mut store);
    assert_ne!(before["metadata"]["annotations"][CONFIGS], after["metadata"]["annotations"][CONFIGS]);
    assert_eq!(before["spec"], after["spec"]);
}

#[test]
fn a_copy_that_two_canaries_share_goes_with_the_second() {
    let mut store = shop();
    let configs = of_sample(&store);
    copy(&mut store, &configs, None);
    store.remove(&secret("database-primary"));
    let other = Subject { canary: "other", ..samples::subject() };
    let mut shared = store.objects().find(&config_map("cart-primary")).cloned().expect("it was made");
    shared["data"]["color"] = json!("old");
    store.put(config_map("cart-primary"), shared);
    let again = copies(&other, &configs, None, store.objects()).expect("all of it can be had");
    again.iter().for_each(|change| store.write(change).expect("no other hand wrote"));

    for (canary, left) in [("cart", true), ("cart", true), ("other", false)] {
        let changes = give_up(canary, configs.keys(), store.objects());
        changes.iter().for_each(|change| store.write(change).expect("no other hand wrote"));
        assert_eq!(store.objects().find(&config_map("cart-primary")).is_some(), left, "{canary}");
    }
}

#[test]
fn a_primary_that_flagger_made_runs_a_revision_only_with_its_configs() {
    let (mut store, subject) = (shop(), samples::subject());
    let configs = of_sample(&store);
    copy(&mut store, &configs, None);
    // Flagger names the copies in the template, and notes neither a revision nor a checksum.
    let mut template = super::super::template::of_primary(&subject, &samples::template(), &configs);
    template["metadata"]["annotations"] = json!({"prometheus.io/scrape": "true", "flagger-id": "0b9c"});
    let primary = json!({"spec": {"template": template}});
    let runs = |store: &FakeStore| {
        let template = samples::template();
        let candidate = primary::Candidate::of(&template, of_sample(store));
        primary::runs(&subject, &primary, &[&candidate], store.objects())
    };
    let revision = hash::revision_with(&samples::template(), &configs);
    assert_eq!(runs(&store), PrimaryMatch::Revision(revision));
    store.put(secret("database"), json!({"type": "Opaque", "data": {"password": "b3RoZXI="}}));
    assert_eq!(runs(&store), PrimaryMatch::Unknown, "the change was not promoted");
}
