//! What each provider's answers mean. They are written after the public references of their APIs.

use super::laws::question;
use super::*;

fn heard(provider: &str, body: &str) -> Measurement {
    question(find(provider).expect("it is served")).measure(&HttpResponse::new(200, body.as_bytes().to_vec()))
}

#[track_caller]
fn value(provider: &str, body: &str, value: f64) {
    assert_eq!(heard(provider, body), Measurement::Value(value), "{body}");
}

#[track_caller]
fn nothing(provider: &str, body: &str) {
    let heard = heard(provider, body);
    assert!(matches!(&heard, NoData(text) if text.starts_with("the result")), "{body}: {heard:?}");
}

#[track_caller]
fn wrong(provider: &str, body: &str, part: &str) {
    let heard = heard(provider, body);
    assert!(matches!(&heard, Error(text) if text.contains(part)), "{body}: {heard:?}");
}

/// A good answer of each provider, for laws to bend.
const GOOD: &[(&str, &str)] = &[
    (
        "azuremonitor",
        r#"{"cost":0,"timespan":"a/b","interval":"PT1M","value":[{"name":{"value":"Errors"},"timeseries":[{"metadatavalues":[],"data":[{"timeStamp":"2026-11-20T12:29:00Z","total":3.5},{"timeStamp":"2026-11-20T12:30:00Z"}]}]}]}"#,
    ),
    (
        "cloudwatch",
        r#"{"MetricDataResults":[{"Id":"e1","Label":"rate","Timestamps":[1795177800,1795177500],"Values":[3.5,9.0],"StatusCode":"Complete"}],"Messages":[]}"#,
    ),
    (
        "datadog",
        r#"{"status":"ok","from_date":1795177496000,"to_date":1795178096000,"series":[{"metric":"errors","interval":60,"pointlist":[[1795177980000.0,1.0],[1795178030000.0,3.5],[1795178090000.0,0.5]]}]}"#,
    ),
    (
        "dynatrace",
        r#"{"totalCount":1,"nextPageKey":null,"resolution":"Inf","result":[{"metricId":"errors","data":[{"dimensions":[],"dimensionMap":{},"timestamps":[1795178096789],"values":[3.5]}]}]}"#,
    ),
    (
        "externalmetrics",
        r#"{"kind":"ExternalMetricValueList","apiVersion":"external.metrics.k8s.io/v1beta1","metadata":{},"items":[{"metricName":"errors","metricLabels":{},"timestamp":"2026-11-20T12:34:00Z","value":"3500m"}]}"#,
    ),
    (
        "graphite",
        r#"[{"target":"sumSeries(app.errors)","tags":{},"datapoints":[[1.0,1795177980],[3.5,1795178040],[null,1795178100]]}]"#,
    ),
    (
        "influxdb",
        "#datatype,string,long,dateTime:RFC3339,double\r\n,result,table,_time,_value\r\n,_result,0,2026-11-20T12:34:00Z,3.5\r\n\r\n",
    ),
    (
        "keptn",
        r#"{"apiVersion":"metrics.keptn.sh/v1beta1","kind":"KeptnMetric","metadata":{"name":"errors"},"status":{"value":"3.5","rawValue":"eyJ9","lastUpdated":"2026-11-20T12:34:00Z"}}"#,
    ),
    (
        "newrelic",
        r#"{"results":[{"result":3.5}],"performanceStats":{"inspectedCount":12},"metadata":{"contents":[{"function":"average"}]}}"#,
    ),
    (
        "prometheus",
        r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1795178096.789,"3.5"]}]}}"#,
    ),
    (
        "skywalking",
        r#"{"data":{"errors":{"label":null,"values":{"values":[{"id":"202611201232","value":1},{"id":"202611201233","value":3.5}]}}}}"#,
    ),
    (
        "splunk",
        "event: control-message\ndata: {\ndata:   \"event\" : \"STREAM_START\",\ndata:   \"timestampMs\" : 1\ndata: }\n\nevent: metadata\nid: AAA\ndata: {\ndata:   \"properties\" : { }\ndata: }\n\nevent: data\ndata: {\ndata:   \"data\" : [ {\ndata:     \"tsId\" : \"AAA\",\ndata:     \"value\" : 1.0\ndata:   } ],\ndata:   \"logicalTimestampMs\" : 1\ndata: }\n\nevent: data\ndata: {\"data\":[{\"tsId\":\"AAA\",\"value\":3.5}],\"logicalTimestampMs\":2}\n\nevent: control-message\ndata: {\"event\":\"END_OF_CHANNEL\"}\n\n",
    ),
    (
        "stackdriver",
        r#"{"timeSeriesDescriptor":{},"timeSeriesData":[{"labelValues":[],"pointData":[{"values":[{"doubleValue":3.5}],"timeInterval":{"endTime":"2026-11-20T12:34:00Z"}},{"values":[{"doubleValue":1.0}]}]}]}"#,
    ),
    ("web", r#"{"value": 3.5}"#),
];

