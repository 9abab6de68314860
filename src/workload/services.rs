//! The three Services: the apex, which users call, and one for each side.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{CANARY, Role, Subject, adoption, hash, patch, ports};
use crate::api::{CanaryService, Metadata};
use crate::object::kinds::SERVICE;
use crate::object::{Change, Objects, value};

/// `sides` or `apex`: the writes that make some of the Services as they shall be.
pub type Wanted = fn(&Subject<'_>, &CanaryService, &Value, &Objects) -> Vec<Change>;

/// The writes that make the Services of both sides as wanted; none where they are.
pub fn sides(subject: &Subject<'_>, service: &CanaryService, target: &Value, have: &Objects) -> Vec<Change> {
    let roles = [Role::Canary, Role::Primary];
    roles.into_iter().flat_map(|role| mend(subject, service, target, role, have)).collect()
}

/// The writes that make the apex Service select the primary's pods; none where it does.
///
/// Of a Service that the user made only the selector changes, and ports that it lacks are added.
pub fn apex(subject: &Subject<'_>, service: &CanaryService, target: &Value, have: &Objects) -> Vec<Change> {
    mend(subject, service, target, Role::Apex, have)
}

/// The writes that make the apex Service select the target's pods again; none where it does.
///
/// A Service that the user made is as it was before. One that we made stays, since somebody calls it.
pub fn release_apex(subject: &Subject<'_>, have: &Objects) -> Vec<Change> {
    let key = subject.service(Role::Apex);
    let patch = have.find(&key).and_then(|service| {
        if !subject.made(service) {
            return adoption::release(subject, Role::Apex, service);
        }
        let change = value::difference(selector(service), &subject.selector.target_pods())?;
        Some(patch::of(service, &json!({}), &json!({"selector": change})))
    });
    patch.map(|patch| Change::Merge(key, patch)).into_iter().collect()
}

/// The writes that give back Services of the sides that the user made; those that we made are not among them.
pub fn release_sides(subject: &Subject<'_>, have: &Objects) -> Vec<Change> {
    let release = |role| {
        let key = subject.service(role);
        let service = have.find(&key).filter(|service| !subject.made(service))?;
        adoption::release(subject, role, service).map(|patch| Change::Merge(key, patch))
    };
    [Role::Canary, Role::Primary].into_iter().filter_map(release).collect()
}

/// What tells Flux to leave an object alone.
pub(super) const FLUX: [(&str, &str); 2] =
    [("kustomize.toolkit.fluxcd.io/reconcile", "disabled"), ("helm.toolkit.fluxcd.io/driftDetection", "disabled")];

/// Stands for all that we applied: a field that is no longer wanted is noticed by it, and the next apply drops that field.
const SHAPE: &str = "serin.dev/shape";

fn mend(subject: &Subject<'_>, service: &CanaryService, target: &Value, role: Role, have: &Objects) -> Vec<Change> {
    let key = subject.service(role);
    let wanted_ports = ports::wanted(service, target);
    let have = have.find(&key);
    if let Some(foreign) = have.filter(|have| !subject.made(have)) {
        let patch = adoption::adopt(subject, role, foreign, &wanted_ports);
        return patch.map(|patch| Change::Merge(key, patch)).into_iter().collect();
    }
    let want = render(subject, service, role, &wanted_ports, have);
    if have.is_some_and(|have| is_as_wanted(have, &want)) {
        return Vec::new();
    }
    // Order: a port in the way is not ours alone, so that an apply would not drop it but fail.
    let cleared = have.and_then(|have| without_ports_in_the_way(have, &wanted_ports));
    cleared.map(|patch| Change::Merge(key, patch)).into_iter().chain([Change::Apply(SERVICE, want)]).collect()
}

fn render(subject: &Subject<'_>, service: &CanaryService, role: Role, ports: &[Value], have: Option<&Value>) -> Value {
    let key = subject.service(role);
    let unmanaged = service.unmanaged_metadata.as_ref();
    let metadata = metadata_of(service, role);
    let labels = entries(
        metadata.and_then(|metadata| metadata.labels.as_ref()),
        unmanaged.and_then(|unmanaged| unmanaged.labels.as_deref()),
        &[(&subject.selector.label, &key.name)],
    );
    // What Flagger made is known by its owner; it stays as it is until something else is to be written.
    let mark = have.is_none_or(|have| subject.marked(have)).then_some((CANARY, subject.canary));
    let ours: Vec<(&str, &str)> = FLUX.into_iter().chain(mark).collect();
    let annotations = entries(
        metadata.and_then(|metadata| metadata.annotations.as_ref()),
        unmanaged.and_then(|unmanaged| unmanaged.annotations.as_deref()),
        &ours,
    );
    // The shape is not of what is routed.
    let mut spec = json!({"selector": own_pods(subject, role), "ports": ports});
    // A Service can neither become headless nor cease to be.
    let headless = have.map(|have| value::text(have, &["spec", "clusterIP"]) == Some("None"));
    if headless.unwrap_or(service.headless == Some(true)) {
        spec["clusterIP"] = json!("None");
    }
    if let Some(distribution) = service.traffic_distribution {
        spec["trafficDistribution"] = json!(distribution);
    }
    let mut object = json!({
        "apiVersion": SERVICE.api_version(),
        "kind": SERVICE.kind,
        "metadata": {"name": key.name, "namespace": key.namespace, "labels": labels, "annotations": annotations},
        "spec": spec,
    });
    object["metadata"]["annotations"][SHAPE] = json!(hash::fingerprint(object.clone()));
    object["spec"]["selector"] = pods(subject, role);
    object
}

/// The pods that a Service of this role selects now.
pub(super) fn pods(subject: &Subject<'_>, role: Role) -> Value {
    match subject.apex_pods {
        Some(routed) if role == Role::Apex => routed.clone(),
        _ => own_pods(subject, role),
    }
}

fn own_pods(subject: &Subject<'_>, role: Role) -> Value {
    match role {
        Role::Apex | Role::Primary => subject.selector.primary_pods(),
        Role::Canary => subject.selector.target_pods(),
    }
}

const fn metadata_of(service: &CanaryService, role: Role) -> Option<&Metadata> {
    match role {
        Role::Apex => service.apex.as_ref(),
        Role::Primary => service.primary.as_ref(),
        Role::Canary => service.canary.as_ref(),
    }
}

/// What the user wants, but for the keys that somebody else writes, and what we need.
fn entries(
    wanted: Option<&BTreeMap<String, String>>,
    unmanaged: Option<&[String]>,
    ours: &[(&str, &str)],
) -> BTreeMap<String, String> {
    let is_managed = |key: &String| !unmanaged.is_some_and(|unmanaged| unmanaged.contains(key));
    let wanted = wanted.into_iter().flatten().filter(|(key, _)| is_managed(key));
    let wanted = wanted.map(|(key, value)| (key.clone(), value.clone()));
    wanted.chain(ours.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))).collect()
}

