//! Whether a Service has pods that can answer.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::object::value;

/// Ready endpoints of a Service: each pod counts once, whatever the number of its ports and address families.
///
/// An endpoint that does not say whether it is ready is; one that terminates is not.
pub fn ready(slices: &[&Value], service: &str) -> u32 {
    let of_service =
        |slice: &&&Value| value::text(slice, &["metadata", "labels", "kubernetes.io/service-name"]) == Some(service);
    let endpoints =
        slices.iter().filter(of_service).filter_map(|slice| value::at(slice, &["endpoints"])?.as_array()).flatten();
    let ready = endpoints.filter(|endpoint| {
        let condition = |name| value::at(endpoint, &["conditions", name]).and_then(Value::as_bool);
        condition("ready").unwrap_or(true) && !condition("terminating").unwrap_or(false)
    });
    let pods: BTreeSet<&str> = ready.filter_map(pod).collect();
    u32::try_from(pods.len()).unwrap_or(u32::MAX)
}

fn pod(endpoint: &Value) -> Option<&str> {
    value::text(endpoint, &["targetRef", "uid"])
        .or_else(|| value::text(endpoint, &["targetRef", "name"]))
        .or_else(|| value::text(endpoint, &["addresses", "0"]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn slice(service: &str, endpoints: &Value) -> Value {
        json!({"metadata": {"labels": {"kubernetes.io/service-name": service}}, "endpoints": endpoints})
    }

    #[test]
    fn ready_endpoints_of_the_service_count_and_terminating_ones_do_not() {
        let mine = slice(
            "cart-canary",
            &json!([
                {"addresses": ["10.0.0.1"], "conditions": {"ready": true}},
                {"addresses": ["10.0.0.2"], "conditions": {"ready": false, "serving": true}},
                {"addresses": ["10.0.0.3"], "conditions": {"ready": true, "terminating": true}},
                {"addresses": ["10.0.0.4"], "conditions": {}},
                {"addresses": ["10.0.0.5"]},
            ]),
        );
        let other = slice("cart", &json!([{"addresses": ["10.0.0.6"]}]));
        assert_eq!(ready(&[&mine, &other], "cart-canary"), 3);
        assert_eq!(ready(&[&mine, &other], "cart-primary"), 0);
    }

    #[test]
    fn a_pod_with_two_addresses_counts_once() {
        let pod =
            |address: &str| json!([{"addresses": [address], "targetRef": {"kind": "Pod", "name": "a", "uid": "u"}}]);
        let (v4, v6) = (slice("cart", &pod("10.0.0.1")), slice("cart", &pod("fd00::1")));
        assert_eq!(ready(&[&v4, &v6], "cart"), 1);
    }

    #[test]
    fn a_slice_without_endpoints_has_none() {
        assert_eq!(ready(&[&slice("cart", &Value::Null)], "cart"), 0);
        assert_eq!(ready(&[], "cart"), 0);
    }
}
