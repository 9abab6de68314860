//! What users of this route may rely on, each once broken somewhere.

use serde_json::{Value, json};

use super::{Scene, canary_cookie, key, primary_cookie, rule_key, split, sticky};
use crate::model::{Affinity, Builtin, Mirror, Percent, Routing};
use crate::object::Change;
use crate::route::Router;
use crate::route::istio::Istio;

const INSIDERS: &str = "insider";

fn insiders() -> Value {
    json!({"match": [{"headers": {"x-canary": {"exact": INSIDERS}}}]})
}

/// Edits the VirtualService as a person would.
fn edit(scene: &mut Scene, patch: Value) {
    let changes = [Change::Merge(key(), patch)];
    scene.write(&changes);
}

#[test]
fn a_repair_keeps_the_weights() {
    let mut scene = Scene::of(&json!({}));
    scene.route(&split(40));
    edit(&mut scene, json!({"spec": {"hosts": ["elsewhere"]}}));
    assert_eq!(scene.read(), Some(split(40)));
    scene.route(&split(40));
    assert_eq!(scene.found()["spec"]["hosts"], json!(["podinfo"]));
    assert_eq!(scene.read(), Some(split(40)));
}

#[test]
fn an_edit_of_the_service_in_mid_release_keeps_the_weights() {
    let mut scene = Scene::of(&json!({}));
    scene.route(&split(40));
    let mut scene = scene.edited(&json!({"timeout": "9s"}));
    let changes = scene.render(&split(40)).expect("it renders");
    assert_eq!(changes.len(), 1);
    scene.write(&changes);
    assert_eq!(scene.http()[0]["timeout"], "9s");
    assert_eq!(scene.read(), Some(split(40)));
}

#[test]
fn foreign_labels_and_annotations_stay() {
    let theirs = json!({"metadata": {"labels": {"a": "1"}, "annotations": {"external-dns": "x"}}, "spec": {}});
    let mut scene = Scene::of(&json!({"apex": {"labels": {"b": "2"}}})).with(theirs);
    scene.route(&split(10)).route(&split(20));
    assert_eq!(scene.found()["metadata"]["labels"], json!({"a": "1", "b": "2"}));
    assert_eq!(scene.found()["metadata"]["annotations"]["external-dns"], "x");
}

#[test]
fn other_parts_of_the_virtual_service_stay() {
    let tls = json!([{"match": [{"sniHosts": ["a"]}], "route": [{"destination": {"host": "a"}}]}]);
    let tcp = json!([{"route": [{"destination": {"host": "mysql"}}]}]);
    let theirs = json!({"spec": {"exportTo": ["."], "tls": tls, "tcp": tcp, "http": [{"fault": {}}]}});
    let mut scene = Scene::of(&json!({})).with(theirs);
    scene.route(&split(10));
    assert_eq!(scene.found()["spec"]["exportTo"], json!(["."]));
    assert_eq!(scene.found()["spec"]["tls"], tls);
    assert_eq!(scene.found()["spec"]["tcp"], tcp);
}

#[test]
fn rules_that_lead_elsewhere_stay_where_they_were() {
    let to = |host: &str| json!({"match": [{"uri": {"prefix": format!("/{host}")}}], "route": [{"destination": {"host": host}}]});
    let redirect = json!({"redirect": {"uri": "/shop"}});
    let http = json!([to("static"), to("podinfo"), redirect, to("podinfo.test.svc.cluster.local"), to("podinfo.prod")]);
    let mut scene = Scene::of(&json!({})).with(json!({"spec": {"http": http}}));
    scene.route(&split(10)).route(&sticky(20)).route(&split(30));
    assert_eq!(scene.read(), Some(split(30)));
    let rules = scene.http().as_array().cloned().unwrap_or_default();
    assert_eq!(rules.len(), 4);
    assert_eq!([&rules[0], &rules[2], &rules[3]], [&to("static"), &redirect, &to("podinfo.prod")]);
    assert_eq!(scene.release().found()["spec"]["http"], http);
}

#[test]
fn a_virtual_service_that_we_made_holds_nothing_but_our_rules() {
    let mut scene = Scene::of(&json!({}));
    scene.route(&split(10));
    let http = json!([{"route": [{"destination": {"host": "elsewhere"}}]}, scene.http()[0]]);
    edit(&mut scene, json!({"spec": {"http": http}}));
    assert_eq!(scene.route(&split(20)).http().as_array().map(Vec::len), Some(1));
}

