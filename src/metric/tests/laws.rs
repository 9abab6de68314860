//! Laws over all providers.

use proptest::prelude::*;

use super::*;
use crate::metric::diagnosis::Reply;

/// A Secret with every key that any provider reads, each with a value that can be searched for.
pub(super) fn full(mark: &str) -> SecretData {
    let account = include_str!("../testdata/service-account.json");
    let pairs = [
        "token",
        "username",
        "password",
        "org",
        "project",
        "datadog_api_key",
        "datadog_application_key",
        "newrelic_account_id",
        "newrelic_query_key",
        "dynatrace_token",
        "sf_token_key",
        "aws_access_key_id",
        "aws_secret_access_key",
        "aws_session_token",
        "azure_tenant_id",
        "azure_client_id",
        "azure_client_secret",
    ];
    let mut data = data(&[("serviceAccountKey", account)]);
    data.extend(pairs.iter().map(|key| ((*key).to_owned(), format!("{mark}-{key}").into_bytes())));
    data
}

/// A question that the provider can be asked.
pub(super) fn question(provider: &'static dyn Provider) -> Ask {
    let query = match provider.name() {
        "azuremonitor" => "/subscriptions/1/resourceGroups/shop/providers/p/n?metricnames=Errors&aggregation=Total",
        "cloudwatch" => {
            r#"[{"Id":"e1","Expression":"m1 / m2"},{"Id":"m1","MetricStat":{"Period":300},"ReturnData":false}]"#
        }
        "externalmetrics" => "shop/errors?labelSelector=app%3Dcart",
        "graphite" => "target=sumSeries(app.errors)&from=-2min",
        "keptn" => "keptnmetric/shop/errors",
        "web" => "/errors\n$.value",
        _ => "errors",
    };
    let address = match provider.about().address {
        Address::Needed | Address::Default(_) | Address::OrCluster => "http://metrics.example".to_owned(),
        Address::Cluster | Address::Maker(_) => String::new(),
    };
    let region = Some("eu-west-1".to_owned());
    Ask { provider, query: query.to_owned(), address, region, secret: named(), ..ask() }
}

fn session() -> Session {
    Session { grant: Grant::Bearer("planted-session".to_owned()), until: now() }
}

/// JSON near enough to an answer to reach every branch.
fn answers() -> impl Strategy<Value = Vec<u8>> {
    let kinds = prop::sample::select(vec!["vector", "matrix", "scalar", "string", "other"]);
    let text = prop_oneof![Just("1".to_owned()), Just("NaN".to_owned()), any::<String>()];
    let near = (kinds, prop::collection::vec(text, 0..3)).prop_map(|(kind, values)| {
        let result: Vec<Value> = values.iter().map(|v| series(v)).collect();
        success(kind, &json!(result)).to_string().into_bytes()
    });
    let known = prop::sample::select(super::answers::bodies());
    let cut =
        (known.clone(), any::<prop::sample::Index>()).prop_map(|(body, at)| body[..at.index(body.len() + 1)].to_vec());
    let swapped = (known, any::<prop::sample::Index>(), any::<u8>()).prop_map(|(mut body, at, byte)| {
        let length = body.len().max(1);
        if let Some(place) = body.get_mut(at.index(length)) {
            *place = byte;
        }
        body
    });
    prop_oneof![near, cut, swapped, any::<Vec<u8>>()]
}

proptest! {
    #[test]
    fn an_answer_that_is_no_number_is_never_a_value_and_never_a_panic(status in 100_u16..600, body in answers()) {
        let answer = HttpResponse::new(status, body);
        for provider in ALL {
            match question(*provider).measure(&answer) {
                Measurement::Value(value) => prop_assert!(value.is_finite() && (200..300).contains(&status)),
                NoData(text) | Error(text) => prop_assert!(text.len() < 2_000, "{}", text),
                more @ (Measurement::Few { .. } | Measurement::Both(_)) => prop_assert!(false, "more than a value: {:?}", more),
            }
        }
    }

    #[test]
    fn any_query_makes_the_same_request_twice_or_is_refused(query in any::<String>(), token in "[ -~]{1,20}") {
        let (secret, session) = (full(&token), session());
        let means = Means { secret: Some(&secret), session: Some(&session), identity: &Identity::default(), now: now() };
        for provider in ALL {
            let ask = Ask { query: query.clone(), ..question(*provider) };
            prop_assert!(ask.request(&means) == ask.request(&means));
        }
    }
}