/// The bodies of good answers.
pub(super) fn bodies() -> Vec<Vec<u8>> {
    GOOD.iter().map(|(_, body)| body.as_bytes().to_vec()).collect()
}

#[test]
fn a_good_answer_of_every_provider_is_its_value() {
    assert_eq!(
        GOOD.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
        ALL.iter().map(|p| p.name()).collect::<Vec<_>>()
    );
    for (provider, body) in GOOD {
        value(provider, body, 3.5);
    }
}

#[test]
fn a_refusal_names_its_provider_and_its_status_and_is_short() {
    let long = format!("<html>{}</html>", "x".repeat(100_000));
    for provider in ALL {
        for status in [302, 400, 401, 403, 404, 429, 500, 503] {
            for body in ["", "<html><h1>Bad</h1></html>", "{\"message\": \"no\"}", "{\"errors\": [\"no\"]}", &long] {
                let answer = HttpResponse::new(status, body.as_bytes().to_vec());
                let Error(text) = question(*provider).measure(&answer) else { panic!("{} {status}", provider.name()) };
                assert!(text.contains(&format!("answered {status}")) && text.len() < 600, "{text}");
            }
        }
    }
}

#[test]
fn an_empty_answer_a_page_and_half_of_one_are_errors() {
    // A stream or a table may end early in a place where it could end; JSON cannot.
    for (provider, body) in GOOD {
        for page in ["", "<!DOCTYPE html><title>Sign in</title>"] {
            if *provider != "influxdb" || !page.is_empty() {
                wrong(provider, page, "");
            }
        }
        if !["influxdb", "splunk"].contains(provider) {
            wrong(provider, &body[..body.len() / 2], "");
        }
    }
}

