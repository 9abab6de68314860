//! What each provider is asked, byte by byte.

use std::time::Duration;

use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};

use super::laws::question;
use super::*;

fn asked(provider: &'static dyn Provider, query: &str, secret: &[(&str, &str)]) -> HttpRequest {
    let ask = question(provider);
    let query = if query.is_empty() { ask.query.clone() } else { query.to_owned() };
    request(&Ask { query, ..ask }, Some(&data(secret))).unwrap()
}

fn refused(provider: &'static dyn Provider, query: &str) -> String {
    request(&Ask { query: query.to_owned(), ..question(provider) }, Some(&laws::full("x"))).unwrap_err()
}

fn shown(request: &HttpRequest) -> String {
    let HttpRequest { method, url, headers, credentials, body, trust: _ } = request;
    let credentials = match credentials {
        Credentials::None => "nobody".to_owned(),
        Credentials::Bearer(token) => format!("bearer {token}"),
        Credentials::Basic(user, password) => format!("{user}:{password}"),
        Credentials::Headers(headers) => {
            headers.iter().map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>().join(", ")
        }
    };
    let headers: String = headers.iter().map(|(name, value)| format!(" {name}={value}")).collect();
    format!("{method:?} {url}\n{credentials}{headers}\n{}", String::from_utf8_lossy(body))
}

#[test]
fn datadog_is_asked_for_ten_windows_with_both_keys() {
    let request =
        asked(&datadog::Datadog, "sum:errors{*}", &[("datadog_api_key", "a"), ("datadog_application_key", "b")]);
    let url = "http://metrics.example/api/v1/query?query=sum%3Aerrors%7B%2A%7D&from=1795177496&to=1795178096";
    assert_eq!(shown(&request), format!("Get {url}\nDD-API-KEY: a, DD-APPLICATION-KEY: b\n"));
}

#[test]
fn dynatrace_is_asked_for_ten_windows_in_milliseconds() {
    let request = asked(&dynatrace::Dynatrace, "errors:splitBy()", &[("dynatrace_token", "t")]);
    let values = "metricSelector=errors%3AsplitBy%28%29&resolution=Inf&from=1795177496789&to=1795178096789";
    assert_eq!(
        shown(&request),
        format!("Get http://metrics.example/api/v2/metrics/query?{values}\nAuthorization: Api-Token t\n")
    );
}

#[test]
fn newrelic_is_asked_since_a_window_ago() {
    let secret = [("newrelic_account_id", "12/3"), ("newrelic_query_key", "k")];
    let request = asked(&newrelic::NewRelic, "SELECT 1 FROM t", &secret);
    let url = "http://metrics.example/v1/accounts/12%2F3/query?nrql=SELECT+1+FROM+t+SINCE+60+seconds+ago";
    assert_eq!(shown(&request), format!("Get {url}\nX-Query-Key: k\n"));
}

#[test]
fn graphite_takes_the_values_of_a_url_on_several_lines() {
    let query = "target=sumSeries(\n  app.{a,b}\n)&from=-2min&format=png&x=a%2Bb";
    let request = asked(&graphite::Graphite, query, &[("username", "u"), ("password", "p")]);
    let url = "http://metrics.example/render?target=sumSeries%28+app.%7Ba%2Cb%7D+%29&from=-2min&x=a%2Bb&format=json";
    assert_eq!(shown(&request), format!("Get {url}\nu:p\n"));
    assert!(refused(&graphite::Graphite, "sumSeries(a)").contains("write the values of a URL"));
}

#[test]
fn influxdb_2_is_asked_in_flux_and_org_may_be_left_out() {
    let body = r#"{"query":"from(x)","type":"flux","dialect":{"header":true,"annotations":["datatype"]}}"#;
    let rest = format!("Authorization: Token t content-type=application/json accept=application/csv\n{body}");
    let request = asked(&influxdb::InfluxDb, "from(x)", &[("token", "t"), ("org", "a b")]);
    assert_eq!(shown(&request), format!("Post http://metrics.example/api/v2/query?org=a+b\n{rest}"));
    let request = asked(&influxdb::InfluxDb, "from(x)", &[("token", "t")]);
    assert_eq!(shown(&request), format!("Post http://metrics.example/api/v2/query\n{rest}"));
}

#[test]
fn influxdb_1_is_asked_in_influxql_with_the_database_of_the_address() {
    let ask = Ask {
        address: "http://influx:8086/?db=shop".to_owned(),
        query: "select mean(x) FROM y".to_owned(),
        ..question(&influxdb::InfluxDb)
    };
    let sent = request(&ask, Some(&data(&[("username", "u"), ("password", "p")]))).unwrap();
    assert_eq!(shown(&sent), "Get http://influx:8086/query?db=shop&q=select+mean%28x%29+FROM+y\nu:p\n");
}

