//! APISIX: a twin `<route>-<apex>-canary` of the user's ApisixRoute, whose entries count before the user's own and lead to
//! both sides. The user's ApisixRoute is never written.
//!
//! The entries of the twin are copies, with the user's plugins, hosts and paths.

mod acceptance;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value, json};

use super::claim::{Claim, Made, release};
use super::condition::{Part, Text, headers, params, refuse, refuse_in};
use super::refusal::refuse_what_it_cannot;
use super::{Acceptance, BuiltinQuery, Capabilities, RouteError, Router, Target, backends};
use crate::api::{self, MatchCondition};
use crate::model::{Builtin, Mirror, Percent, Routing};
use crate::object::{Change, Kind, ObjectKey, Objects, is_mark, value};

const APISIX_ROUTE: Kind =
    Kind { group: "apisix.apache.org", version: "v2", kind: "ApisixRoute", plural: "apisixroutes" };
const FIELDS: &[&str] = &["http", "ingressClassName"];
const PLUGINS: &str = "plugins";
const PROXY_MIRROR: &str = "proxy-mirror";
/// Of the twin's entries, where the user's have less.
const PRIORITY: i64 = 10_000;

/// APISIX's own custom resources.
#[derive(Clone, Copy, Debug)]
pub(super) struct Apisix;

impl Router for Apisix {
    fn providers(&self) -> &'static [&'static str] {
        &["apisix"]
    }

    fn capabilities(&self, service: &api::CanaryService) -> Capabilities {
        Capabilities {
            weights: true,
            fine: true,
            matches: true,
            preview: true,
            mirror: true,
            ports: true,
            ..Capabilities::default()
        }
        .over_http(service)
    }

    fn kinds(&self) -> &'static [Kind] {
        &[APISIX_ROUTE]
    }

    fn fields(&self, _: Kind) -> &'static [&'static str] {
        FIELDS
    }

    fn objects(&self, target: &Target<'_>) -> Vec<ObjectKey> {
        keys(target).into_iter().flatten().collect()
    }

    fn check(&self, target: &Target<'_>) -> Result<(), RouteError> {
        named_keys(target)?;
        refuse("apisix", &[Part::SourceLabels], target.conditions())?;
        refuse_in("spec.analysis.preview.match", "apisix", &[Part::SourceLabels], target.preview())
    }

    fn render(&self, target: &Target<'_>, want: &Routing, have: &Objects) -> Result<Vec<Change>, RouteError> {
        refuse_what_it_cannot(self, target, want)?;
        let [source_key, key] = named_keys(target)?;
        let source = source(target, &source_key, have)?;
        let twins = shared(target, source).flat_map(|entry| twins(target, entry, want)).collect();
        let class = value::at(source, &["spec", "ingressClassName"]).cloned().unwrap_or_default();
        let spec = Map::from_iter([("http".to_owned(), Value::Array(twins)), ("ingressClassName".to_owned(), class)]);
        let annotations = metadata(source, "annotations");
        let claim = Claim {
            labels: metadata(source, "labels").collect(),
            annotations: annotations.map(|(name, value)| (name, Some(value))).collect(),
            ..Claim::plain(key, spec)
        };
        Ok(claim.write(have)?.into_iter().collect())
    }

    fn read(&self, target: &Target<'_>, have: &Objects) -> Result<Option<Routing>, RouteError> {
        let [_, canary] = target.sides();
        let twin = keys(target).and_then(|[_, twin]| have.find(&twin));
        let entries = twin.map(entries).unwrap_or_default();
        let found = backends::routing(entries.iter().map(backends_of), |backend| leads_to(backend, &canary));
        let copied = entries.iter().map(|entry| mirror(target, entry)).find(|mirror| *mirror != Mirror::Off);
        Ok(found.map(|found| Routing { mirror: copied.unwrap_or(Mirror::Off), ..found }))
    }

    fn acceptance(&self, target: &Target<'_>, have: &Objects) -> Acceptance {
        let twin = keys(target).and_then(|[_, key]| Some((have.find(&key)?, key)));
        twin.map_or(Acceptance::Accepted, |(twin, key)| acceptance::of(&key, twin))
    }

    fn release(&self, target: &Target<'_>, have: &Objects) -> Vec<Change> {
        // The user's own ApisixRoute leads to the apex Service.
        keys(target).and_then(|[_, twin]| release(&twin, FIELDS, Made::Deleted, have)).into_iter().collect()
    }

    fn query(&self, builtin: Builtin) -> BuiltinQuery {
        let query = match builtin {
            Builtin::SuccessRate => SUCCESS_RATE,
            Builtin::Duration => DURATION,
        };
        BuiltinQuery { query, scale: 1.0 }
    }

    fn samples(&self, target: &Target<'_>) -> Vec<(ObjectKey, Value)> {
        let entry = |name: &str, service: &str| {
            json!({
                "name": name, "match": {"hosts": ["shop.example"], "paths": ["/*"]},
                "plugins": [{"name": "cors", "enable": true}],
                "backends": [{"serviceName": service, "servicePort": 80, "subset": "v1"}],
            })
        };
        let spec = json!({"ingressClassName": "apisix", "http": [entry("shop", target.apex), entry("help", "help")]});
        let object = json!({"metadata": {"annotations": {"example.com/owner": "shop"}}, "spec": spec});
        keys(target).map(|[source, _]| (source, object)).into_iter().collect()
    }
}

