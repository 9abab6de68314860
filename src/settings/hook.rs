//! A webhook of the spec into a hook that can be called.

use std::collections::BTreeMap;
use std::time::Duration;

use super::complaints::complaint;
use super::duration;
use crate::api::{AuthorityKind, CanarySpec, OnDeadline, Webhook, WebhookType, sentences};
use crate::http;
use crate::model::{Approval, Authority, Complaint, Deadline, Hook, HookKeys, Moment, Overdue, Shelf, Trust};

/// Flagger's, for one try.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The key of an authority's certificate, as cert-manager and trust-manager write it.
const AUTHORITY: &str = "ca.crt";

/// Every hook of a spec, in its order.
pub fn hooks(spec: &CanarySpec) -> Vec<Hook> {
    let hooks = spec.analysis.webhooks.iter().flatten();
    hooks.filter_map(|hook| Some(resolve(hook, hook.url.as_deref()?))).collect()
}

/// Every gate of a spec that waits for a person, in its order.
pub(super) fn approvals(spec: &CanarySpec) -> Vec<Approval> {
    let gates = spec.analysis.webhooks.iter().flatten().filter(|hook| hook.url.is_none());
    let approval =
        |hook: &Webhook| Approval { name: hook.name.clone(), moment: moment(hook.type_), deadline: deadline(hook) };
    gates.map(approval).collect()
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
        keys: HookKeys::default(),
        deadline: None,
        metadata: BTreeMap::new(),
    }
}

fn resolve(hook: &Webhook, url: &str) -> Hook {
    let timeout = hook.timeout.as_deref().and_then(duration::parse);
    Hook {
        name: hook.name.clone(),
        moment: moment(hook.type_),
        url: url.trim().to_owned(),
        timeout: timeout.filter(|timeout| !timeout.is_zero()).unwrap_or(TIMEOUT),
        retries: hook.retries.and_then(|retries| u32::try_from(retries).ok()).unwrap_or(0),
        trust: if hook.disable_tls == Some(true) { Trust::Anybody } else { Trust::System },
        keys: keys(hook),
        deadline: deadline(hook),
        metadata: hook.metadata.clone().unwrap_or_default(),
    }
}

fn keys(hook: &Webhook) -> HookKeys {
    let authority = hook.ca_ref.as_ref().map(|asked| Authority {
        shelf: match asked.kind {
            None | Some(AuthorityKind::Secret) => Shelf::Secret,
            Some(AuthorityKind::ConfigMap) => Shelf::ConfigMap,
        },
        name: asked.name.clone(),
        key: asked.key.clone().unwrap_or_else(|| AUTHORITY.to_owned()),
    });
    HookKeys { secret: hook.secret_ref.as_ref().map(|secret| secret.name.clone()), authority }
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
    let each = spec.analysis.webhooks.iter().flatten();
    each.filter_map(unreachable).chain(passing(spec)).collect()
}

/// The first no of a moment ends the row: a gate that passes by its deadline would do so for those behind it.
fn passing(spec: &CanarySpec) -> Vec<Complaint> {
    let hooks = spec.analysis.webhooks.as_deref().unwrap_or_default();
    let of = |asked| hooks.iter().filter(|hook| moment(hook.type_) == asked).count();
    let passes = |hook: &&Webhook| deadline(hook).is_some_and(|deadline| deadline.then == Overdue::GoOn);
    let alone = |hook: &&Webhook| of(moment(hook.type_)) == 1;
    let say =
        |hook: &Webhook| complaint(&sentences::CAN058, &[("name", &hook.name), ("type", moment(hook.type_).as_str())]);
    hooks.iter().filter(passes).filter(|hook| !alone(hook)).map(say).collect()
}

/// A gate that cannot be called would hold every release for ever, and one that is called unverified would be no gate.
fn unreachable(hook: &Webhook) -> Option<Complaint> {
    let name = ("name", hook.name.as_str());
    let moment = moment(hook.type_);
    let Some(url) = &hook.url else {
        let field = if hook.secret_ref.is_some() { "secretRef" } else { "caRef" };
        if !moment.is_gate() {
            return Some(complaint(&sentences::CAN120, &[name, ("type", moment.as_str())]));
        }
        let keys = hook.secret_ref.is_some() || hook.ca_ref.is_some();
        return keys.then(|| complaint(&sentences::CAN121, &[name, ("field", field)]));
    };
    if http::origin(url.trim()).is_none() {
        let value = if url.is_empty() { "empty" } else { url };
        return Some(complaint(&sentences::CAN057, &[name, ("value", value)]));
    }
    let what = match hook.disable_tls {
        Some(true) => "disableTLS: true",
        _ if !http::is_https(url.trim()) => "a url that does not begin with https:",
        _ => return None,
    };
    hook.ca_ref.as_ref().map(|_| complaint(&sentences::CAN122, &[name, ("what", what)]))
}
