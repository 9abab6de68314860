//! Every provider's answers in every shape that is no value: a table, so that a new provider shows all of them or says why not.
//!
//! Refusals, pages and broken JSON are the same for all of them: see `answers`. How long an answer may be, and that half of one
//! is none, is for `world::http`.

use super::laws::question;
use super::*;

/// The bodies of one provider, as its server would write them.
struct Shapes {
    provider: &'static str,
    /// The query found nothing.
    empty: &'static str,
    /// There is a point, and its value is null; for a language without null, nothing stands there.
    null: &'static str,
    /// There is a point, and its value is no finite number.
    nan: &'static str,
    /// More than one series; nothing where a query has one result by its nature.
    several: &'static str,
    /// The newest bucket is not over yet, or not filled, the one before it is 3.5, and an older one 1; nothing where there are no buckets.
    partial: &'static str,
}

const ALL_SHAPES: &[Shapes] = &[
    Shapes {
        provider: "azuremonitor",
        empty: r#"{"value":[{"name":{"value":"Errors"},"timeseries":[]}]}"#,
        null: r#"{"value":[{"timeseries":[{"data":[{"timeStamp":"2026-11-20T12:29:00Z","total":null}]}]}]}"#,
        nan: r#"{"value":[{"timeseries":[{"data":[{"timeStamp":"2026-11-20T12:29:00Z","total":"NaN"}]}]}]}"#,
        several: r#"{"value":[{"timeseries":[{"data":[{"timeStamp":"t","total":1}]},{"data":[{"timeStamp":"t","total":2}]}]}]}"#,
        partial: r#"{"value":[{"timeseries":[{"data":[{"timeStamp":"2026-11-20T12:28:00Z","total":1},{"timeStamp":"2026-11-20T12:29:00Z","total":3.5},{"timeStamp":"2026-11-20T12:30:00Z"}]}]}]}"#,
    },
    Shapes {
        provider: "cloudwatch",
        empty: r#"{"MetricDataResults":[{"Id":"e1","Timestamps":[],"Values":[],"StatusCode":"Complete"}],"Messages":[]}"#,
        null: r#"{"MetricDataResults":[{"Id":"e1","Timestamps":[1795177800],"Values":[null],"StatusCode":"Complete"}]}"#,
        nan: r#"{"MetricDataResults":[{"Id":"e1","Timestamps":[1795177800],"Values":["NaN"],"StatusCode":"Complete"}]}"#,
        several: r#"{"MetricDataResults":[{"Id":"e1","Values":[1.0]},{"Id":"e2","Values":[2.0]}]}"#,
        // It is asked up to the last whole period.
        partial: "",
    },
    Shapes {
        provider: "datadog",
        empty: r#"{"status":"ok","to_date":1795178096000,"series":[]}"#,
        null: r#"{"status":"ok","to_date":1795178096000,"series":[{"interval":60,"pointlist":[[1795177980000.0,null]]}]}"#,
        nan: r#"{"status":"ok","to_date":1795178096000,"series":[{"interval":60,"pointlist":[[1795177980000.0,"NaN"]]}]}"#,
        several: r#"{"status":"ok","to_date":1795178096000,"series":[{"interval":60,"pointlist":[]},{"interval":60,"pointlist":[]}]}"#,
        partial: r#"{"status":"ok","to_date":1795178096000,"series":[{"interval":60,"pointlist":[[1795177970000.0,1.0],[1795178030000.0,3.5],[1795178090000.0,0.1]]}]}"#,
    },
    Shapes {
        provider: "dynatrace",
        empty: r#"{"totalCount":0,"nextPageKey":null,"resolution":"Inf","result":[{"metricId":"errors","data":[]}]}"#,
        null: r#"{"result":[{"metricId":"errors","data":[{"timestamps":[1795178096789],"values":[null]}]}]}"#,
        nan: r#"{"result":[{"metricId":"errors","data":[{"timestamps":[1795178096789],"values":["NaN"]}]}]}"#,
        several: r#"{"result":[{"metricId":"errors","data":[{"dimensions":["a"],"values":[1]},{"dimensions":["b"],"values":[2]}]}]}"#,
        // One value of the whole window.
        partial: "",
    },
    Shapes {
        provider: "externalmetrics",
        empty: r#"{"kind":"ExternalMetricValueList","apiVersion":"external.metrics.k8s.io/v1beta1","metadata":{},"items":[]}"#,
        null: r#"{"kind":"ExternalMetricValueList","items":[{"metricName":"errors","value":null}]}"#,
        nan: r#"{"kind":"ExternalMetricValueList","items":[{"metricName":"errors","value":"NaN"}]}"#,
        several: r#"{"kind":"ExternalMetricValueList","items":[{"metricName":"errors","value":"1"},{"metricName":"errors","value":"2"}]}"#,
        partial: "",
    },
    Shapes {
        provider: "graphite",
        empty: "[]",
        null: r#"[{"target":"a","datapoints":[[null,1795177980],[null,1795178040]]}]"#,
        nan: r#"[{"target":"a","datapoints":[["NaN",1795177980]]}]"#,
        several: r#"[{"target":"a","datapoints":[[1.0,1795177980]]},{"target":"b","datapoints":[[2.0,1795177980]]}]"#,
        partial: r#"[{"target":"a","datapoints":[[1.0,1795177980],[3.5,1795178040],[null,1795178100]]}]"#,
    },
    Shapes {
        provider: "influxdb",
        empty: "\r\n",
        null: "#datatype,string,long,double\r\n,result,table,_value\r\n,_result,0,\r\n",
        nan: "#datatype,string,long,double\r\n,result,table,_value\r\n,_result,0,NaN\r\n",
        several: "#datatype,string,long,double\r\n,result,table,_value\r\n,_result,0,1\r\n,_result,1,2\r\n",
        // A row is a row: the query says with last() or mean() what of its buckets counts.
        partial: "",
    },
    Shapes {
        provider: "keptn",
        empty: r#"{"kind":"KeptnMetric","metadata":{"name":"errors"},"status":{"value":""}}"#,
        null: r#"{"kind":"KeptnMetric","metadata":{"name":"errors"},"status":{"value":null}}"#,
        nan: r#"{"kind":"KeptnMetric","metadata":{"name":"errors"},"status":{"value":"NaN"}}"#,
        several: "",
        partial: "",
    },
    Shapes {
        provider: "newrelic",
        empty: r#"{"results":[],"metadata":{"contents":[]}}"#,
        null: r#"{"results":[{"result":null}]}"#,
        nan: r#"{"results":[{"result":"NaN"}]}"#,
        several: r#"{"results":[{"result":1},{"result":2}]}"#,
        partial: "",
    },
    Shapes {
        provider: "prometheus",
        empty: r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#,
        null: r#"{"status":"success","data":{"resultType":"vector","result":null}}"#,
        nan: r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1795178096.789,"NaN"]}]}}"#,
        several: r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":"1"},"value":[1,"1"]},{"metric":{"a":"2"},"value":[1,"2"]}]}}"#,
        partial: "",
    },
    Shapes {
        provider: "skywalking",
        empty: r#"{"data":{"errors":{"values":{"values":[]}}}}"#,
        null: r#"{"data":{"errors":null}}"#,
        nan: r#"{"data":{"errors":{"type":"TIME_SERIES_VALUES","error":null,"results":[{"values":[{"value":"NaN"}]}]}}}"#,
        several: r#"{"data":{"errors":1,"requests":2}}"#,
        partial: r#"{"data":{"errors":{"values":{"values":[{"id":"202611201232","value":1},{"id":"202611201233","value":3.5},{"id":"202611201234","value":0,"isEmptyValue":true}]}}}}"#,
    },
    Shapes {
        provider: "splunk",
        empty: "event: control-message\ndata: {\"event\":\"END_OF_CHANNEL\"}\n\n",
        null: "event: data\ndata: {\"data\":[{\"tsId\":\"A\",\"value\":null}]}\n\nevent: control-message\ndata: {\"event\":\"END_OF_CHANNEL\"}\n\n",
        nan: "event: data\ndata: {\"data\":[{\"tsId\":\"A\",\"value\":\"NaN\"}]}\n\n",
        several: "event: data\ndata: {\"data\":[{\"tsId\":\"A\",\"value\":1},{\"tsId\":\"B\",\"value\":2}]}\n\n",
        partial: "event: data\ndata: {\"data\":[{\"tsId\":\"A\",\"value\":1}]}\n\nevent: data\ndata: {\"data\":[{\"tsId\":\"A\",\"value\":3.5}]}\n\nevent: data\ndata: {\"data\":[{\"tsId\":\"A\",\"value\":null}]}\n\n",
    },
    Shapes {
        provider: "stackdriver",
        empty: r#"{"timeSeriesDescriptor":{},"timeSeriesData":[{"labelValues":[],"pointData":[]}]}"#,
        null: r#"{"timeSeriesData":[{"pointData":[{"values":[{"doubleValue":null}]}]}]}"#,
        nan: r#"{"timeSeriesData":[{"pointData":[{"values":[{"doubleValue":"NaN"}]}]}]}"#,
        several: r#"{"timeSeriesData":[{"pointData":[{"values":[{"doubleValue":1}]}]},{"pointData":[{"values":[{"doubleValue":2}]}]}]}"#,
        // The newest point is the first, and the query aligns it.
        partial: "",
    },
    Shapes {
        provider: "web",
        empty: "{}",
        null: r#"{"value":null}"#,
        nan: r#"{"value":"NaN"}"#,
        several: r#"{"value":[1,2]}"#,
        partial: "",
    },
];