// APISIX counts by route, and both sides are behind one: what the canary does shows as far as its share goes.
const SUCCESS_RATE: &str = concat!(
    r#"sum(rate(apisix_http_status{route=~"{{ namespace }}_{{ route }}-{{ service }}-canary_.+",code!~"5.."}"#,
    r#"[{{ interval }}])) / "#,
    r#"sum(rate(apisix_http_status{route=~"{{ namespace }}_{{ route }}-{{ service }}-canary_.+"}[{{ interval }}])) * 100"#,
);

const DURATION: &str = concat!(
    r#"histogram_quantile(0.99, sum(rate(apisix_http_latency_bucket{type=~"request","#,
    r#"route=~"{{ namespace }}_{{ route }}-{{ service }}-canary_.+"}[{{ interval }}])) by (le))"#,
);

/// The user's ApisixRoute and its twin; none without `spec.routeRef`.
fn keys(target: &Target<'_>) -> Option<[ObjectKey; 2]> {
    let name = &target.spec.route_ref.as_ref()?.name;
    let names = [name.clone(), format!("{name}-{}-canary", target.apex)];
    Some(names.map(|name| APISIX_ROUTE.named(target.namespace, name)))
}

fn named_keys(target: &Target<'_>) -> Result<[ObjectKey; 2], RouteError> {
    keys(target).ok_or_else(|| RouteError {
        reason: "NoApisixRoute",
        sentence: format!(
            "spec.routeRef is not set, so provider apisix finds no ApisixRoute to share the traffic of; \
             write the name of the one that leads to the Service {}",
            target.apex
        ),
    })
}

/// The user's ApisixRoute, which must lead to the apex and from there to nothing else.
fn source<'a>(target: &Target<'_>, key: &ObjectKey, have: &'a Objects) -> Result<&'a Value, RouteError> {
    let apex = target.apex;
    let refusal = |reason, sentence| Err(RouteError { reason, sentence });
    let Some(found) = have.find(key) else {
        return refusal(
            "MissingApisixRoute",
            format!("{key} is not there, so the canary can get no traffic; create it, or correct spec.routeRef.name"),
        );
    };
    if let Some(entry) = shared(target, found).find(|entry| backends_of(entry).len() > 1) {
        let name = value::text(entry, &["name"]).unwrap_or_default();
        return refusal(
            "SeveralBackends",
            format!(
                "{key}: the entry {name:?} of spec.http shares its traffic between {apex} and other backends, \
                 so the canary can get no share of it; leave {apex} as its only backend"
            ),
        );
    }
    if shared(target, found).next().is_none() {
        return refusal(
            "NoBackend",
            format!(
                "{key} has no entry of spec.http with the backend {apex}, so the canary can get no traffic; \
                 add one, or correct spec.routeRef.name"
            ),
        );
    }
    Ok(found)
}

fn entries(route: &Value) -> &[Value] {
    value::at(route, &["spec"]).map(|spec| backends::of(spec, "http")).unwrap_or_default()
}

fn backends_of(entry: &Value) -> &[Value] {
    backends::of(entry, "backends")
}

fn leads_to(backend: &Value, service: &str) -> bool {
    value::text(backend, &["serviceName"]) == Some(service)
}

/// The entries that lead to the apex.
fn shared<'a>(target: &Target<'_>, route: &'a Value) -> impl Iterator<Item = &'a Value> {
    let apex = target.apex.to_owned();
    entries(route).iter().filter(move |entry| backends_of(entry).iter().any(|backend| leads_to(backend, &apex)))
}