#[test]
fn providers_are_found_by_name_and_sorted() {
    assert!(ALL.is_sorted_by(|a, b| a.name() < b.name()));
    for provider in ALL {
        assert_eq!(find(provider.name()).map(Provider::name), Some(provider.name()));
    }
    assert!(find("nagios").is_none());
}

#[test]
fn no_credential_shows_in_a_request_an_error_or_an_answer() {
    let (secret, session) = (full("planted"), session());
    let identity = Identity::new([("AWS_WEB_IDENTITY_TOKEN_FILE".to_owned(), "planted-identity".to_owned())]);
    let means = Means { secret: Some(&secret), session: Some(&session), identity: &identity, now: now() };
    let mut secrets: Vec<String> = secret.values().map(|value| String::from_utf8(value.clone()).unwrap()).collect();
    secrets.retain(|value| !["username", "org", "project", "id"].iter().any(|public| value.ends_with(public)));
    assert!(secrets.len() > 9, "{secrets:?}");
    let echo =
        format!("{{\"message\": {:?}}}", [secrets.join(" "), "planted-session planted-identity".to_owned()].join(" "));
    for provider in ALL {
        let ask = question(*provider);
        let login = ask.login(&means).unwrap();
        let request = ask.request(&means).unwrap();
        let shown = format!("{ask:?} {means:?} {login:?} {request:?} {session:?} {:?}", session.grant);
        let hidden = |secret: &String| !shown.contains(secret.as_str());
        assert!(secrets.iter().all(hidden) && !shown.contains("PRIVATE"), "{}: {shown}", provider.name());
        assert!(!shown.contains("planted-session") && !shown.contains("planted-identity"), "{shown}");
        for status in [200, 401, 500] {
            let answer = means.scrub(HttpResponse::new(status, echo.clone().into_bytes()));
            let told = format!("{:?} {:?}", ask.told(ask.measure(&answer)), Reply::Answered(answer));
            for hidden in ["planted-token", "planted-password", "_key ", "planted-session", "planted-identity"] {
                assert!(!told.contains(hidden), "{}: {told}", provider.name());
            }
        }
    }
}

#[test]
fn a_secret_that_lacks_its_keys_is_refused_with_what_to_write() {
    for provider in ALL.iter().filter(|provider| !matches!(provider.about().address, Address::Cluster)) {
        let ask = question(*provider);
        let empty = SecretData::new();
        let means = Means { secret: Some(&empty), session: None, identity: &Identity::default(), now: now() };
        let refused = ask.login(&means).err().or_else(|| ask.request(&means).err());
        let text = refused.map(|error| error.to_string()).unwrap_or_default();
        assert!(text.starts_with("Secret prom.monitoring has no "), "{}: {text}", provider.name());
        assert!(text.contains("; write the key") || text.contains("; write both"), "{}: {text}", provider.name());
    }
}

#[test]
fn a_session_is_shared_only_with_whom_shows_the_same_credentials() {
    let key = |mark: &str, region: &str| {
        let secret = full(mark);
        let means = Means { secret: Some(&secret), session: None, identity: &Identity::default(), now: now() };
        Ask { region: Some(region.to_owned()), ..question(&stackdriver::Stackdriver) }.session_of(&means)
    };
    assert_eq!(key("a", "r"), key("a", "r"));
    assert_ne!(key("a", "r"), key("b", "r"));
    assert_ne!(key("a", "r"), key("a", "s"));
}

#[test]
fn nothing_of_the_operators_goes_to_an_address_of_a_manifest() {
    let identity =
        Identity::new(Identity::VARIABLES.iter().map(|name| ((*name).to_owned(), format!("planted-{name}"))));
    let secret = full("users");
    let means = Means { secret: Some(&secret), session: None, identity: &identity, now: now() };
    for provider in ALL {
        let Ok(Request::Http(request)) = question(*provider).request(&means) else { continue };
        let HttpRequest { method: _, url, headers, credentials, body, trust: _ } = request;
        let credentials = match credentials {
            Credentials::None => String::new(),
            Credentials::Bearer(token) => token,
            Credentials::Basic(user, password) => user + &password,
            Credentials::Headers(headers) => format!("{headers:?}"),
        };
        let sent = format!("{url} {headers:?} {credentials} {}", String::from_utf8_lossy(&body));
        assert!(!sent.contains("planted-"), "{}: {sent}", provider.name());
    }
}
