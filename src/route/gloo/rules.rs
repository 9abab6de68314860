//! The routes of a RouteTable, first match first: the preview, cookies, then the shared traffic, then everybody else. All of them inherit
//! the path of the route that delegates to the table.

use serde_json::{Map, Value, json};

use super::upstream;
use crate::api::MatchCondition;
use crate::model::{Affinity, Cookie, Mirror, Percent, Routing};
use crate::object::value;
use crate::route::condition::{Text, escaped, headers, params};
use crate::route::{Target, backends, cookies};

/// The option of a route by which requests are copied.
const SHADOWING: &str = "shadowing";

/// The whole list of routes.
pub(super) fn of(target: &Target<'_>, want: &Routing) -> Value {
    let shared: Vec<_> = target.conditions().iter().map(matcher).collect();
    let options = target.spec.analysis.session_affinity.as_ref();
    let mut routes = Vec::new();
    if want.preview {
        let preview: Vec<_> = target.preview().iter().map(matcher).collect();
        let [_, canary] = split(target, Percent::FULL);
        routes.push(route(&preview, &[canary]));
    }
    let [mut to_primary, mut to_canary] = split(target, want.canary);
    match &want.affinity {
        Affinity::None => {}
        Affinity::Sticky { canary, primary } => {
            routes.push(route(&with_cookie(&shared, canary), &split(target, Percent::FULL)));
            add_cookie(&mut to_canary, &cookies::kept(canary, options));
            if let Some(primary) = primary {
                let mut on_primary = route(&with_cookie(&shared, primary), &split(target, Percent::ZERO));
                copy(target, &mut on_primary, want.mirror);
                routes.push(on_primary);
                let interval = cookies::seconds(&target.spec.analysis.interval);
                add_cookie(&mut to_primary, &cookies::kept_for(interval, primary, options));
            }
        }
        Affinity::Expire(cookie) => {
            let mut expiring = route(&with_cookie(&[], cookie), &split(target, Percent::ZERO));
            add_cookie(&mut expiring, &cookies::expired(cookie, options));
            copy(target, &mut expiring, want.mirror);
            routes.push(expiring);
        }
    }
    let mut sharing = route(&shared, &[to_primary, to_canary]);
    copy(target, &mut sharing, want.mirror);
    routes.push(sharing);
    if !shared.is_empty() {
        // Without it, a request that no condition describes would find no route.
        let [primary, _] = split(target, Percent::ZERO);
        routes.push(route(&[], &[primary]));
    }
    json!(routes)
}

/// One route to the apex Service, for when there are no sides any more.
pub(super) fn to_apex(target: &Target<'_>) -> Value {
    let service = json!({"ref": {"name": target.apex, "namespace": target.namespace}, "port": target.service.port});
    json!([{"inheritablePathMatchers": true, "routeAction": {"single": {"kube": service}}}])
}

/// What a RouteTable routes, whoever wrote it: read from the last route with a canary in it, as cookies stand before it.
pub(super) fn routing(target: &Target<'_>, routes: &[Value]) -> Option<Routing> {
    let [_, canary] = upstream::names(target);
    let is_canary = |destination: &Value| goes_to(destination, &canary);
    let position = routes.iter().rposition(|route| destinations(route).iter().any(is_canary))?;
    let (before, shared) = (routes.get(..position)?, routes.get(position)?);
    let canary = backends::share_of(destinations(shared), is_canary)?;
    Some(Routing {
        mirror: mirror(target, shared),
        affinity: affinity(target, before, shared),
        preview: before.iter().any(|route| is_preview(target, route)),
        canary,
    })
}

/// Cookies lead to both sides, one of which gets nothing.
fn is_preview(target: &Target<'_>, route: &Value) -> bool {
    let [_, canary] = upstream::names(target);
    matches!(destinations(route), [only] if goes_to(only, &canary))
}

fn mirror(target: &Target<'_>, route: &Value) -> Mirror {
    let [_, canary] = upstream::names(target);
    let shadowing = value::at(route, &["options", SHADOWING]);
    let to_canary = |found: &&Value| value::text(found, &["upstream", "name"]) == Some(&canary);
    let share = |found: &Value| backends::nearest(found.get("percentage").and_then(Value::as_f64));
    match shadowing.filter(to_canary).map(share) {
        None => Mirror::Off,
        Some(Percent::FULL) => Mirror::All,
        Some(share) => Mirror::Share(share),
    }
}