/// The twins of an entry: those of the preview, and one, or one for each condition of the analysis.
fn twins(target: &Target<'_>, entry: &Value, want: &Routing) -> Vec<Value> {
    let [primary, side] = target.sides();
    let backend = |service: &str, share: Percent| {
        let mut backend = backends_of(entry).first().cloned().unwrap_or_default();
        value::merge(&mut backend, &json!({"serviceName": service, "weight": share.proportion()}));
        backend
    };
    let theirs = entry.get("priority").and_then(Value::as_i64).unwrap_or(0);
    let priority = PRIORITY.max(theirs.saturating_add(1));
    let websocket = entry.get("websocket").and_then(Value::as_bool).unwrap_or(false);
    let twin = |priority: i64, backends: &[Value]| {
        let mut twin = entry.clone();
        value::merge(&mut twin, &json!({"priority": priority, "websocket": websocket, "backends": backends}));
        twin
    };
    let mut all = Vec::new();
    if want.preview {
        let name = value::text(entry, &["name"]).unwrap_or_default();
        let mut preview = twin(priority.saturating_add(1), &[backend(&side, Percent::FULL)]);
        value::merge(&mut preview, &json!({"name": format!("{name}-preview")}));
        all.extend(target.preview().iter().enumerate().map(|each| narrowed(&preview, each)));
    }
    let mut twin = twin(priority, &[backend(&primary, want.canary.rest()), backend(&side, want.canary)]);
    if let Some(copies) = copies(target, want.mirror) {
        // A plugin counts once: the user's copies for somebody else wait until ours are done.
        let others = backends::of(entry, PLUGINS).iter().filter(|plugin| !copies_requests(plugin)).cloned();
        value::merge(&mut twin, &json!({PLUGINS: others.chain([copies]).collect::<Vec<_>>()}));
    }
    if target.conditions().is_empty() {
        all.push(twin);
    } else {
        all.extend(target.conditions().iter().enumerate().map(|each| narrowed(&twin, each)));
    }
    all
}

/// The plugin that has the canary get copies.
fn copies(target: &Target<'_>, mirror: Mirror) -> Option<Value> {
    let ratio = match mirror {
        Mirror::Off => return None,
        Mirror::All => None,
        Mirror::Share(share) => Some(share.as_f64() / 100.0),
    };
    let mut config = json!({"host": copied_to(target)});
    value::merge(&mut config, &json!({"sample_ratio": ratio}));
    Some(json!({"name": PROXY_MIRROR, "enable": true, "config": config}))
}

/// The copies that the canary gets by the plugins of an entry.
fn mirror(target: &Target<'_>, entry: &Value) -> Mirror {
    let host = copied_to(target);
    let to_canary =
        |plugin: &&Value| copies_requests(plugin) && value::text(plugin, &["config", "host"]) == Some(&host);
    let Some(plugin) = backends::of(entry, PLUGINS).iter().find(to_canary) else { return Mirror::Off };
    match value::at(plugin, &["config", "sample_ratio"]) {
        None => Mirror::All,
        Some(ratio) => Mirror::Share(backends::nearest(ratio.as_f64().map(|ratio| 100.0 * ratio))),
    }
}

fn copies_requests(plugin: &Value) -> bool {
    value::text(plugin, &["name"]) == Some(PROXY_MIRROR)
}

/// APISIX asks the cluster's DNS, as it does for the hosts of upstreams.
fn copied_to(target: &Target<'_>) -> String {
    let [_, canary] = target.sides();
    format!("http://{canary}.{}.svc.cluster.local:{}", target.namespace, target.service.port)
}

/// A copy for the requests that a condition describes. Names must differ, and the first keeps its own.
fn narrowed(twin: &Value, (i, condition): (usize, &MatchCondition)) -> Value {
    let theirs = value::at(twin, &["match", "exprs"]).and_then(Value::as_array).cloned().unwrap_or_default();
    let headers = headers(condition).map(|(name, text)| expression("Header", name, text));
    let params = params(condition).map(|(name, text)| expression("Query", name, text));
    let all: Vec<_> = theirs.into_iter().chain(headers).chain(params).collect();
    let name = value::text(twin, &["name"]).unwrap_or_default();
    let name = if i == 0 { name.to_owned() } else { format!("{name}-{}", i + 1) };
    let mut twin = twin.clone();
    value::merge(&mut twin, &json!({"name": name, "match": {"exprs": all}}));
    twin
}

fn expression(scope: &str, name: &str, text: Text<'_>) -> Value {
    let (op, value) = match text {
        Text::Exact(value) => ("Equal", value.to_owned()),
        pattern => ("RegexMatch", pattern.regex_anywhere()),
    };
    json!({"subject": {"scope": scope, "name": name}, "op": op, "value": value})
}

/// Without the marks of tools, who would take the twin for theirs and prune it.
fn metadata(object: &Value, kind: &str) -> impl Iterator<Item = (String, String)> {
    let map = value::at(object, &["metadata", kind]).and_then(Value::as_object);
    let theirs = map.into_iter().flatten().filter(|(name, _)| !is_mark(name));
    theirs.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
}