#[test]
fn json_of_another_server_is_an_error() {
    for provider in ALL.iter().filter(|provider| !["keptn", "web", "stackdriver"].contains(&provider.name())) {
        wrong(provider.name(), r#"{"ok":true}"#, "");
    }
    for provider in ["web", "keptn", "stackdriver"] {
        nothing(provider, r#"{"ok":true}"#);
    }
}

#[test]
fn datadog_takes_the_newest_bucket_that_has_ended_and_no_null() {
    let answer = |points: &str| {
        format!(r#"{{"status":"ok","to_date":1000000,"series":[{{"interval":60,"pointlist":{points}}}]}}"#)
    };
    value("datadog", &answer("[[820000,1],[880000,2],[940000,3],[1000000,9]]"), 3.0);
    value("datadog", &answer("[[820000,1],[880000,null],[1000000,9]]"), 1.0);
    nothing("datadog", &answer("[[1000000,9]]"));
    nothing("datadog", &answer("[[880000,null]]"));
    nothing("datadog", &answer("[[880000]]"));
    nothing("datadog", &answer("[]"));
    nothing("datadog", r#"{"status":"ok","series":[]}"#);
    wrong("datadog", r#"{"status":"ok","series":[{},{}]}"#, "the query gives 2 series and a KPI is one");
    wrong("datadog", r#"{"status":"error","error":"Rule 'x' did not match"}"#, "Datadog says Rule 'x' did not match");
}

#[test]
fn cloudwatch_takes_the_newest_value_and_tells_what_failed() {
    nothing("cloudwatch", r#"{"MetricDataResults":[{"Values":[],"StatusCode":"Complete"}]}"#);
    nothing("cloudwatch", r#"{"MetricDataResults":[]}"#);
    wrong("cloudwatch", r#"{"MetricDataResults":[{"Values":[1]},{"Values":[2]}]}"#, "write \"ReturnData\": false");
    let failed = r#"{"MetricDataResults":[{"Values":[],"StatusCode":"Forbidden","Messages":[]}]}"#;
    wrong("cloudwatch", failed, "CloudWatch says Forbidden");
}

#[test]
fn dynatrace_wants_one_series_of_one_value() {
    nothing("dynatrace", r#"{"totalCount":0,"result":[]}"#);
    nothing("dynatrace", r#"{"result":[{"data":[]}]}"#);
    nothing("dynatrace", r#"{"result":[{"data":[{"values":[null]}]}]}"#);
    wrong("dynatrace", r#"{"result":[{"data":[{"values":[1]},{"values":[2]}]}]}"#, ":splitBy()");
    wrong("dynatrace", r#"{"result":[{"data":[{"values":["x"]}]}]}"#, "no number");
}

#[test]
fn newrelic_takes_the_one_field_whatever_it_is_called() {
    value("newrelic", r#"{"results":[{"count":7}]}"#, 7.0);
    nothing("newrelic", r#"{"results":[{"result":null}]}"#);
    nothing("newrelic", r#"{"results":[]}"#);
    wrong("newrelic", r#"{"results":[{"count":1},{"count":2}]}"#, "the query gives 2 results");
    wrong("newrelic", r#"{"results":[{"min":1,"max":2}]}"#, "which is no number");
}

#[test]
fn graphite_skips_nulls_and_wants_one_target() {
    nothing("graphite", "[]");
    nothing("graphite", r#"[{"target":"a","datapoints":[[null,1],[null,2]]}]"#);
    nothing("graphite", r#"[{"target":"a","datapoints":[]}]"#);
    wrong("graphite", r#"[{"datapoints":[]},{"datapoints":[]}]"#, "wrap it in sumSeries(…)");
}

#[test]
fn no_row_of_influxdb_is_no_data_and_never_0() {
    nothing("influxdb", "\r\n");
    nothing("influxdb", "");
    nothing("influxdb", "#datatype,string,long,double\r\n,result,table,_value\r\n\r\n");
    nothing("influxdb", "#datatype,string,long,double\r\n,result,table,_value\r\n,_result,0,\r\n");
}

#[test]
fn whole_numbers_of_influxdb_are_numbers() {
    let of = |kind: &str, value: &str| {
        format!("#datatype,string,long,{kind}\r\n,result,table,_value\r\n,_result,0,{value}\r\n")
    };
    value("influxdb", &of("long", "7"), 7.0);
    value("influxdb", &of("unsignedLong", "7"), 7.0);
    wrong("influxdb", &of("string", "7"), "which is no number");
    wrong("influxdb", &of("boolean", "true"), "which is no number");
    nothing("influxdb", &of("double", "NaN"));
}

#[test]
fn rows_of_influxdb_are_read_with_quotes_and_counted_over_all_tables() {
    let table =
        "#datatype,string,long,string,double\r\n,result,table,path,_value\r\n,_result,0,\"/a,\"\"b\"\"\r\n\",3\r\n";
    value("influxdb", table, 3.0);
    wrong("influxdb", &format!("{table}\r\n{table}"), "the query gives 2 rows");
    wrong(
        "influxdb",
        "#datatype,string,long\r\n,error,reference\r\n,failed to parse,897\r\n",
        "InfluxDB says failed to parse",
    );
    wrong("influxdb", ",result,table,count\r\n,_result,0,3\r\n", "its rows have no _value");
}

#[test]
fn influxql_has_a_time_and_a_value() {
    let ask = Ask { query: "SELECT mean(x) FROM y".to_owned(), ..question(&influxdb::InfluxDb) };
    let read = |body: &str| ask.measure(&HttpResponse::new(200, body.as_bytes().to_vec()));
    let of =
        |values: &str| format!(r#"{{"results":[{{"statement_id":0,"series":[{{"name":"y","values":{values}}}]}}]}}"#);
    assert_eq!(read(&of(r#"[["2026-11-20T12:00:00Z",3.5]]"#)), Measurement::Value(3.5));
    assert!(matches!(read(r#"{"results":[{"statement_id":0}]}"#), NoData(_)));
    assert!(matches!(read(&of(r#"[["t",null]]"#)), NoData(_)));
    assert!(matches!(read(&of(r#"[["t",1],["u",2]]"#)), Error(why) if why.contains("2 rows")));
    assert!(matches!(read(&of(r#"[["t",1,2]]"#)), Error(why) if why.contains("no number")));
    assert!(
        matches!(read(r#"{"results":[{"error":"database not found: shop"}]}"#), Error(why) if why.contains("database not found"))
    );
}

#[test]
fn whole_numbers_of_stackdriver_are_never_0() {
    value("stackdriver", r#"{"timeSeriesData":[{"pointData":[{"values":[{"int64Value":"42"}]}]}]}"#, 42.0);
    nothing("stackdriver", "{}");
    nothing("stackdriver", r#"{"timeSeriesData":[{"pointData":[]}]}"#);
    wrong("stackdriver", r#"{"timeSeriesData":[{"pointData":[{"values":[{"boolValue":true}]}]}]}"#, "no number");
    wrong("stackdriver", r#"{"timeSeriesData":[{},{}]}"#, "group_by");
}

#[test]
fn splunk_takes_the_newest_value_of_one_series() {
    let event = |data: &str| format!("event: data\ndata: {data}\n\n");
    value("splunk", &event(r#"{"data":[{"tsId":"A","value":1},{"tsId":"A","value":null}]}"#), 1.0);
    nothing("splunk", &event(r#"{"event":"END_OF_CHANNEL"}"#));
    nothing("splunk", &event(r#"{"data":[]}"#));
    wrong("splunk", &event(r#"{"data":[{"tsId":"A","value":1},{"tsId":"B","value":2}]}"#), "the query gives 2 series");
    let refused = r#"{"error":400,"message":"Unexpected token","errorType":"ANALYTICS_PROGRAM_NAME_ERROR"}"#;
    wrong("splunk", &event(refused), "Splunk says Unexpected token");
}

#[test]
fn a_metric_of_keptn_that_failed_says_why() {
    nothing("keptn", r#"{"status":{"value":""}}"#);
    wrong("keptn", r#"{"status":{"value":"","errMsg":"no such query"}}"#, "Keptn says no such query");
    wrong("keptn", r#"{"status":{"value":"many"}}"#, "no number");
}

#[test]
fn external_metrics_are_one_quantity() {
    nothing("externalmetrics", r#"{"items":[]}"#);
    wrong("externalmetrics", r#"{"items":[{"value":"1"},{"value":"2"}]}"#, "narrow its labelSelector");
    wrong("externalmetrics", r#"{"items":[{"value":"1x"}]}"#, "no number");
}

#[test]
fn azure_skips_buckets_without_a_value() {
    let of = |data: &str| format!(r#"{{"value":[{{"timeseries":[{{"data":{data}}}]}}]}}"#);
    nothing("azuremonitor", r#"{"value":[]}"#);
    nothing("azuremonitor", &of(r#"[{"timeStamp":"t"},{"timeStamp":"t","total":null}]"#));
    wrong("azuremonitor", &of(r#"[{"timeStamp":"t","total":1,"average":2}]"#), "write one aggregation");
}

#[test]
fn skywalking_answers_in_three_shapes() {
    value("skywalking", r#"{"data":{"x":7}}"#, 7.0);
    let expression = r#"{"data":{"x":{"type":"TIME_SERIES_VALUES","error":null,"results":[{"values":[{"value":"5"},{"value":null}]}]}}}"#;
    value("skywalking", expression, 5.0);
    nothing("skywalking", r#"{"data":{"x":null}}"#);
    nothing("skywalking", r#"{"data":{"x":{"error":null,"results":[]}}}"#);
    nothing("skywalking", r#"{"data":{"x":{"values":{"values":[{"value":0,"isEmptyValue":true}]}}}}"#);
    wrong(
        "skywalking",
        r#"{"data":null,"errors":[{"message":"Validation error"}]}"#,
        "SkyWalking says Validation error",
    );
    wrong("skywalking", r#"{"data":{"x":{"error":"bad expression","results":[]}}}"#, "SkyWalking says bad expression");
    wrong("skywalking", r#"{"data":{"x":1,"y":2}}"#, "the query gives 2 fields");
}

#[test]
fn web_takes_numbers_texts_of_numbers_and_truths() {
    value("web", r#"{"value":"7"}"#, 7.0);
    value("web", r#"{"value":true}"#, 1.0);
    nothing("web", r#"{"value":null}"#);
    nothing("web", r#"{"value":"NaN"}"#);
    wrong("web", r#"{"value":[1]}"#, "no number");
    wrong("web", r#"{"value":"up"}"#, "no number");
}
