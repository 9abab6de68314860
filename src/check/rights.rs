//! Whether the routing objects may be written.

use std::collections::{BTreeMap, BTreeSet};

use super::{Category, Check, Outcome};
use crate::install::rbac;
use crate::model::Facts;
use crate::object::Kind;
use crate::route::{self, Router};
use crate::scene::{Scene, lookups};
use crate::settings;

/// One thing that the operator does with routing objects.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Right {
    /// API group.
    pub group: String,
    /// Resource (`virtualservices`).
    pub resource: String,
    /// RBAC's word (`patch`).
    pub verb: &'static str,
}

/// In whose name the apiserver was asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Account(pub String);

impl Account {
    /// Whether it is that of a pod, as the operator's is.
    fn is_service_account(&self) -> bool {
        self.0.starts_with("system:serviceaccount:")
    }
}

/// What to ask the apiserver about, in the canary's namespace.
pub fn rights(scene: &Scene) -> Vec<Right> {
    let kinds = looked_at(scene);
    let is_of = |rule: &rbac::Rule, kind: &Kind| kind.group == rule.group && kind.plural == rule.resource;
    let rules = router_of(scene).into_iter().flat_map(|router| {
        // Of a router with several kinds a canary may need one.
        let routes = |rule: &rbac::Rule| router.kinds().iter().any(|kind| is_of(rule, kind));
        let needed = |rule: &rbac::Rule| !routes(rule) || kinds.iter().any(|kind| is_of(rule, kind));
        rbac::router(router).into_iter().filter(needed).collect::<Vec<_>>()
    });
    let rights = |rule: rbac::Rule| {
        let rbac::Rule { group, resource, verbs } = rule;
        verbs.iter().map(move |verb| Right { group: group.clone(), resource: resource.clone(), verb })
    };
    rules.flat_map(rights).collect()
}

/// The kinds of everything that this canary reads by name.
fn looked_at(scene: &Scene) -> BTreeSet<Kind> {
    lookups(&scene.canary, &scene.defaults).keys.into_iter().map(|key| key.kind).collect()
}

/// Whether traffic can be moved, after the apiserver has told which rights are lacking. `None` where the kinds or the
/// router itself are missing, of which `spec` complains.
pub fn router(scene: &Scene, facts: &Facts, account: &Account, lacking: &[Right]) -> Option<Check> {
    let router = router_of(scene).filter(|router| !router.kinds().iter().any(|k| scene.unserved.contains(k)))?;
    let name = router.providers().first().copied().unwrap_or_default();
    let (Account(who), namespace) = (account, &facts.canary.namespace);
    if lacking.is_empty() {
        let needed = looked_at(scene);
        let kinds: Vec<_> = router.kinds().iter().filter(|kind| needed.contains(kind)).map(|kind| kind.kind).collect();
        let sentence = format!("{who} may write {} in {namespace}", kinds.join(" and "));
        return Some(Check::new(Category::Router, name, Outcome::Fine, sentence));
    }
    let sentence = format!("{who} may not {} in {namespace}", list(lacking));
    Some(if account.is_service_account() {
        Check::new(Category::Router, name, Outcome::Wrong, sentence)
            .because("no traffic can be moved, so no release can start")
            .hint(format!("grant them: serin rbac --routers {name} prints the rules, and the chart has them for routers={{{name}}}"))
    } else {
        Check::new(Category::Router, name, Outcome::Warning, sentence)
            .because("these are your rights; those of the operator are seen from its pod only")
            .hint(super::words::from_the_pod(&facts.canary))
    })
}

fn router_of(scene: &Scene) -> Option<&'static dyn Router> {
    let defaults = settings::Defaults { provider: &scene.defaults.provider, namespace: "" };
    route::of(&scene.canary.spec, settings::provider(&scene.canary.spec, &defaults))
}

/// `create, patch virtualservices.networking.istio.io`
fn list(rights: &[Right]) -> String {
    let mut verbs: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for Right { group, resource, verb } in rights {
        verbs.entry(format!("{resource}.{group}")).or_default().push(verb);
    }
    let texts: Vec<_> = verbs.iter().map(|(resource, verbs)| format!("{} {resource}", verbs.join(", "))).collect();
    texts.join(" or ")
}
