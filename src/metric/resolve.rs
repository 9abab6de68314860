//! A KPI and the objects that it names into an [`Ask`], or the sentence that tells what they lack.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::template::{Scope, TemplateError, render};
use super::url::Base;
use super::{Address, Ask, Origin, Provider, SecretName, Trust, prometheus, shorten};
use crate::api::sentences::{self, Sentence};
use crate::api::{CanarySpec, MetricTemplateSpec};
use crate::model::{CanaryRef, Complaint, Kpi};
use crate::object::ObjectKey;
use crate::object::value::{at, text};

/// Whose KPI it is.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The canary.
    pub canary: &'a CanaryRef,
    /// The workload that is measured, `{{ target }}` of a query: the canary's target, or what serves in its place.
    pub measured: &'a str,
    /// Names of the pods that are measured, as a regular expression; `None` for all of a workload that has none of its own choosing.
    pub pods: Option<&'a str>,
    /// The newest revision of a Knative Service: its metrics go by that name, `{{ route }}` of a query.
    pub revision: Option<&'a str>,
    /// Its spec.
    pub spec: &'a CanarySpec,
    /// Name of its router, which a builtin query comes from.
    pub router: &'a str,
    /// Address of Prometheus where the spec names none.
    pub metrics_server: &'a str,
    /// The operator's credentials for that address, and for no other.
    pub metrics_secret: Option<&'a SecretName>,
}

/// The query of the router for a builtin KPI; `scale` brings its result to percent or milliseconds.
///
/// # Errors
/// No address, or a query that does not render.
pub fn builtin(kpi: &Kpi, query: &str, scale: f64, subject: &Subject<'_>) -> Result<Ask, Complaint> {
    let target = format!("{}.{}", subject.measured, subject.canary.namespace);
    let origin = Origin::Builtin { router: subject.router.to_owned(), target };
    let ask = of_the_canary(kpi, query, subject, origin)?;
    let query = ask.query.split_whitespace().collect::<Vec<_>>().join(" ");
    Ok(Ask { query, scale, ..ask })
}

/// PromQL that stands in the Canary.
///
/// # Errors
/// No address, or a query that does not render.
pub fn inline(kpi: &Kpi, query: &str, subject: &Subject<'_>) -> Result<Ask, Complaint> {
    of_the_canary(kpi, query, subject, Origin::Inline)
}

/// The query of a MetricTemplate; `object` is `None` where there is none under this key.
///
/// # Errors
/// The template is not there or cannot be read, its provider is unknown, it has no address, or its query does not render.
pub fn template(
    kpi: &Kpi,
    variables: &BTreeMap<String, String>,
    key: &ObjectKey,
    object: Option<&Value>,
    subject: &Subject<'_>,
) -> Result<Ask, Complaint> {
    let name = format!("{}.{}", key.name, key.namespace);
    let complain = |sentence: &Sentence, values: &[(&str, &str)]| {
        let named = [("template", name.as_str()), ("metric", kpi.name.as_str())];
        complaint(sentence, &[&named, values].concat())
    };
    let object = object.ok_or_else(|| complain(&sentences::MET012, &[]))?;
    let provider = provider(object, complain)?;
    let spec = at(object, &["spec"]).map_or(Ok(None), |spec| MetricTemplateSpec::deserialize(spec).map(Some));
    let spec = spec.map_err(|error| complain(&sentences::MET013, &[("error", &shorten(&error.to_string(), 300))]))?;
    let spec = spec.ok_or_else(|| complain(&sentences::MET013, &[("error", "spec is missing")]))?;
    let given = spec.provider.address.as_deref().map(str::trim).filter(|address| !address.is_empty());
    let base = match (provider.about().address, given) {
        (Address::Needed, None) => return Err(complain(&sentences::MET016, &[("type", provider.name())])),
        (Address::Needed | Address::Default(_) | Address::OrCluster, Some(given)) => {
            Base::read(given).map_err(|e| complain(&sentences::MET017, &[("error", &e.to_string())]))?;
            given
        }
        (Address::Default(usual), None) => usual,
        (Address::OrCluster, None) | (Address::Cluster | Address::Maker(_), _) => "",
    };
    let render_error = |error: &str| complain(&sentences::MET002, &[("error", error)]);
    Ok(Ask {
        provider,
        address: base.to_owned(),
        query: rendered(&spec.query, &scope(kpi, variables, subject)).map_err(|error| render_error(&error))?,
        window: kpi.window,
        headers: spec.provider.headers.unwrap_or_default(),
        secret: spec.provider.secret_ref.map(|s| SecretName { namespace: key.namespace.clone(), name: s.name }),
        region: spec.provider.region,
        trust: if spec.provider.insecure_skip_verify == Some(true) { Trust::Anybody } else { Trust::System },
        scale: 1.0,
        kpi: kpi.name.clone(),
        origin: Origin::Template,
    })
}