/// Whether an apply of `want` would change nothing. Metadata and ports of others do not count; the selector does as a whole.
fn is_as_wanted(have: &Value, want: &Value) -> bool {
    let shape = |object| value::text(object, &["metadata", "annotations", SHAPE]);
    if shape(have).is_some() {
        return shape(have) == shape(want) && fits(have, want);
    }
    // Never applied by us: what is there is enough.
    let mut want = want.clone();
    if let Some(annotations) = want.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        annotations.shift_remove(SHAPE);
    }
    fits(have, &want)
}

fn fits(have: &Value, want: &Value) -> bool {
    let spec_fits = |(field, want): (&String, &Value)| match field.as_str() {
        "ports" => want.as_array().into_iter().flatten().all(|port| ports::contain(ports_of(have), port)),
        "selector" => selector(have) == want,
        _ => value::at(have, &["spec", field]) == Some(want),
    };
    let spec = value::at(want, &["spec"]).and_then(Value::as_object);
    let metadata = (value::at(have, &["metadata"]), value::at(want, &["metadata"]));
    spec.into_iter().flatten().all(spec_fits)
        && matches!(metadata, (Some(have), Some(want)) if value::contains(have, want))
}

/// The patch that clears away ports whose name one of the wanted ports needs; `None` where there is none. It writes no wanted port
/// unless none is left, since a Service must have one: what an apply alone has written, an apply can drop again.
fn without_ports_in_the_way(have: &Value, wanted: &[Value]) -> Option<Value> {
    let name = |port: &Value| value::text(port, &["name"]).map(ToOwned::to_owned);
    let is_in_the_way =
        |port: &Value| wanted.iter().any(|want| ports::key(want) != ports::key(port) && name(want) == name(port));
    if !ports_of(have).iter().any(is_in_the_way) {
        return None;
    }
    let mut kept: Vec<Value> = ports_of(have).iter().filter(|port| !is_in_the_way(port)).cloned().collect();
    if kept.is_empty() {
        kept.extend(wanted.first().cloned());
    }
    Some(patch::of(have, &json!({}), &json!({"ports": kept})))
}

