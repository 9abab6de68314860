//! Situations of a cluster and its Prometheus, and what is said of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::http::HttpResponse;
use crate::metric::diagnosis::{Heard, Reply};
use crate::object::{FakeStore, kinds};
use crate::scene::{Defaults, Scene};

fn deployment(name: &str, ready: u32) -> Value {
    json!({
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "shop", "generation": 1},
        "spec": {
            "replicas": 3,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "app", "image": "a"}]}},
        },
        "status": {"observedGeneration": 1, "replicas": 3, "updatedReplicas": 3, "availableReplicas": ready},
    })
}

fn template(query: &str) -> Value {
    let provider =
        json!({"type": "prometheus", "address": "http://me:secret@prom:9090", "secretRef": {"name": "prom"}});
    json!({"metadata": {"name": "error-budget", "namespace": "shop"}, "spec": {"provider": provider, "query": query}})
}

/// Canary `cart` in `shop` with one metric.
fn canary(metric: &Value) -> Value {
    json!({
        "apiVersion": "flagger.app/v1beta1",
        "kind": "Canary",
        "metadata": {"name": "cart", "namespace": "shop", "uid": "u", "generation": 1},
        "spec": {
            "provider": "istio",
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "cart"},
            "service": {"port": 80},
            "analysis": {"interval": "1m", "threshold": 5, "stepWeight": 10, "metrics": [metric]},
        },
    })
}

fn budget() -> Value {
    json!({"name": "error-budget", "templateRef": {"name": "error-budget"}, "thresholdRange": {"max": 1}})
}

fn success_rate() -> Value {
    json!({"name": "request-success-rate", "interval": "1m", "thresholdRange": {"min": 99}})
}

const QUERY: &str = r#"sum(rate(http_errors_total{namespace="{{ namespace }}",app="{{ target }}"}[{{ interval }}]))"#;
const ON_PRIMARY: &str = r#"sum(rate(http_errors_total{namespace="shop",app="cart-primary"}[1m]))"#;

fn scene(canary: Value, objects: &[(&str, Value)]) -> Scene {
    let mut store = FakeStore::default();
    for (name, object) in objects {
        let kind = if object["kind"] == "Deployment" { kinds::DEPLOYMENT } else { kinds::METRIC_TEMPLATE };
        store.put(kind.named("shop", *name), object.clone());
    }
    Scene {
        canary: serde_json::from_value(canary).unwrap(),
        objects: store.objects().clone(),
        defaults: Arc::new(Defaults::default()),
        unserved: BTreeSet::new(),
    }
}

/// The cluster after the Canary was taken over: a primary serves.
fn initialized(metric: &Value) -> Scene {
    let objects = [
        ("cart", deployment("cart", 3)),
        ("cart-primary", deployment("cart-primary", 3)),
        ("error-budget", template(QUERY)),
    ];
    scene(canary(&with_interval(metric)), &objects)
}

fn with_interval(metric: &Value) -> Value {
    let mut metric = metric.clone();
    metric["interval"] = json!("1m");
    metric
}

fn vector(series: &Value) -> Reply {
    let body = json!({"status": "success", "data": {"resultType": "vector", "result": series}});
    Reply::Answered(HttpResponse::new(200, body.to_string().into_bytes()))
}

fn value(value: &str) -> Reply {
    vector(&json!([{"metric": {}, "value": [1, value]}]))
}

fn labels(labels: &[Value]) -> Reply {
    let series: Vec<_> = labels.iter().map(|metric| json!({"metric": metric, "value": [1, "1"]})).collect();
    vector(&json!(series))
}

/// The check of the only KPI, where Prometheus knows these replies and finds nothing else.
fn kpi(scene: &Scene, replies: &[(&str, Reply)]) -> Check {
    kpi_with(scene, |query| {
        let known = replies.iter().find(|(known, _)| *known == query);
        known.map_or_else(|| vector(&json!([])), |(_, reply)| reply.clone())
    })
}

fn kpi_with(scene: &Scene, reply: impl Fn(&str) -> Reply) -> Check {
    let inquiry = match inquiries(scene, &scene.facts()).remove(0) {
        Ok(inquiry) => inquiry,
        Err(check) => return check,
    };
    let mut heard = Heard::new();
    for _ in 0..20 {
        match inquiry.next(&heard) {
            Next::Done(check) => return check,
            Next::Ask(asks) => heard.extend(asks.into_iter().map(|ask| (ask.query.clone(), reply(&ask.query)))),
        }
    }
    panic!("it asks for ever: {:?}", heard.keys())
}

