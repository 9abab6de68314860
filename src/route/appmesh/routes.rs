//! The routes of both versions: which requests, in which order, and how they are shared. Each version writes them its way.

use serde_json::{Map, Value, json};

use crate::api::MatchCondition;
use crate::model::{Percent, Routing};
use crate::object::value;
use crate::route::condition::{Part, Text, headers, params, refuse_in, unsupported};
use crate::route::{RouteError, Target, backends};

/// One route.
pub(super) struct Route<'a> {
    pub(super) name: String,
    /// The lowest is tried first; only needed where there are several.
    pub(super) priority: Option<usize>,
    /// `None` for every request.
    pub(super) condition: Option<&'a MatchCondition>,
    /// Names of virtual nodes, and their weights.
    pub(super) shares: Vec<(String, Percent)>,
}

/// The routes of the apex: those of the preview; then one, or one for each condition of the analysis and one for everybody else.
pub(super) fn of_apex<'a>(target: &Target<'a>, want: &Routing) -> Vec<Route<'a>> {
    const FIRST: usize = 10;
    let apex = target.apex;
    let [primary, side] = target.sides();
    let (conditions, preview) = (target.conditions(), target.preview());
    let first = FIRST.max(preview.len());
    let of_condition = |name: String, at: usize, (i, condition), shares| Route {
        name: if i == 0 { name } else { format!("{name}-{}", i + 1) },
        priority: Some(at + i),
        condition: Some(condition),
        shares,
    };
    let mut routes = Vec::new();
    if want.preview {
        let alone = vec![(side, Percent::FULL)];
        let each = preview.iter().enumerate();
        routes.extend(each.map(|each| of_condition(format!("{apex}-preview"), 0, each, alone.clone())));
    }
    if conditions.is_empty() {
        let shares = shares(target, want.canary);
        routes.push(Route { name: apex.to_owned(), priority: None, condition: None, shares });
        return routes;
    }
    let shares = shares(target, want.canary);
    let each = conditions.iter().enumerate();
    routes.extend(each.map(|each| of_condition(format!("{apex}-a"), first, each, shares.clone())));
    routes.push(Route {
        name: format!("{apex}-b"),
        priority: Some(first + FIRST.max(conditions.len())),
        condition: None,
        shares: vec![(primary, Percent::FULL)],
    });
    routes
}

/// The one route of `<apex>-canary`, which never changes.
pub(super) fn of_canary<'a>(target: &Target<'a>) -> Vec<Route<'a>> {
    let [_, name] = target.sides();
    vec![Route { name, priority: None, condition: None, shares: shares(target, Percent::FULL) }]
}

fn shares(target: &Target<'_>, canary: Percent) -> Vec<(String, Percent)> {
    let [primary, side] = target.sides();
    vec![(side, canary), (primary, canary.rest())]
}

/// The beginning of the paths that are routed: App Mesh reads one.
pub(super) fn prefix<'a>(target: &Target<'a>) -> &'a str {
    let first = target.service.match_.iter().flatten().next().and_then(|condition| condition.uri.as_ref());
    first.and_then(|uri| uri.prefix.as_deref()).filter(|prefix| !prefix.is_empty()).unwrap_or("/")
}

/// An error for conditions that the routes cannot say. A version without query parameters refuses them all.
pub(super) fn refuse_conditions(target: &Target<'_>, unread: &[Part]) -> Result<(), RouteError> {
    let lists = [("spec.analysis.match", target.conditions()), ("spec.analysis.preview.match", target.preview())];
    let is_pattern = |(_, text): (&str, Text<'_>)| !matches!(text, Text::Present | Text::Exact(_));
    lists.into_iter().try_for_each(|(field, conditions)| {
        refuse_in(field, target.provider, unread, conditions)?;
        match conditions.iter().position(|condition| params(condition).any(is_pattern)) {
            None => Ok(()),
            Some(i) => {
                let field = format!("{field}[{i}].queryParams");
                Err(unsupported(&field, target.provider, "compares whole parameters only", "write `exact`"))
            }
        }
    })
}

/// The conditions on headers, as both versions write them.
pub(super) fn header_matches(condition: Option<&MatchCondition>) -> Vec<Value> {
    let texts = condition.into_iter().flat_map(headers);
    texts.map(|(name, text)| matching(name, text)).collect()
}

/// The conditions on query parameters.
pub(super) fn param_matches(condition: Option<&MatchCondition>) -> Vec<Value> {
    condition.into_iter().flat_map(params).map(|(name, text)| matching(name, text)).collect()
}

fn matching(name: &str, text: Text<'_>) -> Value {
    let form = match text {
        Text::Present => return json!({ "name": name }),
        Text::Exact(value) => json!({ "exact": value }),
        Text::Prefix(value) => json!({ "prefix": value }),
        Text::Suffix(value) => json!({ "suffix": value }),
        Text::Regex(value) => json!({ "regex": value }),
    };
    json!({"name": name, "match": form})
}

/// A route without the fields that say nothing.
pub(super) fn without_unset(fields: Vec<(&str, Value)>) -> Value {
    let set = fields.into_iter().filter(|(_, field)| !value::is_unset(field));
    Value::Object(set.map(|(name, field)| (name.to_owned(), field)).collect::<Map<_, _>>())
}

/// What the routes come to: `targets` finds the weighted targets of a route, `node` is the way to the name of a target's virtual
/// node.
pub(super) fn routing(
    target: &Target<'_>,
    routes: &[Value],
    targets: fn(&Value) -> &[Value],
    node: &[&str],
) -> Option<Routing> {
    let [_, canary] = target.sides();
    backends::routing(routes.iter().map(targets), |weighted| value::text(weighted, node) == Some(&canary))
}
