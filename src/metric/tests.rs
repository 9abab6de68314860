//! Laws over all providers, and what Prometheus is asked and understood to say.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::model::Measurement::{Error, NoData};

fn ask() -> Ask {
    Ask {
        provider: &prometheus::Prometheus,
        address: "http://prometheus.monitoring:9090".to_owned(),
        query: "sum(rate(errors_total{app=\"a b\"}[1m]))".to_owned(),
        interval: "1m".to_owned(),
        headers: BTreeMap::new(),
        secret: None,
        region: None,
        trust: Trust::System,
        scale: 1.0,
        kpi: "errors".to_owned(),
        origin: Origin::Template,
    }
}

fn with_secret(pairs: &[(&str, &str)]) -> Result<HttpRequest, Measurement> {
    let secret = Some(SecretName { namespace: "monitoring".to_owned(), name: "prom".to_owned() });
    let data = pairs.iter().map(|(k, v)| ((*k).to_owned(), v.as_bytes().to_vec())).collect();
    Ask { secret, ..ask() }.request(Some(&data))
}

fn read(status: u16, body: &Value) -> Measurement {
    ask().read(&HttpResponse::new(status, body.to_string().into_bytes()))
}

fn success(kind: &str, result: &Value) -> Value {
    json!({"status": "success", "data": {"resultType": kind, "result": result}})
}

fn series(value: &str) -> Value {
    json!({"metric": {"app": "a"}, "value": [1_700_000_000.123, value]})
}

#[test]
fn the_query_goes_to_the_api_below_the_address() {
    let url = |address: &str| Ask { address: address.to_owned(), ..ask() }.request(None).map(|r| r.url);
    let query = "query=sum%28rate%28errors_total%7Bapp%3D%22a+b%22%7D%5B1m%5D%29%29";
    assert_eq!(url("http://p:9090"), Ok(format!("http://p:9090/api/v1/query?{query}")));
    assert_eq!(url("https://p/prom/"), Ok(format!("https://p/prom/api/v1/query?{query}")));
    assert_eq!(url(" http://p/a?dedup=true "), Ok(format!("http://p/a/api/v1/query?dedup=true&{query}")));
}

#[test]
fn a_provider_that_does_not_answer_is_named_by_its_address_without_its_password() {
    let down = Ask { address: "http://me:secret@prom:9090".to_owned(), ..ask() }.unanswered("Connection refused");
    let sentence = "Metric query failed for errors: http://…@prom:9090: Connection refused";
    assert_eq!(down, Error(sentence.to_owned()));
}

#[test]
fn an_address_that_is_no_url_is_refused_without_its_password() {
    let refused = |address: &str| Ask { address: address.to_owned(), ..ask() }.request(None).unwrap_err();
    let sentence = "Metric query failed for errors: prometheus:9090 is no http or https URL; write one, for example http://prometheus.monitoring:9090";
    assert_eq!(refused("prometheus:9090"), Error(sentence.to_owned()));
    let Error(text) = refused("ftp://me:secret@host") else { panic!("no error") };
    assert!(text.contains("ftp://…@host is no http") && !text.contains("secret"), "{text}");
}

#[test]
fn a_token_is_a_bearer_and_comes_before_user_and_password() {
    let request = with_secret(&[("token", "abc\n"), ("username", "u")]).unwrap();
    assert_eq!(request.credentials, Credentials::Bearer("abc".to_owned()));
    let request = with_secret(&[("username", "u"), ("password", "p")]).unwrap();
    assert_eq!(request.credentials, Credentials::Basic("u".to_owned(), "p".to_owned()));
    assert_eq!(ask().request(None).unwrap().credentials, Credentials::None);
}

#[test]
fn what_a_secret_lacks_is_named() {
    let refused = |pairs: &[(&str, &str)]| match with_secret(pairs) {
        Err(Error(text)) => text,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        refused(&[("username", "u")]),
        "Metric query failed for errors: Secret prom.monitoring has no password; write the key token, or both username and password"
    );
    assert!(refused(&[("password", "p")]).contains("has no username;"));
    assert!(refused(&[]).contains("has no token and no username;"));
    assert!(refused(&[("token", "a\nb")]).contains("has a key token that is no plain text of one line"));
    let secret = Some(SecretName { namespace: "monitoring".to_owned(), name: "prom".to_owned() });
    let missing = Ask { secret, ..ask() }.request(None).unwrap_err();
    let sentence = "Metric query failed for errors: Secret prom.monitoring is not there; apply it, or drop secretRef";
    assert_eq!(missing, Error(sentence.to_owned()));
}

