//! Laws of the Services, for any options of the user over any Services that are there already.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::services::{apex, release_apex, sides};
use super::{Configs, Role, Subject, ports, samples};
use crate::api::{CanaryService, TargetPort};
use crate::object::kinds::{DAEMON_SET, DEPLOYMENT};
use crate::object::{Change, FakeStore, value};

const ROLES: [Role; 3] = [Role::Apex, Role::Primary, Role::Canary];

fn options() -> impl Strategy<Value = CanaryService> {
    let target_port = prop_oneof![
        Just(None),
        Just(Some(TargetPort::Number(8080))),
        Just(Some(TargetPort::Name("http-metrics".to_owned()))),
    ];
    let name = prop_oneof![Just(None), Just(Some("web".to_owned())), Just(Some("http-metrics".to_owned()))];
    (prop_oneof![Just(80), Just(8080), Just(9090)], target_port, name, any::<bool>(), any::<bool>()).prop_map(
        |(port, target_port, port_name, discovery, headless)| CanaryService {
            port,
            target_port,
            port_name,
            port_discovery: Some(discovery),
            headless: Some(headless),
            ..CanaryService::default()
        },
    )
}

/// A port that a person, or another operator, may have written. The apiserver wants a name when there are several.
fn foreign_port(number: u32) -> impl Strategy<Value = Value> {
    let name = prop_oneof![Just("http"), Just("web"), Just("http-metrics"), Just("own")];
    (name, any::<bool>()).prop_map(move |(name, terse)| match terse {
        true => json!({"name": format!("{name}{}", number % 2), "port": number}),
        false => json!({"name": name, "port": number, "protocol": "TCP", "targetPort": 1, "nodePort": 30000 + number}),
    })
}

fn foreign_service() -> impl Strategy<Value = Value> {
    let list = (foreign_port(80), foreign_port(9090), foreign_port(7000), 1_usize..4);
    let selector = prop_oneof![
        Just(Value::Null),
        Just(json!({"app": "cart"})),
        Just(json!({"app": "cart", "tier": "front"})),
        Just(json!({"app": "cart-primary"})),
    ];
    (list, selector, any::<bool>()).prop_map(|((a, b, c, count), selector, flux)| {
        let mut ports = vec![];
        [a, b, c].into_iter().take(count).for_each(|port| ports::add(&mut ports, port));
        let annotations = if flux { json!({"kustomize.toolkit.fluxcd.io/reconcile": "enabled"}) } else { json!({}) };
        let mut service = json!({
            "metadata": {"labels": {"own": "x"}, "annotations": annotations},
            "spec": {"type": "NodePort", "ports": ports},
        });
        if selector.is_object() {
            service["spec"]["selector"] = selector;
        }
        service
    })
}

fn write(store: &mut FakeStore, changes: &[Change]) -> Result<(), TestCaseError> {
    changes
        .iter()
        .try_for_each(|change| store.write(change))
        .map_err(|conflict| TestCaseError::fail(conflict.to_string()))
}

fn wanted(store: &FakeStore, service: &CanaryService) -> Vec<Change> {
    let (subject, target) = (samples::subject(), samples::deployment());
    let mut changes = sides(&subject, service, &target, store.objects());
    changes.extend(apex(&subject, service, &target, store.objects()));
    changes
}

fn stored(store: &FakeStore, role: Role) -> Result<Value, TestCaseError> {
    let mut object = store.objects().find(&samples::subject().service(role)).cloned();
    if let Some(object) = &mut object {
        value::merge(object, &json!({"metadata": {"resourceVersion": null}}));
    }
    object.ok_or_else(|| TestCaseError::fail(format!("{role:?} is missing")))
}

fn ports_of(service: &Value) -> &[Value] {
    service["spec"]["ports"].as_array().map_or(&[], Vec::as_slice)
}

/// What the apiserver would refuse.
fn is_valid(service: &Value) -> bool {
    let ports = ports_of(service);
    let keys: BTreeSet<_> = ports.iter().map(ports::key).collect();
    let names: BTreeSet<_> = ports.iter().map(|port| port["name"].as_str()).collect();
    keys.len() == ports.len() && (ports.len() == 1 || names.len() == ports.len() && !names.contains(&None))
}

fn store_with(there: [Option<Value>; 3], subject: &Subject<'_>) -> FakeStore {
    let mut store = FakeStore::default();
    for (role, object) in ROLES.into_iter().zip(there) {
        if let Some(object) = object {
            store.put(subject.service(role), object);
        }
    }
    store
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn services_are_as_wanted_after_one_round_whatever_was_there(
        there in prop::array::uniform3(prop::option::of(foreign_service())),
        first in options(),
        second in options(),
    ) {
        let subject = samples::subject();
        let mut store = store_with(there, &subject);
        for service in [&first, &second] {
            let changes = wanted(&store, service);
            write(&mut store, &changes)?;
            prop_assert_eq!(wanted(&store, service), vec![]);
            for role in ROLES {
                let object = stored(&store, role)?;
                let label = if role == Role::Canary { "cart" } else { "cart-primary" };
                prop_assert_eq!(&object["spec"]["selector"], &json!({"app": label}));
                prop_assert!(is_valid(&object), "{}", object);
                let wanted_port = u32::try_from(service.port).unwrap_or_default();
                prop_assert!(ports_of(&object).iter().any(|port| ports::key(port) == (wanted_port, "TCP")));
            }
        }
    }

    #[test]
    fn the_users_apex_keeps_its_ports_while_adopted_and_is_as_it_was_after_the_release(
        there in foreign_service(),
        first in options(),
        second in options(),
    ) {
        let subject = samples::subject();
        prop_assume!(there["spec"]["selector"] != subject.selector.primary_pods());
        let mut store = store_with([Some(there), None, None], &subject);
        let before = stored(&store, Role::Apex)?;
        for service in [&first, &second] {
            let changes = wanted(&store, service);
            write(&mut store, &changes)?;
            let during = stored(&store, Role::Apex)?;
            for port in ports_of(&before) {
                prop_assert!(ports_of(&during).contains(port), "{} in {}", port, during);
            }
        }
        let release = release_apex(&subject, store.objects());
        write(&mut store, &release)?;
        prop_assert_eq!(stored(&store, Role::Apex)?, before);
        prop_assert_eq!(release_apex(&subject, store.objects()), vec![]);
    }

    #[test]
    fn no_service_makes_this_room_fail(text in "\\PC{0,40}", number in any::<i64>()) {
        let subject = samples::subject();
        for odd in [json!(text), json!(number), json!([text]), json!({"spec": text}), json!({"spec": {"ports": [number]}, "metadata": []})] {
            let store = store_with([Some(json!({"spec": odd, "metadata": {}})), None, None], &subject);
            let _ = apex(&subject, &CanaryService::default(), &odd, store.objects());
            let _ = release_apex(&subject, store.objects());
            let candidate = super::primary::Candidate::of(&odd, Configs::new());
            let _ = super::pods::target(DEPLOYMENT, &odd, Some(&candidate.revision));
            let _ = super::pods::target(DAEMON_SET, &odd, Some(&candidate.revision));
            let _ = super::primary::seen(&subject, &odd, &[&candidate], store.objects());
            let _ = super::configs::referenced("shop", &odd);
            prop_assert_eq!(super::endpoints::ready(&[&odd], "cart"), 0);
        }
    }
}
