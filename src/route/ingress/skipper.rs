//! Skipper: a twin with both sides behind each path, weights for them, and a predicate by which it counts before the user's
//! Ingress, or not at all.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::super::condition::{Part, Text, headers, params, refuse, unsupported};
use super::super::refusal::refuse_what_it_cannot;
use super::super::{BuiltinQuery, Capabilities, RouteError, Router, Target};
use super::{CLASS, FIELDS, INGRESS, Reference, Steering, Twin, annotation, backed_by, is_backed_by, leads_to};
use crate::api;
use crate::model::{Builtin, Percent, Routing};
use crate::object::{Change, Kind, ObjectKey, Objects};

const STEERING: &str = "zalando.org/";
const WEIGHTS: &str = "zalando.org/backend-weights";
const PREDICATE: &str = "zalando.org/skipper-predicate";
/// More than any route of the user's Ingress has.
const FIRST: &str = "Weight(100)";
/// No request at all.
const NEVER: &str = "False()";

/// Skipper.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Skipper;

impl Router for Skipper {
    fn providers(&self) -> &'static [&'static str] {
        &["skipper"]
    }

    fn capabilities(&self, service: &api::CanaryService) -> Capabilities {
        Capabilities { weights: true, fine: true, matches: true, ports: true, ..Capabilities::default() }
            .over_http(service)
    }

    fn kinds(&self) -> &'static [Kind] {
        &[INGRESS]
    }

    fn fields(&self, _: Kind) -> &'static [&'static str] {
        FIELDS
    }

    fn objects(&self, target: &Target<'_>) -> Vec<ObjectKey> {
        Reference::of(target).into_iter().flat_map(|reference| reference.keys(target)).collect()
    }

    fn check(&self, target: &Target<'_>) -> Result<(), RouteError> {
        Reference::named(target)?;
        conditions(target).map(|_| ())
    }

    fn render(&self, target: &Target<'_>, want: &Routing, have: &Objects) -> Result<Vec<Change>, RouteError> {
        refuse_what_it_cannot(self, target, want)?;
        let twin = Twin::of(target, &Reference::named(target)?, have)?;
        let [primary, canary] = target.sides();
        let predicate = predicate(target, want.canary, twin.source)?;
        let weights: Map<_, _> = [(&canary, want.canary), (&primary, want.canary.rest())]
            .map(|(side, w)| (side.clone(), w.proportion().into()))
            .into_iter()
            .collect();
        let own = BTreeMap::from([
            (WEIGHTS.to_owned(), Value::Object(weights).to_string()),
            (PREDICATE.to_owned(), predicate),
        ]);
        let steering = Steering {
            all: vec![STEERING.to_owned(), CLASS.to_owned()],
            own: [WEIGHTS, PREDICATE].map(str::to_owned).to_vec(),
        };
        let both = |paths: &[Value]| both_sides(paths, target.apex, &primary, &canary);
        Ok(twin.claim(both, &steering, own, have).write(have)?.into_iter().collect())
    }

    fn read(&self, target: &Target<'_>, have: &Objects) -> Result<Option<Routing>, RouteError> {
        let [primary, canary] = target.sides();
        let twin = Reference::of(target).and_then(|reference| reference.found(target, have));
        let Some(twin) = twin.filter(|twin| leads_to(twin, &canary)) else { return Ok(None) };
        if annotation(twin, PREDICATE).is_some_and(|predicate| predicate.starts_with(NEVER)) {
            return Ok(Some(Routing::PRIMARY));
        }
        let weights = annotation(twin, WEIGHTS).and_then(|text| serde_json::from_str::<Value>(text).ok());
        let weight =
            |side: &str| weights.as_ref().and_then(|w| w.get(side)).and_then(Value::as_u64).map_or(0, u128::from);
        Ok(Some(Routing::split(Percent::nearest(weight(&canary), weight(&canary) + weight(&primary)))))
    }

    fn release(&self, target: &Target<'_>, have: &Objects) -> Vec<Change> {
        Reference::of(target).and_then(|reference| reference.released(target, have)).into_iter().collect()
    }

    fn query(&self, builtin: Builtin) -> BuiltinQuery {
        match builtin {
            Builtin::SuccessRate => BuiltinQuery { query: SUCCESS_RATE, scale: 1.0 },
            Builtin::Duration => BuiltinQuery { query: DURATION, scale: 1000.0 },
        }
    }

    fn samples(&self, target: &Target<'_>) -> Vec<(ObjectKey, Value)> {
        super::sample(target)
    }
}

