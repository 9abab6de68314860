//! Kuma: a TrafficRoute, which belongs to the whole cluster, so its name carries the namespace: `<apex>.<namespace>`.
//!
//! One that Flagger left under the apex's bare name is taken on, if it is for this Service; of two canaries with one apex
//! name in two namespaces neither ever writes to the other's. Owns `sources`, `destinations` and `conf`. Kuma's
//! policies have no status, so what is written counts as accepted.

#[cfg(test)]
mod tests;

use serde_json::{Map, Value, json};

use super::claim::{Claim, Made, release};
use super::condition::{Part, Text, headers, refuse, refuse_in};
use super::query::envoy;
use super::refusal::refuse_what_it_cannot;
use super::{BuiltinQuery, Capabilities, RouteError, Router, Target, backends};
use crate::api::{self, MatchCondition};
use crate::model::{Builtin, Percent, Routing};
use crate::object::{Change, Kind, ObjectKey, Objects, value};

const TRAFFIC_ROUTE: Kind =
    Kind { group: "kuma.io", version: "v1alpha1", kind: "TrafficRoute", plural: "trafficroutes" };
const FIELDS: &[&str] = &["sources", "destinations", "conf"];
/// The tag by which Kuma knows a Service, and the annotation of a Canary that names the mesh.
const SERVICE: &str = "kuma.io/service";
const MESH: &str = "kuma.io/mesh";

/// Kuma.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kuma;

impl Router for Kuma {
    fn providers(&self) -> &'static [&'static str] {
        &["kuma"]
    }

    fn capabilities(&self, service: &api::CanaryService) -> Capabilities {
        Capabilities { weights: true, fine: true, matches: true, preview: true, ..Capabilities::default() }
            .over_http(service)
    }

    fn kinds(&self) -> &'static [Kind] {
        &[TRAFFIC_ROUTE]
    }

    fn fields(&self, _: Kind) -> &'static [&'static str] {
        FIELDS
    }

    fn objects(&self, target: &Target<'_>) -> Vec<ObjectKey> {
        keys(target).to_vec()
    }

    fn check(&self, target: &Target<'_>) -> Result<(), RouteError> {
        let unread = [Part::QueryParams, Part::SourceLabels];
        refuse("kuma", &unread, target.conditions())?;
        refuse_in("spec.analysis.preview.match", "kuma", &unread, target.preview())
    }

    fn render(&self, target: &Target<'_>, want: &Routing, have: &Objects) -> Result<Vec<Change>, RouteError> {
        refuse_what_it_cannot(self, target, want)?;
        let [own, bare] = keys(target);
        let flaggers = have.find(&bare).is_some_and(|route| is_flaggers(target, route));
        let both = flaggers && have.find(&own).is_some();
        let key = if flaggers && !both { bare.clone() } else { own };
        let mut claim = Claim::of_apex(key, target, spec(target, want));
        // A route stays in the mesh that it was made for.
        let mesh = match have.find(&claim.key) {
            Some(found) => found.get("mesh").cloned(),
            None => Some(json!(target.annotations.get(MESH).map_or("default", String::as_str))),
        };
        claim.beside_spec.extend(mesh.map(|mesh| ("mesh".to_owned(), mesh)));
        // Two routes for one Service would be in each other's way.
        let spare = both.then_some(Change::Delete(bare));
        Ok(claim.write(have)?.into_iter().chain(spare).collect())
    }

    fn read(&self, target: &Target<'_>, have: &Objects) -> Result<Option<Routing>, RouteError> {
        let [own, bare] = keys(target);
        let flaggers = || have.find(&bare).filter(|route| is_flaggers(target, route));
        let found = have.find(&own).or_else(flaggers);
        let Some(conf) = found.and_then(|route| value::at(route, &["spec", "conf"])) else { return Ok(None) };
        let [_, canary] = target.sides();
        Ok(backends::routing(splits(conf), |part| leads_to(target, part, &canary)))
    }

    fn release(&self, target: &Target<'_>, have: &Objects) -> Vec<Change> {
        // Kuma's default route leads the apex's requests to its Service.
        let [own, bare] = keys(target);
        let flaggers = have.find(&bare).is_some_and(|route| is_flaggers(target, route));
        release(&own, FIELDS, Made::Deleted, have).into_iter().chain(flaggers.then_some(Change::Delete(bare))).collect()
    }

    fn query(&self, builtin: Builtin) -> BuiltinQuery {
        envoy!(builtin, r#"service=~"{{ service }}-canary_{{ namespace }}_svc_[0-9a-zA-Z-]+""#)
    }
}

