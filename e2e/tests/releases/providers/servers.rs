//! What real servers answer, asked as the operator asks them.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use kube::Client;
use kube::config::Kubeconfig;
use serde_json::{Value, json};
use serin::api::CanarySpec;
use serin::http::{HttpResponse, Trust};
use serin::metric::{Ask, Identity, Means, Request, SecretData, SecretName, group, resolve};
use serin::model::{Builtin, CanaryRef, Kpi, KpiSource, Layout, Measurement, Range, Rules, Time};
use serin::route::{self, Router};

use super::super::operator::state;
use super::{secret, template};
use crate::apiserver::establish_our_definitions;
use crate::support::{Outcome, apply, in_namespace, run, wait_until};

/// Behind TLS and a password; `e2e/dataplane/providers`.
const LOCKED: &str = "https://127.0.0.1:9443";
const INFLUXDB: &str = "http://127.0.0.1:8087/?db=shop";
const USER: &str = "reader";
const PASSWORD: &str = "planted-password-4711";
/// A rate needs two samples, a second apart.
const SAMPLED_WITHIN: Duration = Duration::from_secs(20);

/// A query of a router for the canary of shop/cart.
fn builtin(router: &dyn Router, query: &str, scale: f64) -> Outcome<Ask> {
    let text = |text: &str| text.to_owned();
    let canary = CanaryRef {
        namespace: text("shop"),
        name: text("cart"),
        uid: String::new(),
        generation: 1,
        kind: text("Deployment"),
        target: text("cart"),
        layout: Layout::Beside,
    };
    let kpi = Kpi {
        name: text("kpi"),
        source: KpiSource::Builtin(Builtin::SuccessRate),
        interval: text("10s"),
        window: Duration::from_secs(10),
        range: Range::default(),
        rules: Rules::default(),
        comparison: None,
    };
    let subject = resolve::Subject {
        canary: &canary,
        measured: "cart",
        pods: None,
        revision: None,
        spec: &CanarySpec::default(),
        router: router.providers().first().copied().unwrap_or_default(),
        metrics_server: LOCKED,
        metrics_secret: None,
    };
    let ask = resolve::builtin(&kpi, query, scale, &subject).map_err(|complaint| complaint.sentence)?;
    let secret = Some(SecretName { namespace: text("shop"), name: text("locked") });
    Ok(Ask { trust: Trust::Anybody, secret, ..ask })
}

/// Every query that a router brings along, with what the rules of that Prometheus make of it.
fn expected() -> Outcome<Vec<(Ask, f64)>> {
    let mut all = Vec::new();
    for router in route::ALL {
        let rate = router.query(Builtin::SuccessRate);
        all.push((builtin(*router, rate.query, rate.scale)?, 90.0));
        all.push((builtin(*router, rate.requests().ok_or("a rate of nothing")?, 10.0)?, 100.0));
        let duration = router.query(Builtin::Duration);
        all.push((builtin(*router, duration.query, duration.scale)?, 10.0));
    }
    Ok(all)
}

/// The answer to a request, which user and password go with.
fn asked(url: &str, body: &[u8]) -> Outcome<HttpResponse> {
    let mut arguments = vec!["-sSk", "-u", "reader:planted-password-4711", url];
    let body = std::str::from_utf8(body)?;
    if !body.is_empty() {
        arguments.extend(["-d", body]);
    }
    Ok(HttpResponse::new(200, run("curl", &arguments)?.into_bytes()))
}

fn near(measured: &Measurement, value: f64) -> bool {
    matches!(measured, Measurement::Value(found) if (found - value).abs() < value / 1000.0)
}

#[tokio::test]
async fn every_builtin_query_has_its_value_on_a_real_prometheus_alone_and_among_others() -> Outcome {
    let data: SecretData = BTreeMap::from([("token".to_owned(), b"unused".to_vec())]);
    let means = Means { secret: Some(&data), session: None, identity: &Identity::default(), now: Time::from_millis(0) };
    let (asks, values): (Vec<_>, Vec<_>) = expected()?.into_iter().unzip();
    wait_until("two samples of each series", SAMPLED_WITHIN, async || {
        for (ask, value) in asks.iter().zip(&values) {
            let Request::Http(request) = ask.request(&means)? else { return Err("no HTTP".into()) };
            if !near(&ask.measure(&asked(&request.url, &[])?), *value) {
                return Ok(None);
            }
        }
        Ok(Some(()))
    })
    .await?;
    for (ask, value) in asks.iter().zip(&values) {
        let Request::Http(request) = ask.request(&means)? else { return Err("no HTTP".into()) };
        let measured = ask.measure(&asked(&request.url, &[])?);
        assert!(near(&measured, *value), "{}: {measured:?}, not {value}", ask.query);
    }
    let whole = group::together(&asks, &means).ok_or("they cannot be asked together")?;
    let answers = group::apart(asks.len(), &asked(&whole.url, &whole.body)?).ok_or("the parts cannot be told apart")?;
    for ((ask, answer), value) in asks.iter().zip(&answers).zip(&values) {
        assert!(near(&ask.measure(answer), *value), "{}: {answer:?}, not {value}", ask.query);
    }
    println!("{} queries of {} routers, alone and in one request", asks.len(), route::ALL.len());
    Ok(())
}

/// The exit code of `serin check metric errors` and what it says, whose certificates are good given.
fn check(namespace: &str, certificates: Option<&str>) -> Outcome<(Option<i32>, String)> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_serin"));
    command.args(["check", "metric", "errors", "--output=json", "-n", namespace]);
    command.env("KUBECONFIG", state("kubeconfig/serin")?);
    if let Some(file) = certificates {
        command.env("SSL_CERT_FILE", state(file)?);
    }
    let output = command.output()?;
    let report: Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("{error}: {}", String::from_utf8_lossy(&output.stderr)))?;
    for stream in [&output.stdout, &output.stderr] {
        assert!(!String::from_utf8_lossy(stream).contains("planted"), "a secret shows: {report}");
    }
    Ok((output.status.code(), report["sentence"].as_str().unwrap_or_default().to_owned()))
}

