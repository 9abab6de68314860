//! A Prometheus on this machine, and what is printed of its record.

use std::collections::BTreeMap;
use std::path::Path;

use axum::Router;
use axum::extract::RawQuery;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use clap::Parser;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::*;
use crate::backtest::{Decided, End, Name};

/// When the canary of the record got its first share, in seconds since 1970: two hours after the record begins.
const BEGINS: f64 = 1_795_219_200.0;
/// Requests a second.
const RATE: f64 = 100.0;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

fn args(url: &str, words: &[&str]) -> Args {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/verdict/canary.yaml");
    let first = ["backtest", file.to_str().unwrap(), "--prometheus", url, "--runs", "20"];
    Line::try_parse_from(first.iter().chain(words)).unwrap().args
}

const RANGE: [&str; 4] = ["--from", "2026-11-20T22:00:00Z", "--to", "2026-11-21T02:00:00Z"];

/// Share of the canary in percent and the phase, so long after the release began: two steps of the file, then a rollback.
fn operator(at: f64) -> (f64, f64) {
    match at {
        at if at < 0.0 => (0.0, 1.0),
        at if at < 300.0 => (2.0 + 2.0 * (at / 60.0).floor(), 0.0),
        _ => (0.0, 2.0),
    }
}

/// What the series of a query are at a moment: labels and value.
fn series(query: &str, at: f64) -> Vec<(Value, f64)> {
    let (weight, status) = operator(at);
    let failing = 0.05;
    match query {
        _ if query.contains("flagger_canary_weight{workload=\"checkout\",namespace=\"shop\"}") => {
            vec![(json!({}), weight)]
        }
        _ if query.contains("flagger_canary_status{name=\"checkout\"") => vec![(json!({}), status)],
        _ if query.starts_with("label_replace(sum by (le)") => buckets(weight),
        _ if query.starts_with("label_replace(") => {
            let part = |name: &str, value| (json!({"serin_part": name}), value);
            let requests = |share: f64| (15.0 * RATE * share / 100.0).round();
            let mut parts = vec![
                part("primary-all", requests(100.0 - weight)),
                // Now and then one of its requests fails.
                part("primary-good", requests(100.0 - weight) - f64::from(u8::from(at.rem_euclid(60.0) < 15.0))),
            ];
            if weight > 0.0 {
                let all = requests(weight);
                parts.extend([part("canary-all", all), part("canary-good", (all * (1.0 - failing)).round())]);
            }
            parts
        }
        _ if query.contains("checkout-primary") => vec![(json!({}), 99.99)],
        // It looks back for a minute.
        _ if query.contains("istio_requests_total") && (0.0..360.0).contains(&at) => {
            vec![(json!({}), 100.0 * (1.0 - failing))]
        }
        _ => Vec::new(),
    }
}

/// Requests of 15 seconds by how long they took: one in a hundred of the primary's and one in five of the canary's is slow.
fn buckets(weight: f64) -> Vec<(Value, f64)> {
    let side = |side: &'static str, share: f64, slow: f64| {
        let requests = (15.0 * RATE * share / 100.0).round();
        let bucket = move |le: &str, count| (json!({"serin_part": format!("{side}-all"), "le": le}), count);
        [bucket("100", (requests * (1.0 - slow)).round()), bucket("500", requests), bucket("+Inf", requests)]
    };
    let canary = (weight > 0.0).then(|| side("canary", weight, 0.2));
    side("primary", 100.0 - weight, 0.01).into_iter().chain(canary.into_iter().flatten()).collect()
}

/// The answer of `/api/v1/query_range`.
fn range(query: &BTreeMap<String, String>) -> String {
    let number = |name: &str| query[name].parse::<f64>().unwrap();
    let (from, to, step) = (number("start"), number("end"), number("step"));
    let mut found: BTreeMap<String, Vec<(f64, String)>> = BTreeMap::new();
    let mut at = from;
    while at <= to {
        for (labels, value) in series(&query["query"], at - BEGINS) {
            found.entry(labels.to_string()).or_default().push((at, value.to_string()));
        }
        at += step;
    }
    let series = |(labels, values): (String, _)| json!({"metric": serde_json::from_str::<Value>(&labels).unwrap(), "values": values});
    let result: Vec<Value> = found.into_iter().map(series).collect();
    json!({"status": "success", "data": {"resultType": "matrix", "result": result}}).to_string()
}

