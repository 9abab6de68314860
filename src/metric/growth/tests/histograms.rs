//! Queries of histograms that anybody wrote, and what their buckets say.

use super::*;

fn by_bucket(query: &str, scale: f64) -> Option<Growth> {
    let side = |app: &str| Ask { scale, ..ask(&query.replace("APP", app)) };
    Growth::by_bucket(&side("c"), &side("p"), SPAN)
}

const PLAIN: &str = "histogram_quantile(0.99, sum(rate(b{app=\"APP\"}[1m])) by (le))";

fn bucket(side: &str, le: &str, value: &'static str) -> (Value, &'static str) {
    (json!({"serin_part": format!("{side}-all"), "le": le}), value)
}

fn sampled(series: &[(Value, &str)]) -> Measurement {
    by_bucket(PLAIN, 1000.0).unwrap().sample(&vector(series), None)
}

#[test]
fn a_histogram_is_read_however_its_query_is_laid_out() {
    let layouts = [
        PLAIN,
        "histogram_quantile(\n  0.95,\n  sum by (le) (\n    increase(b{app=\"APP\"}[2m])\n  )\n)",
        "histogram_quantile(0.5,sum(irate(b{app=\"APP\"} [30s]))by(le))",
    ];
    for layout in layouts {
        let growth = by_bucket(layout, 1.0).unwrap_or_else(|| panic!("{layout}"));
        let query = &growth.grown.query;
        assert!(query.contains("label_replace(sum by (le) (((last_over_time(b{app=\"c\"}["), "{query}");
        assert!(growth.before.unwrap().query.starts_with("(label_replace(sum by (le) ((b{app=\"p\"} - "));
    }
    let others = [
        "histogram_quantile(0.99, sum(rate(b{app=\"APP\"}[1m])) by (le, pod))",
        "histogram_quantile(0.99, sum(rate(b{app=\"APP\"}[1m] offset 5m)) by (le))",
        "histogram_quantile(0.99, sum(rate(b{app=\"APP\"}[1m])) by (le)) - 5",
        "histogram_quantile(0.99, sum(rate(b{app=\"APP\"}[1m]) + rate(c[1m])) by (le))",
        "histogram_quantile(0.99, max(rate(b{app=\"APP\"}[1m])) by (le))",
        "avg(rate(b{app=\"APP\"}[1m]))",
    ];
    for other in others {
        assert!(by_bucket(other, 1.0).is_none(), "{other}");
    }
}

#[test]
fn bounds_are_in_the_unit_of_the_kpi_and_rise() {
    let series = [
        bucket("canary", "+Inf", "10"),
        bucket("canary", "0.5", "9"),
        bucket("canary", "0.1", "4"),
        bucket("primary", "0.1", "50"),
        bucket("primary", "+Inf", "90"),
    ];
    let Measurement::Both(Sample::Bucketed { canary, primary, before }) = sampled(&series) else { panic!() };
    assert_eq!(canary, Buckets { within: vec![(100.0, 4.0), (500.0, 9.0)], total: 10.0 });
    assert_eq!((primary.within, primary.total, before.len()), (vec![(100.0, 50.0)], 90.0, 0));
    let scaled = by_bucket(&format!("{PLAIN} * 1000"), 1.0).unwrap().sample(&vector(&series), None);
    assert_eq!(scaled, sampled(&series), "by the query as by the router");
}

#[test]
fn buckets_without_le_or_without_the_last_one_are_nothing_counted() {
    let told = |series: &[(Value, &str)]| match sampled(series) {
        Measurement::NoData(why) => why,
        other => panic!("{other:?}"),
    };
    let fine = bucket("primary", "+Inf", "9");
    let why = told(&[part("canary-all", "5"), fine.clone()]);
    assert_eq!(why, "nothing was counted for the canary; the first selector is b{app=\"c\"}");
    assert_eq!(told(&[bucket("canary", "0.5", "5"), bucket("canary", "NaN", "5"), fine.clone()]), why);
    assert_eq!(told(&[fine]), why, "a side of which there is nothing");
    assert!(told(&[bucket("canary", "+Inf", "5")]).starts_with("nothing was counted for the primary"));
}

#[test]
fn intervals_before_the_release_come_with_all_their_buckets() {
    let range = |le: &str, values: Value| json!({"metric": {"serin_part": "primary-all", "le": le}, "values": values});
    let result = json!([range("0.1", json!([[60, "3"], [75, "4"]])), range("+Inf", json!([[60, "5"], [75, "4"]]))]);
    let body = json!({"status": "success", "data": {"resultType": "matrix", "result": result}});
    let past = HttpResponse::new(200, body.to_string().into_bytes());
    let now = vector(&[bucket("canary", "+Inf", "1"), bucket("primary", "+Inf", "1")]);
    let Measurement::Both(Sample::Bucketed { before, .. }) =
        by_bucket(PLAIN, 1000.0).unwrap().sample(&now, Some(&past))
    else {
        panic!()
    };
    let one = |within, total| Buckets { within: vec![(100.0, within)], total };
    assert_eq!(before, [one(3.0, 5.0), one(4.0, 4.0)]);
}

#[test]
fn every_router_whose_durations_are_a_histogram_has_its_buckets() {
    for router in route::ALL {
        let query = router.query(Builtin::Duration).query.split_whitespace().collect::<Vec<_>>().join(" ");
        let growth = Growth::by_bucket(&ask(&query), &ask(&query), SPAN);
        assert_eq!(growth.is_some(), query.starts_with("histogram_quantile"), "{:?}", router.providers());
    }
}
