//! Whether the controllers of the parents have taken a route over, by its status.

use serde_json::Value;

use crate::model::Mirror;
use crate::object::{ObjectKey, value};
use crate::route::{Acceptance, RouteError, Target, status};

/// Conditions without which requests are not routed as the route says.
const NEEDED: [&str; 2] = ["Accepted", "ResolvedRefs"];

/// The worst that a parent of the route says. A parent that says nothing has no controller that tells.
pub(in crate::route) fn of(key: &ObjectKey, route: &Value) -> Acceptance {
    status::worst(route, conditions(route), |parent, condition| refusal(key, parent, condition))
}

/// Whether a parent says which version of the route it speaks of, so that its word on the next one can be waited for.
pub(in crate::route) fn is_told(route: &Value) -> bool {
    conditions(route).any(|(_, condition)| status::observed(condition).is_some())
}

fn conditions(route: &Value) -> impl Iterator<Item = (&Value, &Value)> {
    let all = parents(route).flat_map(|parent| {
        let list = parent.get("conditions").and_then(Value::as_array);
        list.into_iter().flatten().map(move |condition| (parent, condition))
    });
    all.filter(|(_, condition)| value::text(condition, &["type"]).is_some_and(|kind| NEEDED.contains(&kind)))
}

/// Controllers that accept a route with copies, and then answer 500 to its requests. Their GatewayClass says so, but to read it
/// takes rights in the whole cluster, which an operator of one namespace has not.
const CANNOT_COPY: [&str; 1] = ["traefik.io/gateway-controller"];

/// An error where copies are asked for, and a parent of the route cannot make them.
pub(super) fn refuse_copies(key: &ObjectKey, route: Option<&Value>, mirror: Mirror) -> Result<(), RouteError> {
    let controllers = route.into_iter().flat_map(parents).filter_map(|parent| value::text(parent, &["controllerName"]));
    let unable = controllers.filter(|_| mirror != Mirror::Off).find(|controller| CANNOT_COPY.contains(controller));
    unable.map_or(Ok(()), |controller| {
        Err(RouteError {
            reason: "GatewayCannotMirror",
            sentence: format!(
                "spec.analysis.mirror is true, but {controller} would answer 500 to every request of {key} while it copies, so no \
                 release advances; remove the field, or name a Gateway of another controller in spec.service.gatewayRefs"
            ),
        })
    })
}

/// The copies that the analysis may ask for.
pub(super) fn asked(target: &Target<'_>) -> Mirror {
    if target.spec.analysis.mirror == Some(true) { Mirror::All } else { Mirror::Off }
}

/// What the parents say that the route names.
fn parents(route: &Value) -> impl Iterator<Item = &Value> {
    let parents = value::at(route, &["status", "parents"]).and_then(Value::as_array);
    parents.into_iter().flatten().filter(|parent| is_current(route, parent))
}

/// Whether the route still names this parent: the status of one that it left may stay.
fn is_current(route: &Value, parent: &Value) -> bool {
    let named = value::at(route, &["spec", "parentRefs"]).and_then(Value::as_array);
    let told = parent.get("parentRef").unwrap_or(&Value::Null);
    let same = |one: &Value, field: &str| {
        let of = |reference: &Value| reference.get(field).cloned();
        of(one).is_none() || of(told).is_none() || of(one) == of(told)
    };
    let fields = ["group", "kind", "namespace", "name", "sectionName", "port"];
    named.into_iter().flatten().any(|one| fields.iter().all(|field| same(one, field)))
}

fn refusal(key: &ObjectKey, parent: &Value, condition: &Value) -> RouteError {
    let said = |field| value::text(condition, &[field]).unwrap_or_default();
    let gateway = value::text(parent, &["parentRef", "name"]).unwrap_or_default();
    RouteError {
        reason: "RouteNotAccepted",
        sentence: format!(
            "{key}: {gateway} says {} False ({}: {}), so the weights in it have no effect and no release advances; mend what it \
             names, or name another Gateway",
            said("type"),
            said("reason"),
            said("message").trim_end_matches('.')
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::V1;
    use super::*;
    use crate::model::Routing;
    use crate::route::Router;
    use crate::route::testing::{Scene, split};

    #[test]
    fn copies_are_refused_before_a_gateway_that_cannot_make_them_has_a_route_with_them() {
        let gateway = json!({"name": "gateway"});
        let mut scene =
            Scene::analysed(&V1, &json!({"gatewayRefs": [gateway]}), &json!({"mirror": true, "iterations": 3}));
        let told = json!({"parentRef": gateway, "controllerName": "traefik.io/gateway-controller"});
        scene.route(&Routing::PRIMARY).merge(&json!({"status": {"parents": [told]}}));
        let Acceptance::Refused(early) = V1.acceptance(&scene.target(), scene.store.objects()) else {
            panic!("it was accepted")
        };
        assert_eq!(
            early.sentence,
            "spec.analysis.mirror is true, but traefik.io/gateway-controller would answer 500 to every request of \
             HTTPRoute/podinfo.test while it copies, so no release advances; remove the field, or name a Gateway of another \
             controller in spec.service.gatewayRefs"
        );
        assert_eq!(scene.render(&Routing { mirror: Mirror::All, ..Routing::PRIMARY }), Err(early));
        assert!(scene.render(&split(10)).is_ok());
    }
}