#[test]
fn headers_are_sent_and_credentials_replace_an_authorization_among_them() {
    let headers = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), vec![(*v).to_owned()])).collect::<BTreeMap<_, _>>()
    };
    let plain = Ask { headers: headers(&[("X-Scope-OrgID", "1"), ("authorization", "Custom x")]), ..ask() };
    let sent: Vec<_> = plain.request(None).unwrap().headers;
    assert_eq!(sent.len(), 2);
    let secret = Some(SecretName { namespace: "m".to_owned(), name: "s".to_owned() });
    let data = [("token".to_owned(), b"t".to_vec())].into();
    let sent = Ask { secret, ..plain }.request(Some(&data)).unwrap().headers;
    assert_eq!(sent, [("X-Scope-OrgID".to_owned(), "1".to_owned())]);
    for bad in [("a b", "x"), ("", "x"), ("a", "x\r\ny: z")] {
        let refused = Ask { headers: headers(&[bad]), ..ask() }.request(None).unwrap_err();
        assert!(matches!(refused, Error(text) if text.contains("cannot be sent")), "{bad:?}");
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
    let measured = Ask { scale: 1000.0, ..ask() }.read(&HttpResponse::new(200, body));
    assert_eq!(measured, Measurement::Value(250.0));
}

#[test]
fn an_empty_result_is_no_data_and_names_the_first_selector() {
    let empty = success("vector", &json!([]));
    let why = "the result is empty; the first selector is errors_total{app=\"a b\"}";
    assert_eq!(read(200, &empty), NoData(format!("no values found for custom metric: errors: {why}")));
    let answer = HttpResponse::new(200, empty.to_string().into_bytes());
    let origin = Origin::Builtin { router: "istio".to_owned(), target: "podinfo.test".to_owned() };
    let builtin = Ask { kpi: "request-success-rate".to_owned(), origin, ..ask() }.read(&answer);
    let flagger =
        "no values found for istio metric request-success-rate probably podinfo.test is not receiving traffic";
    assert_eq!(builtin, NoData(format!("{flagger}: {why}")));
    let inline = Ask { origin: Origin::Inline, ..ask() }.read(&answer);
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
    let long = ask().read(&HttpResponse::new(502, vec![b'x'; 100_000]));
    assert!(matches!(&long, Error(text) if text.len() < 400 && text.contains("answered 502: xxx")), "{long:?}");
    assert!(matches!(read(401, &json!({})), Error(text) if text.contains("name it in secretRef")));
}

#[test]
fn a_page_of_another_server_is_told_from_an_answer() {
    let page = HttpResponse::new(200, b"<!DOCTYPE html>\n<title>x</title>".to_vec());
    let said = "Metric query failed for errors: the answer is not of Prometheus' query API but begins with \"<!DOCTYPE html> <title>x</title>\"; write its base URL as address";
    assert_eq!(ask().read(&page), Error(said.to_owned()));
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

#[test]
fn providers_are_found_by_name_and_sorted() {
    assert!(ALL.is_sorted_by(|a, b| a.name() < b.name()));
    for provider in ALL {
        assert_eq!(find(provider.name()).map(Provider::name), Some(provider.name()));
    }
    assert!(find("nagios").is_none());
}

/// JSON near enough to an answer to reach every branch.
fn answers() -> impl Strategy<Value = Vec<u8>> {
    let kinds = prop::sample::select(vec!["vector", "matrix", "scalar", "string", "other"]);
    let text = prop_oneof![Just("1".to_owned()), Just("NaN".to_owned()), any::<String>()];
    let near = (kinds, prop::collection::vec(text, 0..3)).prop_map(|(kind, values)| {
        let result: Vec<Value> = values.iter().map(|v| series(v)).collect();
        success(kind, &json!(result)).to_string().into_bytes()
    });
    prop_oneof![near, any::<Vec<u8>>()]
}

proptest! {
    #[test]
    fn any_answer_gives_a_finite_value_or_a_bounded_sentence(status in 100_u16..600, body in answers()) {
        for provider in ALL {
            match (Ask { provider: *provider, ..ask() }).read(&HttpResponse::new(status, body.clone())) {
                Measurement::Value(value) => prop_assert!(value.is_finite()),
                NoData(text) | Error(text) => prop_assert!(text.len() < 2_000, "{}", text),
            }
        }
    }

    #[test]
    fn a_request_is_the_same_for_the_same_question(query in any::<String>(), token in "[ -~]{1,20}") {
        let secret = Some(SecretName { namespace: "m".to_owned(), name: "s".to_owned() });
        let data: SecretData = [("token".to_owned(), token.into_bytes())].into();
        for provider in ALL {
            let ask = Ask { provider: *provider, query: query.clone(), secret: secret.clone(), ..ask() };
            prop_assert!(ask.request(Some(&data)) == ask.request(Some(&data)));
            prop_assert!(ask.request(Some(&data)).is_ok());
        }
    }
}
