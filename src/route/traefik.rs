//! Traefik: a TraefikService `<apex>` that shares by weight, or copies; the user's IngressRoute names it in place of the Service.
//!
//! Owns the list of weighted services and nothing else in it; while requests are copied, the whole list makes place, since
//! Traefik reads one of the two. A side without traffic has weight 0 or is not in the list, but never without a weight:
//! Traefik takes that for 1, and the side would go on getting requests.

use serde_json::{Map, Value, json};

use super::claim::{self, Claim, Made, release};
use super::refusal::refuse_what_it_cannot;
use super::{BuiltinQuery, Capabilities, RouteError, Router, Target, backends};
use crate::api;
use crate::model::{Builtin, Mirror, Percent, Routing};
use crate::object::{Change, Kind, ObjectKey, Objects, value};

const TRAEFIK_SERVICE: Kind =
    Kind { group: "traefik.io", version: "v1alpha1", kind: "TraefikService", plural: "traefikservices" };
const FIELDS: &[&str] = &[WEIGHTED, MIRRORING];
const WEIGHTED: &str = "weighted";
const MIRRORING: &str = "mirroring";
/// Traefik's weight of a service that has none.
const UNSET: u64 = 1;

/// Traefik's own custom resources.
#[derive(Clone, Copy, Debug)]
pub(super) struct Traefik;

impl Router for Traefik {
    fn providers(&self) -> &'static [&'static str] {
        &["traefik"]
    }

    fn capabilities(&self, service: &api::CanaryService) -> Capabilities {
        Capabilities { weights: true, fine: true, mirror: true, ..Capabilities::default() }.over_http(service)
    }

    fn kinds(&self) -> &'static [Kind] {
        &[TRAEFIK_SERVICE]
    }

    fn fields(&self, _kind: Kind) -> &'static [&'static str] {
        FIELDS
    }

    fn objects(&self, target: &Target<'_>) -> Vec<ObjectKey> {
        vec![key(target)]
    }

    fn render(&self, target: &Target<'_>, want: &Routing, have: &Objects) -> Result<Vec<Change>, RouteError> {
        refuse_what_it_cannot(self, target, want)?;
        let spec = match want.mirror {
            Mirror::Off => weighted(target, &shared(target, want.canary), have),
            Mirror::All => mirroring(target, Percent::FULL),
            Mirror::Share(share) => mirroring(target, share),
        };
        Ok(Claim::of_apex(key(target), target, spec).write(have)?.into_iter().collect())
    }

    fn read(&self, target: &Target<'_>, have: &Objects) -> Result<Option<Routing>, RouteError> {
        let Some(spec) = have.find(&key(target)).and_then(|have| have.get("spec")) else { return Ok(None) };
        let Some(weighted) = spec.get(WEIGHTED) else { return Ok(copied(target, spec)) };
        let services = backends::of(weighted, "services");
        let [primary, canary] = target.sides();
        let names_a_side =
            services.iter().any(|s| backends::is(target, s, &primary) || backends::is(target, s, &canary));
        Ok(names_a_side.then(|| Routing::split(backends::share(target, services, UNSET))))
    }

    fn release(&self, target: &Target<'_>, have: &Objects) -> Vec<Change> {
        let mut to_apex = weighted(target, &[service(target, target.apex, Percent::FULL)], have);
        to_apex.retain(|_, field| !field.is_null());
        release(&key(target), FIELDS, Made::Kept(to_apex), have).into_iter().collect()
    }

    fn query(&self, builtin: Builtin) -> BuiltinQuery {
        match builtin {
            Builtin::SuccessRate => BuiltinQuery { query: SUCCESS_RATE, scale: 1.0 },
            Builtin::Duration => BuiltinQuery { query: DURATION, scale: 1.0 },
        }
    }
}

