//! Queries that are asked together mean what they mean alone.

use super::*;
use crate::metric::group::{apart, of, together};

fn builtin(query: &str) -> Ask {
    let origin = Origin::Builtin { router: "istio".to_owned(), target: "cart.shop".to_owned() };
    Ask { query: query.to_owned(), origin, ..ask() }
}

#[test]
fn each_part_carries_its_number() {
    let secret = data(&[("token", "t")]);
    let means = Means { secret: Some(&secret), session: None, identity: &Identity::default(), now: now() };
    let part = |query| Ask { secret: named(), ..builtin(query) };
    let request = together(&[part("a / b"), part("sum(c)")], &means).unwrap();
    assert_eq!(request.credentials, Credentials::Bearer("t".to_owned()));
    let query = "label_replace((a / b), \"serin_part\", \"0\", \"\", \"\") or label_replace((sum(c)), \"serin_part\", \"1\", \"\", \"\")";
    assert_eq!(request.url, "http://prometheus.monitoring:9090/api/v1/query");
    assert_eq!(
        String::from_utf8(request.body).unwrap(),
        format!("query={}&timeout=3s", super::super::url::escape(query))
    );
}

#[test]
fn each_part_gets_its_own_series_and_no_other() {
    let of = |part: &str, value: &str| json!({"metric": {"app": "a", "serin_part": part}, "value": [1, value]});
    let body = success("vector", &json!([of("0", "7"), of("2", "NaN"), of("3", "1"), of("3", "2")]));
    let answers = apart(4, &HttpResponse::new(200, body.to_string().into_bytes())).unwrap();
    let heard: Vec<_> = answers.iter().map(|answer| builtin("q").measure(answer)).collect();
    assert_eq!(heard[0], Measurement::Value(7.0));
    assert!(matches!(&heard[1], NoData(why) if why.starts_with("the result is empty")), "{heard:?}");
    assert!(matches!(&heard[2], NoData(why) if why.starts_with("the result is NaN")), "{heard:?}");
    assert!(matches!(&heard[3], Error(why) if why.contains("gives 2 series")), "{heard:?}");
    assert!(!String::from_utf8_lossy(&answers[0].body).contains("serin_part"));
}

#[test]
fn an_answer_that_does_not_tell_the_parts_is_none() {
    let whole = |status, body: Value| apart(2, &HttpResponse::new(status, body.to_string().into_bytes()));
    assert_eq!(whole(200, success("vector", &json!([series("1")]))), None, "a server that knows no label_replace");
    assert_eq!(whole(200, success("scalar", &json!([1, "1"]))), None);
    assert_eq!(whole(400, json!({"status": "error", "error": "parse error"})), None);
    assert_eq!(whole(200, json!("<html>")), None);
    let beyond = json!([{"metric": {"serin_part": "2"}, "value": [1, "1"]}]);
    assert_eq!(whole(200, success("vector", &beyond)), None);
}

#[test]
fn only_builtin_queries_of_one_address_and_the_same_credentials_are_asked_together() {
    assert_eq!(of(&builtin("q")), of(&builtin("r")));
    assert_ne!(of(&builtin("q")), of(&Ask { secret: named(), ..builtin("q") }));
    assert_ne!(of(&builtin("q")), of(&Ask { address: "http://other".to_owned(), ..builtin("q") }));
    assert_eq!(of(&ask()), None, "a template's");
    assert_eq!(of(&Ask { trust: Trust::Anybody, ..builtin("q") }), None);
}