#[test]
fn the_rule_for_everybody_else_always_carries_100() {
    for weight in [0, 50, 100] {
        let mut scene = Scene::analysed(&json!({}), &insiders());
        let rest = json!([{"destination": {"host": "podinfo-primary"}, "weight": 100}]);
        assert_eq!(scene.route(&split(weight)).http()[1]["route"], rest);
    }
}

#[test]
fn conditions_of_service_and_analysis_must_both_hold() {
    let service = json!({"match": [
        {"uri": {"prefix": "/a"}, "headers": {"x-region": {"exact": "eu"}}, "queryParams": {"v": {"exact": "2"}}},
        {"uri": {"prefix": "/b"}},
    ]});
    let analysis = json!({"match": [
        {"headers": {"x-canary": {"exact": INSIDERS}}, "queryParams": {"beta": {}}, "sourceLabels": {"app": "web"}},
    ]});
    let mut scene = Scene::analysed(&service, &analysis);
    let insider = json!({"exact": INSIDERS});
    let wanted = json!([
        {
            "uri": {"prefix": "/a"}, "headers": {"x-region": {"exact": "eu"}, "x-canary": insider},
            "queryParams": {"v": {"exact": "2"}, "beta": {}}, "sourceLabels": {"app": "web"},
        },
        {
            "uri": {"prefix": "/b"}, "headers": {"x-canary": insider},
            "queryParams": {"beta": {}}, "sourceLabels": {"app": "web"},
        },
    ]);
    assert_eq!(scene.route(&split(100)).http()[0]["match"], wanted);
    assert_eq!(scene.http()[1]["match"].as_array().map(Vec::len), Some(2));
}

#[test]
fn a_suffix_is_a_regular_expression_for_istio() {
    let analysis = json!({"match": [{"headers": {"host": {"suffix": ".beta"}}}]});
    let mut scene = Scene::analysed(&json!({}), &analysis);
    assert_eq!(scene.route(&split(100)).http()[0]["match"], json!([{"headers": {"host": {"regex": ".*\\.beta"}}}]));
}

#[test]
fn a_mirror_is_on_every_rule_that_leads_to_the_primary_and_not_on_the_canarys_own() {
    let mut scene = Scene::of(&json!({}));
    scene.route(&Routing { mirror: Mirror::All, ..sticky(10) });
    let mirrored: Vec<_> = (0..3).map(|i| scene.http()[i].get("mirror").is_some()).collect();
    assert_eq!(mirrored, [false, true, true]);
}

#[test]
fn only_the_rule_of_the_old_cookie_takes_it_back() {
    let service = json!({"headers": {"response": {"add": {"x-a": "1"}}}});
    let mut scene = Scene::of(&service);
    scene.route(&Routing { affinity: Affinity::Expire(canary_cookie()), ..split(0) });
    let added = |i: usize| scene.http()[i]["headers"]["response"]["add"].clone();
    assert_eq!(added(0), json!({"x-a": "1", "Set-Cookie": "flagger-cookie=AbCdEfGhIj; Max-Age=-1"}));
    assert_eq!(added(1), json!({"x-a": "1"}));
}

#[test]
fn a_cookie_is_taken_back_with_the_path_and_domain_that_it_was_given_with() {
    let affinity = json!({"cookieName": "flagger-cookie", "path": "/shop", "domain": "shop.example", "secure": true});
    let mut scene = Scene::analysed(&json!({}), &json!({"sessionAffinity": affinity}));
    scene.route(&Routing { affinity: Affinity::Expire(canary_cookie()), ..split(0) });
    let text = "flagger-cookie=AbCdEfGhIj; Max-Age=-1; Domain=shop.example; Path=/shop; Secure";
    assert_eq!(scene.http()[0]["headers"]["response"]["add"]["Set-Cookie"], text);
}

#[test]
fn the_primarys_cookie_lives_for_one_interval() {
    let mut scene = Scene::analysed(&json!({}), &json!({"interval": "2m"}));
    let cookie = "primary-cookie=KlMnOpQrSt; Max-Age=120";
    let given = &scene.route(&sticky(10)).http()[2]["route"][0]["headers"]["response"]["add"]["Set-Cookie"];
    assert_eq!(given, cookie);
}

#[test]
fn session_affinity_with_one_cookie_follows_edits_of_the_service() {
    let want = Routing { affinity: Affinity::Sticky { canary: canary_cookie(), primary: None }, ..split(10) };
    let mut scene = Scene::of(&json!({"match": [{"uri": {"prefix": "/a"}}]}));
    scene.route(&want);
    let mut scene = scene.edited(&json!({"match": [{"uri": {"prefix": "/b"}}]}));
    scene.route(&want);
    for rule in [0, 1] {
        assert_eq!(scene.http()[rule]["match"][0]["uri"]["prefix"], "/b", "rule {rule}");
    }
}

