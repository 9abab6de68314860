//! What Prometheus is asked and understood to say.

mod answers;
mod group;
mod laws;
mod requests;
mod shapes;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;
use crate::model::Measurement::{Error, NoData};
use crate::model::Time;

fn ask() -> Ask {
    Ask {
        provider: &prometheus::Prometheus,
        address: "http://prometheus.monitoring:9090".to_owned(),
        query: "sum(rate(errors_total{app=\"a b\"}[1m]))".to_owned(),
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

fn now() -> Time {
    Time::parse("2026-11-20T12:34:56.789Z").unwrap()
}

/// The request to an address with this Secret, or without any.
fn request(ask: &Ask, secret: Option<&SecretData>) -> Result<HttpRequest, String> {
    let means = Means { secret, session: None, identity: &Identity::default(), now: now() };
    match ask.request(&means).map_err(|error| error.to_string())? {
        Request::Http(request) => Ok(request),
        Request::Cluster(request) => panic!("{request:?} goes to the apiserver"),
    }
}

fn data(pairs: &[(&str, &str)]) -> SecretData {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), value.as_bytes().to_vec())).collect()
}

fn named() -> Option<SecretName> {
    Some(SecretName { namespace: "monitoring".to_owned(), name: "prom".to_owned() })
}

fn with_secret(pairs: &[(&str, &str)]) -> Result<HttpRequest, String> {
    request(&Ask { secret: named(), ..ask() }, Some(&data(pairs)))
}

fn read(status: u16, body: &Value) -> Measurement {
    told(&ask(), &HttpResponse::new(status, body.to_string().into_bytes()))
}

fn told(ask: &Ask, answer: &HttpResponse) -> Measurement {
    ask.told(ask.measure(answer))
}

fn success(kind: &str, result: &Value) -> Value {
    json!({"status": "success", "data": {"resultType": kind, "result": result}})
}

fn series(value: &str) -> Value {
    json!({"metric": {"app": "a"}, "value": [1_700_000_000.123, value]})
}

#[test]
fn the_query_goes_to_the_api_below_the_address() {
    let url = |address: &str| request(&Ask { address: address.to_owned(), ..ask() }, None).map(|request| request.url);
    let query = "query=sum%28rate%28errors_total%7Bapp%3D%22a+b%22%7D%5B1m%5D%29%29";
    assert_eq!(url("http://p:9090"), Ok(format!("http://p:9090/api/v1/query?{query}")));
    assert_eq!(url("https://p/prom/"), Ok(format!("https://p/prom/api/v1/query?{query}")));
    assert_eq!(url(" http://p/a?dedup=true "), Ok(format!("http://p/a/api/v1/query?dedup=true&{query}")));
}

#[test]
fn a_provider_that_does_not_answer_is_named_by_its_address_without_its_password() {
    let ask = Ask { address: "http://me:secret@prom:9090".to_owned(), ..ask() };
    let down = ask.told(ask.unanswered("Connection refused"));
    let sentence = "Metric query failed for errors: http://…@prom:9090: Connection refused";
    assert_eq!(down, Error(sentence.to_owned()));
}

#[test]
fn an_address_that_is_no_url_is_refused_without_its_password() {
    let refused = |address: &str| request(&Ask { address: address.to_owned(), ..ask() }, None).unwrap_err();
    let sentence = "prometheus:9090 is no http or https URL; write one, for example http://prometheus.monitoring:9090";
    assert_eq!(refused("prometheus:9090"), sentence);
    let text = refused("ftp://me:secret@host");
    assert!(text.contains("ftp://…@host is no http") && !text.contains("secret"), "{text}");
}

#[test]
fn a_token_is_a_bearer_and_comes_before_user_and_password() {
    let sent = with_secret(&[("token", "abc\n"), ("username", "u")]).unwrap();
    assert_eq!(sent.credentials, Credentials::Bearer("abc".to_owned()));
    let sent = with_secret(&[("username", "u"), ("password", "p")]).unwrap();
    assert_eq!(sent.credentials, Credentials::Basic("u".to_owned(), "p".to_owned()));
    assert_eq!(request(&ask(), None).unwrap().credentials, Credentials::None);
}

