//! The rules of an HTTPRoute. The most specific match counts, wherever it stands: the preview and cookies before the shared traffic, and
//! that before everybody else's.

use serde_json::{Map, Value, json};

use super::{Extra, filters, matches};
use crate::model::{Affinity, Mirror, Percent, Routing};
use crate::object::value;
use crate::route::farewell::Form;
use crate::route::{RouteError, Target, backends, cookies};

/// The list of backends of a rule.
pub(super) const BACKENDS: &str = "backendRefs";
/// The API's weight of a backend that has none.
pub(super) const UNSET: u64 = 1;
/// How rules say which backends they have.
pub(super) const FORM: Form = Form { list: BACKENDS, unset: UNSET };
/// Fields of the shared rule that follow from the Canary; the others are the user's.
const OURS: [&str; 3] = ["matches", "filters", BACKENDS];

/// The rules of a route as it stands.
pub(super) fn found(route: Option<&Value>) -> &[Value] {
    let rules = route.and_then(|route| value::at(route, &["spec", "rules"])).and_then(Value::as_array);
    rules.map(Vec::as_slice).unwrap_or_default()
}

/// The position of the rule whose traffic is shared: those for cookies stand before it, the one for everybody else behind.
pub(super) fn shared(target: &Target<'_>, rules: &[Value]) -> Option<usize> {
    rules.iter().rposition(|rule| backends::lead_to_canary(target, backends::of(rule, BACKENDS)))
}

/// All rules: ours, then those that lead elsewhere.
pub(super) fn sharing(
    target: &Target<'_>,
    options: &[Extra],
    want: &Routing,
    have: &[Value],
) -> Result<Vec<Value>, RouteError> {
    let pen = Pen { target, options };
    let (everybody, analysed) = (matches::of_service(target)?, matches::of_analysis(target)?);
    let affinity = target.spec.analysis.session_affinity.as_ref();
    let mut split = pen.split(want.canary);
    let mut rules = Vec::new();
    if want.preview {
        let [_, canary] = pen.split(Percent::FULL);
        rules.push(pen.rule(&matches::of_preview(target)?, Mirror::Off, &[canary]));
    }
    match &want.affinity {
        Affinity::None => {}
        Affinity::Sticky { canary, primary } => {
            let on_canary = matches::with_cookie(&analysed, canary);
            rules.push(pen.rule(&on_canary, Mirror::Off, &pen.split(Percent::FULL)));
            give(&mut split, Side::Canary, &cookies::kept(canary, affinity));
            if let Some(primary) = primary {
                let on_primary = matches::with_cookie(&analysed, primary);
                rules.push(pen.rule(&on_primary, want.mirror, &pen.split(Percent::ZERO)));
                let interval = cookies::seconds(&target.spec.analysis.interval);
                give(&mut split, Side::Primary, &cookies::kept_for(interval, primary, affinity));
            }
        }
        Affinity::Expire(cookie) => {
            let before = matches::with_cookie(&everybody, cookie);
            let mut taking_back = pen.rule(&before, want.mirror, &pen.split(Percent::ZERO));
            let mut list = filters::of(target, options, want.mirror);
            filters::add_cookie(&mut list, &cookies::expired(cookie, affinity));
            value::merge(&mut taking_back, &json!({"filters": list}));
            rules.push(taking_back);
        }
    }
    rules.push(pen.over(place(target, have), pen.rule(&analysed, want.mirror, &split)));
    if !target.conditions().is_empty() {
        let [primary, _] = pen.split(Percent::ZERO);
        rules.push(pen.rule(&everybody, Mirror::Off, &[primary]));
    }
    rules.extend(others(target, have));
    Ok(rules)
}

/// The rules that are left when nothing is shared any more.
pub(super) fn to_apex(target: &Target<'_>, options: &[Extra], have: &[Value]) -> Result<Vec<Value>, RouteError> {
    let pen = Pen { target, options };
    let apex = filters::backend(target, target.apex);
    let rule = pen.rule(&matches::of_service(target)?, Mirror::Off, &[apex]);
    Ok([pen.over(place(target, have), rule)].into_iter().chain(others(target, have)).collect())
}

/// The position of the rule in whose place the shared one stands: it was that before, or it leads to the apex.
pub(super) fn replaced(target: &Target<'_>, have: &[Value]) -> Option<usize> {
    let ours = |rule: &Value| backends::are_ours(target, backends::of(rule, BACKENDS));
    shared(target, have).or_else(|| have.iter().position(ours))
}

fn place<'a>(target: &Target<'_>, have: &'a [Value]) -> Option<&'a Value> {
    replaced(target, have).and_then(|position| have.get(position))
}

fn others<'a>(target: &Target<'_>, have: &'a [Value]) -> impl Iterator<Item = Value> + use<'a> {
    let others: Vec<_> = have.iter().filter(|rule| !backends::are_ours(target, backends::of(rule, BACKENDS))).collect();
    others.into_iter().cloned()
}

/// Writes rules with the user's options on them.
struct Pen<'a> {
    target: &'a Target<'a>,
    options: &'a [Extra],
}

impl Pen<'_> {
    fn rule(&self, matches: &[Value], mirror: Mirror, backends: &[Value]) -> Value {
        let service = self.target.service;
        let mut rule = Map::from_iter([("matches".to_owned(), json!(matches))]);
        let filters = filters::of(self.target, self.options, mirror);
        if !filters.is_empty() {
            rule.insert("filters".to_owned(), json!(filters));
        }
        rule.insert(BACKENDS.to_owned(), json!(backends));
        let mut timeouts = json!({"request": service.timeout, "backendRequest": service.backend_timeout});
        value::prune(&mut timeouts);
        if self.options.contains(&Extra::Timeouts) && !value::is_unset(&timeouts) {
            rule.insert("timeouts".to_owned(), timeouts);
        }
        Value::Object(rule)
    }

    /// The rule with what the user wrote beside it into the one that it replaces.
    fn over(&self, replaced: Option<&Value>, rule: Value) -> Value {
        let is_ours =
            |field: &str| OURS.contains(&field) || field == "timeouts" && self.options.contains(&Extra::Timeouts);
        let kept = replaced.and_then(Value::as_object).into_iter().flatten().filter(|(field, _)| !is_ours(field));
        let mut whole: Map<_, _> = kept.map(|(field, value)| (field.clone(), value.clone())).collect();
        if let Value::Object(ours) = rule {
            whole.extend(ours);
        }
        Value::Object(whole)
    }

    /// Both sides with their weights. A weight of 0 is written too: without one, a backend has weight 1.
    fn split(&self, canary: Percent) -> [Value; 2] {
        let [primary_name, canary_name] = self.target.sides();
        [(primary_name, canary.rest()), (canary_name, canary)].map(|(name, weight)| {
            let mut backend = filters::backend(self.target, &name);
            value::merge(&mut backend, &json!({"weight": weight.proportion()}));
            backend
        })
    }
}

#[derive(Clone, Copy)]
enum Side {
    Primary,
    Canary,
}

/// Gives a cookie with the answers of one side.
fn give([primary, canary]: &mut [Value; 2], side: Side, set_cookie: &str) {
    let backend = match side {
        Side::Primary => primary,
        Side::Canary => canary,
    };
    let mut list = Vec::new();
    filters::add_cookie(&mut list, set_cookie);
    value::merge(backend, &json!({"filters": list}));
}
