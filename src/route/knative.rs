//! Knative: `spec.traffic` of the user's own Service shares between its newest revision and the one that is the primary.
//!
//! Which revision is the primary stands in an annotation of Flagger's name; promotion moves it. Read from `spec`, since right
//! after a promotion both lines of `status.traffic` name one revision. Tags of the user's stay, without traffic.

use serde_json::{Map, Value, json};

use super::claim::{Claim, Made, release};
use super::refusal::refuse_what_it_cannot;
use super::{Acceptance, Access, BuiltinQuery, Capabilities, RouteError, Router, Target, query};
use crate::api;
use crate::model::{Builtin, Percent, Routing};
use crate::object::{Change, Kind, ObjectKey, Objects, value};

const SERVICE: Kind = Kind { group: "serving.knative.dev", version: "v1", kind: "Service", plural: "services" };
const FIELDS: &[&str] = &["traffic"];
/// Name of the revision that is the primary.
const PRIMARY: &str = "flagger.app/primary-revision";

/// Knative Serving.
#[derive(Clone, Copy, Debug)]
pub(super) struct Knative;

impl Router for Knative {
    fn providers(&self) -> &'static [&'static str] {
        &["knative"]
    }

    fn capabilities(&self, service: &api::CanaryService) -> Capabilities {
        Capabilities { weights: true, ..Capabilities::default() }.over_http(service)
    }

    fn kinds(&self) -> &'static [Kind] {
        &[SERVICE]
    }

    fn access(&self, _kind: Kind) -> Access {
        Access::Edit
    }

    fn fields(&self, _kind: Kind) -> &'static [&'static str] {
        FIELDS
    }

    fn annotations(&self) -> &'static [&'static str] {
        &[PRIMARY]
    }

    fn objects(&self, target: &Target<'_>) -> Vec<ObjectKey> {
        vec![key(target)]
    }

    fn render(&self, target: &Target<'_>, want: &Routing, have: &Objects) -> Result<Vec<Change>, RouteError> {
        refuse_what_it_cannot(self, target, want)?;
        let key = key(target);
        let found = have.find(&key).ok_or_else(|| missing(&key))?;
        let primary = primary(found).or_else(|| ready(found)).ok_or_else(|| not_ready(&key))?;
        let spec = Map::from_iter([("traffic".to_owned(), json!(traffic(primary, want.canary, found)))]);
        let mut claim = Claim::of_apex(key, target, spec);
        claim.annotations.insert(PRIMARY.to_owned(), Some(primary.to_owned()));
        Ok(claim.write(have)?.into_iter().collect())
    }

    fn read(&self, target: &Target<'_>, have: &Objects) -> Result<Option<Routing>, RouteError> {
        let Some((found, primary)) = have.find(&key(target)).and_then(|found| Some((found, primary(found)?))) else {
            return Ok(None);
        };
        let sum = |of: &dyn Fn(&Value) -> bool| {
            shares(found).iter().filter(|share| of(share)).filter_map(percent).fold(0, u64::saturating_add)
        };
        let pinned = sum(&|share| value::text(share, &["revisionName"]) == Some(primary));
        let newest = sum(&is_newest);
        let all = pinned.saturating_add(newest);
        Ok((all > 0).then(|| Routing::split(Percent::nearest(newest.into(), all.into()))))
    }

    fn acceptance(&self, target: &Target<'_>, have: &Objects) -> Acceptance {
        let number = |path: &[&str]| have.find(&key(target)).and_then(|found| value::at(found, path)?.as_u64());
        match (number(&["status", "observedGeneration"]), number(&["metadata", "generation"])) {
            (Some(observed), Some(generation)) if observed < generation => Acceptance::Pending,
            _ => Acceptance::Accepted,
        }
    }

    fn release(&self, target: &Target<'_>, have: &Objects) -> Vec<Change> {
        let newest = json!([{"latestRevision": true, "percent": Percent::FULL.whole()}]);
        let all = Map::from_iter([("traffic".to_owned(), newest)]);
        let change = release(&key(target), FIELDS, Made::Kept(all), have);
        change.into_iter().collect()
    }

    fn query(&self, builtin: Builtin) -> BuiltinQuery {
        query::envoy!(builtin, r#"envoy_cluster_name=~"{{ namespace }}/{{ route }}""#)
    }

    fn samples(&self, target: &Target<'_>) -> Vec<(ObjectKey, Value)> {
        let status = json!({"latestReadyRevisionName": "podinfo-00001", "latestCreatedRevisionName": "podinfo-00001"});
        let spec =
            json!({"template": {"spec": {}}, "traffic": [{"latestRevision": true, "percent": 100, "tag": "current"}]});
        vec![(key(target), json!({"spec": spec, "status": status}))]
    }
}