fn said(check: &Check) -> (Outcome, &str, &str, &str) {
    (
        check.outcome,
        &check.sentence,
        check.reason.as_deref().unwrap_or_default(),
        check.hint.as_deref().unwrap_or_default(),
    )
}

#[test]
fn a_value_on_the_primary_is_fine_and_the_canarys_stands_beside_it() {
    let scene = initialized(&budget());
    let alone = kpi(&scene, &[(ON_PRIMARY, value("0.2"))]);
    assert_eq!(said(&alone), (Outcome::Fine, "0.20 <= 1 on the primary now", "", ""));
    let canary = r#"sum(rate(http_errors_total{namespace="shop",app="cart"}[1m]))"#;
    let both = kpi(&scene, &[(ON_PRIMARY, value("0.2")), (canary, value("3"))]);
    assert_eq!(both.sentence, "0.20 <= 1 on the primary now; 3.00 > 1 on the canary");
}

#[test]
fn a_value_of_a_canary_without_pods_is_marked() {
    let pods = r#"avg(up{pod=~"{{ target }}-.*"})"#;
    let mut at_rest = deployment("cart", 0);
    at_rest["status"] = json!({"observedGeneration": 1});
    let objects =
        [("cart", at_rest), ("cart-primary", deployment("cart-primary", 3)), ("error-budget", template(pods))];
    let replies = [(r#"avg(up{pod=~"cart-primary-.*"})"#, value("1")), (r#"avg(up{pod=~"cart-.*"})"#, value("1"))];
    let check = kpi(&scene(canary(&budget()), &objects), &replies);
    assert_eq!(check.sentence, "1.00 <= 1 on the primary now; 1.00 <= 1 on the canary, which has no pods");
}

#[test]
fn a_window_of_one_sample_is_lengthened_where_it_is_written() {
    let primary = |window: &str| {
        let query = QUERY.replace("{{ interval }}", window);
        let objects = [
            ("cart", deployment("cart", 3)),
            ("cart-primary", deployment("cart-primary", 3)),
            ("error-budget", template(&query)),
        ];
        let there = |query: &str| match query {
            query if query.starts_with("count(") => value("1"),
            query if query.starts_with("max(") => value("1"),
            _ => vector(&json!([])),
        };
        kpi_with(&scene(canary(&with_interval(&budget())), &objects), there).hint.unwrap()
    };
    let cure = "four times that at which Prometheus scrapes";
    assert_eq!(primary("1m"), format!("write a longer interval for this metric: {cure}"));
    assert_eq!(primary("5s"), format!("write a longer window in MetricTemplate shop/error-budget: {cure}"));
}

#[test]
fn a_wrong_label_is_named_with_the_right_one_and_where_to_write_it() {
    let renamed = r#"count(http_errors_total{app="cart-primary",kubernetes_namespace="shop"})"#;
    let check = kpi(
        &initialized(&budget()),
        &[
            ("count(http_errors_total)", value("9")),
            (r#"count(http_errors_total{app="cart-primary"})"#, value("3")),
            (r#"count by (namespace) (http_errors_total{app="cart-primary"})"#, labels(&[json!({})])),
            (
                r#"topk(5, http_errors_total{app="cart-primary"})"#,
                labels(&[
                    json!({"__name__": "http_errors_total", "app": "cart-primary", "kubernetes_namespace": "shop"}),
                ]),
            ),
            (renamed, value("3")),
        ],
    );
    assert_eq!(
        said(&check),
        (
            Outcome::Wrong,
            "the query finds nothing for the primary",
            r#"http_errors_total exists, but never with namespace="shop"; it has kubernetes_namespace="shop""#,
            r#"write kubernetes_namespace="{{ namespace }}" in MetricTemplate shop/error-budget"#,
        )
    );
}

#[test]
fn a_primary_without_requests_is_told_to_get_some() {
    let scene = initialized(&success_rate());
    let there = |query: &str| match query {
        query if query.starts_with("sum(rate(istio_requests_total") && !query.contains("cart-primary") => {
            vector(&json!([]))
        }
        query if query.starts_with("sum(") => value("NaN"),
        query if query.starts_with("max(count_over_time") => value("4"),
        _ => value("1"),
    };
    let check = kpi_with(&scene, there);
    let reason = "its series are there, but the result is no number: nothing was counted";
    let hint = "send cart-primary some traffic within 1m; a canary without any would fail this check too";
    assert_eq!(said(&check), (Outcome::Wrong, "the query finds nothing for the primary", reason, hint));
}

#[test]
fn an_error_rate_without_errors_is_told_to_count_none_as_zero() {
    let query = r#"sum(rate(r{app="{{ target }}",code=~"5.*"}[1m])) / sum(rate(r{app="{{ target }}"}[1m]))"#;
    let objects = [
        ("cart", deployment("cart", 3)),
        ("cart-primary", deployment("cart-primary", 3)),
        ("error-budget", template(query)),
    ];
    let check = kpi(
        &scene(canary(&budget()), &objects),
        &[
            (r#"count(r{app="cart-primary"})"#, value("3")),
            ("count(r)", value("3")),
            (r#"count by (code) (r{app="cart-primary"})"#, labels(&[json!({"code": "200"}), json!({"code": "301"})])),
        ],
    );
    let reason = r#"no series of r has code=~"5.*" (it has code="200", "301"), and where a part of the query finds nothing, so does the whole"#;
    let hint = "write that part as (sum(…) or vector(0)) in MetricTemplate shop/error-budget, so that none counts as 0";
    assert_eq!(said(&check), (Outcome::Wrong, "the query finds nothing for the primary", reason, hint));
}

#[test]
fn a_limit_that_the_primary_itself_misses_is_a_warning() {
    let check = kpi(&initialized(&budget()), &[(ON_PRIMARY, value("7"))]);
    assert_eq!(check.outcome, Outcome::Warning);
    assert_eq!(check.sentence, "7.00 > 1 on the primary now");
    assert!(check.reason.unwrap().ends_with("a canary that is just as good would be rolled back"));
}

#[test]
fn a_service_with_fewer_requests_than_its_canary_must_have_is_a_warning() {
    let of = |least: u32| {
        let mut metric = success_rate();
        metric["minRequests"] = json!(least);
        // Two a second.
        kpi_with(&initialized(&metric), |query| value(if query.ends_with("* 100") { "99.5" } else { "2" }))
    };
    assert_eq!(of(120).outcome, Outcome::Fine);
    let check = of(121);
    let reason = " had 120 requests within 1m, and a canary must have had 121";
    let (outcome, _, why, hint) = said(&check);
    assert!(outcome == Outcome::Warning && why.contains(reason), "{why}");
    assert_eq!(hint, "write a longer interval for the metric, or a smaller minRequests");
}

#[test]
fn a_prometheus_that_does_not_answer_leaves_it_open_and_keeps_its_password() {
    let check = kpi(&initialized(&budget()), &[(ON_PRIMARY, Reply::Silent("connection refused".to_owned()))]);
    let hint = "correct spec.provider.address of the template; where it answers only inside of the cluster, run it in serin's \
                pod: kubectl -n serin-system exec deploy/serin -- serin check canary cart -n shop";
    assert_eq!(
        said(&check),
        (Outcome::Unknown, "Prometheus at http://…@prom:9090 does not answer", "connection refused", hint)
    );
}

#[test]
fn a_secret_that_this_person_may_not_read_leaves_it_open() {
    let check =
        kpi(&initialized(&budget()), &[(ON_PRIMARY, Reply::Hidden("get Secret/prom.shop is forbidden".to_owned()))]);
    let (outcome, sentence, reason, hint) = said(&check);
    assert_eq!((outcome, sentence), (Outcome::Unknown, "the credentials for Prometheus cannot be read from here"));
    assert!(reason.contains("forbidden") && hint.starts_with("run it in serin's pod"), "{check:?}");
}

#[test]
fn refused_credentials_a_wrong_address_and_a_missing_secret_have_their_own_sentences() {
    let scene = initialized(&budget());
    let answered = |status, body: &str| Reply::Answered(HttpResponse::new(status, body.as_bytes().to_vec()));
    for (reply, start) in [
        (answered(401, ""), "Prometheus answered 401: it wants other credentials"),
        (answered(404, "no"), "Prometheus answered 404: its query API is not there"),
        (answered(200, "<html>"), "the answer is not of Prometheus' query API but begins with \"<html>\""),
        (Reply::NotAsked("Secret prom.shop is not there".to_owned()), "Secret prom.shop is not there"),
    ] {
        let check = kpi(&scene, &[(ON_PRIMARY, reply)]);
        assert_eq!(check.outcome, Outcome::Wrong);
        assert!(check.sentence.starts_with(start), "{}", check.sentence);
    }
}

#[test]
fn before_there_is_a_primary_the_target_is_measured() {
    let scene =
        scene(canary(&with_interval(&budget())), &[("cart", deployment("cart", 3)), ("error-budget", template(QUERY))]);
    let on_target = r#"sum(rate(http_errors_total{namespace="shop",app="cart"}[1m]))"#;
    let check = kpi(&scene, &[(on_target, value("0"))]);
    assert_eq!(said(&check), (Outcome::Fine, "0.00 <= 1 on deploy/cart now; there is no primary yet", "", ""));
}

#[test]
fn a_query_that_says_the_same_for_both_sides_is_told() {
    let objects = [
        ("cart", deployment("cart", 3)),
        ("cart-primary", deployment("cart-primary", 3)),
        ("error-budget", template("sum(errors{service=\"{{ service }}\"})")),
    ];
    let check = kpi(&scene(canary(&budget()), &objects), &[("sum(errors{service=\"cart\"})", value("1"))]);
    let sentence =
        "1.00 <= 1 on the primary now; the query does not name {{ target }}, so both sides are judged by this value";
    assert_eq!(said(&check).1, sentence);
}

#[test]
fn a_query_that_names_the_canarys_service_is_asked_for_that_of_the_primary() {
    let query = r#"sum(x{service="{{ service }}-canary",pod=~"{{ target }}-canary.*"})"#;
    let objects = [
        ("cart", deployment("cart", 3)),
        ("cart-primary", deployment("cart-primary", 3)),
        ("error-budget", template(query)),
    ];
    let on_primary = r#"sum(x{service="cart-primary",pod=~"cart-primary.*"})"#;
    let check = kpi(&scene(canary(&budget()), &objects), &[(on_primary, value("1"))]);
    assert_eq!(check.outcome, Outcome::Fine, "{check:?}");
}

#[test]
fn a_missing_template_is_told_once_and_with_its_kpi() {
    let scene = scene(canary(&budget()), &[("cart", deployment("cart", 3))]);
    let check = kpi(&scene, &[]);
    assert!(check.sentence.contains("error-budget.shop error: it is not there"), "{}", check.sentence);
    let of_spec = spec(&scene, &scene.facts());
    assert_eq!(of_spec.iter().map(said).collect::<Vec<_>>(), [(Outcome::Fine, "every field can be served", "", "")]);
}

#[test]
fn the_workload_that_serves_is_looked_at() {
    let checked = |scene: &Scene| target(scene, &scene.facts());
    let fine = checked(&initialized(&budget())).unwrap();
    assert_eq!(said(&fine).1, "deploy/cart-primary serves, 3/3 ready, selector label app");
    let unready = scene(canary(&budget()), &[("cart", deployment("cart", 1))]);
    let check = checked(&unready).unwrap();
    assert_eq!((check.outcome, check.sentence.as_str()), (Outcome::Wrong, "1/3 ready, selector label app"));
    assert_eq!(check.hint.as_deref(), Some("kubectl -n shop describe deploy/cart"));
}

#[test]
fn a_missing_target_and_missing_crds_are_told_under_their_category() {
    let mut scene = scene(canary(&success_rate()), &[]);
    scene.unserved = route_kinds().into_iter().collect();
    let facts = scene.facts();
    let checks = spec(&scene, &facts);
    let of = |category| checks.iter().find(|check| check.category == category).map(|check| check.sentence.as_str());
    assert!(of(Category::Target).unwrap().starts_with("Deployment/cart is not in namespace shop"));
    assert!(of(Category::Router).unwrap().contains("which this cluster lacks"));
    assert_eq!(target(&scene, &facts), None);
    assert_eq!(router(&scene, &facts, &Account("me".to_owned()), &[]), None);
}

fn route_kinds() -> Vec<crate::object::Kind> {
    crate::route::find("istio").map(|router| router.kinds().to_vec()).unwrap_or_default()
}

#[test]
fn rights_that_lack_are_wrong_for_the_operator_and_a_warning_for_a_person() {
    let scene = initialized(&budget());
    let (facts, asked) = (scene.facts(), rights(&scene));
    let patch =
        asked.iter().find(|right| right.verb == "patch" && right.resource == "virtualservices").cloned().unwrap();
    let checked = |who: &str, lacking: &[Right]| router(&scene, &facts, &Account(who.to_owned()), lacking).unwrap();
    let serin = "system:serviceaccount:serin-system:serin";
    let fine = checked(serin, &[]);
    assert_eq!(fine.sentence, format!("{serin} may write DestinationRule and VirtualService in shop"));
    let wrong = checked(serin, std::slice::from_ref(&patch));
    assert_eq!(
        (wrong.outcome, wrong.sentence),
        (Outcome::Wrong, format!("{serin} may not patch virtualservices.networking.istio.io in shop"))
    );
    assert_eq!(checked("ann", &[patch]).outcome, Outcome::Warning);
}
