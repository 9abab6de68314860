//! The way from the user's rule to ours, without a lost request.
//!
//! Gateways that learn of routes and of backends in streams of their own answer 503 to a request whose backend they do not
//! know yet, or no longer. So both sides are named before requests go to them, and what served before them until none go
//! there any more. Each step waits for the gateway's word on the last one; where no gateway gives its word, there is one step.

use serde_json::Value;

use super::rules::{BACKENDS, FORM, UNSET, found, replaced, shared};
use super::{acceptance, filters};
use crate::object::ObjectKey;
use crate::route::{Acceptance, Target, backends};

/// The rules to write next where those are `wanted`.
pub(super) fn next(target: &Target<'_>, key: &ObjectKey, route: Option<&Value>, wanted: Vec<Value>) -> Vec<Value> {
    let Some(route) = route.filter(|route| acceptance::is_told(route)) else { return wanted };
    let have = found(Some(route));
    let Some(position) = replaced(target, have) else { return wanted };
    let named = have.get(position).map(|rule| backends::of(rule, BACKENDS)).unwrap_or_default();
    let before: Vec<_> = named.iter().filter(|backend| !backends::is_side(target, backend)).cloned().collect();
    let sides = target.sides();
    let unknown = sides.iter().filter(|side| !named.iter().any(|backend| backends::is(target, backend, side)));
    let unknown: Vec<_> = unknown.map(|side| filters::backend(target, side)).collect();
    if before.is_empty() {
        wanted
    } else if !unknown.is_empty() {
        with_idle(have.to_vec(), Some(position), &unknown)
    } else if acceptance::of(key, route) == Acceptance::Pending {
        have.to_vec()
    } else if before.iter().any(|backend| backends::weight_or(backend, UNSET) > 0) {
        let position = shared(target, &wanted);
        with_idle(wanted, position, &before)
    } else {
        wanted
    }
}

/// The rules, with these backends in one of them, which get no request by it.
fn with_idle(mut rules: Vec<Value>, position: Option<usize>, idle: &[Value]) -> Vec<Value> {
    if let Some(rule) = position.and_then(|position| rules.get_mut(position)) {
        *rule = FORM.with_idle(rule, idle);
    }
    rules
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::V1;
    use super::*;
    use crate::model::Routing;
    use crate::route::testing::{Scene, split};

    /// The user's route to the apex, below a Gateway that has this to say of its first generation.
    fn scene(said: &Value) -> Scene {
        let parent = json!({"name": "gateway"});
        let mut scene = Scene::of(&V1, &json!({"gatewayRefs": [parent]}));
        let rule = json!({"backendRefs": [{"name": "podinfo", "port": 80, "weight": 1}]});
        scene.put(&json!({
            "metadata": {"generation": 1}, "spec": {"parentRefs": [parent], "rules": [rule]},
            "status": {"parents": [{"parentRef": parent, "conditions": said}]},
        }));
        scene
    }

    fn accepted(generation: u64) -> Value {
        json!([{"type": "Accepted", "status": "True", "observedGeneration": generation}])
    }

    /// The gateway has seen the last write, or has not yet.
    fn now(scene: &mut Scene, generation: u64, seen: u64) {
        scene.merge(&json!({"metadata": {"generation": generation}}));
        let parent = json!({"parentRef": {"name": "gateway"}, "conditions": accepted(seen)});
        scene.merge(&json!({"status": {"parents": [parent]}}));
    }

    fn weights(scene: &Scene) -> Vec<(String, u64)> {
        let backends = backends::of(&scene.only()["spec"]["rules"][0], BACKENDS).iter();
        backends
            .map(|backend| {
                (backend["name"].as_str().unwrap_or_default().to_owned(), backend["weight"].as_u64().unwrap_or(1))
            })
            .collect()
    }

    fn named(weights: &[(&str, u64)]) -> Vec<(String, u64)> {
        weights.iter().map(|(name, weight)| ((*name).to_owned(), *weight)).collect()
    }

    #[test]
    fn a_side_is_known_before_requests_go_to_it_and_the_apex_until_none_do() {
        let mut scene = scene(&accepted(1));
        scene.route(&Routing::PRIMARY);
        let known = named(&[("podinfo", 1), ("podinfo-primary", 0), ("podinfo-canary", 0)]);
        assert_eq!((weights(&scene), scene.read()), (known, None));
        now(&mut scene, 2, 1);
        assert_eq!(scene.render(&Routing::PRIMARY), Ok(vec![]));
        now(&mut scene, 2, 2);
        scene.route(&Routing::PRIMARY);
        let moved = named(&[("podinfo-primary", 100), ("podinfo-canary", 0), ("podinfo", 0)]);
        assert_eq!((weights(&scene), scene.read()), (moved, Some(Routing::PRIMARY)));
        now(&mut scene, 3, 2);
        assert_eq!(scene.render(&Routing::PRIMARY), Ok(vec![]));
        now(&mut scene, 3, 3);
        assert_eq!(weights(scene.route(&Routing::PRIMARY)), named(&[("podinfo-primary", 100), ("podinfo-canary", 0)]));
        now(&mut scene, 4, 3);
        assert_eq!(weights(scene.route(&split(10))), named(&[("podinfo-primary", 90), ("podinfo-canary", 10)]));
    }

    #[test]
    fn a_route_of_which_no_gateway_tells_is_taken_in_one_step() {
        assert_eq!(
            weights(scene(&Value::Null).route(&Routing::PRIMARY)),
            named(&[("podinfo-primary", 100), ("podinfo-canary", 0)])
        );
    }

    #[test]
    fn on_the_way_back_the_apex_is_known_before_requests_go_to_it_and_the_sides_until_none_do() {
        let mut scene = scene(&accepted(1));
        let before = scene.only()["spec"].clone();
        for generation in 2..=4 {
            scene.route(&Routing::PRIMARY);
            now(&mut scene, generation, generation);
        }
        assert_eq!(weights(&scene), named(&[("podinfo-primary", 100), ("podinfo-canary", 0)]));
        let known = named(&[("podinfo-primary", 100), ("podinfo-canary", 0), ("podinfo", 0)]);
        assert_eq!(weights(scene.leave()), known);
        now(&mut scene, 5, 4);
        assert_eq!(weights(scene.leave()), known, "the gateway has not seen it yet");
        now(&mut scene, 5, 5);
        let moved = named(&[("podinfo", 100), ("podinfo-primary", 0), ("podinfo-canary", 0)]);
        assert_eq!(weights(scene.leave()), moved);
        now(&mut scene, 6, 6);
        assert_eq!(scene.leave().only()["spec"], before);
    }

    #[test]
    fn a_release_in_the_middle_of_the_way_gives_the_users_rule_back() {
        let mut scene = scene(&accepted(1));
        let before = scene.only()["spec"].clone();
        scene.route(&Routing::PRIMARY).release();
        assert_eq!(scene.only()["spec"], before);
    }
}
