//! What the laws run on: any service that a user may write, any route that may be wanted, any object that may stand there.

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::api;
use crate::model::{Affinity, Cookie, Mirror, Percent, Routing};
use crate::object::FakeStore;
use crate::route::{Router, Target, testing};

/// A canary as a router sees it.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    pub(super) service: api::CanaryService,
    pub(super) spec: api::CanarySpec,
}

impl Subject {
    /// For a router, which may have objects of its own under the same references.
    pub(super) fn target(&self, router: &dyn Router) -> Target<'_> {
        let provider = router.providers()[0];
        let Self { service, spec } = self;
        testing::target(provider, service, spec)
    }
}

/// Any service and analysis.
pub(super) fn subjects() -> impl Strategy<Value = Subject> {
    (services(), analyses()).prop_map(|(service, analysis)| {
        let spec = json!({
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo"},
            "ingressRef": {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "name": "podinfo"},
            "routeRef": {"apiVersion": "apisix.apache.org/v2", "kind": "ApisixRoute", "name": "podinfo"},
            "upstreamRef": {"apiVersion": "gloo.solo.io/v1", "kind": "Upstream", "name": "settings"},
            "analysis": analysis,
        });
        Subject { service, spec: serde_json::from_value(spec).expect("what the strategy writes is a spec") }
    })
}

fn services() -> impl Strategy<Value = api::CanaryService> {
    let names = || option::of(vec(prop_oneof![Just("podinfo"), Just("*"), Just("shop.example"), Just("mesh")], 0..3));
    let place = (names(), names(), any::<bool>(), any::<bool>(), option::of(prop_oneof![Just("http"), Just("TCP")]));
    let path = (option::of(vec(conditions(), 0..3)), option::of(headers()), option::of(policies()));
    let kinds = (any::<bool>(), any::<bool>());
    (place, path, option::of(metadata()), kinds).prop_map(|(place, path, apex, (rich, several))| {
        let (hosts, gateways, delegation, ports, protocol) = place;
        let (conditions, headers, policy) = path;
        let mut service = json!({
            "port": 80, "gatewayRefs": [{"name": "gateway"}], "meshName": "mesh", "portDiscovery": ports, "appProtocol": protocol, "match": conditions, "headers": headers,
            "trafficPolicy": policy, "apex": apex,
        });
        if several {
            let ports = json!([{"name": "redis", "port": 6379, "appProtocol": "tcp"}, {"name": "grpc", "port": 9000}]);
            extend(&mut service, json!({"ports": ports, "match": []}));
        }
        let place = if delegation { json!({"delegation": true}) } else { json!({"hosts": hosts, "gateways": gateways}) };
        extend(&mut service, place);
        if rich {
            extend(&mut service, json!({
                "timeout": "5s", "retries": {"attempts": 3, "retryOn": "gateway-error"},
                "rewrite": {"uri": "/", "type": "ReplacePrefixMatch"}, "corsPolicy": {"allowOrigin": ["shop.example"]},
            }));
        }
        serde_json::from_value(service).expect("what the strategy writes is a service")
    })
}

fn analyses() -> impl Strategy<Value = api::CanaryAnalysis> {
    let cookie = (option::of(Just("/cart")), option::of(Just("primary-cookie")))
        .prop_map(|(path, primary)| json!({"cookieName": "canary-cookie", "path": path, "primaryCookieName": primary}));
    let condition = || {
        (option::of(btree_map("[a-c]", text_condition(true), 1..3)), option::of(params()))
            .prop_map(|(headers, params)| json!({"headers": headers, "queryParams": params}))
    };
    (option::of(vec(condition(), 0..3)), option::of(cookie), option::of(vec(condition(), 1..3))).prop_map(|(conditions, cookie, preview)| {
        let preview = preview.map(|conditions| json!({"match": conditions}));
        let analysis = json!({"interval": "1m", "threshold": 5, "match": conditions, "sessionAffinity": cookie, "preview": preview});
        serde_json::from_value(analysis).expect("what the strategy writes is an analysis")
    })
}

fn conditions() -> impl Strategy<Value = Value> {
    let headers = btree_map(prop_oneof![Just("Cookie"), Just("a"), Just("b")], text_condition(false), 1..3);
    (option::of(headers), option::of(params()), option::of(text_condition(false)), option::of(1_u16..=9000)).prop_map(
        |(headers, params, uri, port)| json!({"headers": headers, "queryParams": params, "uri": uri, "port": port}),
    )
}

fn params() -> impl Strategy<Value = Value> {
    btree_map("[a-c]", prop_oneof![text_condition(false), Just(json!({}))], 1..3).prop_map(|params| json!(params))
}

fn text_condition(suffix: bool) -> BoxedStrategy<Value> {
    let forms = if suffix { vec!["exact", "prefix", "regex", "suffix"] } else { vec!["exact", "prefix", "regex"] };
    (proptest::sample::select(forms), "[a-c.]{1,3}").prop_map(|(form, text)| json!({form: text})).boxed()
}

fn headers() -> impl Strategy<Value = Value> {
    let name = prop_oneof![Just("Set-Cookie"), Just("x-a")];
    let value = prop_oneof![Just("mine=1; Max-Age=-1"), Just("b")];
    let operations = || btree_map(name.clone(), value.clone(), 0..3).prop_map(|headers| json!({"add": headers}));
    (option::of(operations()), option::of(operations()))
        .prop_map(|(request, response)| json!({"request": request, "response": response}))
}

fn policies() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!({"loadBalancer": {"simple": "RANDOM"}})),
        Just(json!({"loadBalancer": {"consistentHash": {"useSourceIp": true}}, "tls": {"mode": "ISTIO_MUTUAL"}})),
        Just(json!({})),
    ]
}

