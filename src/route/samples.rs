//! The canary of every router's tests: `podinfo` in the namespace `test`, with an empty cluster to write to.

use serde_json::{Value, json};

use super::{INGRESS_PREFIX, NO_ANNOTATIONS, RouteError, Router, Target};
use crate::api;
use crate::model::{Percent, Routing};
use crate::object::{Change, FakeStore, ObjectKey, value};

/// What a router knows of it.
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

/// The canary, one router, and the cluster.
pub(super) struct Scene {
    router: &'static dyn Router,
    service: api::CanaryService,
    spec: api::CanarySpec,
    pub(super) store: FakeStore,
}

impl Scene {
    /// With these options of `spec.service` and `spec.analysis`, and the objects that the router needs.
    pub(super) fn of(router: &'static dyn Router, service: &Value, analysis: &Value) -> Self {
        let mut spec = json!({
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo"},
            "ingressRef": {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "name": "podinfo"},
            "routeRef": {"apiVersion": "apisix.apache.org/v2", "kind": "ApisixRoute", "name": "podinfo"},
            "service": {"port": 80},
            "analysis": {"interval": "1m", "threshold": 5},
        });
        value::merge(&mut spec, &json!({"service": service, "analysis": analysis}));
        let spec: api::CanarySpec = serde_json::from_value(spec).expect("the options are of the wire types");
        let service = spec.service.clone().unwrap_or_default();
        let mut scene = Self { router, service, spec, store: FakeStore::default() };
        for (key, object) in router.samples(&scene.target()) {
            scene.store.put(key, object);
        }
        scene
    }

    /// In a cluster where this stands too.
    pub(super) fn with(mut self, key: ObjectKey, object: Value) -> Self {
        self.store.put(key, object);
        self
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

    fn write(&mut self, changes: &[Change]) -> &mut Self {
        for change in changes {
            self.store.write(change).expect("nobody else writes here");
        }
        self
    }

    pub(super) fn read(&self) -> Option<Routing> {
        self.router.read(&self.target(), self.store.objects()).expect("reading never fails")
    }

    /// The object under this key.
    pub(super) fn found(&self, key: &ObjectKey) -> &Value {
        self.store.objects().find(key).expect("it stands there")
    }

    /// All objects of the router as YAML, without what the fake store adds.
    pub(super) fn yaml(&self) -> String {
        let mut objects: Vec<_> = self
            .router
            .objects(&self.target())
            .iter()
            .filter_map(|key| self.store.objects().find(key))
            .cloned()
            .collect();
        for object in &mut objects {
            value::merge(object, &json!({"metadata": {"resourceVersion": null}}));
        }
        let yaml = objects.iter().map(|object| serde_saphyr::to_string(object).expect("JSON can be written as YAML"));
        yaml.collect::<Vec<_>>().join("---\n")
    }
}

/// A plain split in percent.
pub(super) fn split(canary: i64) -> Routing {
    Routing::split(Percent::clamped(canary))
}