fn affinity(target: &Target<'_>, before: &[Value], shared: &Value) -> Affinity {
    let [primary, canary] = upstream::names(target);
    let given_by = |side: &str| {
        let destination = destinations(shared).iter().find(|destination| goes_to(destination, side))?;
        cookies::parse(set_cookie(destination)?)
    };
    let taken_back =
        |route: &Value| -> Option<Cookie> { cookies::parse(set_cookie(route).filter(|text| cookies::expires(text))?) };
    match given_by(&canary) {
        Some(canary) => Affinity::Sticky { canary, primary: given_by(&primary) },
        None => before
            .iter()
            .filter(|route| !is_preview(target, route))
            .find_map(taken_back)
            .map_or(Affinity::None, Affinity::Expire),
    }
}

fn route(matchers: &[Value], destinations: &[Value]) -> Value {
    let mut route = json!({
        "inheritablePathMatchers": true,
        "routeAction": {"multi": {"destinations": destinations}},
    });
    if !matchers.is_empty() {
        value::merge(&mut route, &json!({ "matchers": matchers }));
    }
    route
}

/// Both sides, also where one gets nothing: a side that is missing reads as another route. A weight of 0 is not written, as
/// Gloo's own clients do not write it.
fn split(target: &Target<'_>, canary: Percent) -> [Value; 2] {
    let [primary_name, canary_name] = upstream::names(target);
    [(primary_name, canary.rest()), (canary_name, canary)].map(|(name, share)| {
        let mut destination = json!({"destination": {"upstream": {"name": name, "namespace": target.namespace}}});
        if !share.is_zero() {
            value::merge(&mut destination, &json!({"weight": share.proportion()}));
        }
        destination
    })
}

/// Has the canary get copies of what this route takes.
fn copy(target: &Target<'_>, route: &mut Value, mirror: Mirror) {
    let share = match mirror {
        Mirror::Off => return,
        Mirror::All => Percent::FULL,
        Mirror::Share(share) => share,
    };
    let [_, canary] = upstream::names(target);
    let shadowing = json!({"upstream": {"name": canary, "namespace": target.namespace}, "percentage": share.whole()});
    value::merge(route, &json!({"options": {SHADOWING: shadowing}}));
}

fn destinations(route: &Value) -> &[Value] {
    value::at(route, &["routeAction", "multi"]).map(|multi| backends::of(multi, "destinations")).unwrap_or_default()
}

fn goes_to(destination: &Value, upstream: &str) -> bool {
    value::text(destination, &["destination", "upstream", "name"]) == Some(upstream)
}

fn matcher(condition: &MatchCondition) -> Value {
    let all = |texts: &mut dyn Iterator<Item = (&str, Text<'_>)>| {
        texts.map(|(name, text)| text_matcher(name, text)).collect::<Vec<_>>()
    };
    let fields = [("headers", all(&mut headers(condition))), ("queryParameters", all(&mut params(condition)))];
    let fields = fields.into_iter().filter(|(_, texts)| !texts.is_empty());
    Value::Object(fields.map(|(field, texts)| (field.to_owned(), json!(texts))).collect::<Map<_, _>>())
}

fn text_matcher(name: &str, text: Text<'_>) -> Value {
    match text {
        Text::Present => json!({ "name": name }),
        Text::Exact(value) => json!({"name": name, "value": value}),
        Text::Prefix(_) | Text::Suffix(_) | Text::Regex(_) => {
            json!({"name": name, "value": text.regex(), "regex": true})
        }
    }
}

/// Those of the requests that carry the cookie.
fn with_cookie(matchers: &[Value], cookie: &Cookie) -> Vec<Value> {
    let regex = format!(".*{}.*{}.*", escaped(&cookie.name), escaped(&cookie.value));
    let header = text_matcher("Cookie", Text::Regex(&regex));
    let each = |matcher: &Value| {
        let theirs = backends::of(matcher, "headers").iter().cloned();
        let mut matcher = matcher.clone();
        value::merge(&mut matcher, &json!({"headers": theirs.chain([header.clone()]).collect::<Vec<_>>()}));
        matcher
    };
    if matchers.is_empty() { vec![each(&json!({}))] } else { matchers.iter().map(each).collect() }
}

/// To the answers of a route or of one destination.
fn add_cookie(to: &mut Value, set_cookie: &str) {
    let header = json!({"header": {"key": "Set-Cookie", "value": set_cookie}, "append": true});
    value::merge(to, &json!({"options": {"headerManipulation": {"responseHeadersToAdd": [header]}}}));
}

fn set_cookie(of: &Value) -> Option<&str> {
    let added = value::at(of, &["options", "headerManipulation", "responseHeadersToAdd"]).and_then(Value::as_array);
    let mut headers = added.into_iter().flatten().filter_map(|added| added.get("header"));
    let header = headers.find(|header| value::text(header, &["key"]) == Some("Set-Cookie"))?;
    value::text(header, &["value"])
}
