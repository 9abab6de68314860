//! Keptn: a KeptnMetric as it stands in the cluster, or an Analysis that is made, waited for and removed again.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::answer::{self, Found};
use super::url::segment;
use super::{About, Address, Ask, ClusterRequest, HttpResponse, Means, Provider, QueryError, Request, Step};
use crate::model::Measurement;

const WHO: &str = "Keptn";
const API: &str = "metrics.keptn.sh/v1beta1";
const FORM: &str = "keptnmetric/NAMESPACE/NAME, or analysis/NAMESPACE/NAME[/DURATION[/KEY=VALUE;…]]";
/// How often an Analysis is looked at, a second apart each, before it counts as too slow.
const LOOKS: usize = 10;

pub(super) struct Keptn;

impl Provider for Keptn {
    fn name(&self) -> &'static str {
        "keptn"
    }

    fn about(&self) -> About {
        About { address: Address::Cluster, secret: "none", query: FORM }
    }

    fn request(&self, ask: &Ask, _means: &Means<'_>) -> Result<Request, QueryError> {
        let subject = Subject::read(&ask.query).ok_or_else(|| QueryError::QueryUnusable(ask.query.clone(), FORM))?;
        Ok(match &subject.kind {
            Kind::Metric => Request::Cluster(ClusterRequest::Get(subject.path("keptnmetrics", Some(subject.name)))),
            Kind::Analysis { recent, arguments } => {
                let definition = json!({"name": subject.name, "namespace": subject.namespace});
                let spec =
                    json!({"timeframe": {"recent": recent}, "args": arguments, "analysisDefinition": definition});
                let metadata = json!({"generateName": format!("{}-", subject.name), "namespace": subject.namespace,
                    "labels": {"app.kubernetes.io/managed-by": "serin"}});
                let object = json!({"apiVersion": API, "kind": "Analysis", "metadata": metadata, "spec": spec});
                Request::Cluster(ClusterRequest::Create(subject.path("analyses", None), object))
            }
        })
    }

    fn parse(&self, ask: &Ask, answer: &HttpResponse) -> Measurement {
        let is_metric = Subject::read(&ask.query).is_none_or(|subject| matches!(subject.kind, Kind::Metric));
        let read = if is_metric { metric } else { analysis };
        answer::measured(WHO, answer::json(WHO, answer).and_then(|body| read(&body)))
    }

    /// An Analysis is made, looked at until it is done, and removed.
    fn follow(&self, ask: &Ask, heard: &[HttpResponse]) -> Step {
        let (Some(subject), [made, looks @ ..]) = (Subject::read(&ask.query), heard) else {
            return Step::Done(answer::measured(WHO, Ok(None)));
        };
        let name = match (&subject.kind, answer::json(WHO, made)) {
            (Kind::Metric, _) => return Step::Done(self.parse(ask, made)),
            (Kind::Analysis { .. }, Err(why)) => return Step::Done(Measurement::Error(why)),
            (Kind::Analysis { .. }, Ok(body)) => {
                body.pointer("/metadata/name").and_then(Value::as_str).map(str::to_owned)
            }
        };
        let path = subject.path("analyses", Some(&name.unwrap_or_default()));
        let done = looks.iter().take(LOOKS).position(is_done).or_else(|| (looks.len() >= LOOKS).then_some(LOOKS - 1));
        match done {
            None => Step::Ask(Request::Cluster(ClusterRequest::Get(path)), Duration::from_secs(1)),
            Some(last) => match (looks.get(last), looks.len() > last + 1) {
                (Some(look), true) => Step::Done(self.parse(ask, look)),
                _ => Step::Ask(Request::Cluster(ClusterRequest::Delete(path)), Duration::ZERO),
            },
        }
    }
}

/// What a query names.
struct Subject<'a> {
    kind: Kind,
    namespace: &'a str,
    name: &'a str,
}

enum Kind {
    Metric,
    Analysis { recent: String, arguments: Map<String, Value> },
}

impl<'a> Subject<'a> {
    /// The kind may be written in any case; names and arguments are taken as they are.
    fn read(query: &'a str) -> Option<Self> {
        let mut parts = query.trim().splitn(5, '/');
        let (kind, namespace, name) = (parts.next()?, parts.next()?, parts.next()?);
        if [namespace, name].iter().any(|part| part.is_empty() || part.starts_with('.')) {
            return None;
        }
        let recent = parts.next().filter(|text| !text.is_empty()).unwrap_or("1m").to_owned();
        let pairs = parts.next().unwrap_or_default().split(';').filter(|pair| !pair.trim().is_empty());
        let argument =
            |pair: &str| pair.split_once('=').map(|(key, value)| (key.trim().to_owned(), json!(value.trim())));
        let arguments = pairs.map(argument).collect::<Option<Map<_, _>>>()?;
        let kind = match kind.to_ascii_lowercase().as_str() {
            "keptnmetric" | "keptnmetrics" => Kind::Metric,
            "analysis" | "analyses" => Kind::Analysis { recent, arguments },
            _ => return None,
        };
        Some(Self { kind, namespace, name })
    }

    fn path(&self, plural: &str, name: Option<&str>) -> String {
        let name = name.map(|name| format!("/{}", segment(name))).unwrap_or_default();
        format!("/apis/{API}/namespaces/{}/{plural}{name}", segment(self.namespace))
    }
}

/// Whether there is no use in looking again.
fn is_done(look: &HttpResponse) -> bool {
    match answer::json(WHO, look) {
        Ok(body) => body.pointer("/status/state").and_then(Value::as_str) == Some("Completed"),
        Err(_) => true,
    }
}

fn metric(body: &Value) -> Found {
    if let Some(error) = body.pointer("/status/errMsg").and_then(Value::as_str).filter(|text| !text.is_empty()) {
        return Err(format!("{WHO} says {}", super::shorten(error, 300)));
    }
    match body.pointer("/status/value") {
        None => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(value) => answer::optional(WHO, value),
    }
}

/// 1 for an Analysis that passed, else 0.
fn analysis(body: &Value) -> Found {
    let state = body.pointer("/status/state").and_then(Value::as_str).unwrap_or("nothing");
    if state != "Completed" {
        return Err(format!(
            "the Analysis of {WHO} was not done after {LOOKS} s, its state is {state}; make it shorter"
        ));
    }
    let passed = body.pointer("/status/pass").and_then(Value::as_bool) == Some(true);
    Ok(Some(if passed { 1.0 } else { 0.0 }))
}
