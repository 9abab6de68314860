//! Where routes keep their weighted backends, and how a backend names a Service.

use serde_json::{Value, json};

use crate::model::Percent;
use crate::object::{Kind, value};
use crate::route::{Target, backends, istio};

/// In which words a kind of route speaks of backends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Dialect {
    /// `rules[].backendRefs[]` with name and weight, which is 1 where it is left out.
    Gateway,
    /// `http[].route[]`, `tls[].route[]`, `tcp[].route[]` with a host and weight; a single one gets everything.
    Istio,
}

impl Dialect {
    pub(super) fn of(kind: Kind) -> Self {
        if kind.kind == "VirtualService" { Self::Istio } else { Self::Gateway }
    }

    /// The fields of `spec` with the rules.
    pub(super) const fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Gateway => &["rules"],
            Self::Istio => &["http", "tls", "tcp"],
        }
    }

    pub(super) const fn list(self) -> &'static str {
        match self {
            Self::Gateway => "backendRefs",
            Self::Istio => "route",
        }
    }

    /// Which requests a rule is for; all of them without.
    pub(super) const fn matches(self) -> &'static str {
        match self {
            Self::Gateway => "matches",
            Self::Istio => "match",
        }
    }

    /// Whether some of a rule's requests go to the canary.
    pub(super) fn names_canary(self, target: &Target<'_>, rule: &Value) -> bool {
        let [_, canary] = target.sides();
        backends::of(rule, self.list()).iter().any(|backend| self.is(target, backend, &canary))
    }

    /// Whether a backend is this Service of our namespace.
    fn is(self, target: &Target<'_>, backend: &Value, service: &str) -> bool {
        match self {
            Self::Gateway => {
                let text = |field| value::text(backend, &[field]);
                text("group").is_none_or(str::is_empty)
                    && text("kind").is_none_or(|kind| kind == "Service")
                    && backends::is(target, backend, service)
            }
            Self::Istio => istio::goes_to(target, backend.get("destination"), service),
        }
    }

    /// The name of a backend, whatever it is.
    fn name(self, backend: &Value) -> Option<&str> {
        match self {
            Self::Gateway => value::text(backend, &["name"]),
            Self::Istio => host(backend).and_then(|host| host.split('.').next()),
        }
    }

    /// The same backend of another Service.
    fn renamed(self, backend: &Value, from: &str, to: &str) -> Value {
        let mut renamed = backend.clone();
        let rest = host(backend).and_then(|host| host.strip_prefix(from)).unwrap_or_default();
        let name = match self {
            Self::Gateway => json!({ "name": to }),
            Self::Istio => json!({"destination": {"host": format!("{to}{rest}")}}),
        };
        value::merge(&mut renamed, &name);
        renamed
    }

    fn weight(self, backend: &Value, alone: bool) -> u128 {
        match self {
            Self::Gateway => backends::weight_or(backend, 1),
            Self::Istio => backends::weight_or(backend, if alone { 100 } else { 0 }),
        }
    }
}

fn host(backend: &Value) -> Option<&str> {
    value::text(backend, &["destination", "host"])
}

/// The backends of one rule.
#[derive(Clone, Debug)]
pub(super) struct List<'a> {
    target: Target<'a>,
    pub(super) dialect: Dialect,
    field: &'static str,
    position: usize,
    pub(super) rule: &'a Value,
    pub(super) backends: &'a [Value],
}

/// All lists of a route.
pub(super) fn all<'a>(target: &Target<'a>, dialect: Dialect, route: &'a Value) -> Vec<List<'a>> {
    let mut found = Vec::new();
    for field in dialect.fields() {
        let rules = value::at(route, &["spec", field]).and_then(Value::as_array);
        for (position, rule) in rules.into_iter().flatten().enumerate() {
            let backends = backends::of(rule, dialect.list());
            found.push(List { target: *target, dialect, field, position, rule, backends });
        }
    }
    found
}

