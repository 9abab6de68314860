//! ingress-nginx, and whatever else reads its canary annotations: a share of all requests, or every request with a header or
//! a cookie. Never a share of the requests that match: such a request goes to the canary, always.

use std::collections::BTreeMap;

use super::super::condition::{Part, Text, headers, refuse_in, unsupported};
use super::super::refusal::refuse_what_it_cannot;
use super::super::{BuiltinQuery, Capabilities, RouteError, Router, Target};
use super::{CLASS, FIELDS, INGRESS, Reference, Steering, Twin, annotation, backed_by, is_backed_by, leads_to};
use crate::api;
use crate::model::{Builtin, Percent, Routing};
use crate::object::{Change, Kind, ObjectKey, Objects};

/// ingress-nginx.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Nginx;

impl Router for Nginx {
    fn providers(&self) -> &'static [&'static str] {
        &["nginx"]
    }

    fn capabilities(&self, service: &api::CanaryService) -> Capabilities {
        Capabilities {
            weights: true,
            fine: true,
            matches: true,
            whole_matches: true,
            preview: true,
            ports: true,
            ..Capabilities::default()
        }
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
        check(target)
    }

    fn render(&self, target: &Target<'_>, want: &Routing, have: &Objects) -> Result<Vec<Change>, RouteError> {
        refuse_what_it_cannot(self, target, want)?;
        Ok(render(target, &Reference::named(target)?, want, have)?.into_iter().collect())
    }

    fn read(&self, target: &Target<'_>, have: &Objects) -> Result<Option<Routing>, RouteError> {
        Ok(Reference::of(target).and_then(|reference| routing(target, &reference, have)))
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

    fn samples(&self, target: &Target<'_>) -> Vec<(ObjectKey, serde_json::Value)> {
        super::sample(target)
    }
}

/// An error for conditions that the annotations cannot say.
pub(in super::super) fn check(target: &Target<'_>) -> Result<(), RouteError> {
    By::of(target).map(|_| ())
}

/// The write after which the twin of an Ingress routes this; `None` where it does.
pub(in super::super) fn render(
    target: &Target<'_>,
    reference: &Reference<'_>,
    want: &Routing,
    have: &Objects,
) -> Result<Option<Change>, RouteError> {
    let annotations = By::of(target)?.annotations(want).into_iter();
    let annotations = annotations.map(|(name, value)| (named(target, name), value)).collect();
    let steering = Steering { all: vec![named(target, ""), CLASS.to_owned()], own: vec![named(target, CANARY)] };
    let [_, side] = target.sides();
    let with_canary = |path: &_| if is_backed_by(path, target.apex) { backed_by(path, &side) } else { path.clone() };
    let paths = |paths: &[_]| paths.iter().map(with_canary).collect();
    Twin::of(target, reference, have)?.claim(paths, &steering, annotations, have).write(have)
}

/// What the twin of an Ingress routes; `None` where it has no twin to the canary.
pub(in super::super) fn routing(target: &Target<'_>, reference: &Reference<'_>, have: &Objects) -> Option<Routing> {
    let [_, canary] = target.sides();
    let twin = reference.found(target, have).filter(|twin| leads_to(twin, &canary))?;
    let says = |name: &str| annotation(twin, &named(target, name));
    let number = |name: &str| says(name).and_then(|number| number.parse::<u64>().ok()).map(u128::from);
    let weight = || Percent::nearest(number(WEIGHT).unwrap_or(0), number(TOTAL).unwrap_or(100));
    let named = says(HEADER).is_some() || says(COOKIE).is_some();
    Some(match says(CANARY) {
        Some("true") if named && !target.conditions().is_empty() => Routing::split(Percent::FULL),
        Some("true") => Routing { preview: named, ..Routing::split(weight()) },
        // Without the mark it is a second Ingress for the same paths, of which the older one counts.
        _ => Routing::PRIMARY,
    })
}

const SUCCESS_RATE: &str = concat!(
    r#"sum(rate(nginx_ingress_controller_requests{namespace="{{ namespace }}",ingress=~"{{ ingress }}",canary!="","#,
    r#"status!~"5.*"}[{{ interval }}])) / "#,
    r#"sum(rate(nginx_ingress_controller_requests{namespace="{{ namespace }}",ingress=~"{{ ingress }}",canary!=""}"#,
    r#"[{{ interval }}])) * 100"#,
);

/// The mean, in seconds: older controllers count no buckets.
const DURATION: &str = concat!(
    r#"sum(rate(nginx_ingress_controller_response_duration_seconds_sum{namespace="{{ namespace }}","#,
    r#"ingress=~"{{ ingress }}",canary!=""}[{{ interval }}])) / "#,
    r#"sum(rate(nginx_ingress_controller_response_duration_seconds_count{namespace="{{ namespace }}","#,
    r#"ingress=~"{{ ingress }}",canary!=""}[{{ interval }}]))"#,
);

