//! Situations of a Prometheus, written down as the series that it has, and the cause that is found in each.

use super::super::selector::all as selectors;
use super::*;
use crate::http::Trust;
use crate::metric::Origin;

/// One series as `metric{labels}`, seen now unless it is gone.
struct Fake {
    series: Vec<Selector>,
    gone: Vec<Selector>,
    samples: f64,
    result: Option<f64>,
}

fn fake(series: &[&str]) -> Fake {
    let series = series.iter().flat_map(|text| selectors(text)).collect();
    Fake { series, gone: Vec::new(), samples: 4.0, result: None }
}

impl Fake {
    /// Answers just the forms of query that a diagnosis asks.
    fn answer(&self, query: &str, kpi: &str) -> Reply {
        let wanted = selectors(query).into_iter().next().expect("a query has a selector");
        let mut pool = self.series.clone();
        if query.starts_with("count(count_over_time") {
            pool.extend(self.gone.clone());
        }
        let found: Vec<_> = pool.iter().filter(|series| selects(&wanted, series)).collect();
        let result: Vec<(Vec<(String, String)>, f64)> = if query == kpi {
            self.result.iter().map(|value| (Vec::new(), *value)).collect()
        } else if query.starts_with("max(count_over_time") {
            found.iter().take(1).map(|_| (Vec::new(), self.samples)).collect()
        } else if let Some((label, _)) = query.strip_prefix("count by (").and_then(|rest| rest.split_once(')')) {
            let values: BTreeSet<_> = found.iter().map(|series| label_of(series, label)).collect();
            values.into_iter().map(|value| (vec![(label.to_owned(), value)], 1.0)).collect()
        } else if query.starts_with("topk") {
            let labels = |s: &Selector| s.matchers.iter().map(|m| (m.label.clone(), m.value.clone())).collect();
            found.iter().map(|series| (labels(series), 1.0)).collect()
        } else {
            found.iter().take(1).map(|_| (Vec::new(), 1.0)).collect()
        };
        let result: Vec<_> = result
            .into_iter()
            .map(|(labels, value)| {
                let metric: BTreeMap<_, _> = labels.into_iter().filter(|(_, value)| !value.is_empty()).collect();
                serde_json::json!({"metric": metric, "value": [1, value.to_string()]})
            })
            .collect();
        let body = serde_json::json!({"status": "success", "data": {"resultType": "vector", "result": result}});
        Reply::Answered(HttpResponse::new(200, body.to_string().into_bytes()))
    }
}

fn label_of(series: &Selector, label: &str) -> String {
    if label == "__name__" {
        return series.metric.clone();
    }
    series.matchers.iter().find(|m| m.label == label).map(|m| m.value.clone()).unwrap_or_default()
}

/// Patterns are as simple as `.*` at either end.
fn selects(wanted: &Selector, series: &Selector) -> bool {
    let fits = |m: &Matcher| {
        let value = label_of(series, &m.label);
        let pattern = m.value.trim_start_matches(".*");
        let same = match (m.operator, pattern.strip_suffix(".*")) {
            ("=~" | "!~", Some(part)) if m.value.starts_with(".*") => value.contains(part),
            ("=~" | "!~", Some(start)) => value.starts_with(start),
            _ => value == m.value,
        };
        same != m.excludes()
    };
    (wanted.metric.is_empty() || wanted.metric == series.metric) && wanted.matchers.iter().all(fits)
}

fn ask(query: &str) -> Ask {
    Ask {
        provider: crate::metric::find("prometheus").expect("it is served"),
        address: "http://prometheus:9090".to_owned(),
        query: query.to_owned(),
        window: std::time::Duration::from_secs(60),
        headers: BTreeMap::new(),
        secret: None,
        region: None,
        trust: Trust::System,
        scale: 1.0,
        kpi: "errors".to_owned(),
        origin: Origin::Template,
    }
}

/// The cause, after as many rounds of questions as it takes.
fn cause(fake: &Fake, query: &str) -> Cause {
    let mut heard = Heard::new();
    for _ in 0..20 {
        match why(&ask(query), &["shop", "cart"], &heard) {
            Diagnosis::Cause(cause) => return cause,
            Diagnosis::Ask(queries) => {
                assert!(!queries.is_empty());
                for query_asked in queries {
                    let reply = fake.answer(&query_asked, query);
                    assert_eq!(heard.insert(query_asked.clone(), reply), None, "{query_asked} is asked twice");
                }
            }
        }
    }
    panic!("it asks for ever: {:?}", heard.keys())
}

fn one(text: &str) -> Selector {
    selectors(text).remove(0)
}

fn matcher(text: &str) -> Matcher {
    one(&format!("x{{{text}}}")).matchers.remove(0)
}