/// As HTML forms write it.
fn form(text: &str) -> BTreeMap<String, String> {
    let url = reqwest::Url::parse(&format!("http://any/?{text}")).unwrap();
    url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

/// A Prometheus that lets in whoever shows this header, where there is one; returns its address.
fn guarded(authorization: &'static str) -> String {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            tell.send(listener.local_addr().unwrap().to_string()).unwrap();
            let answer = move |headers: HeaderMap, text: String| async move {
                let shown = headers.get("authorization").map_or("", |value| value.to_str().unwrap());
                let fine = authorization.is_empty() || shown == authorization;
                if fine { (StatusCode::OK, range(&form(&text))) } else { (StatusCode::UNAUTHORIZED, String::new()) }
            };
            let by_address = move |RawQuery(query): RawQuery, headers: HeaderMap| answer(headers, query.unwrap());
            let routes = Router::new().route("/api/v1/query_range", get(by_address).post(answer));
            axum::serve(listener, routes).await.unwrap();
        });
    });
    told.recv().unwrap()
}

fn prometheus() -> String {
    format!("http://{}", guarded(""))
}

#[test]
fn a_release_is_found_judged_and_told_as_it_was_recorded() {
    let shown = replay(&args(&prometheus(), &RANGE)).unwrap();
    let past = shown.report.releases.first().unwrap();
    assert_eq!((shown.report.releases.len(), past.release.end), (1, End::RolledBack));
    assert_eq!(past.release.weights, Some((2.0, 10.0)));
    assert_eq!(past.of_the_file().map(|decision| decision.decided), Some(Decided::RolledBack));
    assert_eq!(past.decisions.len(), 4, "{:?}", past.decisions);
    let ratio = &past.decisions.iter().find(|(name, _)| name.as_str() == "rateRatio").unwrap().1;
    assert!(ratio.decided == Decided::RolledBack && ratio.after < Duration::from_secs(300), "{ratio:?}");
    let text = show::text(&shown);
    for part in [
        "shop/checkout: 1 release from 2026-11-20T22:00:00Z",
        "1 rolled back; ",
        "2026-11-21T00:00:00Z      5m00s  2-10 %     rolled back\n",
        "  file       rolled back after 5m00s    success rate 95.00% < 99%\n",
        "20 releases drawn from the record of the primary alone:\n",
        "  request-success-rate: thresholdRange.min 99.",
    ] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
    let document = show::document(&shown);
    assert_eq!((&document["agrees"], &document["releases"][0]["happened"]), (&json!(true), &json!("rolled-back")));
    let svg = show::svg(&shown, shown.report.rates.as_ref().unwrap());
    assert_eq!(svg.matches("<polyline").count(), 4);
}

#[test]
fn a_month_is_asked_for_in_pieces() {
    let words = ["--from", "2026-11-18T00:00:00Z", "--to", "2026-11-21T02:00:00Z"];
    let shown = replay(&args(&prometheus(), &words)).unwrap();
    assert_eq!(shown.report.releases.len(), 1, "17,760 moments are two pieces");
}

#[test]
fn credentials_are_shown_and_their_lack_is_told() {
    let file = std::env::temp_dir().join(format!("serin-backtest-token-{}", std::process::id()));
    std::fs::write(&file, "secret\n").unwrap();
    let host = guarded("Bearer secret");
    let token = ["--bearer-token-file", file.to_str().unwrap()];
    let given = replay(&args(&format!("http://{host}"), &[RANGE.as_slice(), &token].concat()));
    std::fs::remove_file(&file).unwrap();
    assert!(given.is_ok());
    let host = guarded("Basic dXNlcjpwdw==");
    assert!(replay(&args(&format!("http://user:pw@{host}"), &RANGE)).is_ok());
    let why = replay(&args(&format!("http://user:other@{host}"), &RANGE)).err().unwrap();
    assert!(why.contains("401") && why.contains("--bearer-token-file") && !why.contains("other"), "{why}");
    let why = replay(&args(&format!("http://{host}/graph"), &RANGE)).err().unwrap();
    assert!(why.contains("404") && why.contains("without /graph"), "{why}");
}

#[test]
fn nothing_found_says_what_was_looked_for_and_what_to_write() {
    let url = prometheus();
    let why = replay(&args(&url, &["--from", "2026-11-20T22:00:00Z", "--to", "2026-11-20T23:00:00Z"])).err().unwrap();
    assert!(why.contains("flagger_canary_weight{workload=\"checkout\",namespace=\"shop\"}"), "{why}");
    assert!(why.contains("--release"), "{why}");
    let why = replay(&args("http://127.0.0.1:1", &RANGE)).err().unwrap();
    assert!(why.contains("http://127.0.0.1:1") && why.contains("refused"), "{why}");
    let why = replay(&args(&url, &["--step", "5m"])).err().unwrap();
    assert!(why.contains("60 s"), "{why}");
}