fn metadata() -> impl Strategy<Value = Value> {
    let keys = || btree_map(prop_oneof![Just("team"), Just("app.kubernetes.io/name")], "[a-b]", 0..3);
    (keys(), keys()).prop_map(|(labels, annotations)| json!({"labels": labels, "annotations": annotations}))
}

/// Any route within what a data plane can do.
pub(super) fn routings() -> impl Strategy<Value = Routing> {
    let percent =
        || prop_oneof![(0_i64..=100).prop_map(Percent::clamped), (0_i64..=10_000).prop_map(Percent::hundredths)];
    let cookie = || ("[a-z.+-]{1,9}", "[A-Za-z0-9]{1,9}").prop_map(|(name, value)| Cookie { name, value });
    let mirror = prop_oneof![
        Just(Mirror::Off),
        Just(Mirror::All),
        (1..100_i64).prop_map(|p| Mirror::Share(Percent::clamped(p)))
    ];
    let shares = prop_oneof![
        percent().prop_map(|canary| (canary, Mirror::Off)),
        mirror.prop_map(|mirror| (Percent::ZERO, mirror))
    ];
    let affinity = prop_oneof![
        Just(Affinity::None),
        (cookie(), option::of(cookie())).prop_map(|(canary, primary)| Affinity::Sticky { canary, primary }),
        cookie().prop_map(Affinity::Expire),
    ];
    (shares, affinity, any::<bool>()).prop_map(|((canary, mirror), affinity, preview)| Routing {
        canary,
        mirror,
        affinity,
        preview,
    })
}

/// The nearest subject and route that a router can do; `None` where it refuses the user's options.
pub(super) fn within(router: &dyn Router, mut subject: Subject, want: &Routing) -> Option<(Subject, Routing)> {
    let can = router.capabilities(&subject.service);
    subject.spec.analysis.match_ = subject.spec.analysis.match_.filter(|_| can.matches);
    subject.service.ports = subject.service.ports.filter(|_| can.ports);
    subject.spec.analysis.preview = subject.spec.analysis.preview.filter(|_| can.preview);
    let mut want = want.clone();
    want.mirror = if can.mirror { want.mirror } else { Mirror::Off };
    want.preview &= subject.spec.analysis.preview.is_some();
    want.affinity = if can.affinity { want.affinity } else { Affinity::None };
    want.canary = match subject.spec.analysis.match_.as_ref().is_some_and(|conditions| !conditions.is_empty()) {
        true if can.whole_matches && !want.canary.is_zero() => Percent::FULL,
        _ if can.fine => want.canary,
        _ if can.weights => Percent::clamped(want.canary.whole().into()),
        _ => Percent::ZERO,
    };
    router.check(&subject.target(router)).is_ok().then_some((subject, want))
}

/// Objects as the user, or another operator, may have left them; `None` where nothing stands.
pub(super) fn foreign() -> impl Strategy<Value = Vec<Option<Value>>> {
    let annotations =
        btree_map(prop_oneof![Just("team"), Just("helm.toolkit.fluxcd.io/driftDetection")], "[a-c]", 0..3);
    let labels = btree_map(prop_oneof![Just("team"), Just("x")], "[a-c]", 0..3);
    let object = (labels, annotations, btree_map(words(), json_values(), 0..5)).prop_map(
        |(labels, annotations, spec)| json!({"metadata": {"labels": labels, "annotations": annotations}, "spec": spec}),
    );
    vec(option::of(object), 3)
}

/// A store with what the user must have, and these objects under the other keys.
pub(super) fn store(router: &dyn Router, target: &Target<'_>, objects: &[Option<Value>]) -> FakeStore {
    let mut store = FakeStore::default();
    for (key, object) in router.objects(target).into_iter().zip(objects.iter().cycle()) {
        if let Some(object) = object {
            store.put(key, object.clone());
        }
    }
    for (key, object) in router.samples(target) {
        store.put(key, object);
    }
    store
}

/// Any JSON but `null`, which the apiserver drops; often of words that mean something to a router.
pub(super) fn json_values() -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        (-5_i64..=150).prop_map(Value::from),
        Just(json!(12.5)),
        words().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::from),
            btree_map(words(), inner, 0..3).prop_map(|map| Value::Object(map.into_iter().collect::<Map<_, _>>())),
        ]
    })
    .boxed()
}

fn words() -> impl Strategy<Value = String> {
    let known = [
        "http",
        "tcp",
        "tls",
        "hosts",
        "gateways",
        "exportTo",
        "host",
        "trafficPolicy",
        "subsets",
        "loadBalancer",
        "route",
        "destination",
        "weight",
        "mirror",
        "mirrorPercentage",
        "value",
        "match",
        "headers",
        "response",
        "add",
        "Set-Cookie",
        "podinfo",
        "podinfo-primary",
        "podinfo-canary",
        "podinfo-canary.test.svc",
        "a=b; Max-Age=-1",
        "rules",
        "backendRefs",
        "filters",
        "type",
        "parentRefs",
        "hostnames",
        "name",
        "namespace",
        "weighted",
        "services",
        "routes",
        "conditions",
        "traffic",
        "percent",
        "latestRevision",
    ];
    prop_oneof![9 => proptest::sample::select(known.to_vec()).prop_map(str::to_owned), 1 => "[a-z.]{0,3}"]
}

fn extend(value: &mut Value, more: Value) {
    if let (Value::Object(value), Value::Object(more)) = (value, more) {
        value.extend(more);
    }
}