fn heard(provider: &str, body: &str) -> Measurement {
    question(find(provider).unwrap()).measure(&HttpResponse::new(200, body.as_bytes().to_vec()))
}

#[test]
fn every_provider_shows_all_its_shapes() {
    let shown: Vec<_> = ALL_SHAPES.iter().map(|shapes| shapes.provider).collect();
    assert_eq!(shown, ALL.iter().map(|provider| provider.name()).collect::<Vec<_>>());
}

#[test]
fn an_empty_result_is_no_data() {
    for Shapes { provider, empty, .. } in ALL_SHAPES {
        assert!(matches!(heard(provider, empty), NoData(_)), "{provider}: {:?}", heard(provider, empty));
    }
}

#[test]
fn null_and_what_is_no_finite_number_are_never_a_value() {
    for Shapes { provider, null, nan, .. } in ALL_SHAPES {
        for body in [null, nan] {
            let heard = heard(provider, body);
            assert!(matches!(heard, NoData(_) | Error(_)), "{provider}: {body}: {heard:?}");
        }
    }
}

#[test]
fn several_series_are_an_error_that_tells_the_cure() {
    for Shapes { provider, several, .. } in ALL_SHAPES.iter().filter(|shapes| !shapes.several.is_empty()) {
        let heard = heard(provider, several);
        assert!(matches!(&heard, Error(why) if why.contains("; ")), "{provider}: {heard:?}");
    }
}

#[test]
fn a_bucket_that_is_not_over_or_not_filled_is_left_out() {
    for Shapes { provider, partial, .. } in ALL_SHAPES.iter().filter(|shapes| !shapes.partial.is_empty()) {
        assert_eq!(heard(provider, partial), Measurement::Value(3.5), "{provider}");
    }
}
