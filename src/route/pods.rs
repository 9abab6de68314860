//! Plain Kubernetes where the user lets the selector of the apex Service be the route: everything, nothing, or, by a label that the pods of
//! both sides have, as much as the canary's part of the pods is.
//!
//! A share is approximate: whole pods make it, and `plan` says how many. Never a label on anybody's pods.

use serde_json::{Map, Value, json};

use super::refusal::refuse_what_it_cannot;
use super::{BuiltinQuery, Capabilities, RouteError, Router, Target, query};
use crate::api::{self, sentences};
use crate::model::{Builtin, Percent, Routing};
use crate::object::kinds::{DEPLOYMENT, SERVICE};
use crate::object::{Change, Kind, ObjectKey, Objects, value};

/// The apex Service as a route.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pods;

/// Annotation of the apex Service: what share was asked for. Without it the selector is not ours.
const WEIGHT: &str = "serin.dev/weight";

impl Router for Pods {
    fn providers(&self) -> &'static [&'static str] {
        &["kubernetes"]
    }

    fn capabilities(&self, _service: &api::CanaryService) -> Capabilities {
        Capabilities { weights: true, ports: true, ..Capabilities::default() }
    }

    fn kinds(&self) -> &'static [Kind] {
        &[SERVICE]
    }

    fn fields(&self, _kind: Kind) -> &'static [&'static str] {
        &["selector"]
    }

    fn annotations(&self) -> &'static [&'static str] {
        &[WEIGHT]
    }

    fn objects(&self, target: &Target<'_>) -> Vec<ObjectKey> {
        vec![apex(target)]
    }

    fn render(&self, target: &Target<'_>, want: &Routing, have: &Objects) -> Result<Vec<Change>, RouteError> {
        refuse_what_it_cannot(self, target, want)?;
        let (Some(service), Some(sides)) = (have.find(&apex(target)), sides(target)) else { return Ok(Vec::new()) };
        // Order: it is taken over, and leads to the primary, before it is a route.
        if !is_ours(service) && *selector(service) != sides.primary {
            return Ok(Vec::new());
        }
        let pods = match want.canary {
            Percent::ZERO => sides.primary,
            Percent::FULL => sides.canary,
            // What is shared stays so, whatever becomes of the primary meanwhile.
            _ if names(target, selector(service)) => selector(service).clone(),
            _ => shared(target, have)?,
        };
        let mut patch = Map::new();
        if let Some(change) = value::difference(selector(service), &pods) {
            patch.insert("spec".to_owned(), json!({"selector": change}));
        }
        let weight = want.canary.to_string();
        if asked(service) != Some(&weight) {
            patch.insert("metadata".to_owned(), json!({"annotations": {WEIGHT: weight}}));
        }
        let changed = !patch.is_empty();
        Ok(changed.then(|| Change::Merge(apex(target), Value::Object(patch))).into_iter().collect())
    }

    fn read(&self, target: &Target<'_>, have: &Objects) -> Result<Option<Routing>, RouteError> {
        let service = have.find(&apex(target)).filter(|service| is_ours(service));
        let (Some(service), Some(sides)) = (service, sides(target)) else { return Ok(None) };
        let selected = selector(service);
        let share = if *selected == sides.primary {
            Percent::ZERO
        } else if *selected == sides.canary {
            Percent::FULL
        } else {
            asked(service).and_then(|weight| weight.parse().ok()).unwrap_or_default()
        };
        Ok(Some(Routing::split(share)))
    }

    fn release(&self, target: &Target<'_>, have: &Objects) -> Vec<Change> {
        let ours = have.find(&apex(target)).is_some_and(is_ours);
        let patch = json!({"metadata": {"annotations": {WEIGHT: null}}});
        ours.then(|| Change::Merge(apex(target), patch)).into_iter().collect()
    }

    fn apex_pods<'a>(&self, target: &Target<'_>, have: &'a Objects) -> Option<&'a Value> {
        let service = have.find(&apex(target)).filter(|service| is_ours(service))?;
        let (selected, sides) = (selector(service), sides(target)?);
        let route = *selected == sides.primary || *selected == sides.canary || names(target, selected);
        route.then_some(selected)
    }

    fn query(&self, builtin: Builtin) -> BuiltinQuery {
        query::http(builtin)
    }
}

/// What selects the pods of one side.
struct Sides {
    primary: Value,
    canary: Value,
}

fn sides(target: &Target<'_>) -> Option<Sides> {
    let (label, canary) = target.pods?;
    Some(Sides { primary: json!({label: format!("{canary}-primary")}), canary: json!({label: canary}) })
}

fn apex(target: &Target<'_>) -> ObjectKey {
    SERVICE.named(target.namespace, target.apex)
}

fn selector(service: &Value) -> &Value {
    value::at(service, &["spec", "selector"]).unwrap_or(&Value::Null)
}

fn asked(service: &Value) -> Option<&str> {
    value::text(service, &["metadata", "annotations", WEIGHT])
}

fn is_ours(service: &Value) -> bool {
    asked(service).is_some()
}

fn shared_label<'a>(target: &Target<'a>) -> Option<&'a str> {
    target.service.pod_routing.as_ref()?.shared_label.as_deref()
}

/// Whether a selector is the label that both sides share, and nothing else.
fn names(target: &Target<'_>, selector: &Value) -> bool {
    let label = shared_label(target).filter(|label| target.pods.is_none_or(|(own, _)| own != *label));
    let selected = selector.as_object().filter(|selected| selected.len() == 1);
    selected.zip(label).is_some_and(|(selected, label)| selected.contains_key(label))
}

/// What selects the pods of both sides and of nobody else, as far as labels say.
fn shared(target: &Target<'_>, have: &Objects) -> Result<Value, RouteError> {
    let label = shared_label(target).unwrap_or_default();
    let workload = target.spec.target_ref.name.as_str();
    let found = |name: &str| have.find(&DEPLOYMENT.named(target.namespace, name));
    let of = |workload| value::text(workload, &["spec", "template", "metadata", "labels", label]);
    let primary = format!("{workload}-primary");
    let values = [("target", workload), ("primary", primary.as_str()), ("label", label)];
    let tells_apart = target.pods.is_some_and(|(own, _)| own == label);
    let error =
        |sentence: &sentences::Sentence| RouteError { reason: sentence.reason, sentence: sentence.say(&values) };
    let value = found(workload).and_then(of).filter(|_| !tells_apart).ok_or_else(|| error(&sentences::CAN156))?;
    if found(&primary).is_some_and(|primary| of(primary) != Some(value)) {
        return Err(error(&sentences::CAN157));
    }
    Ok(json!({label: value}))
}

#[cfg(test)]
mod tests;
