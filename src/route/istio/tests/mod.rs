//! Istio's own tests, beside the laws that all routers obey.

mod golden;
mod ports;
mod promises;
mod sticky;
mod taking;

use serde_json::{Value, json};

use super::{DESTINATION_RULE, Istio, VIRTUAL_SERVICE};
use crate::api;
use crate::model::{Affinity, Cookie, Percent, Routing};
use crate::object::{Change, FakeStore, ObjectKey, value};
use crate::route::{RouteError, Router, Target, testing};

/// A canary `podinfo` in `test`, the cluster that its route stands in, and the router.
struct Scene {
    service: api::CanaryService,
    spec: api::CanarySpec,
    store: FakeStore,
}

impl Scene {
    /// With these options beside port 80.
    fn of(service: &Value) -> Self {
        Self::analysed(service, &json!({}))
    }

    fn analysed(service: &Value, analysis: &Value) -> Self {
        let service = parsed(json!({"port": 80}), service);
        let analysis = parsed(json!({"interval": "1m", "threshold": 5}), analysis);
        let spec = api::CanarySpec { analysis, ..api::CanarySpec::default() };
        Self { service, spec, store: FakeStore::default() }
    }

    /// Goes on with other options of the service.
    fn edited(self, service: &Value) -> Self {
        Self { service: Self::of(service).service, ..self }
    }

    /// In a cluster where this VirtualService stands already.
    fn with(mut self, virtual_service: Value) -> Self {
        self.store.put(key(), virtual_service);
        self
    }

    fn target(&self) -> Target<'_> {
        let Self { service, spec, .. } = self;
        testing::target("istio", service, spec)
    }

    fn render(&self, want: &Routing) -> Result<Vec<Change>, RouteError> {
        Istio.render(&self.target(), want, self.store.objects())
    }

    /// Renders and writes.
    fn route(&mut self, want: &Routing) -> &mut Self {
        let changes = self.render(want).expect("the route can be rendered");
        self.write(&changes)
    }

    fn release(&mut self) -> &mut Self {
        let changes = Istio.release(&self.target(), self.store.objects());
        self.write(&changes)
    }

    fn write(&mut self, changes: &[Change]) -> &mut Self {
        for change in changes {
            self.store.write(change).expect("nobody else writes here");
        }
        self
    }

    fn read(&self) -> Option<Routing> {
        Istio.read(&self.target(), self.store.objects()).expect("reading never fails")
    }

    /// The VirtualService as it stands.
    fn found(&self) -> &Value {
        self.store.objects().find(&key()).expect("there is a VirtualService")
    }

    fn http(&self) -> &Value {
        &self.found()["spec"]["http"]
    }

    fn destination_rule(&self, side: &str) -> &Value {
        self.store.objects().find(&rule_key(side)).expect("there is a DestinationRule")
    }
}

fn key() -> ObjectKey {
    VIRTUAL_SERVICE.named("test", "podinfo")
}

fn rule_key(side: &str) -> ObjectKey {
    DESTINATION_RULE.named("test", format!("podinfo-{side}"))
}

fn parsed<T: serde::de::DeserializeOwned>(mut required: Value, options: &Value) -> T {
    value::merge(&mut required, options);
    serde_json::from_value(required).expect("the options are of the wire types")
}

fn split(canary: i64) -> Routing {
    Routing::split(Percent::clamped(canary))
}

fn sticky(canary: i64) -> Routing {
    let affinity = Affinity::Sticky { canary: canary_cookie(), primary: Some(primary_cookie()) };
    Routing { affinity, ..split(canary) }
}

fn canary_cookie() -> Cookie {
    Cookie { name: "flagger-cookie".to_owned(), value: "AbCdEfGhIj".to_owned() }
}

fn primary_cookie() -> Cookie {
    Cookie { name: "primary-cookie".to_owned(), value: "KlMnOpQrSt".to_owned() }
}
