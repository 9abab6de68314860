//! Rights of the operator: just the verbs it uses, on just the kinds of the routers in use.

use crate::object::{Kind, kinds};
use crate::route::{self, Access};

/// One RBAC rule: a kind of object and what we do with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rule {
    /// API group; empty for the core group.
    pub group: String,
    /// Resource, with its subresource after a slash.
    pub resource: String,
    /// What is done with it.
    pub verbs: &'static [&'static str],
}

const READ: &[&str] = &["get", "list", "watch"];
const EDIT: &[&str] = &["get", "list", "watch", "patch"];
const RENEW: &[&str] = &["get", "list", "watch", "delete"];
const OWN: &[&str] = &["get", "list", "watch", "create", "patch", "delete"];

const COPY: &[&str] = &["get", "list", "watch", "create", "update", "patch", "delete"];

/// Rights that every installation needs, in the namespaces that it watches.
pub fn core() -> Vec<Rule> {
    vec![
        // The finalizer of a Canary is written on the object, everything else on its status.
        rule(kinds::CANARY, &["get", "list", "watch", "patch"]),
        Rule { resource: "canaries/status".to_owned(), ..rule(kinds::CANARY, &["patch"]) },
        rule(kinds::METRIC_TEMPLATE, READ),
        rule(kinds::ALERT_PROVIDER, READ),
        rule(kinds::DEPLOYMENT, OWN),
        rule(kinds::DAEMON_SET, OWN),
        rule(kinds::CONTROLLER_REVISION, OWN),
        rule(kinds::HPA, OWN),
        rule(kinds::SCALED_OBJECT, OWN),
        rule(kinds::SERVICE, OWN),
        rule(kinds::BUDGET, OWN),
        rule(kinds::ENDPOINT_SLICE, READ),
        // Credentials of metric providers, chats and webhooks, each read by its name when it is used; never listed.
        named("", "secrets", &["get"]),
        // Authorities of webhooks, in the same way.
        named("", "configmaps", &["get"]),
        named("events.k8s.io", "events", &["create", "patch"]),
    ]
}

/// Rights to heed DeliveryPolicies, which are in no namespace: nothing that a Role can give.
pub fn policies() -> Vec<Rule> {
    vec![rule(kinds::DELIVERY_POLICY, READ), rule(kinds::NAMESPACE, READ)]
}

/// Rights that config tracking needs: of both kinds the metadata is watched, and those that pods read are read and copied.
pub fn config_tracking() -> Vec<Rule> {
    vec![rule(kinds::CONFIG_MAP, COPY), rule(kinds::SECRET, COPY)]
}

/// Rights on the objects of one router.
pub fn router(router: &dyn route::Router) -> Vec<Rule> {
    let verbs = |kind| match router.access(kind) {
        Access::Own => OWN,
        Access::Edit => EDIT,
        Access::Renew => RENEW,
        Access::Read => READ,
    };
    // A Knative Service is the workload as well: its revisions say which pods are ready.
    let revisions = router.kinds().contains(&kinds::KNATIVE_SERVICE).then(|| rule(kinds::KNATIVE_REVISION, READ));
    let mut rules: Vec<_> = router.kinds().iter().map(|kind| rule(*kind, verbs(*kind))).chain(revisions).collect();
    // Of one resource there may be several versions.
    rules.dedup();
    rules
}

/// Rights for KPI providers that are asked through the apiserver, by the provider's name.
pub fn providers() -> Vec<(&'static str, Vec<Rule>)> {
    // The resources of external.metrics.k8s.io are the metrics themselves: only their owner can name them.
    let keptn = "metrics.keptn.sh";
    let rules = vec![named(keptn, "keptnmetrics", &["get"]), named(keptn, "analyses", &["get", "create", "delete"])];
    vec![("keptn", rules)]
}

/// Rights in the namespace of the Lease.
pub fn election() -> Vec<Rule> {
    vec![named("coordination.k8s.io", "leases", &["get", "create", "update", "patch"])]
}

