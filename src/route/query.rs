//! Builtin queries of metrics that several data planes have in common.

use super::BuiltinQuery;
use crate::model::Builtin;

impl BuiltinQuery {
    /// The requests a second that a success rate is a share of; `None` for a query that is no share.
    pub fn requests(&self) -> Option<&'static str> {
        let (_, all) = self.query.split_once(" / ")?;
        all.strip_suffix(" * 100")
    }
}

/// Requests as the application itself counts them, where the data plane does not.
pub(super) const fn http(builtin: Builtin) -> BuiltinQuery {
    match builtin {
        Builtin::SuccessRate => BuiltinQuery { query: HTTP_SUCCESS_RATE, scale: 1.0 },
        Builtin::Duration => BuiltinQuery { query: HTTP_DURATION, scale: 1000.0 },
    }
}

const HTTP_SUCCESS_RATE: &str = concat!(
    r#"sum(rate(http_request_duration_seconds_count{kubernetes_namespace="{{ namespace }}","#,
    r#"kubernetes_pod_name=~"{{ pods }}",status!~"5.*"}[{{ interval }}])) / "#,
    r#"sum(rate(http_request_duration_seconds_count{kubernetes_namespace="{{ namespace }}","#,
    r#"kubernetes_pod_name=~"{{ pods }}"}[{{ interval }}])) * 100"#,
);

const HTTP_DURATION: &str = concat!(
    r#"histogram_quantile(0.99, sum(rate(http_request_duration_seconds_bucket{kubernetes_namespace="{{ namespace }}","#,
    r#"kubernetes_pod_name=~"{{ pods }}"}[{{ interval }}])) by (le))"#,
);

/// Requests as Envoy counts them for the upstream clusters that a selector picks.
macro_rules! envoy {
    ($builtin:expr, $selector:literal) => {{
        let query = match $builtin {
            $crate::model::Builtin::SuccessRate => concat!(
                "sum(rate(envoy_cluster_upstream_rq{",
                $selector,
                r#",envoy_response_code!~"5.*"}[{{ interval }}])) / sum(rate(envoy_cluster_upstream_rq{"#,
                $selector,
                "}[{{ interval }}])) * 100"
            ),
            $crate::model::Builtin::Duration => concat!(
                "histogram_quantile(0.99, sum(rate(envoy_cluster_upstream_rq_time_bucket{",
                $selector,
                "}[{{ interval }}])) by (le))"
            ),
        };
        $crate::route::BuiltinQuery { query, scale: 1.0 }
    }};
}
pub(super) use envoy;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::ALL;

    #[test]
    fn every_routers_success_rate_tells_of_how_many_requests_it_is_a_share() {
        for router in ALL {
            let rate = router.query(Builtin::SuccessRate);
            let requests = rate.requests().unwrap();
            assert!(requests.starts_with("sum(rate(") && requests.ends_with("[{{ interval }}]))"), "{requests}");
            assert!(!requests.contains("5.") && rate.query.matches('{').count() > requests.matches('{').count());
        }
    }

    #[test]
    fn a_percentile_is_no_share() {
        assert_eq!(http(Builtin::Duration).requests(), None);
    }
}