/// Read from the untyped object, so that a word which this version does not know gets a sentence of its own.
fn provider(
    object: &Value,
    complain: impl Fn(&Sentence, &[(&str, &str)]) -> Complaint,
) -> Result<&'static dyn Provider, Complaint> {
    let word = text(object, &["spec", "provider", "type"]).unwrap_or_default();
    super::find(word).ok_or_else(|| {
        let served: Vec<&str> = super::ALL.iter().map(|p| p.name()).collect();
        complain(&sentences::MET015, &[("type", word), ("served", &served.join(", "))])
    })
}

/// Prometheus at the canary's own address, asked without credentials, or at the operator's, asked with those of the operator.
fn of_the_canary(kpi: &Kpi, query: &str, subject: &Subject<'_>, origin: Origin) -> Result<Ask, Complaint> {
    let own = subject.spec.metrics_server.as_deref().filter(|address| !address.is_empty());
    let base = own.unwrap_or(subject.metrics_server);
    let metric = ("metric", kpi.name.as_str());
    if base.is_empty() {
        return Err(complaint(&sentences::CAN054, &[metric]));
    }
    Base::read(base).map_err(|e| complaint(&sentences::CAN055, &[metric, ("error", &e.to_string())]))?;
    let query = rendered(query, &scope(kpi, &BTreeMap::new(), subject));
    Ok(Ask {
        provider: &prometheus::Prometheus,
        address: base.to_owned(),
        query: query.map_err(|error| complaint(&sentences::CAN053, &[metric, ("error", &error)]))?,
        window: kpi.window,
        headers: BTreeMap::new(),
        secret: subject.metrics_secret.filter(|_| own.is_none()).cloned(),
        region: None,
        trust: Trust::System,
        scale: 1.0,
        kpi: kpi.name.clone(),
        origin,
    })
}

fn rendered(query: &str, scope: &Scope) -> Result<String, String> {
    let query = render(query, scope).map_err(|error: TemplateError| error.to_string())?;
    if query.trim().is_empty() { Err("it renders to nothing; write a query".to_owned()) } else { Ok(query) }
}

fn scope(kpi: &Kpi, variables: &BTreeMap<String, String>, subject: &Subject<'_>) -> Scope {
    let CanaryRef { name, namespace, target, .. } = subject.canary;
    let spec = subject.spec;
    let service = spec.service.as_ref().and_then(|service| service.name.clone()).filter(|name| !name.is_empty());
    let route = subject.revision.or(spec.route_ref.as_ref().map(|route| route.name.as_str())).unwrap_or(target);
    Scope {
        name: name.clone(),
        namespace: namespace.clone(),
        target: subject.measured.to_owned(),
        pods: subject.pods.map_or_else(|| format!("{}-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)", subject.measured), str::to_owned),
        service: service.unwrap_or_else(|| target.clone()),
        ingress: ingress(spec).unwrap_or_else(|| target.clone()),
        route: route.to_owned(),
        interval: kpi.interval.clone(),
        variables: variables.clone(),
    }
}

/// The Ingress that is shared; several as an expression.
fn ingress(spec: &CanarySpec) -> Option<String> {
    if let Some(ingress) = &spec.ingress_ref {
        return Some(ingress.name.clone());
    }
    let brought = spec.route_refs.iter().flatten().filter(|route| route.kind == "Ingress");
    let names: Vec<_> = brought.map(|route| route.name.as_str()).collect();
    (!names.is_empty()).then(|| names.join("|"))
}