#[test]
fn what_a_secret_lacks_is_named() {
    let refused = |pairs: &[(&str, &str)]| with_secret(pairs).unwrap_err();
    assert_eq!(
        refused(&[("username", "u")]),
        "Secret prom.monitoring has no password; write the key token, or both username and password"
    );
    assert!(refused(&[("password", "p")]).contains("has no username;"));
    assert!(refused(&[]).contains("has no token and no username;"));
    assert!(refused(&[("token", "a\nb")]).contains("has a key token that is no plain text of one line"));
    let missing = request(&Ask { secret: named(), ..ask() }, None).unwrap_err();
    assert_eq!(missing, "Secret prom.monitoring is not there; apply it, or drop secretRef");
}

#[test]
fn headers_are_sent_and_credentials_replace_an_authorization_among_them() {
    let headers = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), vec![(*v).to_owned()])).collect::<BTreeMap<_, _>>()
    };
    let plain = Ask { headers: headers(&[("X-Scope-OrgID", "1"), ("authorization", "Custom x")]), ..ask() };
    let sent: Vec<_> = request(&plain, None).unwrap().headers;
    assert_eq!(sent.len(), 2);
    let sent = request(&Ask { secret: named(), ..plain }, Some(&data(&[("token", "t")]))).unwrap().headers;
    assert_eq!(sent, [("X-Scope-OrgID".to_owned(), "1".to_owned())]);
    for bad in [("a b", "x"), ("", "x"), ("a", "x\r\ny: z")] {
        let refused = request(&Ask { headers: headers(&[bad]), ..ask() }, None).unwrap_err();
        assert!(refused.contains("cannot be sent"), "{bad:?}");
    }
}

#[test]
fn secrets_do_not_show_in_logs() {
    let request = with_secret(&[("token", "hidden")]).unwrap();
    let shown = format!("{request:?} {:?}", request.credentials);
    assert!(!shown.contains("hidden") && shown.contains("prometheus.monitoring"), "{shown}");
}

#[test]
fn one_series_or_a_scalar_is_the_value() {
    assert_eq!(read(200, &success("vector", &json!([series("99.5")]))), Measurement::Value(99.5));
    assert_eq!(read(200, &success("scalar", &json!([1_700_000_000, "2"]))), Measurement::Value(2.0));
    assert_eq!(read(200, &success("vector", &json!([series("1e-3")]))), Measurement::Value(0.001));
}

#[test]
fn a_result_is_scaled_to_the_unit_of_the_kpi() {
    let body = success("vector", &json!([series("0.25")])).to_string().into_bytes();
    let measured = told(&Ask { scale: 1000.0, ..ask() }, &HttpResponse::new(200, body));
    assert_eq!(measured, Measurement::Value(250.0));
}

#[test]
fn an_empty_result_is_no_data_and_names_the_first_selector() {
    let empty = success("vector", &json!([]));
    let why = "the result is empty; the first selector is errors_total{app=\"a b\"}";
    assert_eq!(read(200, &empty), NoData(format!("no values found for custom metric: errors: {why}")));
    let answer = HttpResponse::new(200, empty.to_string().into_bytes());
    let origin = Origin::Builtin { router: "istio".to_owned(), target: "podinfo.test".to_owned() };
    let builtin = told(&Ask { kpi: "request-success-rate".to_owned(), origin, ..ask() }, &answer);
    let flagger =
        "no values found for istio metric request-success-rate probably podinfo.test is not receiving traffic";
    assert_eq!(builtin, NoData(format!("{flagger}: {why}")));
    let inline = told(&Ask { origin: Origin::Inline, ..ask() }, &answer);
    assert_eq!(inline, NoData(format!("no values found for metric: errors: {why}")));
}

#[test]
fn what_is_no_finite_number_is_no_data() {
    for value in ["NaN", "+Inf", "-Inf"] {
        let measured = read(200, &success("vector", &json!([series(value)])));
        assert!(matches!(&measured, NoData(text) if text.contains("as of a division by 0")), "{value}: {measured:?}");
    }
}