#[test]
fn splunk_runs_a_program_beside_its_api() {
    let ask = Ask {
        address: "https://api.us1.signalfx.com".to_owned(),
        query: "data('x').sum().publish()".to_owned(),
        ..question(&splunk::Splunk)
    };
    let sent = request(&ask, Some(&data(&[("sf_token_key", "t")]))).unwrap();
    let url =
        "https://stream.us1.signalfx.com/v2/signalflow/execute?start=1795177496789&stop=1795178096789&immediate=true";
    assert_eq!(shown(&sent), format!("Post {url}\nX-SF-Token: t content-type=text/plain\ndata('x').sum().publish()"));
}

#[test]
fn skywalking_gets_a_duration_that_ends_with_a_whole_minute() {
    let ask = Ask { window: Duration::from_secs(300), query: "q".to_owned(), ..question(&skywalking::SkyWalking) };
    let sent = request(&ask, Some(&data(&[("token", "t")]))).unwrap();
    let duration = r#"{"start":"2026-11-20 1229","end":"2026-11-20 1233","step":"MINUTE"}"#;
    let body = format!(r#"{{"query":"q","variables":{{"duration":{duration}}}}}"#);
    assert_eq!(
        shown(&sent),
        format!("Post http://metrics.example/graphql\nbearer t content-type=application/json\n{body}")
    );
}

#[test]
fn web_asks_a_path_below_the_address_and_posts_a_body() {
    let headers = [("X-Team".to_owned(), vec!["a".to_owned()])].into();
    let ask = Ask {
        address: "https://h/base?k=1".to_owned(),
        query: "/x?y=2\n$.a".to_owned(),
        headers,
        secret: None,
        ..question(&web::Web)
    };
    assert_eq!(shown(&request(&ask, None).unwrap()), "Get https://h/base/x?k=1&y=2\nnobody X-Team=a\n");
    let ask = Ask { query: "POST /x\n$.a\n{\"b\":\n1}".to_owned(), ..ask };
    let sent = "Post https://h/base/x?k=1\nnobody X-Team=a content-type=application/json\n{\"b\":\n1}";
    assert_eq!(shown(&request(&ask, None).unwrap()), sent);
    for query in ["/x", "x\n$.a", "/x\n$..a", "DELETE /x\n$.a", "/a b\n$.a"] {
        assert!(refused(&web::Web, query).contains("a second line $.path.to.number"), "{query}");
    }
}

#[test]
fn the_cluster_is_asked_for_external_metrics_unless_there_is_an_address() {
    let (secret, identity) = (data(&[("token", "t")]), Identity::default());
    let means = Means { secret: Some(&secret), session: None, identity: &identity, now: now() };
    let ask = question(&externalmetrics::ExternalMetrics);
    let path = "/apis/external.metrics.k8s.io/v1beta1/namespaces/shop/errors?labelSelector=app%3Dcart";
    let inside = Ask { address: String::new(), ..ask.clone() }.request(&means).unwrap();
    assert_eq!(inside, Request::Cluster(ClusterRequest::Get(path.to_owned())));
    let outside = request(&ask, Some(&secret)).unwrap();
    assert_eq!(shown(&outside), format!("Get http://metrics.example{path}\nbearer t\n"));
}

#[test]
fn an_analysis_of_keptn_keeps_the_case_of_its_arguments_and_is_removed_when_it_is_done() {
    let ask =
        Ask { query: "Analysis/shop/slo/5m/Region=EU;zone=a".to_owned(), secret: None, ..question(&keptn::Keptn) };
    let means = Means { secret: None, session: None, identity: &Identity::default(), now: now() };
    let Ok(Request::Cluster(ClusterRequest::Create(list, object))) = ask.request(&means) else { panic!("not made") };
    assert_eq!(list, "/apis/metrics.keptn.sh/v1beta1/namespaces/shop/analyses");
    assert_eq!(object["spec"]["args"], json!({"Region": "EU", "zone": "a"}));
    assert_eq!(
        (&object["spec"]["timeframe"]["recent"], &object["metadata"]["generateName"]),
        (&json!("5m"), &json!("slo-"))
    );
    let answer = |body: Value| HttpResponse::new(200, body.to_string().into_bytes());
    let made = answer(json!({"metadata": {"name": "slo-x7"}}));
    let (runs, done) = (
        answer(json!({"status": {"state": "Progressing"}})),
        answer(json!({"status": {"state": "Completed", "pass": true}})),
    );
    let path = format!("{list}/slo-x7");
    let look = Step::Ask(Request::Cluster(ClusterRequest::Get(path.clone())), Duration::from_secs(1));
    let remove = Step::Ask(Request::Cluster(ClusterRequest::Delete(path)), Duration::ZERO);
    assert_eq!(ask.follow(std::slice::from_ref(&made)), look);
    assert_eq!(ask.follow(&[made.clone(), runs.clone()]), look);
    assert_eq!(ask.follow(&[made.clone(), runs.clone(), done.clone()]), remove);
    assert_eq!(ask.follow(&[made.clone(), runs.clone(), done, runs.clone()]), Step::Done(Measurement::Value(1.0)));
    let mut slow = vec![runs; 11];
    slow[0] = made;
    assert_eq!(ask.follow(&slow), remove, "one that is too slow is removed as well");
    slow.push(HttpResponse::new(200, Vec::new()));
    assert!(matches!(ask.follow(&slow), Step::Done(Error(why)) if why.contains("was not done after 10 s")));
}

#[test]
fn a_question_to_keptn_that_is_refused_is_not_followed() {
    let ask = Ask { query: "analysis/shop/slo".to_owned(), ..question(&keptn::Keptn) };
    let refusal = HttpResponse::new(403, br#"{"message": "analyses is forbidden"}"#.to_vec());
    assert!(matches!(ask.follow(&[refusal]), Step::Done(Error(why)) if why.contains("analyses is forbidden")));
}

#[test]
fn cloudwatch_is_asked_up_to_the_last_whole_period_and_signed() {
    let ask = question(&cloudwatch::CloudWatch);
    let sent = request(&ask, Some(&data(&[("aws_access_key_id", "AK"), ("aws_secret_access_key", "s")]))).unwrap();
    assert_eq!(sent.url, "https://monitoring.eu-west-1.amazonaws.com/");
    let body: Value = serde_json::from_slice(&sent.body).unwrap();
    // 12:30:00, where a period of 300 s ended.
    assert_eq!((&body["StartTime"], &body["EndTime"]), (&json!(1_795_177_200), &json!(1_795_177_800)));
    let Credentials::Headers(proof) = &sent.credentials else { panic!("not signed") };
    let start = "AWS4-HMAC-SHA256 Credential=AK/20261120/eu-west-1/monitoring/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=";
    assert!(proof[0].1.starts_with(start), "{proof:?}");
    assert!(refused(&cloudwatch::CloudWatch, "SELECT 1").contains("write a JSON list of MetricDataQuery"));
}

#[test]
fn a_region_cannot_lead_to_another_host() {
    for region in ["", "eu-west-1.evil.example/", "x@evil", "EU"] {
        let ask = Ask { region: Some(region.to_owned()), ..question(&cloudwatch::CloudWatch) };
        let why = request(&ask, Some(&laws::full("x"))).unwrap_err();
        assert!(why.contains("write the name of one, for example eu-west-1"), "{region}: {why}");
    }
}

/// The login of a provider as this identity.
fn login(
    provider: &'static dyn Provider,
    secret: Option<&SecretData>,
    identity: &[(&str, &str)],
) -> Result<Login, String> {
    let identity = Identity::new(identity.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let means = Means { secret, session: None, identity: &identity, now: now() };
    let ask = Ask { secret: secret.and(named()), ..question(provider) };
    ask.login(&means).map_err(|error| error.to_string()).map(|login| login.expect("a login is needed"))
}

#[test]
fn a_role_of_the_operator_is_assumed_at_the_sts_of_the_region() {
    let identity = [("AWS_ROLE_ARN", "arn:a/b"), ("AWS_WEB_IDENTITY_TOKEN_FILE", "jwt\n")];
    let login = login(&cloudwatch::CloudWatch, None, &identity).unwrap();
    let body = "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleSessionName=serin&RoleArn=arn%3Aa%2Fb&WebIdentityToken=jwt";
    let kind = "content-type=application/x-www-form-urlencoded";
    assert_eq!(shown(&login.request), format!("Post https://sts.eu-west-1.amazonaws.com/\nnobody {kind}\n{body}"));
}

#[test]
fn without_a_secret_and_an_identity_the_sentence_says_what_to_write() {
    let why = login(&cloudwatch::CloudWatch, None, &[]).unwrap_err();
    assert!(why.contains("write a Secret with aws_access_key_id"), "{why}");
    let why = login(&azuremonitor::AzureMonitor, None, &[]).unwrap_err();
    assert!(why.contains("give the operator a workload identity"), "{why}");
    let why = login(&stackdriver::Stackdriver, None, &[]).unwrap_err();
    assert!(
        why.contains("spec.provider.secretRef is missing; write the name of a Secret with the key project"),
        "{why}"
    );
}

#[test]
fn azure_gives_a_token_for_a_client_secret_or_a_workload_identity() {
    let secret = data(&[("azure_tenant_id", "t"), ("azure_client_id", "c"), ("azure_client_secret", "s&")]);
    let request = login(&azuremonitor::AzureMonitor, Some(&secret), &[]).unwrap().request;
    assert_eq!(request.url, "https://login.microsoftonline.com/t/oauth2/v2.0/token");
    let scope = "https%3A%2F%2Fmanagement.azure.com%2F.default";
    let sent = String::from_utf8(request.body).unwrap();
    assert_eq!(sent, format!("grant_type=client_credentials&client_id=c&scope={scope}&client_secret=s%26"));
    let identity = [("AZURE_TENANT_ID", "t"), ("AZURE_CLIENT_ID", "c"), ("AZURE_FEDERATED_TOKEN_FILE", "jwt")];
    let sent = login(&azuremonitor::AzureMonitor, None, &identity).unwrap().request.body;
    assert!(String::from_utf8(sent).unwrap().ends_with("&client_assertion=jwt"));
}

#[test]
fn azure_is_asked_up_to_the_last_whole_bucket() {
    let query = "/subscriptions/1/x/y?metricnames=Errors&aggregation=Total&interval=PT5M&timespan=all";
    let request = asked(&azuremonitor::AzureMonitor, query, &[]);
    let span = "timespan=2026-11-20T12%3A20%3A00Z%2F2026-11-20T12%3A30%3A00Z";
    let url =
        "https://management.azure.com/subscriptions/1/x/y/providers/Microsoft.Insights/metrics?api-version=2018-01-01";
    assert_eq!(request.url, format!("{url}&{span}&metricnames=Errors&aggregation=Total&interval=PT5M"));
    for query in ["/subscriptions/1", "/other?a=b", "/subscriptions/../x?a=b", "/subscriptions/a@b?c=d"] {
        assert!(refused(&azuremonitor::AzureMonitor, query).contains("write /subscriptions/"), "{query}");
    }
}

#[test]
fn google_gives_a_token_for_an_assertion_that_the_key_of_the_account_signed() {
    let account = include_str!("../testdata/service-account.json");
    let secret = data(&[("serviceAccountKey", account)]);
    let request = login(&stackdriver::Stackdriver, Some(&secret), &[]).unwrap().request;
    assert_eq!(request.url, "https://oauth2.googleapis.com/token");
    let body = String::from_utf8(request.body).unwrap();
    let assertion =
        body.strip_prefix("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=").unwrap();
    let (signed, signature) = assertion.rsplit_once('.').unwrap();
    let pem = serde_json::from_str::<Value>(account).unwrap()["private_key"].as_str().unwrap().to_owned();
    let key = RsaKeyPair::from_pkcs8(&coding::pem(&pem, "PRIVATE KEY").unwrap()).unwrap();
    let decode =
        |text: &str| ::base64::Engine::decode(&::base64::engine::general_purpose::URL_SAFE_NO_PAD, text).unwrap();
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public().as_ref());
    public.verify(signed.as_bytes(), &decode(signature)).expect("the signature is good");
    let claims: Value = serde_json::from_slice(&decode(signed.split_once('.').unwrap().1)).unwrap();
    assert_eq!((&claims["iat"], &claims["exp"]), (&json!(1_795_178_096), &json!(1_795_181_696)));
    assert_eq!(claims["aud"], "https://oauth2.googleapis.com/token");
    let why = login(&stackdriver::Stackdriver, Some(&data(&[("serviceAccountKey", "{}")])), &[]).unwrap_err();
    assert_eq!(
        why,
        "Secret prom.monitoring has a key serviceAccountKey that is not the JSON of a service account's key, as Google gives it out"
    );
}

#[test]
fn the_project_is_that_of_the_secret_or_of_the_account() {
    let account = include_str!("../testdata/service-account.json");
    let url = |secret: &[(&str, &str)]| asked(&stackdriver::Stackdriver, "q", secret).url;
    assert_eq!(url(&[("project", "p/1")]), "https://monitoring.googleapis.com/v3/projects/p%2F1/timeSeries:query");
    assert!(url(&[("serviceAccountKey", account)]).contains("/projects/shop-1/"));
}

#[test]
fn a_token_is_used_until_a_minute_before_its_end() {
    let body = br#"{"access_token": "t", "expires_in": 3599, "token_type": "Bearer"}"#.to_vec();
    let session = bearer::session(&HttpResponse::new(200, body), now()).unwrap();
    assert_eq!(session.until, now().after(Duration::from_secs(3539)));
    let secret = data(&[("project", "p")]);
    let means = Means { secret: Some(&secret), session: Some(&session), identity: &Identity::default(), now: now() };
    let Ok(Request::Http(request)) = question(&stackdriver::Stackdriver).request(&means) else { panic!("refused") };
    assert_eq!(request.credentials, Credentials::Bearer("t".to_owned()));
    let refused = br#"{"error": "invalid_grant", "error_description": "Invalid JWT Signature."}"#.to_vec();
    let why = bearer::session(&HttpResponse::new(400, refused), now()).unwrap_err();
    assert_eq!(why, "the login answered 400: Invalid JWT Signature.");
}
