//! What tests of single routers start from: a canary `podinfo` in `test`, and the objects that its route stands in.

use expect_test::Expect;
use serde_json::{Value, json};

use super::{INGRESS_PREFIX, NO_ANNOTATIONS, RouteError, Router, Target};
use crate::api;
use crate::model::{Affinity, Cookie, Percent, Routing};
use crate::object::{Change, FakeStore, value};

/// What a router knows of the canary.
pub(super) fn target<'a>(provider: &'a str, service: &'a api::CanaryService, spec: &'a api::CanarySpec) -> Target<'a> {
    Target {
        namespace: "test",
        apex: "podinfo",
        provider,
        pods: Some(("app", "podinfo")),
        annotations: NO_ANNOTATIONS,
        ingress_prefix: INGRESS_PREFIX,
        service,
        spec,
    }
}

/// One router, one canary, one cluster.
pub(super) struct Scene {
    router: &'static dyn Router,
    service: api::CanaryService,
    spec: api::CanarySpec,
    pub(super) store: FakeStore,
}

impl Scene {
    /// With these options beside port 80.
    pub(super) fn of(router: &'static dyn Router, service: &Value) -> Self {
        Self::analysed(router, service, &json!({}))
    }

    /// With these options of the analysis, too.
    pub(super) fn analysed(router: &'static dyn Router, service: &Value, analysis: &Value) -> Self {
        let mut spec = json!({
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo"},
            "ingressRef": {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "name": "podinfo"},
            "routeRef": {"apiVersion": "apisix.apache.org/v2", "kind": "ApisixRoute", "name": "podinfo"},
            "analysis": {"interval": "1m", "threshold": 5},
        });
        value::merge(&mut spec["analysis"], analysis);
        let mut options = json!({"port": 80});
        value::merge(&mut options, service);
        let mut scene = Self { router, service: parsed(options), spec: parsed(spec), store: FakeStore::default() };
        for (key, object) in router.samples(&scene.target()) {
            scene.store.put(key, object);
        }
        scene
    }

    /// With these routes of the user's own.
    pub(super) fn bringing(router: &'static dyn Router, routes: &Value) -> Self {
        let mut scene = Self::of(router, &json!({}));
        scene.spec.route_refs = Some(parsed(routes.clone()));
        scene
    }

    /// Goes on with these conditions of the analysis, in which no weights rise.
    pub(super) fn matching(mut self, conditions: &Value) -> Self {
        self.spec.analysis.match_ = Some(parsed(conditions.clone()));
        self.spec.analysis.iterations = Some(5);
        self
    }

    /// Goes on with a canary that these requests see whatever its share.
    pub(super) fn previewed(mut self, conditions: &Value) -> Self {
        self.spec.analysis.preview = Some(parsed(json!({ "match": conditions })));
        self
    }

    /// Goes on with other options of the service.
    pub(super) fn edited(self, service: &Value) -> Self {
        Self { service: Self::of(self.router, service).service, ..self }
    }

    pub(super) fn target(&self) -> Target<'_> {
        target(self.router.providers()[0], &self.service, &self.spec)
    }

    pub(super) fn render(&self, want: &Routing) -> Result<Vec<Change>, RouteError> {
        self.router.render(&self.target(), want, self.store.objects())
    }

    /// Renders and writes.
    pub(super) fn route(&mut self, want: &Routing) -> &mut Self {
        let changes = self.render(want).expect("the route can be rendered");
        self.write(&changes)
    }

    pub(super) fn release(&mut self) -> &mut Self {
        let changes = self.router.release(&self.target(), self.store.objects());
        self.write(&changes)
    }

    /// The next writes of the way back.
    pub(super) fn leave(&mut self) -> &mut Self {
        let changes = self.router.leave(&self.target(), self.store.objects());
        self.write(&changes)
    }

    pub(super) fn read(&self) -> Option<Routing> {
        self.router.read(&self.target(), self.store.objects()).expect("reading never fails")
    }

    /// The first object of the router, as it stands.
    pub(super) fn only(&self) -> &Value {
        self.store.objects().find(&self.router.objects(&self.target())[0]).expect("the object is there")
    }

    /// All objects of the router as YAML, without the fake store's versions.
    pub(super) fn check(&self, expected: &Expect) {
        let objects = self.router.objects(&self.target());
        let objects = objects.iter().filter_map(|key| self.store.objects().find(key)).cloned();
        let yaml = objects.map(|mut object| {
            value::merge(&mut object, &json!({"metadata": {"resourceVersion": null}}));
            serde_saphyr::to_string(&object).expect("JSON can be written as YAML")
        });
        expected.assert_eq(&yaml.collect::<Vec<_>>().join("---\n"));
    }

    /// Writes the first object of the router as another hand would, whole.
    pub(super) fn put(&mut self, object: &Value) {
        let key = self.router.objects(&self.target()).remove(0);
        self.store.put(key, object.clone());
    }

    /// Edits the first object of the router as a person would.
    pub(super) fn merge(&mut self, patch: &Value) -> &mut Self {
        let key = self.router.objects(&self.target()).remove(0);
        self.write(&[Change::Merge(key, patch.clone())])
    }

    fn write(&mut self, changes: &[Change]) -> &mut Self {
        for change in changes {
            self.store.write(change).expect("nobody else writes here");
        }
        self
    }
}

/// Compares with YAML. `UPDATE_EXPECT=1 cargo test` rewrites the texts.
pub(super) fn check(found: &Value, expected: &Expect) {
    expected.assert_eq(&serde_saphyr::to_string(found).expect("JSON can be written as YAML"));
}

pub(super) fn split(canary: i64) -> Routing {
    Routing::split(Percent::clamped(canary))
}

pub(super) fn sticky(canary: i64) -> Routing {
    let affinity = Affinity::Sticky { canary: canary_cookie(), primary: Some(primary_cookie()) };
    Routing { affinity, ..split(canary) }
}

pub(super) fn canary_cookie() -> Cookie {
    Cookie { name: "flagger-cookie".to_owned(), value: "AbCdEfGhIj".to_owned() }
}

pub(super) fn primary_cookie() -> Cookie {
    Cookie { name: "primary-cookie".to_owned(), value: "KlMnOpQrSt".to_owned() }
}

fn parsed<T: serde::de::DeserializeOwned>(options: Value) -> T {
    serde_json::from_value(options).expect("the options are of the wire types")
}