/// The release goes on; the check fails for as long as this holds.
fn complaint(sentence: &Sentence, values: &[(&str, &str)]) -> Complaint {
    Complaint::warns(sentence.reason, sentence.say(values))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::{Builtin, KpiSource, Range, Rules};
    use crate::object::kinds::METRIC_TEMPLATE;

    fn canary() -> CanaryRef {
        CanaryRef { target: "podinfo-app".to_owned(), ..CanaryRef::podinfo() }
    }

    fn kpi(name: &str) -> Kpi {
        let source = KpiSource::Builtin(Builtin::SuccessRate);
        Kpi {
            name: name.to_owned(),
            source,
            interval: "1m".to_owned(),
            window: std::time::Duration::from_secs(60),
            range: Range::default(),
            rules: Rules::default(),
            comparison: None,
        }
    }

    /// Resolves in the surroundings of a canary with this `metricsServer`; the flag gives `flag`.
    fn with<T>(own: Option<&str>, flag: &str, resolve: impl FnOnce(&Subject<'_>) -> T) -> T {
        let spec = CanarySpec { metrics_server: own.map(str::to_owned), ..CanarySpec::default() };
        resolve(&Subject {
            canary: &canary(),
            measured: "podinfo-app",
            pods: None,
            revision: None,
            spec: &spec,
            router: "istio",
            metrics_server: flag,
            metrics_secret: Some(&operators()),
        })
    }

    fn operators() -> SecretName {
        SecretName { namespace: "serin-system".to_owned(), name: "prometheus".to_owned() }
    }

    #[test]
    fn the_operators_credentials_go_to_the_operators_prometheus_only() {
        let secret = |own| with(own, "http://flag", |s| inline(&kpi("errors"), "up", s)).unwrap().secret;
        assert_eq!(secret(None), Some(operators()));
        assert_eq!(secret(Some("http://flag")), None, "even where it is the same address");
        let provider = json!({"type": "prometheus", "address": "http://flag"});
        assert_eq!(from_template(Some(&object(&provider, "up"))).unwrap().secret, None);
    }

    fn from_template(object: Option<&Value>) -> Result<Ask, Complaint> {
        let variables = [("code".to_owned(), "5.*".to_owned())].into();
        let key = METRIC_TEMPLATE.named("monitoring", "errors");
        with(None, "http://flag", |subject| template(&kpi("errors"), &variables, &key, object, subject))
    }

    fn object(provider: &Value, query: &str) -> Value {
        json!({"metadata": {"name": "errors", "namespace": "monitoring"}, "spec": {"provider": provider, "query": query}})
    }

    fn refused(provider: &Value, query: &str) -> (&'static str, String) {
        let complaint = from_template(Some(&object(provider, query))).unwrap_err();
        (complaint.reason, complaint.sentence)
    }

    #[test]
    fn a_builtin_query_is_rendered_on_one_line_for_the_canarys_prometheus() {
        let query = "sum(\n  rate(x{ns=\"{{ namespace }}\",w=~\"{{ target }}\"}[{{ interval }}])\n)";
        let ask =
            with(Some("http://own"), "http://flag", |s| builtin(&kpi("request-duration"), query, 1000.0, s)).unwrap();
        assert_eq!(ask.query, "sum( rate(x{ns=\"test\",w=~\"podinfo-app\"}[1m]) )");
        assert_eq!((ask.address.as_str(), ask.scale), ("http://own", 1000.0));
        assert_eq!(ask.origin, Origin::Builtin { router: "istio".to_owned(), target: "podinfo-app.test".to_owned() });
    }

    #[test]
    fn an_inline_query_keeps_its_lines_and_the_flag_gives_the_address() {
        let ask = with(None, "http://flag", |s| inline(&kpi("errors"), "up # {{ name }}\n", s)).unwrap();
        assert_eq!((ask.query.as_str(), ask.address.as_str()), ("up # podinfo\n", "http://flag"));
    }

    #[test]
    fn a_template_brings_its_provider_secret_and_variables() {
        let provider = json!({"type": "prometheus", "address": "https://prom/x", "secretRef": {"name": "prom"},
            "headers": {"X-Scope-OrgID": ["1"]}, "insecureSkipVerify": true});
        let ask = from_template(Some(&object(&provider, "e{c=\"{{ variables.code }}\",s=\"{{ service }}\"}"))).unwrap();
        assert_eq!(ask.query, "e{c=\"5.*\",s=\"podinfo-app\"}");
        let secret = SecretName { namespace: "monitoring".to_owned(), name: "prom".to_owned() };
        assert_eq!((ask.address.as_str(), ask.secret, ask.trust), ("https://prom/x", Some(secret), Trust::Anybody));
        assert_eq!(ask.headers, [("X-Scope-OrgID".to_owned(), vec!["1".to_owned()])].into());
    }

    #[test]
    fn references_of_the_canary_replace_the_name_of_the_target() {
        let spec = json!({"targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo-app"},
            "service": {"name": "web", "port": 80},
            "ingressRef": {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "name": "door"},
            "analysis": {"interval": "1m", "threshold": 1, "stepWeight": 10}});
        let spec: CanarySpec = serde_json::from_value(spec).unwrap();
        let subject = Subject {
            canary: &canary(),
            measured: "podinfo-app",
            pods: None,
            revision: None,
            spec: &spec,
            router: "nginx",
            metrics_server: "http://flag",
            metrics_secret: None,
        };
        let ask = inline(&kpi("k"), "{{ service }} {{ ingress }} {{ route }}", &subject).unwrap();
        assert_eq!(ask.query, "web door podinfo-app");
    }

    #[test]
    fn several_ingresses_of_the_users_own_are_asked_for_as_one() {
        let route = |kind: &str, name: &str| json!({"apiVersion": "v1", "kind": kind, "name": name});
        let routes = [route("Ingress", "shop"), route("HTTPRoute", "api"), route("Ingress", "door")];
        let spec = json!({"targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo-app"},
            "service": {"port": 80}, "routeRefs": routes,
            "analysis": {"interval": "1m", "threshold": 1, "stepWeight": 10}});
        let spec: CanarySpec = serde_json::from_value(spec).unwrap();
        assert_eq!(ingress(&spec).as_deref(), Some("shop|door"));
    }

    #[test]
    fn a_template_that_is_not_there_or_cannot_be_read_is_named() {
        let missing = from_template(None).unwrap_err();
        assert_eq!(missing.reason, "TemplateMissing");
        assert_eq!(
            missing.sentence,
            "Metric template errors.monitoring error: it is not there, so each check of metric errors fails; apply it, or correct templateRef"
        );
        let (reason, sentence) = refused(&json!({"type": "prometheus", "address": 7}), "up");
        assert_eq!(reason, "TemplateUnreadable");
        assert!(sentence.contains("invalid type: integer `7`, expected a string"), "{sentence}");
    }

    #[test]
    fn an_unknown_provider_is_named_and_the_served_ones_are_listed() {
        let (reason, sentence) = refused(&json!({"type": "nagios"}), "up");
        assert_eq!(reason, "ProviderUnknown");
        assert!(sentence.starts_with("Metric template errors.monitoring provider nagios error: there is no such provider, so each check of metric errors fails; write one of: azuremonitor, cloudwatch, datadog, "), "{sentence}");
    }

    #[test]
    fn every_provider_of_the_api_is_served_and_no_other() {
        let schema = serde_json::to_value(schemars::schema_for!(crate::api::MetricProviderType)).unwrap();
        let mut words: Vec<String> =
            schema["oneOf"].as_array().unwrap().iter().map(|word| word["const"].as_str().unwrap().to_owned()).collect();
        words.sort();
        assert_eq!(words, super::super::ALL.iter().map(|provider| provider.name()).collect::<Vec<_>>());
    }

    #[test]
    fn an_address_has_a_default_or_is_not_needed_as_its_provider_says() {
        let address = |provider: &Value| from_template(Some(&object(provider, "q"))).unwrap().address;
        assert_eq!(address(&json!({"type": "datadog"})), "https://api.datadoghq.com");
        assert_eq!(
            address(&json!({"type": "datadog", "address": " https://api.datadoghq.eu "})),
            "https://api.datadoghq.eu"
        );
        assert_eq!(address(&json!({"type": "externalmetrics"})), "");
        assert_eq!(address(&json!({"type": "cloudwatch", "address": "https://elsewhere"})), "");
        assert_eq!(refused(&json!({"type": "externalmetrics", "address": "x:1"}), "q").0, "TemplateAddressIsNoUrl");
    }

    #[test]
    fn a_template_without_an_address_never_falls_back_to_another_prometheus() {
        let (reason, sentence) = refused(&json!({"type": "prometheus"}), "up");
        assert_eq!(reason, "TemplateAddressMissing");
        assert!(sentence.contains("write its base URL"), "{sentence}");
        let (reason, sentence) = refused(&json!({"type": "prometheus", "address": "prom:9090"}), "up");
        assert_eq!(reason, "TemplateAddressIsNoUrl");
        assert!(sentence.contains("spec.provider.address prom:9090 is no http or https URL"), "{sentence}");
    }

    #[test]
    fn a_query_that_does_not_render_says_where() {
        let provider = json!({"type": "prometheus", "address": "http://prom"});
        let (reason, sentence) = refused(&provider, "up{\n  a=\"{{ variables.zone }}\"}");
        assert_eq!(reason, "QueryDoesNotRender");
        assert!(
            sentence.starts_with("Metric template errors.monitoring query render error: line 2, column 9: "),
            "{sentence}"
        );
        let (_, sentence) = refused(&provider, " {{/* nothing */}} ");
        assert!(sentence.contains("it renders to nothing; write a query"), "{sentence}");
        let inline = with(None, "http://flag", |s| inline(&kpi("errors"), "{{ nope }}", s)).unwrap_err();
        assert_eq!(inline.reason, "InlineQueryDoesNotRender");
    }

    #[test]
    fn a_canary_without_any_metrics_server_is_told_which_field_to_write() {
        let complaint = with(Some(""), "", |s| inline(&kpi("errors"), "up", s)).unwrap_err();
        assert_eq!(complaint.reason, "NoMetricsServer");
        assert!(complaint.sentence.contains("write spec.metricsServer"), "{}", complaint.sentence);
        let complaint = with(Some("prom"), "", |s| inline(&kpi("errors"), "up", s)).unwrap_err();
        assert_eq!(complaint.reason, "MetricsServerIsNoUrl");
    }
}