fn key(target: &Target<'_>) -> ObjectKey {
    SERVICE.named(target.namespace, &target.spec.target_ref.name)
}

fn primary(found: &Value) -> Option<&str> {
    value::text(found, &["metadata", "annotations", PRIMARY]).filter(|name| !name.is_empty())
}

fn ready(found: &Value) -> Option<&str> {
    value::text(found, &["status", "latestReadyRevisionName"])
}

fn shares(found: &Value) -> &[Value] {
    let shares = value::at(found, &["spec", "traffic"]).and_then(Value::as_array);
    shares.map(Vec::as_slice).unwrap_or_default()
}

fn percent(share: &Value) -> Option<u64> {
    share.get("percent").and_then(Value::as_u64)
}

fn is_newest(share: &Value) -> bool {
    share.get("latestRevision").and_then(Value::as_bool) == Some(true)
}

/// The two shares, in the form that Knative's own defaults give them, then the user's tags.
fn traffic(primary: &str, canary: Percent, found: &Value) -> Vec<Value> {
    let newest = json!({"latestRevision": true, "percent": canary.whole()});
    let pinned = json!({"latestRevision": false, "revisionName": primary, "percent": canary.rest().whole()});
    let tags = shares(found).iter().filter(|share| share.get("tag").is_some_and(Value::is_string)).map(|tagged| {
        let mut tagged = tagged.clone();
        value::merge(&mut tagged, &json!({"percent": null}));
        tagged
    });
    [newest, pinned].into_iter().chain(tags).collect()
}

fn missing(key: &ObjectKey) -> RouteError {
    RouteError {
        reason: "RouteMissing",
        sentence: format!(
            "{key} is not there, so there is no traffic to share; apply it, or correct spec.targetRef.name"
        ),
    }
}

fn not_ready(key: &ObjectKey) -> RouteError {
    RouteError {
        reason: "NoReadyRevision",
        sentence: format!(
            "{key} has no ready revision yet, so none can be the primary and no traffic is moved; look at its conditions for why"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::testing::{Scene, check, split};
    use expect_test::expect;

    fn scene() -> Scene {
        Scene::of(&Knative, &json!({}))
    }

    #[test]
    fn a_split_of_90_to_10() {
        check(
            &scene().route(&split(10)).only()["spec"],
            &expect![[r#"
            template:
              spec: {}
            traffic:
            - latestRevision: true
              percent: 10
            - latestRevision: false
              revisionName: podinfo-00001
              percent: 90
            - latestRevision: true
              tag: current
        "#]],
        );
    }

    #[test]
    fn the_revision_that_is_ready_first_becomes_the_primary_and_stays_it() {
        let mut scene = scene();
        scene
            .route(&split(0))
            .merge(&json!({"status": {"latestReadyRevisionName": "podinfo-00002"}}))
            .route(&split(50));
        assert_eq!(scene.only()["metadata"]["annotations"][PRIMARY], "podinfo-00001");
        assert_eq!(scene.only()["spec"]["traffic"][1]["revisionName"], "podinfo-00001");
    }

    #[test]
    fn a_promotion_is_read_right_even_where_both_lines_name_one_revision() {
        let mut scene = scene();
        scene.route(&split(60)).merge(&json!({"metadata": {"annotations": {PRIMARY: "podinfo-00002"}}}));
        scene.route(&split(60));
        assert_eq!(scene.read(), Some(split(60)));
        assert_eq!(scene.only()["spec"]["traffic"][1]["revisionName"], "podinfo-00002");
    }

    #[test]
    fn a_service_that_is_not_there_or_not_ready_is_told() {
        let mut scene = scene();
        scene.merge(&json!({"status": null}));
        assert_eq!(scene.render(&split(0)).map_err(|e| e.reason), Err("NoReadyRevision"));
        let key = key(&scene.target());
        scene.store.remove(&key);
        assert_eq!(scene.render(&split(0)).map_err(|e| e.reason), Err("RouteMissing"));
    }

    #[test]
    fn a_release_gives_the_users_traffic_back() {
        let mut scene = scene();
        let before = scene.only()["spec"].clone();
        scene.route(&split(0)).route(&split(30)).release();
        assert_eq!(scene.only()["spec"], before);
        assert_eq!(scene.only()["metadata"]["annotations"], json!({}));
    }

    #[test]
    fn a_share_counts_once_knative_has_seen_it() {
        let mut scene = scene();
        scene.route(&split(10)).merge(&json!({"metadata": {"generation": 3}, "status": {"observedGeneration": 2}}));
        assert_eq!(Knative.acceptance(&scene.target(), scene.store.objects()), Acceptance::Pending);
        scene.merge(&json!({"status": {"observedGeneration": 3}}));
        assert_eq!(Knative.acceptance(&scene.target(), scene.store.objects()), Acceptance::Accepted);
    }
}
