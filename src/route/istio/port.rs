//! Which rules of a VirtualService carry the traffic of a port. Those of `service.ports` say so by `match[].port`, before the rules of
//! `service.port`, which name none: requests of a gateway come by a listener that may have another number.

use serde_json::{Value, json};

use crate::api::CanaryService;
use crate::object::value;
use crate::route::{RouteError, Target, is_tcp};

/// A port of the service, and what it speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Port {
    /// `None` for `service.port`, whose rules take whatever no other rule takes.
    pub(super) number: Option<i32>,
    pub(super) protocol: Protocol,
}

impl Port {
    /// In the order of their rules.
    pub(super) fn all(service: &CanaryService) -> Vec<Self> {
        let further = service.further_ports().iter();
        let further = further.map(|port| (Some(port.port), port.app_protocol.as_deref()));
        let main = (None, service.app_protocol.as_deref());
        further.chain([main]).map(|(number, protocol)| Self { number, protocol: Protocol::of(protocol) }).collect()
    }

    /// Whether a rule carries the traffic of this port.
    pub(super) fn takes(self, target: &Target<'_>, rule: &Value) -> bool {
        let is_further = |port: i32| target.service.further_ports().iter().any(|further| further.port == port);
        match (self.number, matched(rule)) {
            (Some(number), matched) => matched == Some(number),
            (None, matched) => !matched.is_some_and(is_further),
        }
    }

    /// Conditions for requests of this port alone; an empty list is every request.
    pub(super) fn narrowed(self, conditions: Vec<Value>) -> Vec<Value> {
        let Some(number) = self.number else { return conditions };
        let conditions = if conditions.is_empty() { vec![json!({})] } else { conditions };
        let narrowed = |mut condition: Value| {
            value::merge(&mut condition, &json!({"port": number}));
            condition
        };
        conditions.into_iter().map(narrowed).collect()
    }
}

/// The one port that all conditions of a rule name.
fn matched(rule: &Value) -> Option<i32> {
    let conditions = rule.get("match")?.as_array()?;
    let port = |condition: &Value| condition.get("port")?.as_i64().and_then(|port| i32::try_from(port).ok());
    let first = port(conditions.first()?);
    first.filter(|_| conditions.iter().all(|condition| port(condition) == first))
}

/// Which list of rules.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Protocol {
    Http,
    Tcp,
}

impl Protocol {
    pub(super) fn of(app_protocol: Option<&str>) -> Self {
        if is_tcp(app_protocol) { Self::Tcp } else { Self::Http }
    }

    pub(super) const fn field(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Tcp => "tcp",
        }
    }
}

/// A condition on a port would take the requests of one port from the rule of another.
pub(super) fn refuse_matches_of_ports(target: &Target<'_>) -> Result<(), RouteError> {
    if !target.service.matches_its_ports() {
        return Ok(());
    }
    let sentence = crate::api::sentences::CAN111;
    Err(RouteError { reason: sentence.reason, sentence: sentence.say(&[]) })
}
