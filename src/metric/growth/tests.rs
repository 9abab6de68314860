//! The questions of a comparison, and what the answers say.

mod histograms;

use serde_json::{Value, json};

use super::*;
use crate::metric::Origin;
use crate::model::Builtin;
use crate::route;

fn ask(query: &str) -> Ask {
    Ask {
        provider: crate::metric::find("prometheus").unwrap(),
        address: "http://prometheus:9090".to_owned(),
        query: query.to_owned(),
        window: Duration::from_secs(60),
        headers: BTreeMap::new(),
        secret: None,
        region: None,
        trust: crate::http::Trust::System,
        scale: 1.0,
        kpi: "request-success-rate".to_owned(),
        origin: Origin::Builtin { router: "istio".to_owned(), target: "cart.shop".to_owned() },
    }
}

const SPAN: Span = Span { from: Time::from_millis(60_000), to: Time::from_millis(120_500), first: true };

fn shares() -> Growth {
    let side = |app: &str| {
        ask(&format!("sum(rate(r{{app=\"{app}\",code!~\"5.*\"}}[1m])) / sum(rate(r{{app=\"{app}\"}}[1m])) * 100"))
    };
    Growth::new(&side("c"), &side("p"), None, SPAN).unwrap()
}

fn buckets(limit: f64, scale: f64, suffix: &str) -> Option<Growth> {
    let side = |app: &str| {
        let query = format!("histogram_quantile(0.99, sum(rate(b{{app=\"{app}\"}}[1m])) by (le)){suffix}");
        Ask { scale, ..ask(&query) }
    };
    Growth::new(&side("c"), &side("p"), Some(limit), SPAN)
}

fn vector(series: &[(Value, &str)]) -> HttpResponse {
    let result: Vec<_> = series.iter().map(|(labels, value)| json!({"metric": labels, "value": [1, value]})).collect();
    let body = json!({"status": "success", "data": {"resultType": "vector", "result": result}});
    HttpResponse::new(200, body.to_string().into_bytes())
}

fn part(name: &str, value: &'static str) -> (Value, &'static str) {
    (json!({"serin_part": name}), value)
}

fn tally(bad: f64, total: f64) -> Tally {
    Tally { bad, total }
}

#[test]
fn both_ends_of_a_span_are_absolute_so_spans_neither_overlap_nor_leave_a_gap() {
    let growth = shares();
    let query = &growth.grown.query;
    let one = "label_replace(sum (((last_over_time(r{app=\"c\"}[3660500ms] @ 120.500) - (last_over_time(r{app=\"c\"}[3600000ms] @ 60.000) \
               or last_over_time(r{app=\"c\"}[3660500ms] @ 120.500) * 0)) >= 0) \
               unless on (job, instance) (sum by (job, instance) (resets(r{app=\"c\"}[120500ms] @ 120.500)) > 0)), \
               \"serin_part\", \"canary-all\", \"\", \"\")";
    assert!(query.contains(one), "{query}");
    for part in ["canary-good", "canary-all", "primary-good", "primary-all"] {
        assert_eq!(query.matches(&format!("\"{part}\"")).count(), 1, "{part}");
    }
    // A reset is seen by all requests: the failed ones may have come after it.
    assert_eq!(query.matches("resets(r{app=\"c\"}[").count(), 2);
    let next = Span { from: SPAN.to, to: Time::from_millis(180_000), first: false };
    let next = Growth::new(&ask(&QUERY.replace("APP", "c")), &ask(&QUERY.replace("APP", "p")), None, next).unwrap();
    assert!(next.grown.query.contains("[3600000ms] @ 120.500") && next.before.is_none());
}

const QUERY: &str = "sum(rate(r{app=\"APP\",code!~\"5.*\"}[1m])) / sum(rate(r{app=\"APP\"}[1m])) * 100";

#[test]
fn the_primary_alone_is_asked_about_before_the_release() {
    let before = shares().before.unwrap().query;
    assert_eq!(
        before,
        "(label_replace(sum ((r{app=\"p\",code!~\"5.*\"} - r{app=\"p\",code!~\"5.*\"} offset 60000ms) >= 0), \"serin_part\", \
         \"primary-good\", \"\", \"\") or label_replace(sum ((r{app=\"p\"} - r{app=\"p\"} offset 60000ms) >= 0), \"serin_part\", \
         \"primary-all\", \"\", \"\"))[3600000ms:60000ms] @ 60.000"
    );
}

#[test]
fn what_both_sides_counted_is_told_apart() {
    let answer = vector(&[
        part("canary-good", "97"),
        part("canary-all", "100"),
        part("primary-good", "900"),
        part("primary-all", "900"),
    ]);
    let Measurement::Both(Sample::Counted { canary, primary, before }) = shares().sample(&answer, None) else {
        panic!()
    };
    assert_eq!((canary, primary, before), (tally(3.0, 100.0), tally(0.0, 900.0), Vec::new()));
}

#[test]
fn no_good_request_is_no_series_and_all_of_them_were_bad() {
    let answer = vector(&[part("canary-all", "10"), part("primary-good", "90"), part("primary-all", "90")]);
    let Measurement::Both(Sample::Counted { canary, .. }) = shares().sample(&answer, None) else { panic!() };
    assert_eq!(canary, tally(10.0, 10.0));
}

#[test]
fn a_side_without_series_is_no_data_and_is_named() {
    for (missing, there) in [("canary", "primary"), ("primary", "canary")] {
        let answer = vector(&[(json!({"serin_part": format!("{there}-all")}), "10")]);
        let measured = shares().sample(&answer, None);
        assert!(
            matches!(&measured, Measurement::NoData(why) if why.starts_with(&format!("nothing was counted for the {missing}"))),
            "{measured:?}"
        );
    }
    let down = HttpResponse::new(503, Vec::new());
    assert!(matches!(shares().sample(&down, None), Measurement::Error(_)));
}