const SUCCESS_RATE: &str = concat!(
    "sum(rate(traefik_service_request_duration_seconds_bucket{",
    r#"service=~"{{ namespace }}-{{ service }}-canary-[0-9a-zA-Z-]+@kubernetescrd",code!~"5..",le="+Inf"}[{{ interval }}])) / "#,
    "sum(rate(traefik_service_request_duration_seconds_bucket{",
    r#"service=~"{{ namespace }}-{{ service }}-canary-[0-9a-zA-Z-]+@kubernetescrd",le="+Inf"}[{{ interval }}])) * 100"#,
);

const DURATION: &str = concat!(
    "histogram_quantile(0.99, sum(rate(traefik_service_request_duration_seconds_bucket{",
    r#"service=~"{{ namespace }}-{{ service }}-canary-[0-9a-zA-Z-]+@kubernetescrd"}[{{ interval }}])) by (le)) * 1000"#,
);

fn key(target: &Target<'_>) -> ObjectKey {
    TRAEFIK_SERVICE.named(target.namespace, target.apex)
}

/// A canary without traffic is left out, a primary without traffic is not.
fn shared(target: &Target<'_>, canary: Percent) -> Vec<Value> {
    let [primary_name, canary_name] = target.sides();
    let mut services = vec![service(target, &primary_name, canary.rest())];
    services.extend((!canary.is_zero()).then(|| service(target, &canary_name, canary)));
    services
}

fn service(target: &Target<'_>, name: &str, weight: Percent) -> Value {
    let mut service = backend(target, name);
    value::merge(&mut service, &json!({"weight": weight.proportion()}));
    service
}

fn backend(target: &Target<'_>, name: &str) -> Value {
    json!({"name": name, "namespace": target.namespace, "port": target.service.port})
}

/// These services in the place of others; how they are kept sticky or checked is the user's.
fn weighted(target: &Target<'_>, services: &[Value], have: &Objects) -> Map<String, Value> {
    let found = have.find(&key(target));
    let theirs = found.and_then(|have| value::at(have, &["spec", WEIGHTED]).cloned()).or_else(|| {
        // It made place for copies.
        found.and_then(claim::original_spec)?.get(WEIGHTED).cloned()
    });
    let mut weighted = theirs.as_ref().and_then(Value::as_object).cloned().unwrap_or_default();
    weighted.insert("services".to_owned(), json!(services));
    Map::from_iter([(WEIGHTED.to_owned(), Value::Object(weighted)), (MIRRORING.to_owned(), Value::Null)])
}

/// The primary, and copies for the canary. Without a percentage, Traefik copies nothing.
fn mirroring(target: &Target<'_>, share: Percent) -> Map<String, Value> {
    let [primary, canary] = target.sides();
    let [mut mirroring, mut copies] = [primary, canary].map(|side| backend(target, &side));
    value::merge(&mut copies, &json!({"percent": share.whole()}));
    value::merge(&mut mirroring, &json!({"mirrors": [copies]}));
    Map::from_iter([(WEIGHTED.to_owned(), Value::Null), (MIRRORING.to_owned(), mirroring)])
}