impl<'a> List<'a> {
    /// Where it stands, for people and for notes.
    pub(super) fn place(&self) -> String {
        format!("{}[{}].{}", self.field, self.position, self.dialect.list())
    }

    /// Whether any of its requests are for the apex, and so to be shared. A rule that leads to the canary alone is the user's.
    pub(super) fn leads_to_apex(&self) -> bool {
        let primary = self.to_apex(self.backends);
        let all = primary.iter().copied().chain(self.to_canary(self.backends));
        !primary.is_empty() && all.map(|position| self.weight(self.backends, position)).sum::<u128>() > 0
    }

    /// Positions of the backends that lead to the primary: by the apex, or by its own name.
    pub(super) fn to_apex(&self, backends: &[Value]) -> Vec<usize> {
        let [primary, _] = self.target.sides();
        let is = |backend: &Value| {
            [self.target.apex, &*primary].iter().any(|name| self.dialect.is(&self.target, backend, name))
        };
        backends.iter().enumerate().filter(|(_, backend)| is(backend)).map(|(position, _)| position).collect()
    }

    /// Position of the backend that leads to the canary.
    pub(super) fn to_canary(&self, backends: &[Value]) -> Option<usize> {
        let [_, canary] = self.target.sides();
        backends.iter().position(|backend| self.dialect.is(&self.target, backend, &canary))
    }

    /// The backend of the primary as one of the canary.
    pub(super) fn as_canary(&self, backend: &Value) -> Value {
        let [primary, canary] = self.target.sides();
        let from = if self.dialect.is(&self.target, backend, &primary) { &primary } else { self.target.apex };
        self.dialect.renamed(backend, from, &canary)
    }

    /// The weight of one of these backends.
    pub(super) fn weight(&self, backends: &[Value], position: usize) -> u128 {
        backends.get(position).map_or(0, |backend| self.dialect.weight(backend, backends.len() == 1))
    }

    /// The share of the canary among what of these backends leads to either side.
    pub(super) fn canary(&self, backends: &[Value]) -> Percent {
        let weight = |position: usize| self.weight(backends, position);
        let canary = self.to_canary(backends).map_or(0, weight);
        let primary: u128 = self.to_apex(backends).into_iter().map(weight).sum();
        Percent::nearest(canary, canary.saturating_add(primary))
    }

    /// Whether its data plane can tell requests apart by what is in them.
    pub(super) fn sees_requests(&self) -> bool {
        self.dialect == Dialect::Gateway || self.field == "http"
    }

    /// The apex of another canary that shares this list now.
    pub(super) fn other_canary(&self) -> Option<&str> {
        let names: Vec<_> = self.backends.iter().filter_map(|backend| self.dialect.name(backend)).collect();
        let others = names.iter().filter_map(|name| name.strip_suffix("-canary"));
        others.filter(|apex| *apex != self.target.apex).find(|apex| names.contains(apex))
    }

    /// Whether the backend is a part of a Service that only a DestinationRule tells.
    pub(super) fn subset(&self, position: usize) -> Option<&str> {
        value::text(self.backends.get(position)?, &["destination", "subset"])
    }

    /// Name of the apex.
    pub(super) const fn apex(&self) -> &str {
        self.target.apex
    }

    /// Puts these backends into the rule.
    pub(super) fn put(&self, route: &mut Value, backends: &[Value]) {
        if let Some(rule) = self.rules(route).and_then(|rules| rules.get_mut(self.position)?.as_object_mut()) {
            rule.insert(self.dialect.list().to_owned(), json!(backends));
        }
    }

    /// Puts another rule before it.
    pub(super) fn put_before(&self, route: &mut Value, rule: Value) {
        if let Some(rules) = self.rules(route).filter(|rules| self.position <= rules.len()) {
            rules.insert(self.position, rule);
        }
    }

    fn rules<'r>(&self, route: &'r mut Value) -> Option<&'r mut Vec<Value>> {
        route.get_mut("spec")?.get_mut(self.field)?.as_array_mut()
    }
}