const SUCCESS_RATE: &str = concat!(
    r#"sum(rate(skipper_response_duration_seconds_bucket{route=~"kube(ew)?_{{ underscored namespace }}__"#,
    r#"{{ underscored ingress }}_canary__.*__{{ underscored service }}_canary(_[0-9]+)?",code!~"5..",le="+Inf"}"#,
    r#"[{{ interval }}])) / "#,
    r#"sum(rate(skipper_response_duration_seconds_bucket{route=~"kube(ew)?_{{ underscored namespace }}__"#,
    r#"{{ underscored ingress }}_canary__.*__{{ underscored service }}_canary(_[0-9]+)?",le="+Inf"}"#,
    r#"[{{ interval }}])) * 100"#,
);

/// The mean, in seconds.
const DURATION: &str = concat!(
    r#"sum(rate(skipper_serve_route_duration_seconds_sum{route=~"kube(ew)?_{{ underscored namespace }}__"#,
    r#"{{ underscored ingress }}_canary__.*__{{ underscored service }}_canary(_[0-9]+)?"}[{{ interval }}])) / "#,
    r#"sum(rate(skipper_serve_route_duration_seconds_count{route=~"kube(ew)?_{{ underscored namespace }}__"#,
    r#"{{ underscored ingress }}_canary__.*__{{ underscored service }}_canary(_[0-9]+)?"}[{{ interval }}]))"#,
);

/// Each path to the apex leads to the primary, and once more, behind all others, to the canary.
fn both_sides(paths: &[Value], apex: &str, primary: &str, canary: &str) -> Vec<Value> {
    let shared = paths.iter().filter(|path| is_backed_by(path, apex));
    let to_primary = |path: &Value| if is_backed_by(path, apex) { backed_by(path, primary) } else { path.clone() };
    paths.iter().map(to_primary).chain(shared.map(|path| backed_by(path, canary))).collect()
}

/// What the user's Ingress asks of a request, what the analysis asks, and before it whether the twin counts.
fn predicate(target: &Target<'_>, canary: Percent, source: &Value) -> Result<String, RouteError> {
    let counts = if canary.is_zero() { NEVER } else { FIRST };
    let theirs = annotation(source, PREDICATE).map(str::trim).filter(|predicate| !predicate.is_empty());
    let all = [counts.to_owned()].into_iter().chain(theirs.map(str::to_owned)).chain(conditions(target)?);
    Ok(all.collect::<Vec<_>>().join(" && "))
}

/// The condition of the analysis as predicates, all of which must hold. One Ingress has no way to say "or".
fn conditions(target: &Target<'_>) -> Result<Vec<String>, RouteError> {
    let conditions = target.conditions();
    refuse("skipper", &[Part::SourceLabels], conditions)?;
    let [condition] = conditions else {
        if conditions.is_empty() {
            return Ok(Vec::new());
        }
        return Err(unsupported(
            "spec.analysis.match",
            "skipper",
            "reads one condition only",
            "leave one entry of match",
        ));
    };
    let headers = headers(condition).map(|(name, text)| match text {
        Text::Exact(value) => format!("Header({}, {})", quoted(name), quoted(value)),
        pattern => format!("HeaderRegexp({}, {})", quoted(name), quoted(&pattern.regex_anywhere())),
    });
    let params = params(condition).map(|(name, text)| match text {
        Text::Present => format!("QueryParam({})", quoted(name)),
        pattern => format!("QueryParam({}, {})", quoted(name), quoted(&pattern.regex_anywhere())),
    });
    Ok(headers.chain(params).collect())
}

/// As a text of Skipper's route language.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\""))
}