// Names of annotations behind the prefix and a slash. The first makes an Ingress a canary.
const CANARY: &str = "canary";
const WEIGHT: &str = "canary-weight";
const TOTAL: &str = "canary-weight-total";
const HEADER: &str = "canary-by-header";
const HEADER_VALUE: &str = "canary-by-header-value";
const HEADER_PATTERN: &str = "canary-by-header-pattern";
const COOKIE: &str = "canary-by-cookie";

fn named(target: &Target<'_>, name: &str) -> String {
    format!("{}/{name}", target.ingress_prefix)
}

/// What tells the canary's requests from the others.
enum By<'a> {
    /// Chance.
    Weight,
    /// These see the canary, of all others chance decides.
    Preview(Named<'a>),
    /// These alone can see the canary.
    Match(Named<'a>),
}

impl<'a> By<'a> {
    /// An error for conditions that the annotations cannot say.
    fn of(target: &Target<'a>) -> Result<Self, RouteError> {
        match (target.conditions(), target.preview()) {
            ([], []) => Ok(Self::Weight),
            ([], preview) => Named::of("spec.analysis.preview.match", preview).map(Self::Preview),
            (conditions, []) => Named::of("spec.analysis.match", conditions).map(Self::Match),
            _ => Err(unsupported("spec.analysis.preview", "nginx", ONE_SET, "drop one of the two")),
        }
    }

    fn annotations(&self, want: &Routing) -> BTreeMap<&'static str, String> {
        let (weight, named) = match self {
            Self::Weight => (want.canary, None),
            Self::Preview(named) => (want.canary, want.preview.then_some(named)),
            Self::Match(named) => (Percent::ZERO, (!want.canary.is_zero()).then_some(named)),
        };
        let mut annotations = BTreeMap::from([(CANARY, "true".to_owned()), (WEIGHT, weight.proportion().to_string())]);
        if !weight.is_whole() {
            annotations.insert(TOTAL, (weight.proportion() + weight.rest().proportion()).to_string());
        }
        annotations.extend(named.into_iter().flat_map(Named::annotations));
        annotations
    }
}

/// A header, a cookie with the value `always`, or either of them.
struct Named<'a> {
    header: Option<(&'a str, Text<'a>)>,
    cookie: Option<&'a str>,
}

impl<'a> Named<'a> {
    /// The annotations know one header and one cookie, either of which is enough.
    fn of(path: &str, conditions: &'a [api::MatchCondition]) -> Result<Self, RouteError> {
        refuse_in(path, "nginx", &[Part::QueryParams, Part::SourceLabels], conditions)?;
        let (mut header, mut cookie) = (None, None);
        for (i, condition) in conditions.iter().enumerate() {
            let field = format!("{path}[{i}].headers");
            let mut named = headers(condition);
            let (Some((name, text)), None) = (named.next(), named.next()) else {
                return Err(unsupported(
                    &field,
                    "nginx",
                    NOT_ONE,
                    "write one header or cookie into each entry of match",
                ));
            };
            let before = match (name, text) {
                ("cookie", Text::Exact(name)) => cookie.replace(name).is_some(),
                ("cookie", _) => {
                    return Err(unsupported(
                        &field,
                        "nginx",
                        NOT_EXACT,
                        "write `cookie: {exact: <name of the cookie>}`",
                    ));
                }
                named => header.replace(named).is_some(),
            };
            if before {
                return Err(unsupported(&field, "nginx", TOO_MANY, "leave one header and one cookie"));
            }
        }
        Ok(Self { header, cookie })
    }

    fn annotations(&self) -> impl Iterator<Item = (&'static str, String)> {
        let value = self.header.as_ref().map(|(_, text)| match text {
            Text::Exact(value) => (HEADER_VALUE, (*value).to_owned()),
            pattern => (HEADER_PATTERN, pattern.regex_anywhere()),
        });
        let header = self.header.as_ref().map(|(name, _)| (HEADER, (*name).to_owned()));
        let cookie = self.cookie.map(|name| (COOKIE, name.to_owned()));
        [header, value, cookie].into_iter().flatten()
    }
}

const ONE_SET: &str = "reads one set of conditions, which spec.analysis.match takes";
const NOT_ONE: &str = "reads one header or cookie of each condition";
const NOT_EXACT: &str = "knows a cookie by its name alone, and its value must be `always`";
const TOO_MANY: &str = "reads no more than one header and one cookie in all";
