//! Which labels and annotations of the user's object may be copied to ours.

use serde_json::{Map, Value};

use crate::object::{is_mark, value};

/// Labels with one of `prefixes` (`*` takes all), without the marks by which a GitOps tool or Helm knows its own objects.
pub(super) fn labels(object: &Value, prefixes: &[String]) -> Map<String, Value> {
    let wanted = |key: &str| prefixes.iter().any(|prefix| prefix == "*" || key.starts_with(prefix.as_str()));
    entries(object, "labels").filter(|(key, _)| wanted(key)).collect()
}

/// Annotations without the marks of tools and controllers.
pub(super) fn annotations(object: &Value) -> Map<String, Value> {
    entries(object, "annotations").collect()
}

fn entries<'a>(object: &'a Value, field: &str) -> impl Iterator<Item = (String, Value)> + 'a {
    let entries = value::at(object, &["metadata", field]).and_then(Value::as_object);
    entries.into_iter().flatten().filter(|(key, _)| !is_mark(key)).map(|(key, value)| (key.clone(), value.clone()))
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use serde_json::json;

    #[test]
    fn marks_of_gitops_tools_are_never_copied() {
        for key in [
            "kustomize.toolkit.fluxcd.io/name",
            "helm.toolkit.fluxcd.io/namespace",
            "argocd.argoproj.io/tracking-id",
            "meta.helm.sh/release-name",
            "autoscaling.keda.sh/paused-replicas",
        ] {
            let object = json!({"metadata": {"labels": {key: "x"}, "annotations": {key: "x"}}});
            assert!(labels(&object, &["*".to_owned()]).is_empty(), "{key}");
            assert!(annotations(&object).is_empty(), "{key}");
        }
        assert_eq!(Value::Object(annotations(&samples::deployment())), json!({"note": "kept"}));
    }

    #[test]
    fn labels_are_copied_by_prefix() {
        let copied = |prefixes: &[&str]| {
            let prefixes: Vec<String> = prefixes.iter().map(|&prefix| prefix.to_owned()).collect();
            Value::Object(labels(&samples::deployment(), &prefixes))
        };
        assert_eq!(copied(&[]), json!({}));
        assert_eq!(copied(&["team.example.com/"]), json!({"team.example.com/owner": "basket"}));
        assert_eq!(copied(&["*"]), json!({"app": "cart", "team.example.com/owner": "basket"}));
    }
}
