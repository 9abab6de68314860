//! What a MetricTemplate answers now, for a canary that may not be there yet: `serin check metric`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::{Category, Check, Outcome};
use crate::api::CanarySpec;
use crate::metric::diagnosis::Reply;
use crate::metric::resolve::{self, Subject};
use crate::metric::{About, Ask};
use crate::model::{CanaryRef, Complaint, Kpi, KpiSource, Measurement, Range, Rules};
use crate::object::ObjectKey;

/// What the placeholders of a query stand for.
#[derive(Clone, PartialEq, Debug)]
pub struct Names {
    /// Namespace of the canary.
    pub namespace: String,
    /// Name of the canary, and of its target where its spec names none.
    pub name: String,
    /// Its spec, where it is there.
    pub spec: CanarySpec,
    /// `{{ interval }}` as it is written, and how long it is.
    pub interval: (String, Duration),
    /// `{{ variables.x }}`.
    pub variables: BTreeMap<String, String>,
}

/// The query that the template asks with these names.
///
/// # Errors
/// The check that ends it before anybody was asked.
pub fn query(key: &ObjectKey, object: Option<&Value>, names: &Names) -> Result<Ask, Check> {
    let target = Some(names.spec.target_ref.name.as_str()).filter(|target| !target.is_empty()).unwrap_or(&names.name);
    let canary = CanaryRef {
        namespace: names.namespace.clone(),
        name: names.name.clone(),
        uid: String::new(),
        generation: 0,
        kind: names.spec.target_ref.kind.as_str().to_owned(),
        target: target.to_owned(),
        layout: names.spec.target_ref.layout(),
    };
    let (interval, window) = names.interval.clone();
    let (namespace, name) = (key.namespace.clone(), key.name.clone());
    let source = KpiSource::Template { namespace, name, variables: names.variables.clone() };
    let (range, rules) = (Range::default(), Rules::default());
    let kpi = Kpi { name: key.name.clone(), source, interval, window, range, rules, comparison: None };
    let (router, metrics_server, metrics_secret, spec) = ("", "", None, &names.spec);
    let (pods, revision) = (None, None);
    let subject =
        Subject { canary: &canary, measured: target, pods, revision, spec, router, metrics_server, metrics_secret };
    let ask = resolve::template(&kpi, &names.variables, key, object, &subject);
    ask.map_err(|Complaint { sentence, .. }| Check::new(Category::Kpi, &key.name, Outcome::Wrong, sentence))
}

/// What the reply says, and what was asked.
pub fn answer(ask: &Ask, reply: &Reply) -> Check {
    let check = |outcome, sentence: String| Check::new(Category::Kpi, &ask.kpi, outcome, sentence);
    let measured = |measured: Measurement| match measured {
        Measurement::Value(value) => check(Outcome::Fine, format!("it is {value} now")),
        Measurement::Both(_) => check(Outcome::Wrong, "it is measured on both sides".to_owned()),
        Measurement::Few { requests, .. } => {
            check(Outcome::Warning, format!("it is a value of {requests} requests only"))
        }
        Measurement::NoData(why) => check(Outcome::Warning, format!("it has no value now: {why}")),
        Measurement::Error(why) => check(Outcome::Wrong, why),
    };
    let said = match reply {
        Reply::Answered(answer) => measured(ask.measure(answer)),
        Reply::Measured(known) => measured(known.clone()),
        Reply::NotAsked(why) => check(Outcome::Wrong, why.clone()),
        Reply::Hidden(why) => check(Outcome::Unknown, format!("its credentials cannot be read from here: {why}")),
        Reply::Silent(why) => check(Outcome::Unknown, format!("{} does not answer: {why}", ask.shown_address())),
    };
    let About { query, .. } = ask.provider.about();
    let hint = matches!(said.outcome, Outcome::Wrong).then(|| format!("{} is asked with {query}", ask.provider.name()));
    let asked = ask.query.split_whitespace().collect::<Vec<_>>().join(" ");
    let reason = Some(format!("asked {} at {}: {asked}", ask.provider.name(), ask.shown_address()));
    Check { reason, hint, ..said }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::http::HttpResponse;
    use crate::object::kinds::METRIC_TEMPLATE;

    fn asked(spec: &Value) -> Result<Ask, Check> {
        let names = Names {
            namespace: "shop".to_owned(),
            name: "cart".to_owned(),
            spec: CanarySpec::default(),
            interval: ("5m".to_owned(), Duration::from_secs(300)),
            variables: [("code".to_owned(), "5..".to_owned())].into(),
        };
        query(&METRIC_TEMPLATE.named("monitoring", "errors"), Some(&json!({ "spec": spec })), &names)
    }

    fn ask() -> Ask {
        let query = "{{ target }}.{{ namespace }}\n{{ interval }} {{ variables.code }}";
        asked(&json!({"provider": {"type": "prometheus", "address": "http://p"}, "query": query})).unwrap()
    }

    #[test]
    fn a_value_is_shown_with_the_query_that_gave_it() {
        let body = json!({"data": {"resultType": "scalar", "result": [1, "0.5"]}}).to_string().into_bytes();
        let said = answer(&ask(), &Reply::Answered(HttpResponse::new(200, body)));
        assert_eq!((said.outcome, said.sentence.as_str(), said.hint), (Outcome::Fine, "it is 0.5 now", None));
        assert_eq!(said.reason.as_deref(), Some("asked prometheus at http://p: cart.shop 5m 5.."));
    }

    #[test]
    fn no_value_deserves_a_look_and_a_mistake_is_wrong_with_what_to_write() {
        let outcome = |reply| answer(&ask(), &reply).outcome;
        assert_eq!(outcome(Reply::Measured(Measurement::NoData("empty".to_owned()))), Outcome::Warning);
        assert_eq!(outcome(Reply::Silent("refused".to_owned())), Outcome::Unknown);
        let wrong = answer(&ask(), &Reply::Measured(Measurement::Error("two series".to_owned())));
        assert_eq!(wrong.hint.as_deref(), Some("prometheus is asked with PromQL whose result is one number"));
    }

    #[test]
    fn a_template_that_cannot_be_asked_says_why() {
        let said = asked(&json!({"provider": {"type": "nagios"}, "query": "q"})).unwrap_err();
        assert!(said.sentence.contains("there is no such provider"), "{}", said.sentence);
    }
}