#[test]
fn a_users_own_condition_on_cookies_holds_beside_ours() {
    let service = json!({"match": [{"headers": {"Cookie": {"regex": ".*beta=1.*"}}}]});
    let mut scene = Scene::of(&service);
    let headers = &scene.route(&sticky(10)).http()[0]["match"][0]["headers"];
    assert_eq!(headers["Cookie"], json!({"regex": ".*beta=1.*"}));
    assert_eq!(headers["cookie"], json!({"regex": ".*flagger-cookie.*AbCdEfGhIj.*"}));
}

#[test]
fn cookies_are_read_back_whatever_else_sets_headers() {
    let service = json!({"headers": {"response": {"add": {"Set-Cookie": "mine=1; Max-Age=-1"}}}});
    let mut scene = Scene::of(&service);
    assert_eq!(scene.route(&split(10)).read(), Some(split(10)));
    assert_eq!(scene.route(&sticky(30)).read(), Some(sticky(30)));
    let primary = scene.read().map(|routing| routing.affinity);
    assert_eq!(primary, Some(Affinity::Sticky { canary: canary_cookie(), primary: Some(primary_cookie()) }));
}

#[test]
fn both_weights_at_zero_are_drift_and_no_error() {
    let mut scene = Scene::of(&json!({}));
    scene.route(&split(10));
    let route = json!([
        {"destination": {"host": "podinfo-primary"}, "weight": 0}, {"destination": {"host": "podinfo-canary"}, "weight": 0},
    ]);
    edit(&mut scene, json!({"spec": {"http": [{"route": route}]}}));
    assert_eq!(scene.read(), Some(split(0)));
    assert_eq!(scene.render(&split(0)).map(|changes| changes.len()), Ok(1));
}

#[test]
fn weights_that_do_not_sum_to_100_read_as_what_they_do_and_are_mended() {
    let cases = [(json!(5), json!(5), 5_000), (json!(50), json!(60), 5_455), (json!(null), json!(10), 10_000)];
    for (primary, canary, read) in cases {
        let read = Routing::split(Percent::hundredths(read));
        let mut scene = Scene::of(&json!({}));
        scene.route(&read);
        let route = json!([
            {"destination": {"host": "podinfo-primary"}, "weight": primary},
            {"destination": {"host": "podinfo-canary.test.svc.cluster.local"}, "weight": canary},
        ]);
        edit(&mut scene, json!({"spec": {"http": [{"route": route}]}}));
        assert_eq!(scene.read().as_ref(), Some(&read));
        assert_eq!(scene.render(&read).map(|changes| changes.len()), Ok(1));
    }
}

#[test]
fn a_canary_that_a_person_made_the_only_destination_has_everything() {
    let mut scene = Scene::of(&json!({}));
    scene.route(&split(10));
    edit(&mut scene, json!({"spec": {"http": [{"route": [{"destination": {"host": "podinfo-canary"}}]}]}}));
    assert_eq!(scene.read(), Some(split(100)));
}

#[test]
fn a_service_of_the_same_name_in_another_namespace_is_not_a_side() {
    for namespace in ["prod", "test2"] {
        let host = format!("podinfo-canary.{namespace}.svc.cluster.local");
        let route = json!([{"destination": {"host": host}, "weight": 100}]);
        let scene = Scene::of(&json!({})).with(json!({"spec": {"http": [{"route": route}]}}));
        assert_eq!(scene.read(), None, "{namespace}");
    }
}

#[test]
fn a_cookie_that_another_hand_gives_is_not_ours_to_take_back() {
    let mut scene = Scene::of(&json!({}));
    scene.route(&split(10));
    let theirs = json!({"headers": {"response": {"add": {"Set-Cookie": "theirs=1"}}}, "route": []});
    let rules = json!([theirs, scene.http()[0]]);
    edit(&mut scene, json!({"spec": {"http": rules}}));
    assert_eq!(scene.read(), Some(split(10)));
}

#[test]
fn a_delegate_with_hosts_is_refused_with_what_to_write() {
    let scene = Scene::of(&json!({"delegation": true, "hosts": ["shop.example"]}));
    let refusal = scene.render(&split(0)).expect_err("a delegate has no hosts");
    assert_eq!(refusal.reason, "DelegateWithHosts");
    assert!(refusal.sentence.contains("remove hosts and gateways, or set delegation: false"), "{refusal}");
}