/// What is read where there are no weights.
fn copied(target: &Target<'_>, spec: &Value) -> Option<Routing> {
    let [primary, canary] = target.sides();
    let mirroring = spec.get(MIRRORING).filter(|mirroring| backends::is(target, mirroring, &primary))?;
    let copies = backends::of(mirroring, "mirrors").iter().find(|mirror| backends::is(target, mirror, &canary))?;
    let share = Percent::clamped(copies.get("percent").and_then(Value::as_i64).unwrap_or(0));
    let mirror = if share == Percent::FULL { Mirror::All } else { Mirror::Share(share) };
    Some(Routing { mirror, ..Routing::PRIMARY })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::testing::{Scene, check, split};
    use expect_test::expect;

    fn scene() -> Scene {
        Scene::of(&Traefik, &json!({}))
    }

    #[test]
    fn a_split_of_90_to_10() {
        check(
            scene().route(&split(10)).only(),
            &expect![[r#"
            apiVersion: traefik.io/v1alpha1
            kind: TraefikService
            metadata:
              annotations:
                helm.toolkit.fluxcd.io/driftDetection: disabled
                kustomize.toolkit.fluxcd.io/reconcile: disabled
                serin.dev/before: absent
              name: podinfo
              namespace: test
              resourceVersion: "1"
            spec:
              weighted:
                services:
                - name: podinfo-primary
                  namespace: test
                  port: 80
                  weight: 90
                - name: podinfo-canary
                  namespace: test
                  port: 80
                  weight: 10
        "#]],
        );
    }

    #[test]
    fn an_idle_canary_is_not_in_the_list() {
        let services = json!([{"name": "podinfo-primary", "namespace": "test", "port": 80, "weight": 100}]);
        assert_eq!(scene().route(&split(10)).route(&split(0)).only()["spec"]["weighted"]["services"], services);
    }

    #[test]
    fn a_primary_without_traffic_says_so_because_no_weight_would_mean_1() {
        let mut scene = scene();
        assert_eq!(scene.route(&split(100)).only()["spec"]["weighted"]["services"][0]["weight"], 0);
        let services =
            json!([{"name": "podinfo-primary", "port": 80}, {"name": "podinfo-canary", "port": 80, "weight": 3}]);
        scene.put(&json!({"spec": {"weighted": {"services": services}}}));
        assert_eq!(scene.read(), Some(split(75)));
    }

    #[test]
    fn a_repair_keeps_the_weights() {
        let mut scene = scene();
        scene.route(&split(40)).merge(&json!({"metadata": {"annotations": null}}));
        assert_eq!(scene.read(), Some(split(40)));
        assert_eq!(scene.route(&split(40)).read(), Some(split(40)));
    }

    #[test]
    fn what_else_the_user_says_of_the_weighted_services_stays() {
        let sticky = json!({"cookie": {"name": "lb"}});
        let mut scene = scene();
        scene.put(&json!({"spec": {"weighted": {"sticky": sticky, "services": [{"name": "podinfo", "port": 80}]}}}));
        assert_eq!(scene.route(&split(10)).only()["spec"]["weighted"]["sticky"], sticky);
    }

    #[test]
    fn copies_are_made_of_what_the_primary_gets() {
        let mut scene = scene();
        let mirror = Mirror::Share(Percent::clamped(30));
        scene.route(&split(0)).route(&Routing { mirror, ..Routing::PRIMARY });
        check(
            &scene.only()["spec"],
            &expect![[r#"
            mirroring:
              name: podinfo-primary
              namespace: test
              port: 80
              mirrors:
              - name: podinfo-canary
                namespace: test
                port: 80
                percent: 30
        "#]],
        );
        assert_eq!(scene.route(&split(10)).only()["spec"]["mirroring"], Value::Null);
    }

    #[test]
    fn what_the_user_says_of_the_weighted_services_is_back_when_no_request_is_copied_any_more() {
        let sticky = json!({"cookie": {"name": "lb"}});
        let mut scene = scene();
        scene.put(&json!({"spec": {"weighted": {"sticky": sticky, "services": [{"name": "podinfo", "port": 80}]}}}));
        scene.route(&Routing { mirror: Mirror::All, ..Routing::PRIMARY });
        assert_eq!(scene.only()["spec"]["weighted"], Value::Null);
        assert_eq!(scene.route(&split(10)).only()["spec"]["weighted"]["sticky"], sticky);
    }

    #[test]
    fn an_installation_of_flaggers_at_rest_is_taken_over_without_a_write() {
        let mut scene = scene();
        scene.put(&json!({
            "metadata": {
                "annotations": {"helm.toolkit.fluxcd.io/driftDetection": "disabled", "kustomize.toolkit.fluxcd.io/reconcile": "disabled"},
                "ownerReferences": [{"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "name": "podinfo", "uid": "1"}],
            },
            "spec": {"weighted": {"services": [{"name": "podinfo-primary", "namespace": "test", "port": 80, "weight": 100}]}},
        }));
        assert_eq!(scene.render(&split(0)), Ok(vec![]));
    }
}