fn texts(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

const QUERY: &str = r#"sum(rate(http_errors_total{namespace="shop",app="cart-primary"}[1m]))"#;

fn selector() -> Selector {
    one(r#"http_errors_total{namespace="shop",app="cart-primary"}[1m]"#)
}

#[test]
fn a_value_under_another_label_names_that_label() {
    let prometheus = fake(&[
        r#"http_errors_total{kubernetes_namespace="shop",app="cart-primary",pod="a"}"#,
        r#"http_errors_total{kubernetes_namespace="test",app="cart-primary",pod="b"}"#,
    ]);
    let instead = Instead::Label(matcher(r#"kubernetes_namespace="shop""#));
    assert_eq!(cause(&prometheus, QUERY), Cause::LabelMissing(selector(), matcher(r#"namespace="shop""#), instead));
}

#[test]
fn a_label_that_nothing_replaces_lists_those_that_there_are() {
    let prometheus = fake(&[r#"http_errors_total{app="cart-primary",pod="a"}"#]);
    let instead = Instead::Labels(texts(&["app", "pod"]));
    assert_eq!(cause(&prometheus, QUERY), Cause::LabelMissing(selector(), matcher(r#"namespace="shop""#), instead));
}

#[test]
fn a_label_with_other_values_lists_the_most_similar_first() {
    let series =
        ["zebra", "cart", "card-primary"].map(|app| format!(r#"http_errors_total{{namespace="shop",app="{app}"}}"#));
    let prometheus = fake(&series.each_ref().map(String::as_str));
    let values = texts(&["card-primary", "cart", "zebra"]);
    assert_eq!(cause(&prometheus, QUERY), Cause::ValueMissing(selector(), matcher(r#"app="cart-primary""#), values));
}

#[test]
fn of_two_possible_culprits_the_one_without_the_canarys_names_is_wrong() {
    let query = r#"rate(requests{app="cart-primary",reporter="destination"}[1m])"#;
    let prometheus =
        fake(&[r#"requests{reporter="source",app="cart-primary"}"#, r#"requests{reporter="destination",app="other"}"#]);
    let wrong = matcher(r#"reporter="destination""#);
    let selector = one(r#"requests{app="cart-primary",reporter="destination"}[1m]"#);
    assert_eq!(cause(&prometheus, query), Cause::ValueMissing(selector, wrong, texts(&["source"])));
}

#[test]
fn of_two_wrong_labels_the_first_is_named() {
    let prometheus = fake(&[r#"http_errors_total{kubernetes_namespace="shop",name="cart-primary"}"#]);
    let instead = Instead::Label(matcher(r#"kubernetes_namespace="shop""#));
    assert_eq!(cause(&prometheus, QUERY), Cause::LabelMissing(selector(), matcher(r#"namespace="shop""#), instead));
}

#[test]
fn a_metric_that_is_not_there_names_similar_ones() {
    let prometheus = fake(&[r#"http_error_total{app="a"}"#, r#"grpc_errors_total{}"#, "up"]);
    let similar = texts(&["http_error_total", "grpc_errors_total"]);
    assert_eq!(cause(&prometheus, QUERY), Cause::MetricMissing(selector(), similar));
}

#[test]
fn series_that_are_gone_since_less_than_an_hour_are_told_apart() {
    let prometheus = Fake { gone: vec![selector()], ..fake(&["http_errors_total{app=\"a\"}"]) };
    assert_eq!(cause(&prometheus, QUERY), Cause::Vanished(selector()));
}

#[test]
fn a_numerator_without_a_series_is_no_wrong_label() {
    let query =
        r#"sum(rate(requests{app="cart-primary",code=~"5.*"}[1m])) / sum(rate(requests{app="cart-primary"}[1m]))"#;
    let prometheus = fake(&[r#"requests{app="cart-primary",code="200"}"#]);
    let part = one(r#"requests{app="cart-primary",code=~"5.*"}[1m]"#);
    assert_eq!(cause(&prometheus, query), Cause::PartEmpty(part, matcher(r#"code=~"5.*""#), texts(&["200"])));
}

#[test]
fn a_rate_over_one_sample_is_told_with_its_window() {
    let prometheus = Fake { samples: 1.0, ..fake(&[r#"http_errors_total{namespace="shop",app="cart-primary"}"#]) };
    assert_eq!(cause(&prometheus, QUERY), Cause::WindowTooShort(selector(), "1m".to_owned()));
}

#[test]
fn all_series_there_and_no_number_means_that_nothing_was_counted() {
    let there = || fake(&[r#"http_errors_total{namespace="shop",app="cart-primary"}"#]);
    assert_eq!(cause(&Fake { result: Some(f64::NAN), ..there() }, QUERY), Cause::NothingCounted);
    assert_eq!(cause(&there(), QUERY), Cause::NothingTogether);
}

#[test]
fn a_query_without_a_series_says_so() {
    assert_eq!(cause(&fake(&[]), "vector(1) > 2"), Cause::NoSelector);
}

#[test]
fn questions_that_are_not_answered_end_the_diagnosis() {
    let heard = Heard::from([(format!("count({})", selector()), Reply::Silent("connection refused".to_owned()))]);
    let cause = Cause::Unanswered("connection refused".to_owned());
    assert_eq!(why(&ask(QUERY), &[], &heard), Diagnosis::Cause(cause));
}

#[test]
fn distance_counts_changed_letters() {
    let distances =
        [("", "abc"), ("cart", "card"), ("cart", "cart-primary"), ("ab", "ba")].map(|(a, b)| distance(a, b));
    assert_eq!(distances, [3, 1, 8, 2]);
}