pub(super) fn ports_of(service: &Value) -> &[Value] {
    value::at(service, &["spec", "ports"]).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

pub(super) fn selector(service: &Value) -> &Value {
    value::at(service, &["spec", "selector"]).unwrap_or(&Value::Null)
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use crate::api::{TrafficDistribution, UnmanagedMetadata};
    use crate::object::FakeStore;

    fn port(port: i32) -> CanaryService {
        CanaryService { port, ..CanaryService::default() }
    }

    /// Writes whatever is not as wanted, and says what that was.
    fn mend_all(store: &mut FakeStore, service: &CanaryService) -> Vec<Change> {
        let (subject, target) = (samples::subject(), samples::deployment());
        let mut changes = sides(&subject, service, &target, store.objects());
        changes.extend(apex(&subject, service, &target, store.objects()));
        changes.iter().for_each(|change| store.write(change).expect("no other hand wrote"));
        changes
    }

    fn made(service: &CanaryService) -> FakeStore {
        let mut store = FakeStore::default();
        mend_all(&mut store, service);
        store
    }

    fn stored(store: &FakeStore, role: Role) -> Value {
        store.objects().find(&samples::subject().service(role)).cloned().expect("it was made")
    }

    /// An edit of one Service by another hand.
    fn edit(store: &mut FakeStore, role: Role, path: &str, new: Value) {
        let mut object = stored(store, role);
        *object.pointer_mut(path).expect("the field is there") = new;
        store.put(samples::subject().service(role), object);
    }

    fn entries(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn each_service_selects_the_pods_of_its_role_and_has_the_name_as_its_label() {
        let store = made(&port(80));
        for (role, name, pods) in [
            (Role::Apex, "cart", "cart-primary"),
            (Role::Primary, "cart-primary", "cart-primary"),
            (Role::Canary, "cart-canary", "cart"),
        ] {
            let service = stored(&store, role);
            assert_eq!(service["spec"]["selector"], json!({"app": pods}));
            assert_eq!(service["metadata"]["labels"], json!({"app": name}));
            let ports = json!([{"name": "http", "protocol": "TCP", "port": 80, "targetPort": 80}]);
            assert_eq!(service["spec"]["ports"], ports);
            assert_eq!(service["metadata"]["annotations"][CANARY], "cart");
            assert_eq!(service["metadata"].get("ownerReferences"), None);
            for (key, value) in FLUX {
                assert_eq!(service["metadata"]["annotations"][key], value);
            }
        }
        assert_eq!(mend_all(&mut store.clone(), &port(80)), []);
    }

    #[test]
    fn metadata_of_the_spec_goes_to_the_service_of_its_role() {
        let metadata = |value: &str| {
            let pairs = entries(&[("test", value)]);
            Some(Metadata { labels: Some(pairs.clone()), annotations: Some(pairs) })
        };
        let service = CanaryService { apex: metadata("a"), primary: metadata("p"), canary: metadata("c"), ..port(80) };
        let store = made(&service);
        for (role, value) in [(Role::Apex, "a"), (Role::Primary, "p"), (Role::Canary, "c")] {
            assert_eq!(stored(&store, role)["metadata"]["labels"]["test"], value);
            assert_eq!(stored(&store, role)["metadata"]["annotations"]["test"], value);
        }
    }

    #[test]
    fn an_edit_by_hand_is_undone() {
        let mut store = made(&port(80));
        edit(&mut store, Role::Canary, "/spec/ports/0/name", json!("by-hand"));
        edit(&mut store, Role::Primary, "/spec/selector", json!({"app": "cart-primary", "tier": "front"}));
        edit(&mut store, Role::Apex, "/metadata/labels/app", json!("by-hand"));
        assert_eq!(mend_all(&mut store, &port(80)).len(), 3);
        assert_eq!(stored(&store, Role::Canary)["spec"]["ports"][0]["name"], "http");
        assert_eq!(stored(&store, Role::Primary)["spec"]["selector"], json!({"app": "cart-primary"}));
        assert_eq!(stored(&store, Role::Apex)["metadata"]["labels"]["app"], "cart");
    }

    #[test]
    fn a_selector_that_is_the_route_is_left_to_it_and_everything_else_is_mended() {
        let (mut store, routed, target) = (made(&port(80)), json!({"release": "cart"}), samples::deployment());
        edit(&mut store, Role::Apex, "/spec/selector", routed.clone());
        let subject = Subject { apex_pods: Some(&routed), ..samples::subject() };
        assert_eq!(apex(&subject, &port(80), &target, store.objects()), []);
        assert_eq!(apex(&samples::subject(), &port(80), &target, store.objects()).len(), 1, "it is no route");
        edit(&mut store, Role::Apex, "/spec/ports/0/name", json!("by-hand"));
        let changes = apex(&subject, &port(80), &target, store.objects());
        changes.iter().for_each(|change| store.write(change).expect("no other hand wrote"));
        assert_eq!(stored(&store, Role::Apex)["spec"]["ports"][0]["name"], "http");
        assert_eq!(stored(&store, Role::Apex)["spec"]["selector"]["release"], "cart");
    }

    #[test]
    fn keys_that_others_write_are_left_alone() {
        let unmanaged = UnmanagedMetadata { annotations: Some(vec!["theirs".to_owned()]), labels: None };
        let annotations = Some(entries(&[("theirs", "at first"), ("ours", "x")]));
        let service = CanaryService {
            apex: Some(Metadata { labels: None, annotations }),
            unmanaged_metadata: Some(unmanaged),
            ..port(80)
        };
        let mut store = made(&service);
        assert_eq!(stored(&store, Role::Apex)["metadata"]["annotations"].get("theirs"), None);
        let mut object = stored(&store, Role::Apex);
        value::merge(&mut object, &json!({"metadata": {"annotations": {"theirs": "1", "unknown": "2"}}}));
        store.put(samples::subject().service(Role::Apex), object);
        assert_eq!(mend_all(&mut store, &service), []);
        edit(&mut store, Role::Apex, "/metadata/annotations/ours", json!("by-hand"));
        mend_all(&mut store, &service);
        let annotations = stored(&store, Role::Apex)["metadata"]["annotations"].clone();
        assert_eq!(
            (&annotations["theirs"], &annotations["unknown"], &annotations["ours"]),
            (&json!("1"), &json!("2"), &json!("x"))
        );
    }

    #[test]
    fn a_field_that_is_no_longer_in_the_spec_goes() {
        let annotations = Some(entries(&[("external-dns", "cart.example.com")]));
        let service = CanaryService {
            apex: Some(Metadata { labels: None, annotations }),
            traffic_distribution: Some(TrafficDistribution::PreferClose),
            ..port(80)
        };
        let mut store = made(&service);
        assert_eq!(stored(&store, Role::Canary)["spec"]["trafficDistribution"], "PreferClose");
        mend_all(&mut store, &port(80));
        assert_eq!(stored(&store, Role::Apex)["metadata"]["annotations"].get("external-dns"), None);
        assert_eq!(stored(&store, Role::Canary)["spec"].get("trafficDistribution"), None);
        assert_eq!(mend_all(&mut store, &port(80)), []);
    }

    #[test]
    fn traffic_distribution_is_written_after_the_creation_too() {
        let mut store = made(&port(80));
        let service = CanaryService { traffic_distribution: Some(TrafficDistribution::PreferSameNode), ..port(80) };
        assert_eq!(mend_all(&mut store, &service).len(), 3);
        for role in [Role::Apex, Role::Primary, Role::Canary] {
            assert_eq!(stored(&store, role)["spec"]["trafficDistribution"], "PreferSameNode");
        }
    }

    #[test]
    fn a_service_is_headless_from_its_creation_or_never() {
        let headless = CanaryService { headless: Some(true), ..port(80) };
        let mut store = made(&headless);
        assert_eq!(stored(&store, Role::Canary)["spec"]["clusterIP"], "None");
        assert_eq!(mend_all(&mut store, &port(80)), []);
        let mut store = made(&port(80));
        let mut object = stored(&store, Role::Canary);
        object["spec"]["clusterIP"] = json!("10.0.0.1");
        store.put(samples::subject().service(Role::Canary), object);
        assert_eq!(mend_all(&mut store, &headless), []);
    }

    #[test]
    fn what_flagger_made_and_is_right_is_not_rewritten() {
        let mut store = made(&port(80));
        for role in [Role::Apex, Role::Primary, Role::Canary] {
            let mut object = stored(&store, role);
            let owner =
                json!([{"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "name": "cart", "controller": true}]);
            value::merge(
                &mut object,
                &json!({"metadata": {"ownerReferences": owner, "annotations": {CANARY: null, SHAPE: null}}}),
            );
            store.put(samples::subject().service(role), object);
        }
        assert_eq!(mend_all(&mut store, &port(80)), []);
    }

    #[test]
    fn a_port_that_moved_takes_its_name_along_even_from_a_port_that_flagger_wrote() {
        let mut store = made(&port(80));
        edit(
            &mut store,
            Role::Apex,
            "/spec/ports",
            json!([{"name": "http", "protocol": "TCP", "port": 70, "targetPort": 80}]),
        );
        mend_all(&mut store, &port(80));
        let ports = json!([{"name": "http", "protocol": "TCP", "port": 80, "targetPort": 80}]);
        assert_eq!(stored(&store, Role::Apex)["spec"]["ports"], ports);
        mend_all(&mut store, &port(8080));
        let ports = json!([{"name": "http", "protocol": "TCP", "port": 8080, "targetPort": 8080}]);
        assert_eq!(stored(&store, Role::Canary)["spec"]["ports"], ports);
        assert_eq!(mend_all(&mut store, &port(8080)), []);
    }

    #[test]
    fn a_released_apex_that_we_made_keeps_serving_the_target() {
        let mut store = made(&port(80));
        for change in release_apex(&samples::subject(), store.objects()) {
            store.write(&change).expect("no other hand wrote");
        }
        assert_eq!(stored(&store, Role::Apex)["spec"]["selector"], json!({"app": "cart"}));
        assert_eq!(release_apex(&samples::subject(), store.objects()), []);
    }

    #[test]
    fn services_of_the_sides_that_the_user_made_are_given_back_as_they_were() {
        let (mut store, subject) = (FakeStore::default(), samples::subject());
        let theirs = json!({
            "metadata": {"labels": {"own": "x"}},
            "spec": {"selector": {"app": "old"}, "ports": [{"port": 7, "targetPort": 7}]},
        });
        for role in [Role::Primary, Role::Canary] {
            store.put(subject.service(role), theirs.clone());
        }
        let before: Vec<_> = [Role::Primary, Role::Canary].map(|role| stored(&store, role)["spec"].clone()).into();
        mend_all(&mut store, &port(80));
        assert_eq!(stored(&store, Role::Canary)["spec"]["selector"], json!({"app": "cart"}));
        let changes = release_sides(&subject, store.objects());
        changes.iter().for_each(|change| store.write(change).expect("no other hand wrote"));
        let after: Vec<_> = [Role::Primary, Role::Canary].map(|role| stored(&store, role)["spec"].clone()).into();
        assert_eq!((after, changes.len()), (before, 2));
        assert_eq!(release_sides(&subject, store.objects()), []);
        assert_eq!(release_sides(&subject, made(&port(80)).objects()), []);
    }
}
