//! The workload and the spec.

use super::{Category, Check, Outcome};
use crate::api::sentences;
use crate::model::{Complaint, Facts, Gravity, Percent, Rollout};
use crate::object::kinds;
use crate::scene::Scene;
use crate::workload::Selector;

/// Whether what serves is ready; `None` where there is no workload to look at, of which `spec` complains.
pub fn target(scene: &Scene, facts: &Facts) -> Option<Check> {
    let target = facts.target.found()?;
    let (name, namespace) = (&facts.canary.target, &facts.canary.namespace);
    let object = scene.objects.find(&kinds::DEPLOYMENT.named(namespace, name))?;
    let selector = Selector::of(object, &scene.defaults.selector_labels).ok()?;
    let (serving, rollout) = match facts.primary.found() {
        Some(primary) => (format!("{name}-primary"), primary.rollout),
        None => (name.clone(), target.rollout),
    };
    let Rollout { available, desired, .. } = rollout;
    let who = if serving == *name { String::new() } else { format!("deploy/{serving} serves, ") };
    let sentence = format!("{who}{available}/{desired} ready, selector label {}", selector.label);
    let check = |outcome| Check::new(Category::Target, format!("deploy/{name}"), outcome, sentence);
    Some(if rollout.readiness(Percent::FULL).is_ok() {
        check(Outcome::Fine)
    } else {
        check(Outcome::Wrong)
            .because("a release waits until these pods are ready, and a KPI has nothing to be measured on")
            .hint(format!("kubectl -n {namespace} describe deploy/{serving}"))
    })
}

/// What stands against the objects as they are; a single good word where nothing does. What keeps a single KPI from being
/// measured is told with that KPI.
pub fn spec(scene: &Scene, facts: &Facts) -> Vec<Check> {
    let name = format!("canary/{}", facts.canary.name);
    let kpis = facts.settings.iter().flat_map(|settings| &settings.kpis);
    let of_kpis: Vec<_> = kpis.filter_map(|kpi| scene.ask_of(&facts.canary.target, kpi).err()).collect();
    let others = facts.complaints.iter().filter(|complaint| !of_kpis.contains(complaint));
    let mut checks: Vec<_> = others.map(|complaint| complained(complaint, facts, &name)).collect();
    if facts.settings.is_some() && !checks.iter().any(|check| check.category == Category::Spec) {
        checks.push(Check::new(Category::Spec, name, Outcome::Fine, "every field can be served"));
    }
    checks
}

fn complained(complaint: &Complaint, facts: &Facts, canary: &str) -> Check {
    let of_target = [&sentences::CAN029, &sentences::CAN030, &sentences::CAN061, &sentences::CAN062];
    let of_router = [sentences::CAN070.reason, "UnknownProvider"];
    let (category, name) = if of_target.iter().any(|sentence| sentence.reason == complaint.reason) {
        (Category::Target, format!("deploy/{}", facts.canary.target))
    } else if of_router.contains(&complaint.reason) {
        (Category::Router, canary.to_owned())
    } else {
        (Category::Spec, canary.to_owned())
    };
    let outcome = match complaint.gravity {
        Gravity::Blocks => Outcome::Wrong,
        Gravity::Warns => Outcome::Warning,
    };
    Check::new(category, name, outcome, &complaint.sentence)
}