#[test]
fn what_is_not_one_number_is_an_error_that_tells_what_to_write() {
    let two = success("vector", &json!([series("1"), series("2")]));
    let said = "Metric query failed for errors: the query gives 2 series and a KPI is one; wrap it in sum(…)";
    assert_eq!(read(200, &two), Error(said.to_owned()));
    let histogram = json!({"metric": {}, "histogram": [1, {"count": "1", "sum": "1", "buckets": []}]});
    let range = json!([{"metric": {}, "values": [[1, "1"], [2, "2"]]}]);
    for (kind, result, cure) in [
        ("matrix", range, "avg_over_time"),
        ("vector", json!([histogram]), "whose result is one number"),
        ("string", json!([1, "text"]), "whose result is one number"),
        ("vector", json!([series("text")]), "whose result is one number"),
    ] {
        let measured = read(200, &success(kind, &result));
        assert!(matches!(&measured, Error(text) if text.contains(cure)), "{kind}: {measured:?}");
    }
}

#[test]
fn a_refusal_is_told_in_the_words_of_prometheus_at_bounded_length() {
    let refused =
        json!({"status": "error", "errorType": "bad_data", "error": "1:5: parse error: unexpected end of input"});
    let said = "Metric query failed for errors: Prometheus answered 400: 1:5: parse error: unexpected end of input";
    assert_eq!(read(400, &refused), Error(said.to_owned()));
    let said = "Metric query failed for errors: Prometheus says 1:5: parse error: unexpected end of input";
    assert_eq!(read(200, &refused), Error(said.to_owned()));
    let long = told(&ask(), &HttpResponse::new(502, vec![b'x'; 100_000]));
    assert!(matches!(&long, Error(text) if text.len() < 400 && text.contains("answered 502: xxx")), "{long:?}");
    assert!(matches!(read(401, &json!({})), Error(text) if text.contains("name it in secretRef")));
}

#[test]
fn a_page_of_another_server_is_told_from_an_answer() {
    let page = HttpResponse::new(200, b"<!DOCTYPE html>\n<title>x</title>".to_vec());
    let said = "Metric query failed for errors: the answer is not of Prometheus' query API but begins with \"<!DOCTYPE html> <title>x</title>\"; write its base URL as address";
    assert_eq!(told(&ask(), &page), Error(said.to_owned()));
}

#[test]
fn what_a_real_prometheus_said_is_understood() {
    let recorded: Vec<Value> = serde_json::from_str(include_str!("testdata/prometheus-2.42.json")).unwrap();
    let mut understood = BTreeMap::new();
    for answer in &recorded {
        let status = u16::try_from(answer["status"].as_u64().unwrap()).unwrap();
        understood.insert(answer["query"].as_str().unwrap(), read(status, &answer["body"]));
    }
    assert_eq!(understood.remove("vector(1)"), Some(Measurement::Value(1.0)));
    assert_eq!(understood.remove("up"), Some(Measurement::Value(1.0)));
    assert_eq!(understood.remove("1.5"), Some(Measurement::Value(1.5)));
    for query in ["nope{a=\"b\"}", "vector(0) / 0", "1 / 0"] {
        assert!(matches!(understood.remove(query), Some(NoData(_))), "{query}");
    }
    for (query, cure) in [
        ("\"text\"", "the result is a string that holds no number"),
        ("up[2s]", "wrap it in avg_over_time(…)"),
        ("sum(rate(nope[", "answered 400: invalid parameter \"query\": 1:15: parse error"),
        ("label_replace(up, \"a\", \"b\", \"c\", \"(\")", "answered 422: invalid regular expression"),
        ("{__name__=~\"prometheus_tsdb_head_(min|max)_time\"}", "gives 2 series and a KPI is one"),
        ("", "answered 400: invalid parameter \"query\": 1:1: parse error: no expression found"),
        ("at a wrong address", "answered 404: its query API is not there; write its base URL"),
    ] {
        let measured = understood.remove(query);
        assert!(matches!(&measured, Some(Error(text)) if text.contains(cure)), "{query}: {measured:?}");
    }
    assert!(understood.is_empty(), "{understood:?}");
}
