//! A Canary's spec into `model::Settings`: every default filled in, every unit resolved.
//!
//! All complaints are collected, so that a person mends an object once. Never a partial result, never a look at the
//! cluster: what needs another object is for `scene`. Most complaints repeat a CEL rule of `api`, because an object may
//! be older than the rules.

mod after;
mod complaints;
mod hook;
mod in_place;
mod kpi;
mod pods;
mod schedule;
mod strategy;
mod traffic;
mod weights;

pub(crate) use crate::model::duration::parse as duration;
pub use hook::{hooks, listener};
pub use schedule::resolve as schedule;

use std::time::Duration;

use crate::api;
use crate::model::{Calendar, CanarySize, Complaint, First, Layout, Percent, Rollback, Settings, duration};
use crate::route::{self, Capabilities};

/// What the spec leaves to its surroundings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Defaults<'a> {
    /// The router of canaries that name none.
    pub provider: &'a str,
    /// The canary's own namespace.
    pub namespace: &'a str,
}

/// Checks follow each other no faster than this, as in Flagger.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(10);
/// Kubernetes' own default for Deployments.
const DEADLINE: i32 = 600;

/// What the user asked for, without a question left open.
///
/// # Errors
/// Everything that stands against it, sorted.
pub fn resolve(spec: &api::CanarySpec, defaults: &Defaults<'_>) -> Result<Settings, Vec<Complaint>> {
    let mut complaints = complaints::all(spec, defaults);
    complaints.extend(weights::all(spec, provider(spec, defaults)));
    let schedule = spec.schedule.as_ref().map(schedule::resolve).transpose();
    let own = schedule.map_err(|found| complaints.extend(found)).ok().flatten();
    let router = capabilities(spec, provider(spec, defaults));
    let strategy = strategy::resolve(spec, router);
    let (Some(strategy), true) = (strategy, complaints.is_empty()) else {
        complaints.sort();
        complaints.dedup();
        return Err(complaints);
    };
    let analysis = &spec.analysis;
    // What goes to the canary as a whole comes back as a whole.
    let in_steps = !(router.whole_matches && complaints::matches(spec));
    let mut settings = Settings {
        strategy,
        interval: duration::parse(&analysis.interval).unwrap_or_default().max(SHORTEST_INTERVAL),
        threshold: u32::try_from(analysis.threshold).unwrap_or(0).max(1),
        deadline: Duration::from_secs(u64::try_from(spec.progress_deadline_seconds.unwrap_or(DEADLINE)).unwrap_or(0)),
        promotion_step: analysis.step_weight_promotion.map(share).filter(|step| !step.is_zero() && in_steps),
        primary_ready: analysis.primary_ready_threshold.map_or(Percent::FULL, percent),
        canary_ready: analysis.canary_ready_threshold.map_or(Percent::FULL, percent),
        canary_size: canary_size(spec),
        cookies: strategy::cookies(analysis, router),
        preview: router.preview && analysis.preview.is_some(),
        warmup: analysis.warmup.as_deref().and_then(duration::parse).unwrap_or_default(),
        bake: analysis.bake.as_deref().and_then(duration::parse).unwrap_or_default(),
        keep_warm: Duration::ZERO,
        first: if analysis.on_initialize == Some(true) { First::Judged } else { First::Ready },
        kpis: analysis
            .metrics
            .iter()
            .flatten()
            .flat_map(|metric| kpi::resolve(metric, analysis, defaults.namespace))
            .chain(traffic::share(analysis))
            .collect(),
        hooks: hook::hooks(spec),
        approvals: hook::approvals(spec),
        suspend: spec.suspend == Some(true),
        // A partition, or OnDelete, that is left behind would hold up every revision to come.
        revert_on_deletion: spec.revert_on_deletion.unwrap_or(spec.target_ref.layout() == Layout::InPlace),
        rollback: rollback(spec),
        calendars: own
            .map(|schedule| Calendar { of: Calendar::OWN.to_owned(), schedule: Ok(schedule) })
            .into_iter()
            .collect(),
        limits: Vec::new(),
        depends_on: order(spec, defaults.namespace).into_iter().map(|name| name.join("/")).collect(),
        group: spec.group.clone(),
    };
    if let Some(time) = keep_warm(spec).filter(|time| !time.is_zero()) {
        settings.keep_warm_for(time);
    }
    Ok(settings)
}

/// The canaries that come first, by namespace and name, sorted.
pub fn order<'a>(spec: &'a api::CanarySpec, namespace: &'a str) -> Vec<[&'a str; 2]> {
    let names = spec.depends_on.iter().flatten();
    let mut order: Vec<_> =
        names.map(|named| [named.namespace.as_deref().unwrap_or(namespace), named.name.as_str()]).collect();
    order.sort_unstable();
    order.dedup();
    order
}

/// The router that this canary asks for.
pub fn provider<'a>(spec: &api::CanarySpec, defaults: &Defaults<'a>) -> &'a str {
    match spec.provider {
        Some(named) => named.as_str(),
        None => defaults.provider,
    }
}

/// What the router can do for this service; everything, where that is unknown and complained of.
fn capabilities(spec: &api::CanarySpec, router: &str) -> Capabilities {
    match (route::of(spec, router), &spec.service) {
        (Some(router), Some(service)) => router.capabilities(service),
        _ => Capabilities {
            weights: true,
            matches: true,
            whole_matches: false,
            mirror: true,
            affinity: true,
            preview: true,
            ports: true,
            fine: true,
        },
    }
}

fn canary_size(spec: &api::CanarySpec) -> CanarySize {
    if spec.shares_by_pods() {
        return CanarySize::Split;
    }
    let asked = spec.canary_replicas.unwrap_or_default();
    let count = asked.count.and_then(|count| u32::try_from(count).ok());
    match (count, asked.percent, asked.follow_weight) {
        (Some(count), ..) => CanarySize::Count(count),
        (None, Some(share), _) => CanarySize::Share(percent(share)),
        (None, None, Some(true)) => CanarySize::Weight,
        (None, None, Some(false) | None) => CanarySize::AsPrimary,
    }
}

fn rollback(spec: &api::CanarySpec) -> Rollback {
    let asked = spec.rollback.clone().unwrap_or_default();
    Rollback {
        freeze: asked.on_failure == Some(api::OnFailure::Freeze),
        window: asked.window.and_then(|window| usize::try_from(window.revisions).ok()).unwrap_or(0),
    }
}

fn keep_warm(spec: &api::CanarySpec) -> Option<Duration> {
    spec.rollback.as_ref().and_then(|rollback| rollback.keep_warm.as_deref()).and_then(duration::parse)
}

fn share(weight: api::Weight) -> Percent {
    Percent::hundredths(weight.as_hundredths())
}

fn percent(weight: i32) -> Percent {
    Percent::clamped(weight.into())
}

#[cfg(test)]
mod tests;