/// A list of rules as YAML, one a line, for a chart to include.
pub fn yaml(rules: &[Rule]) -> String {
    rules.iter().map(|rule| format!("  - {}\n", rule.flow())).collect()
}

/// The ClusterRole for these routers, as a manifest.
pub fn cluster_role(routers: &[&dyn route::Router]) -> String {
    let mut rules = core();
    rules.extend(policies());
    rules.extend(config_tracking());
    for rule in routers.iter().flat_map(|known| router(*known)) {
        // Several routers may write objects of one kind.
        if !rules.contains(&rule) {
            rules.push(rule);
        }
    }
    format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: serin\nrules:\n{}",
        yaml(&rules)
    )
}

fn rule(kind: Kind, verbs: &'static [&'static str]) -> Rule {
    named(kind.group, kind.plural, verbs)
}

fn named(group: &str, resource: &str, verbs: &'static [&'static str]) -> Rule {
    Rule { group: group.to_owned(), resource: resource.to_owned(), verbs }
}

impl Rule {
    fn flow(&self) -> String {
        format!(
            "{{apiGroups: [\"{}\"], resources: [\"{}\"], verbs: [{}]}}",
            self.group,
            self.resource,
            self.verbs.join(", ")
        )
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_rule_holds_a_wildcard_and_secrets_are_listed_for_config_tracking_alone() {
        assert!(config_tracking().iter().all(|rule| !rule.flow().contains('*')));
        let routers = route::every().flat_map(router);
        for rule in core()
            .into_iter()
            .chain(election())
            .chain(routers)
            .chain(providers().into_iter().flat_map(|(_, rules)| rules))
        {
            assert!(!rule.flow().contains('*'), "{}", rule.flow());
            assert!(rule.resource != "secrets" || rule.verbs == ["get"], "{}", rule.flow());
        }
    }

    #[test]
    fn the_chart_grants_what_the_code_uses() {
        let header = "# Generated by `serin rbac`; UPDATE_EXPECT=1 cargo test writes it anew.\n";
        let check = |name: &str, rules: &[Rule]| {
            let path = format!("{}/charts/serin/files/rbac/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
            expect_test::expect_file![path].assert_eq(&format!("{header}{}", yaml(rules)));
        };
        check("core", &core());
        check("policies", &policies());
        check("config-tracking", &config_tracking());
        check("election", &election());
        for (name, rules) in providers() {
            check(&format!("provider-{name}"), &rules);
        }
        for (known, name) in names() {
            check(&format!("router-{}", name.replace(':', "-")), &router(known));
        }
    }

    #[test]
    fn the_chart_takes_the_name_of_every_router() {
        let path = format!("{}/charts/serin/values.schema.json", env!("CARGO_MANIFEST_DIR"));
        let quoted = |name: &str| format!("{name:?}");
        let routers = names().map(|(_, name)| quoted(name)).collect::<Vec<_>>().join(", ");
        let providers = route::ALL.iter().flat_map(|router| router.providers()).map(|name| quoted(name));
        let providers = providers.collect::<Vec<_>>().join(", ");
        let lines = std::fs::read_to_string(&path).unwrap();
        let line = |line: &str| match line.split_once("\"enum\": [") {
            Some((before, rest)) if before.contains("\"routers\"") || before.contains("\"meshProvider\"") => {
                let known = if before.contains("\"routers\"") { &routers } else { &providers };
                format!("{before}\"enum\": [{known}]{}\n", rest.split_once(']').unwrap().1)
            }
            _ => format!("{line}\n"),
        };
        expect_test::expect_file![path].assert_eq(&lines.lines().map(line).collect::<String>());
    }

    /// Two routers go by the name of plain Kubernetes, with the same rights.
    fn names() -> impl Iterator<Item = (&'static dyn route::Router, &'static str)> {
        let mut seen = BTreeSet::new();
        let names = route::every().flat_map(|known| known.providers().iter().map(move |name| (known, *name)));
        names.filter(move |(_, name)| seen.insert(*name))
    }
}
