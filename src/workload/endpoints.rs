//! Whether a Service has pods that can answer, and since when.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::model::Time;
use crate::object::value;

/// Where a slice that we keep says since when it has had a ready endpoint all the time.
pub const SINCE: &str = "readySince";

/// When the controller saw the change that made it write a slice.
pub const TRIGGERED: &str = "endpoints.kubernetes.io/last-change-trigger-time";

/// Ready endpoints of a Service: each pod counts once, whatever the number of its ports and address families.
///
/// An endpoint that does not say whether it is ready is; one that terminates is not.
pub fn ready(slices: &[&Value], service: &str) -> u32 {
    let pods: BTreeSet<&str> = of_service(slices, service).flat_map(ready_in).filter_map(pod).collect();
    u32::try_from(pods.len()).unwrap_or(u32::MAX)
}

/// Since when a Service has had a ready endpoint all the time, where its slices say so.
pub fn since(slices: &[&Value], service: &str) -> Option<Time> {
    let moment = |slice| value::text(slice, &[SINCE]).and_then(Time::parse);
    let having = of_service(slices, service).filter(|slice| ready_in(slice).next().is_some());
    // One slice of which it is not known may have had one for long.
    having.map(moment).collect::<Option<Vec<_>>>()?.into_iter().min()
}

/// Notes in `slice`, which was seen at `now` after `before`, since when it has a ready endpoint. `listed`: it was there before anybody
/// watched it.
pub fn note_since(slice: &mut Value, before: Option<&Value>, listed: bool, now: Time) {
    let had = before.filter(|before| ready_in(before).next().is_some());
    let text = match had {
        _ if ready_in(slice).next().is_none() => None,
        Some(before) => value::text(before, &[SINCE]).map(str::to_owned),
        None if listed && before.is_none() => {
            value::text(slice, &["metadata", "annotations", TRIGGERED]).map(str::to_owned)
        }
        None => Some(now.to_string()),
    };
    if let (Some(text), Some(fields)) = (text, slice.as_object_mut()) {
        fields.insert(SINCE.to_owned(), json!(text));
    }
}

fn of_service<'a>(slices: &'a [&Value], service: &'a str) -> impl Iterator<Item = &'a Value> {
    let named =
        |slice: &&Value| value::text(slice, &["metadata", "labels", "kubernetes.io/service-name"]) == Some(service);
    slices.iter().copied().filter(named)
}

fn ready_in(slice: &Value) -> impl Iterator<Item = &Value> {
    let endpoints = value::at(slice, &["endpoints"]).and_then(Value::as_array).into_iter().flatten();
    endpoints.filter(|endpoint| {
        let condition = |name| value::at(endpoint, &["conditions", name]).and_then(Value::as_bool);
        condition("ready").unwrap_or(true) && !condition("terminating").unwrap_or(false)
    })
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

    fn seen(endpoints: &Value, before: Option<&Value>, listed: bool, second: i64) -> Value {
        let mut seen = slice("cart", endpoints);
        seen["metadata"]["annotations"] = json!({TRIGGERED: "1970-01-01T00:00:05.5Z"});
        note_since(&mut seen, before, listed, Time::from_millis(second * 1000));
        seen
    }

    #[test]
    fn a_side_has_been_there_since_its_first_ready_endpoint_came() {
        let (none, one) = (json!([]), json!([{"addresses": ["10.0.0.1"]}]));
        let two = json!([{"addresses": ["10.0.0.1"]}, {"addresses": ["10.0.0.2"]}]);
        let moment = |slice: &Value| since(&[slice], "cart").map(Time::as_millis);
        let empty = seen(&none, None, false, 10);
        assert_eq!(moment(&empty), None);
        let first = seen(&one, Some(&empty), false, 20);
        assert_eq!(moment(&first), Some(20_000));
        let more = seen(&two, Some(&first), false, 30);
        assert_eq!(moment(&more), Some(20_000));
        let gone = seen(&none, Some(&more), false, 40);
        let again = seen(&one, Some(&gone), true, 50);
        assert_eq!(moment(&again), Some(50_000));
    }

    #[test]
    fn a_slice_that_was_there_before_us_says_itself_when_it_changed() {
        let one = json!([{"addresses": ["10.0.0.1"]}]);
        assert_eq!(since(&[&seen(&one, None, true, 20)], "cart"), Some(Time::from_millis(5500)));
        assert_eq!(since(&[&slice("cart", &one), &seen(&one, None, false, 20)], "cart"), None, "one of two is old");
    }

    #[test]
    fn a_slice_without_endpoints_has_none() {
        assert_eq!(ready(&[&slice("cart", &Value::Null)], "cart"), 0);
        assert_eq!(ready(&[], "cart"), 0);
    }
}