/// Our own name, which no other canary has, and the one that Flagger gives. The name of a Service has no dot.
fn keys(target: &Target<'_>) -> [ObjectKey; 2] {
    [format!("{}.{}", target.apex, target.namespace), target.apex.to_owned()].map(|name| TRAFFIC_ROUTE.named("", name))
}

/// Whether a route under the apex's bare name is this canary's: no other leads to its primary.
fn is_flaggers(target: &Target<'_>, route: &Value) -> bool {
    let [primary, _] = target.sides();
    let conf = value::at(route, &["spec", "conf"]);
    conf.into_iter().flat_map(splits).flatten().any(|part| leads_to(target, part, &primary))
}

/// The requests from everywhere to the apex; first those of the preview and those that match, where the analysis has conditions.
fn spec(target: &Target<'_>, want: &Routing) -> Map<String, Value> {
    let [_, canary] = target.sides();
    let preview = target.preview().iter().filter(|_| want.preview);
    let preview = preview.map(|condition| rule(condition, &json!([part(target, &canary, Percent::FULL)])));
    let shared = target.conditions().iter().map(|condition| rule(condition, &split(target, want.canary)));
    let rules: Vec<_> = preview.chain(shared).collect();
    let others = if target.conditions().is_empty() { want.canary } else { Percent::ZERO };
    let mut conf = if rules.is_empty() { json!({}) } else { json!({ "http": rules }) };
    value::merge(&mut conf, &json!({"split": split(target, others)}));
    let fields = [("sources", selecting("*")), ("destinations", selecting(&tag(target, target.apex))), ("conf", conf)];
    fields.into_iter().map(|(field, value)| (field.to_owned(), value)).collect()
}

fn rule(condition: &MatchCondition, split: &Value) -> Value {
    let header = |(name, text): (&str, Text<'_>)| {
        let text = match text {
            Text::Exact(value) => json!({"exact": value}),
            Text::Prefix(value) => json!({"prefix": value}),
            Text::Present | Text::Suffix(_) | Text::Regex(_) => json!({"regex": text.regex()}),
        };
        (name.to_owned(), text)
    };
    let headers: Map<_, _> = headers(condition).map(header).collect();
    json!({"match": {"headers": headers}, "split": split})
}

fn split(target: &Target<'_>, canary: Percent) -> Value {
    let [primary, side] = target.sides();
    json!([part(target, &primary, canary.rest()), part(target, &side, canary)])
}

fn part(target: &Target<'_>, side: &str, share: Percent) -> Value {
    json!({"weight": share.proportion(), "destination": {SERVICE: tag(target, side)}})
}

fn selecting(tag: &str) -> Value {
    json!([{"match": {SERVICE: tag}}])
}

/// A Service's port, as Kuma names it.
fn tag(target: &Target<'_>, service: &str) -> String {
    format!("{service}_{}_svc_{}", target.namespace, target.service.port)
}

/// The splits of a `conf`: those of its rules, and the one for everything else.
fn splits(conf: &Value) -> impl Iterator<Item = &[Value]> {
    let rules = value::at(conf, &["http"]).and_then(Value::as_array);
    let all = rules.into_iter().flatten().chain([conf]).filter_map(|rule| rule.get("split"));
    all.filter_map(Value::as_array).map(Vec::as_slice)
}

/// Whatever the port: it may have been changed since.
fn leads_to(target: &Target<'_>, part: &Value, side: &str) -> bool {
    let tag = value::text(part, &["destination", SERVICE]);
    tag.is_some_and(|tag| {
        tag.strip_prefix(side).is_some_and(|rest| rest.starts_with(&format!("_{}_", target.namespace)))
    })
}