#[test]
fn given_times_are_judged_where_no_weight_was_recorded() {
    let given = ["--release", "2026-11-21T00:00:00Z..2026-11-21T00:05:00Z"];
    let shown = replay(&args(&prometheus(), &[RANGE.as_slice(), &given].concat())).unwrap();
    let past = shown.report.releases.first().unwrap();
    assert_eq!(past.of_the_file().map(|decision| decision.decided), Some(Decided::RolledBack));
    assert!(past.decisions.iter().any(|(name, _)| *name == Name::File));
}

/// The example with these metrics, and a template of this provider.
fn with_metrics(name: &str, metrics: &str, provider: &str) -> PathBuf {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/verdict/canary.yaml");
    let text = std::fs::read_to_string(file).unwrap();
    let (before, _) = text.split_once("    metrics:\n").unwrap();
    let template = format!(
        "---\napiVersion: flagger.app/v1beta1\nkind: MetricTemplate\nmetadata: {{name: load, namespace: shop}}\nspec:\n  \
         provider: {{type: {provider}, address: \"http://in.the.cluster:9090\"}}\n  query: istio_requests_total\n"
    );
    let file = std::env::temp_dir().join(format!("serin-backtest-{name}-{}.yaml", std::process::id()));
    std::fs::write(&file, format!("{before}    metrics:\n{metrics}{template}")).unwrap();
    file
}

#[test]
fn a_metric_that_cannot_be_replayed_is_left_out_and_fails_no_check() {
    let load = "    - {name: load, templateRef: {name: load}, thresholdRange: {max: 99}}\n";
    let rate = "    - {name: request-success-rate, thresholdRange: {min: 90}}\n";
    let url = prometheus();
    let shown = |name: &str, metrics: &str, provider: &str| {
        let file = with_metrics(name, metrics, provider);
        let shown = replay(&Args { file: file.clone(), ..args(&url, &RANGE) });
        std::fs::remove_file(file).unwrap();
        shown
    };
    let both = shown("both", &[load, rate].concat(), "datadog").unwrap();
    let why = "metric load is asked of datadog, and what that has recorded is not read";
    assert_eq!(both.left_out, [why]);
    let file = both.report.releases.first().and_then(Past::of_the_file).unwrap();
    assert_eq!((file.decided, file.why.as_str()), (Decided::Open, "success rate 95.00% >= 90%"));
    assert!(shown("alone", load, "datadog").err().unwrap().ends_with(why));
    // Its query names no target: it is one for both sides.
    let here = shown("here", load, "prometheus").unwrap();
    assert_eq!((here.left_out.len(), here.report.releases.len()), (0, 1));
}

#[test]
fn quantiles_are_replayed_by_the_buckets_that_were_recorded() {
    let file = with_metrics("slow", "    - {name: request-duration, comparison: {}}\n", "prometheus");
    let shown = replay(&Args { file: file.clone(), ..args(&prometheus(), &RANGE) });
    std::fs::remove_file(file).unwrap();
    let shown = shown.unwrap();
    let [(Name::File, decision)] = &shown.report.releases[0].decisions[..] else { panic!("{:?}", shown.report) };
    assert_eq!(decision.decided, Decided::RolledBack);
    let why = &decision.why;
    assert!(why.starts_with("requests above 100 ms (99 % of the primary's were faster) "), "{why}");
    let rates = shown.report.rates.unwrap();
    assert!(rates.rows[0].at(10.0) > Some(0.9), "{rates:?}");
}

#[test]
fn a_release_without_weights_needs_its_times() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/kubernetes/canary.yaml");
    let why = replay(&Args { file, ..args("http://127.0.0.1:1", &RANGE) }).err().unwrap();
    assert!(why.contains("blue/green") && why.contains("--release"), "{why}");
}

#[test]
fn times_are_read_as_people_write_them() {
    let days = |days: u64| Duration::from_secs(86_400 * days);
    assert_eq!(moment("-30d"), Ok(Moment::Ago(days(30))));
    assert_eq!(moment("-1d12h"), Ok(Moment::Ago(days(1) + Duration::from_secs(43_200))));
    assert_eq!(moment("-90m"), Ok(Moment::Ago(Duration::from_secs(5400))));
    assert_eq!(moment("now"), Ok(Moment::Ago(Duration::ZERO)));
    assert_eq!(moment("1970-01-01T00:00:01Z"), Ok(Moment::At(Time::from_millis(1000))));
    assert!(["30", "-", "yesterday", "-d", "-3x"].iter().all(|text| moment(text).is_err()));
    assert!(stretch("-2d").is_err() && length("0s").is_err());
}
