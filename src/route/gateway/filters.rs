//! What happens to a request on its way: the user's options, copies, and cookies.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::Extra;
use crate::api::{CorsPolicy, HeaderOperations, Rewrite};
use crate::model::{Mirror, Percent};
use crate::object::value;
use crate::route::{RouteError, Target, backends, cookies};

const MIRROR: &str = "RequestMirror";
const RESPONSE: (&str, &str) = ("ResponseHeaderModifier", "responseHeaderModifier");
const REQUEST: (&str, &str) = ("RequestHeaderModifier", "requestHeaderModifier");
/// Seconds that a browser keeps a CORS answer where nobody says: the API's own default, which the apiserver writes.
const CORS_MAX_AGE: i64 = 5;

/// An error for an option that an HTTPRoute of this version cannot hold.
pub(super) fn check(target: &Target<'_>, options: &[Extra]) -> Result<(), RouteError> {
    let cors = target.service.cors_policy.as_ref().filter(|_| options.contains(&Extra::Cors));
    let inexact = cors.into_iter().flat_map(|cors| cors.allow_origins.iter().flatten()).any(|o| o.exact.is_none());
    if !inexact {
        return Ok(());
    }
    Err(RouteError {
        reason: "UnsupportedOrigin",
        sentence: "spec.service.corsPolicy.allowOrigins has an entry without exact, and an HTTPRoute knows whole origins only, so \
                   pages of that origin would be refused; write exact, for example https://shop.example"
            .to_owned(),
    })
}

/// The filters of a rule, in Flagger's order.
pub(super) fn of(target: &Target<'_>, options: &[Extra], mirror: Mirror) -> Vec<Value> {
    let service = target.service;
    let headers = service.headers.as_ref();
    let mut filters = Vec::new();
    filters.extend(headers.and_then(|h| h.request.as_ref()).and_then(|h| modifier(REQUEST, h)));
    filters.extend(headers.and_then(|h| h.response.as_ref()).and_then(|h| modifier(RESPONSE, h)));
    filters.extend(service.rewrite.as_ref().and_then(rewrite));
    filters.extend(service.mirror.iter().flatten().map(|m| json!({"type": MIRROR, "requestMirror": m})));
    let cors = service.cors_policy.as_ref().filter(|_| options.contains(&Extra::Cors));
    filters.extend(cors.map(cors_filter));
    let [_, canary] = target.sides();
    let copies = json!({"backendRef": backend(target, &canary)});
    match mirror {
        Mirror::Off => {}
        Mirror::All => filters.push(json!({"type": MIRROR, "requestMirror": copies})),
        Mirror::Share(share) => {
            let mut copies = copies;
            value::merge(&mut copies, &json!({"percent": share.whole()}));
            filters.push(json!({"type": MIRROR, "requestMirror": copies}));
        }
    }
    filters
}

/// A backend without its weight.
pub(super) fn backend(target: &Target<'_>, service: &str) -> Value {
    json!({"group": "", "kind": "Service", "name": service, "port": target.service.port})
}

/// The copies that the canary gets by these filters.
pub(super) fn mirror(target: &Target<'_>, filters: &[Value]) -> Mirror {
    let [_, canary] = target.sides();
    let to_canary = |filter: &&Value| {
        value::at(filter, &["requestMirror", "backendRef"])
            .is_some_and(|backend| backends::is(target, backend, &canary))
    };
    let Some(found) = filters.iter().rfind(to_canary) else { return Mirror::Off };
    match value::at(found, &["requestMirror", "percent"]) {
        None => Mirror::All,
        Some(share) => Mirror::Share(Percent::clamped(share.as_i64().unwrap_or(0))),
    }
}

/// Adds a cookie to the answers, in the one place that the API has for response headers.
pub(super) fn add_cookie(filters: &mut Vec<Value>, set_cookie: &str) {
    let (form, field) = RESPONSE;
    let after_request = filters.iter().take_while(|f| value::text(f, &["type"]) == Some(REQUEST.0)).count();
    let position = filters.iter().position(|filter| value::text(filter, &["type"]) == Some(form));
    let position = position.unwrap_or_else(|| {
        filters.insert(after_request, json!({"type": form, field: {}}));
        after_request
    });
    let Some(filter) = filters.get_mut(position) else { return };
    let added = value::at(filter, &[field, "add"]).and_then(Value::as_array).cloned().unwrap_or_default();
    // The API takes each header once: ours goes before the user's own.
    let others = added.into_iter().filter(|header| !is_set_cookie(header));
    let all: Vec<_> = others.chain([json!({"name": cookies::SET, "value": set_cookie})]).collect();
    value::merge(filter, &json!({field: {"add": all}}));
}

/// The cookie that these filters add to the answers.
pub(super) fn added_cookie(filters: &[Value]) -> Option<&str> {
    let added = filters.iter().filter_map(|filter| value::at(filter, &[RESPONSE.1, "add"])?.as_array());
    added.flatten().find(|header| is_set_cookie(header)).and_then(|header| value::text(header, &["value"]))
}

fn is_set_cookie(header: &Value) -> bool {
    value::text(header, &["name"]).is_some_and(|name| name.eq_ignore_ascii_case(cookies::SET))
}

fn modifier((form, field): (&str, &str), headers: &HeaderOperations) -> Option<Value> {
    let list = |headers: &Option<BTreeMap<String, String>>| -> Vec<Value> {
        headers.iter().flatten().map(|(name, value)| json!({"name": name, "value": value})).collect()
    };
    let mut changes = json!({"add": list(&headers.add), "set": list(&headers.set), "remove": headers.remove});
    value::prune(&mut changes);
    (!value::is_unset(&changes)).then(|| json!({"type": form, field: changes}))
}

fn rewrite(rewrite: &Rewrite) -> Option<Value> {
    let path = rewrite.uri.as_ref().filter(|uri| !uri.is_empty()).map(|uri| match rewrite.type_.as_deref() {
        Some("ReplacePrefixMatch") => json!({"type": "ReplacePrefixMatch", "replacePrefixMatch": uri}),
        _ => json!({"type": "ReplaceFullPath", "replaceFullPath": uri}),
    });
    let host = rewrite.authority.as_ref().filter(|host| !host.is_empty());
    let mut changes = json!({"hostname": host, "path": path});
    value::prune(&mut changes);
    (!value::is_unset(&changes)).then(|| json!({"type": "URLRewrite", "urlRewrite": changes}))
}

fn cors_filter(cors: &CorsPolicy) -> Value {
    let exact = cors.allow_origins.iter().flatten().filter_map(|origin| origin.exact.clone());
    let origins: Vec<_> = cors.allow_origin.iter().flatten().cloned().chain(exact).collect();
    let max_age = cors.max_age.as_deref().and_then(cookies::duration).filter(|seconds| *seconds > 0);
    let fields = json!({
        "allowOrigins": origins, "allowMethods": cors.allow_methods, "allowHeaders": cors.allow_headers,
        "exposeHeaders": cors.expose_headers, "allowCredentials": cors.allow_credentials,
        "maxAge": max_age.unwrap_or(CORS_MAX_AGE),
    });
    let set: Map<_, _> = fields
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, v)| !value::is_unset(v))
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect();
    json!({"type": "CORS", "cors": set})
}
