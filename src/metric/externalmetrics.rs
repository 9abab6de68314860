//! The external metrics API of Kubernetes: this cluster's, or another one's at an address.
//!
//! This cluster is asked as the operator; an address is asked as its user says and never sees anything of the operator's.

use super::answer::{self, Found};
use super::url::{Base, escape, segment, unescape};
use super::{
    About, Address, Ask, ClusterRequest, Credentials, HttpRequest, HttpResponse, Means, Provider, QueryError, Request,
};
use crate::model::Measurement;
use serde_json::Value;

const WHO: &str = "the external metrics API";
const FORM: &str = "[namespace/]metric[?labelSelector=…], for example shop/queue_length?labelSelector=app%3Dcart";

pub(super) struct ExternalMetrics;

impl Provider for ExternalMetrics {
    fn name(&self) -> &'static str {
        "externalmetrics"
    }

    fn about(&self) -> About {
        About { address: Address::OrCluster, secret: "the key token, for an address", query: FORM }
    }

    fn request(&self, ask: &Ask, means: &Means<'_>) -> Result<Request, QueryError> {
        let (path, selector) = place(&ask.query)?;
        let values: Vec<(&str, &str)> = selector.iter().map(|text| ("labelSelector", text.as_str())).collect();
        if ask.address.is_empty() {
            let query = values.first().map(|(name, value)| format!("?{name}={}", escape(value))).unwrap_or_default();
            return Ok(Request::Cluster(ClusterRequest::Get(path + &query)));
        }
        let credentials = match means.keys(ask) {
            Some(keys) => Credentials::Bearer(keys.needed("token")?),
            None => Credentials::None,
        };
        Ok(HttpRequest::get(Base::read(&ask.address)?.below(&path, &values), credentials, ask.trust).into())
    }

    fn parse(&self, _ask: &Ask, answer: &HttpResponse) -> Measurement {
        answer::measured(WHO, answer::json(WHO, answer).and_then(|body| value(&body)))
    }
}

/// The path of a query, and its label selector.
fn place(query: &str) -> Result<(String, Option<String>), QueryError> {
    let unusable = || QueryError::QueryUnusable(query.to_owned(), FORM);
    let (name, values) = query.trim().split_once('?').unwrap_or((query.trim(), ""));
    let (namespace, metric) = name.split_once('/').unwrap_or(("default", name));
    if [namespace, metric].iter().any(|part| part.is_empty() || part.contains('/') || part.starts_with('.')) {
        return Err(unusable());
    }
    let selector = match values.split_once('=') {
        None if values.is_empty() => None,
        Some(("labelSelector", selector)) => Some(unescape(selector)),
        _ => return Err(unusable()),
    };
    let path = format!("/apis/external.metrics.k8s.io/v1beta1/namespaces/{}/{}", segment(namespace), segment(metric));
    Ok((path, selector))
}

fn value(body: &Value) -> Found {
    let Some(items) = body.get("items") else { return Err(answer::strange(WHO, body)) };
    let Some(item) = answer::only(Some(items), "values", "narrow its labelSelector")? else { return Ok(None) };
    let Some(value) = item.get("value").filter(|value| !value.is_null()) else { return Ok(None) };
    let number = value.as_str().map_or_else(|| value.as_f64(), quantity);
    number.map(Some).ok_or_else(|| answer::no_number(WHO, value))
}

/// Kubernetes' way to write numbers: `42`, `1500m`, `2k`, `1Gi`, `1e3`.
fn quantity(text: &str) -> Option<f64> {
    const SUFFIXES: &[(&str, f64)] = &[
        ("Ki", 1024.0),
        ("Mi", 1_048_576.0),
        ("Gi", 1_073_741_824.0),
        ("Ti", 1_099_511_627_776.0),
        ("Pi", 1_125_899_906_842_624.0),
        ("Ei", 1_152_921_504_606_846_976.0),
        ("n", 1e-9),
        ("u", 1e-6),
        ("m", 1e-3),
        ("k", 1e3),
        ("M", 1e6),
        ("G", 1e9),
        ("T", 1e12),
        ("P", 1e15),
        ("E", 1e18),
    ];
    let (digits, factor) = SUFFIXES
        .iter()
        .find_map(|(suffix, factor)| text.strip_suffix(suffix).map(|digits| (digits, *factor)))
        .unwrap_or((text, 1.0));
    digits.parse().ok().map(|number: f64| number * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_as_kubernetes_writes_them() {
        for (text, number) in [("42", 42.0), ("1500m", 1.5), ("2k", 2000.0), ("1Gi", 1_073_741_824.0), ("1e3", 1000.0)]
        {
            assert_eq!(quantity(text), Some(number), "{text}");
        }
        assert_eq!(quantity("many"), None);
    }

    #[test]
    fn a_query_cannot_leave_its_place_in_the_api() {
        for query in ["", "a/b/c", "../secrets", "shop/", "x?fieldSelector=a", "./x"] {
            assert!(place(query).is_err(), "{query}");
        }
        let (path, selector) = place("shop/a b?labelSelector=app%3Dcart").unwrap();
        assert_eq!(path, "/apis/external.metrics.k8s.io/v1beta1/namespaces/shop/a%20b");
        assert_eq!(selector.as_deref(), Some("app=cart"));
    }
}
