//! A webhook of the spec into a hook that can be called.

use std::collections::BTreeMap;
use std::time::Duration;

use super::complaints::complaint;
use super::duration;
use crate::api::{CanarySpec, OnDeadline, Webhook, WebhookType, sentences};
use crate::http;
use crate::model::{Complaint, Deadline, Hook, Moment, Overdue, Trust};

/// Flagger's, for one try.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Every hook of a spec, in its order.
pub fn hooks(spec: &CanarySpec) -> Vec<Hook> {
    spec.analysis.webhooks.iter().flatten().map(resolve).collect()
}

/// The operator's own listener at `url`: it hears the events of every canary that has none.
pub fn listener(url: &str) -> Hook {
    Hook {
        name: "event-webhook".to_owned(),
        moment: Moment::Event,
        url: url.to_owned(),
        timeout: TIMEOUT,
        retries: 0,
        trust: Trust::System,
        deadline: None,
        metadata: BTreeMap::new(),
    }
}

fn resolve(hook: &Webhook) -> Hook {
    let timeout = hook.timeout.as_deref().and_then(duration::parse);
    Hook {
        name: hook.name.clone(),
        moment: moment(hook.type_),
        url: hook.url.trim().to_owned(),
        timeout: timeout.filter(|timeout| !timeout.is_zero()).unwrap_or(TIMEOUT),
        retries: hook.retries.and_then(|retries| u32::try_from(retries).ok()).unwrap_or(0),
        trust: if hook.disable_tls == Some(true) { Trust::Anybody } else { Trust::System },
        deadline: deadline(hook),
        metadata: hook.metadata.clone().unwrap_or_default(),
    }
}

fn deadline(hook: &Webhook) -> Option<Deadline> {
    let after = hook.deadline.as_deref().and_then(duration::parse)?;
    let then = match hook.on_deadline {
        None | Some(OnDeadline::Fail) => Overdue::RollBack,
        Some(OnDeadline::Pass) => Overdue::GoOn,
    };
    Some(Deadline { after, then })
}

const fn moment(type_: Option<WebhookType>) -> Moment {
    match type_ {
        None | Some(WebhookType::Unset | WebhookType::Rollout) => Moment::Rollout,
        Some(WebhookType::ConfirmRollout) => Moment::ConfirmRollout,
        Some(WebhookType::PreRollout) => Moment::PreRollout,
        Some(WebhookType::ConfirmPromotion) => Moment::ConfirmPromotion,
        Some(WebhookType::PostRollout) => Moment::PostRollout,
        Some(WebhookType::Event) => Moment::Event,
        Some(WebhookType::Rollback) => Moment::Rollback,
        Some(WebhookType::ConfirmTrafficIncrease) => Moment::ConfirmTrafficIncrease,
    }
}

/// What stands against the hooks of a spec.
pub(super) fn complaints(spec: &CanarySpec) -> Vec<Complaint> {
    unreachable(spec).chain(passing(spec)).collect()
}

/// The first no of a moment ends the row: a gate that passes by its deadline would do so for those behind it.
fn passing(spec: &CanarySpec) -> impl Iterator<Item = Complaint> {
    let hooks = hooks(spec);
    let of = |moment| hooks.iter().filter(|hook| hook.moment == moment).count();
    let passes = |hook: &&Hook| hook.deadline.is_some_and(|deadline| deadline.then == Overdue::GoOn);
    let found: Vec<_> = hooks
        .iter()
        .filter(|hook| passes(hook) && of(hook.moment) > 1)
        .map(|hook| complaint(&sentences::CAN058, &[("name", &hook.name), ("type", hook.moment.as_str())]))
        .collect();
    found.into_iter()
}

/// A gate that cannot be called would hold every release for ever.
fn unreachable(spec: &CanarySpec) -> impl Iterator<Item = Complaint> {
    let hooks = spec.analysis.webhooks.iter().flatten();
    hooks.filter(|hook| http::origin(hook.url.trim()).is_none()).map(|hook| {
        let value = if hook.url.is_empty() { "empty" } else { &hook.url };
        complaint(&sentences::CAN057, &[("name", &hook.name), ("value", value)])
    })
}