#[test]
fn the_past_of_the_primary_is_read_interval_by_interval() {
    let range = |name: &str, values: Value| json!({"metric": {"serin_part": name}, "values": values});
    let result = json!([
        range("primary-good", json!([[60, "9"], [120, "20"]])),
        range("primary-all", json!([[60, "10"], [120, "20"], [180, "30"]])),
    ]);
    let body = json!({"status": "success", "data": {"resultType": "matrix", "result": result}});
    let past = HttpResponse::new(200, body.to_string().into_bytes());
    let now = vector(&[part("canary-all", "1"), part("primary-all", "1")]);
    let Measurement::Both(Sample::Counted { before, .. }) = shares().sample(&now, Some(&past)) else { panic!() };
    assert_eq!(before, [tally(1.0, 10.0), tally(0.0, 20.0), tally(30.0, 30.0)]);
    assert!(matches!(shares().sample(&now, Some(&now)), Measurement::Error(_)), "no range");
}

#[test]
fn a_request_is_slow_above_the_bound_that_holds_the_limit() {
    let bucket = |side: &str, le: &str, value| (json!({"serin_part": format!("{side}-all"), "le": le}), value);
    let answer = vector(&[
        bucket("canary", "0.1", "5"),
        bucket("canary", "0.5", "80"),
        bucket("canary", "1", "95"),
        bucket("canary", "+Inf", "100"),
        bucket("primary", "0.1", "800"),
        bucket("primary", "0.5", "890"),
        bucket("primary", "1", "899"),
        bucket("primary", "+Inf", "900"),
    ]);
    let slow = |limit, scale, suffix| match buckets(limit, scale, suffix).unwrap().sample(&answer, None) {
        Measurement::Both(Sample::Counted { canary, primary, .. }) => (canary.bad, primary.bad),
        other => panic!("{other:?}"),
    };
    assert_eq!(slow(500.0, 1000.0, ""), (20.0, 10.0), "seconds, of which the router makes milliseconds");
    assert_eq!(slow(500.0, 1.0, " * 1000"), (20.0, 10.0), "and the query");
    assert_eq!(slow(501.0, 1000.0, ""), (5.0, 1.0), "within a bucket nothing is known to be slow");
    assert_eq!(slow(5000.0, 1000.0, ""), (0.0, 0.0));
}

#[test]
fn every_router_counts_its_requests_and_no_mean_is_taken_for_counters() {
    for router in route::ALL {
        let of = |builtin| {
            let query = router.query(builtin).query.split_whitespace().collect::<Vec<_>>().join(" ");
            Growth::new(&ask(&query), &ask(&query), Some(500.0), SPAN)
        };
        assert!(of(Builtin::SuccessRate).is_some(), "{:?}", router.providers());
        assert_eq!(
            of(Builtin::Duration).is_some(),
            router.query(Builtin::Duration).query.starts_with("histogram_quantile"),
            "{:?}",
            router.providers()
        );
    }
    assert!(buckets(500.0, 1.0, " by (le)").is_none());
}

#[test]
fn many_spans_of_one_length_end_at_the_moments_that_are_asked_about() {
    let [canary, primary] = ["c", "p"].map(|app| ask(&QUERY.replace("APP", app)));
    let growth = Growth::every(&canary, &primary, None, Duration::from_secs(15)).unwrap();
    let one = "((last_over_time(r{app=\"p\"}[3615000ms]) - (last_over_time(r{app=\"p\"}[3600000ms] offset 15000ms) or \
               last_over_time(r{app=\"p\"}[3615000ms]) * 0)) >= 0) \
               unless on (job, instance) (sum by (job, instance) (resets(r{app=\"p\"}[75000ms])) > 0)";
    assert!(growth.grown.query.contains(one), "{}", growth.grown.query);
    assert!(!growth.grown.query.contains('@') && growth.before.is_none());
    let range = |name: &str, values: Value| json!({"metric": {"serin_part": name}, "values": values});
    let result = json!([
        range("canary-good", json!([[75, "9"]])),
        range("canary-all", json!([[75, "10"]])),
        range("primary-good", json!([[60, "90"], [75, "89"]])),
        range("primary-all", json!([[60, "90"], [75, "90"]])),
    ]);
    let body = json!({"status": "success", "data": {"resultType": "matrix", "result": result}});
    let tallies = growth.tallies(&HttpResponse::new(200, body.to_string().into_bytes())).unwrap();
    let at = Time::from_millis;
    assert_eq!(
        tallies,
        [(at(60_000), [None, Some(tally(0.0, 90.0))]), (at(75_000), [Some(tally(1.0, 10.0)), Some(tally(1.0, 90.0))])]
    );
}

#[test]
fn a_query_that_no_address_can_hold_goes_as_a_form_with_the_headers_of_the_user() {
    let identity = crate::metric::Identity::default();
    let means = crate::metric::Means { secret: None, session: None, identity: &identity, now: SPAN.to };
    let headers = BTreeMap::from([("x-scope-orgid".to_owned(), vec!["shop".to_owned()])]);
    let long = Ask { headers, ..shares().grown };
    let Ok(crate::metric::Request::Http(request)) = long.request(&means) else { panic!() };
    assert_eq!(request.url, "http://prometheus:9090/api/v1/query");
    let header = |name: &str| request.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
    assert_eq!(header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(header("x-scope-orgid"), Some("shop"));
    assert!(request.body.starts_with(b"query=label_replace%28"));
}