#[test]
fn a_tcp_service_refuses_what_needs_http() {
    let scene = Scene::analysed(&json!({"appProtocol": "tcp"}), &insiders());
    let refusal = scene.render(&split(10)).map_err(|e| e.sentence);
    let sentence = "spec.analysis.match is set, but provider istio with appProtocol tcp cannot share requests by a \
                    condition, so the route stays as it is; remove the field";
    assert_eq!(refusal, Err(sentence.to_owned()));
}

#[test]
fn a_service_that_turns_to_tcp_leaves_no_rule_of_ours_behind() {
    let mut scene = Scene::of(&json!({}));
    scene.route(&split(50));
    let rules = json!({"http": [scene.http()[0], {"route": [{"destination": {"host": "other"}}]}]});
    edit(&mut scene, json!({ "spec": rules }));
    let mut scene = scene.edited(&json!({"appProtocol": "tcp"}));
    scene.route(&split(0));
    assert_eq!(scene.http(), &json!([{"route": [{"destination": {"host": "other"}}]}]));
    assert_eq!(scene.read(), Some(split(0)));
}

#[test]
fn a_service_that_becomes_a_delegate_loses_its_hosts() {
    let mut scene = Scene::of(&json!({})).with(json!({"spec": {"hosts": ["a"], "gateways": ["b"]}}));
    scene.route(&split(50));
    let mut scene = scene.edited(&json!({"delegation": true}));
    let spec = scene.route(&split(50)).found()["spec"].as_object().cloned().unwrap_or_default();
    assert_eq!(spec.keys().collect::<Vec<_>>(), ["http"]);
}

#[test]
fn a_traffic_policy_goes_with_the_users_wish_for_it() {
    let mut scene = Scene::of(&json!({"trafficPolicy": {"tls": {"mode": "DISABLE"}}}));
    scene.route(&split(0));
    let mut scene = scene.edited(&json!({}));
    assert_eq!(scene.route(&split(0)).destination_rule("canary")["spec"], json!({"host": "podinfo-canary"}));
}

#[test]
fn a_users_own_destination_rule_keeps_its_policy_where_the_canary_has_none() {
    let policy = json!({"tls": {"mode": "DISABLE"}});
    let mut scene = Scene::of(&json!({}));
    scene.store.put(rule_key("canary"), json!({"spec": {"host": "podinfo-canary", "trafficPolicy": policy}}));
    assert_eq!(scene.route(&split(0)).destination_rule("canary")["spec"]["trafficPolicy"], policy);
}

#[test]
fn a_release_of_one_step_after_the_other_never_grows() {
    let mut scene = Scene::of(&json!({}));
    for weight in (0..100).chain((0..100).rev()) {
        scene.route(&split(weight));
    }
    assert_eq!(scene.http().as_array().map(Vec::len), Some(1));
}

#[test]
fn nothing_we_make_has_an_owner() {
    let mut scene = Scene::of(&json!({}));
    scene.route(&split(0));
    for (key, object) in scene.store.objects().iter() {
        assert_eq!(object["metadata"].get("ownerReferences"), None, "{key}");
    }
}

#[test]
fn builtin_queries_ask_what_flagger_asks() {
    let selector = r#"reporter="destination",destination_workload_namespace="{{ namespace }}",destination_workload=~"{{ target }}""#;
    let success = format!(
        "sum(rate(istio_requests_total{{{selector},response_code!~\"5.*\"}}[{{{{ interval }}}}])) / \
         sum(rate(istio_requests_total{{{selector}}}[{{{{ interval }}}}])) * 100"
    );
    let duration = format!(
        "histogram_quantile(0.99, sum(rate(istio_request_duration_milliseconds_bucket{{{selector}}}[{{{{ interval }}}}])) by (le))"
    );
    assert_eq!(Istio.query(Builtin::SuccessRate).query, success);
    assert_eq!(Istio.query(Builtin::Duration).query, duration);
    assert!(Builtin::ALL.iter().all(|builtin| Istio.query(*builtin).scale == 1.0));
}

#[test]
fn a_share_of_a_mirror_is_written_even_when_it_is_0() {
    let want = Routing { mirror: Mirror::Share(Percent::ZERO), ..split(0) };
    let mut scene = Scene::of(&json!({}));
    assert_eq!(scene.route(&want).http()[0]["mirrorPercentage"], json!({"value": 0}));
    assert_eq!(scene.read(), Some(want));
}