/// What the template answers with this provider and query.
async fn answered(client: &Client, namespace: &str, provider: &Value, query: &str) -> Outcome<(Option<i32>, String)> {
    apply(client, namespace, &template("errors", provider, query)).await?;
    check(namespace, None)
}

#[tokio::test]
async fn a_prometheus_behind_tls_and_a_password_answers_who_trusts_it_and_has_both() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let locked = |more: Value| {
            let mut provider = json!({"type": "prometheus", "address": LOCKED, "secretRef": {"name": "locked"}});
            serin::object::value::merge(&mut provider, &more);
            provider
        };
        let query = "vector(0.5)";
        apply(&client, &namespace, &secret("locked", &json!({"username": USER, "password": PASSWORD}))).await?;
        let (code, said) = answered(&client, &namespace, &locked(json!({})), query).await?;
        assert!(code == Some(2) && said.contains("certificate"), "{code:?} {said}");
        assert_eq!(check(&namespace, Some("pki/ca.crt"))?, (Some(0), "it is 0.5 now".to_owned()));
        let trusting = json!({"insecureSkipVerify": true});
        let fine = answered(&client, &namespace, &locked(trusting.clone()), query).await?;
        assert_eq!(fine, (Some(0), "it is 0.5 now".to_owned()));

        let nobody = json!({"insecureSkipVerify": true, "secretRef": null});
        let (code, said) = answered(&client, &namespace, &locked(nobody), query).await?;
        assert!(code == Some(1) && said.starts_with("Prometheus answered 401: it wants other credentials"), "{said}");
        apply(&client, &namespace, &secret("locked", &json!({"username": USER, "password": "planted-other"}))).await?;
        let (code, said) = answered(&client, &namespace, &locked(trusting), query).await?;
        assert!(code == Some(1) && said.starts_with("Prometheus answered 401"), "{said}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_prometheus_behind_the_apiserver_answers_who_shows_a_token() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let users = Kubeconfig::read_from(state("kubeconfig/test")?)?.auth_infos;
        let user = serde_json::to_value(users.first().ok_or("a kubeconfig without a user")?)?;
        apply(&client, &namespace, &secret("token", &json!({"token": user["user"]["token"]}))).await?;
        let address = "https://10.250.0.1:6443/api/v1/nodes/http:node-1:9090/proxy";
        let provider = json!({"type": "prometheus", "address": address, "secretRef": {"name": "token"}});
        apply(&client, &namespace, &template("errors", &provider, "vector(0.5)")).await?;
        assert_eq!(check(&namespace, Some("pki/ca.crt"))?, (Some(0), "it is 0.5 now".to_owned()));
        apply(&client, &namespace, &secret("token", &json!({"token": "planted-wrong-token"}))).await?;
        let (code, said) = check(&namespace, Some("pki/ca.crt"))?;
        assert!(code == Some(1) && said.starts_with("Prometheus answered 401"), "{said}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn influxdb_answers_both_of_its_languages() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let flux = |measurement: &str, app: &str| {
            let rows = format!("r._measurement == \"{measurement}\" and r.app =~ /{app}/");
            format!("from(bucket: \"shop/autogen\") |> range(start: 0) |> filter(fn: (r) => {rows}) |> last()")
        };
        let provider = json!({"type": "influxdb", "address": INFLUXDB, "secretRef": {"name": "influxdb"}});
        let ask = async |query: &str| answered(&client, &namespace, &provider, query).await;
        let is = |value: &str| (Some(0), format!("it is {value} now"));

        apply(&client, &namespace, &secret("influxdb", &json!({"username": USER, "password": PASSWORD}))).await?;
        assert_eq!(ask("SELECT last(rate) FROM errors WHERE app = 'cart'").await?, is("0.5"));
        assert_eq!(ask("SELECT sum(count) FROM requests").await?, is("7"));
        for (query, part) in [
            ("SELECT last(rate) FROM errors WHERE app = 'nobody'", "it has no value now: "),
            ("SELECT last(rate) FROM errors GROUP BY app", "the query gives 2 series"),
            ("SELECT rate FROM errors", "the query gives 2 rows"),
            ("SELECT last(", "InfluxDB answered 400: error parsing query"),
        ] {
            let (_, said) = ask(query).await?;
            assert!(said.contains(part), "{query}: {said}");
        }

        apply(&client, &namespace, &secret("influxdb", &json!({"token": format!("{USER}:{PASSWORD}")}))).await?;
        assert_eq!(ask(&flux("errors", "cart")).await?, is("0.5"));
        assert_eq!(ask(&flux("requests", "cart")).await?, is("7"), "a whole number");
        for (query, part) in [
            (flux("errors", "nobody").as_str(), "it has no value now: "),
            (flux("errors", ".*").as_str(), "the query gives 2 rows"),
            ("from(bucket: ", "expected RPAREN, got EOF"),
        ] {
            let (_, said) = ask(query).await?;
            assert!(said.contains(part), "{query}: {said}");
        }
        apply(&client, &namespace, &secret("influxdb", &json!({"token": "planted-wrong-token"}))).await?;
        let (code, said) = ask(&flux("errors", "cart")).await?;
        assert!(code == Some(1) && said.starts_with("InfluxDB answered 401"), "{said}");
        Ok(())
    })
    .await
}
