//! Who is alerted about a canary, and what the alerts show of it.

use serde::Deserialize;

use super::Scene;
use super::corner::Names;
use crate::alert::{self, Alert, Chat, ChatKind, Severity, Surroundings};
use crate::api::{self, AlertProviderSpec, AlertProviderType, AlertRef};
use crate::metric::SecretName;
use crate::model::{CanaryRef, Notice};
use crate::object::value::at;
use crate::object::{ObjectKey, kinds};

/// Flagger's deadline in alerts of a Canary that has none.
const DEADLINE: i32 = 600;

/// Somebody who is alerted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Receiver {
    /// Its name in logs.
    pub name: String,
    /// The least severity that it wants to hear of.
    pub least: Severity,
    /// The chat; without its address, where a Secret has it.
    pub chat: Chat,
    /// The Secret with the chat's address.
    pub secret: Option<SecretName>,
}

impl Scene {
    /// Everybody whom `analysis.alerts` names, or else the operator's own chats. What keeps one from being alerted is a sentence.
    pub fn receivers(&self) -> Vec<Result<Receiver, String>> {
        let own: Vec<_> = self.canary.spec.analysis.alerts.iter().flatten().map(|alert| self.receiver(alert)).collect();
        if !own.is_empty() {
            return own;
        }
        let notifiers = self.defaults.notifiers.iter();
        notifiers
            .map(|chat| {
                let name = format!("{} of the operator", chat.kind.as_str());
                Ok(Receiver { name, least: Severity::Info, chat: chat.clone(), secret: None })
            })
            .collect()
    }

    /// The alerts of a decision; none where nobody is to be alerted.
    pub fn alerts(&self, canary: &CanaryRef, notices: &[Notice]) -> Vec<Alert> {
        if self.receivers().is_empty() {
            return Vec::new();
        }
        let around = self.surroundings();
        let told = |notice: &&Notice| match notice {
            Notice::GateClosed(_, gate, _) => !self.mutes(gate),
            _ => true,
        };
        notices.iter().filter(told).filter_map(|notice| alert::of(notice, canary, &around)).collect()
    }

    /// The end of a release that was written down and may not have been told.
    pub fn untold(&self, canary: &CanaryRef) -> Option<Alert> {
        let left = self.canary.status.as_ref()?.alert.as_ref()?;
        let severity = Severity::parse(&left.severity).unwrap_or(Severity::Error);
        Some(alert::again(severity, &left.message, canary, &self.surroundings()))
    }

    /// Whether the hook of this name is not to alert anybody while it waits.
    fn mutes(&self, hook: &str) -> bool {
        let mut hooks = self.canary.spec.analysis.webhooks.iter().flatten();
        hooks.any(|known| known.name == hook && known.mute_alert == Some(true))
    }

    fn surroundings(&self) -> Surroundings {
        let spec = &self.canary.spec;
        Surroundings {
            cluster: self.defaults.cluster_name.clone(),
            threshold: spec.analysis.threshold.to_string(),
            deadline_seconds: spec.progress_deadline_seconds.unwrap_or(DEADLINE).to_string(),
            routing: routing(&spec.analysis),
        }
    }

    fn receiver(&self, alert: &AlertRef) -> Result<Receiver, String> {
        let key = key(alert, &Names::of(&self.canary).namespace);
        let name = format!("{}.{}", key.name, key.namespace);
        let object = self.objects.find(&key).ok_or_else(|| {
            format!("alert {}: AlertProvider {name} is not there; apply it, or correct providerRef", alert.name)
        })?;
        let spec = at(object, &["spec"]).map(AlertProviderSpec::deserialize);
        let spec = spec
            .and_then(Result::ok)
            .ok_or_else(|| format!("AlertProvider {name} cannot be read; correct its spec"))?;
        let chat = Chat {
            kind: kind(spec.type_),
            address: spec.address.unwrap_or_default(),
            token: None,
            channel: spec.channel.filter(|text| !text.is_empty()),
            username: spec.username.filter(|text| !text.is_empty()),
            proxy: spec.proxy.filter(|text| !text.is_empty()),
        };
        let secret = spec.secret_ref.map(|secret| SecretName { namespace: key.namespace, name: secret.name });
        Ok(Receiver { name, least: least(alert.severity), chat, secret })
    }
}

/// The AlertProviders that the analysis names.
pub(super) fn keys(canary: &api::Canary, namespace: &str) -> Vec<ObjectKey> {
    let mut keys: Vec<_> = canary.spec.analysis.alerts.iter().flatten().map(|alert| key(alert, namespace)).collect();
    keys.sort();
    keys.dedup();
    keys
}

fn key(alert: &AlertRef, namespace: &str) -> ObjectKey {
    let given = alert.provider_ref.namespace.clone().filter(|given| !given.is_empty());
    kinds::ALERT_PROVIDER.named(given.unwrap_or_else(|| namespace.to_owned()), &alert.provider_ref.name)
}

/// Who does not say it hears everything.
const fn least(severity: Option<api::Severity>) -> Severity {
    match severity {
        None | Some(api::Severity::Unset | api::Severity::Info) => Severity::Info,
        Some(api::Severity::Warn) => Severity::Warn,
        Some(api::Severity::Error) => Severity::Error,
    }
}

const fn kind(type_: AlertProviderType) -> ChatKind {
    match type_ {
        AlertProviderType::Slack => ChatKind::Slack,
        AlertProviderType::MsTeams => ChatKind::MsTeams,
        AlertProviderType::Discord => ChatKind::Discord,
        AlertProviderType::Rocket => ChatKind::Rocket,
        AlertProviderType::GChat => ChatKind::GChat,
    }
}

/// How the canary gets its traffic, in Flagger's words.
fn routing(analysis: &api::CanaryAnalysis) -> Option<String> {
    let max = analysis.max_weight.filter(|max| max.is_positive()).unwrap_or(api::Weight::percent(100));
    let weights = analysis.step_weights.as_deref().filter(|weights| !weights.is_empty());
    match (analysis.step_weight.filter(|step| step.is_positive()), weights) {
        (Some(step), _) => Some(format!("Weight step: {step} max: {max}")),
        (None, Some(weights)) => {
            let weights = weights.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
            Some(format!("Weight steps: {weights} max: {max}"))
        }
        (None, None) if analysis.match_.iter().flatten().next().is_some() => Some("A/B Testing".to_owned()),
        (None, None) => analysis.iterations.filter(|count| *count > 0).map(|_| "Blue/Green".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::Moment;

    fn analysis(fields: &serde_json::Value) -> api::CanaryAnalysis {
        let mut all = json!({"interval": "1m", "threshold": 5});
        crate::object::value::merge(&mut all, fields);
        serde_json::from_value(all).unwrap()
    }

    #[test]
    fn a_muted_gate_alerts_nobody_and_every_other_notice_does() {
        let hook = |name: &str, mute: bool| json!({"name": name, "type": "confirm-rollout", "url": "http://gate", "muteAlert": mute});
        let canary = json!({
            "metadata": {"name": "app", "namespace": "test"},
            "spec": {
                "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "app"},
                "analysis": {
                    "interval": "1m", "threshold": 5,
                    "webhooks": [hook("quiet", true), hook("loud", false)],
                    "alerts": [{"name": "chat", "providerRef": {"name": "chat"}}],
                },
            },
        });
        let scene = Scene {
            canary: serde_json::from_value(canary).unwrap(),
            objects: crate::object::Objects::default(),
            defaults: std::sync::Arc::default(),
            unserved: std::collections::BTreeSet::new(),
        };
        let canary = Names::of(&scene.canary).canary_ref(&scene.canary);
        let closed = |gate: &str| Notice::GateClosed(Moment::ConfirmRollout, gate.to_owned(), "no".to_owned());
        let alerts = |notice| scene.alerts(&canary, &[notice]).len();
        assert_eq!((alerts(closed("quiet")), alerts(closed("loud")), alerts(Notice::RollbackRequested)), (0, 1, 1));
    }

    #[test]
    fn an_unset_severity_hears_everything() {
        assert_eq!(least(None), Severity::Info);
        assert_eq!(least(Some(api::Severity::Unset)), Severity::Info);
        assert!(least(Some(api::Severity::Error)) > least(Some(api::Severity::Warn)));
    }

    #[test]
    fn the_routing_is_told_in_flaggers_words() {
        let told = |fields| routing(&analysis(&fields));
        assert_eq!(told(json!({"stepWeight": 10, "maxWeight": 50})).as_deref(), Some("Weight step: 10 max: 50"));
        assert_eq!(told(json!({"stepWeights": [1, 2, 10]})).as_deref(), Some("Weight steps: 1,2,10 max: 100"));
        let matched = json!([{"headers": {"x": {"exact": "y"}}}]);
        assert_eq!(told(json!({"iterations": 5, "match": matched})).as_deref(), Some("A/B Testing"));
        assert_eq!(told(json!({"iterations": 5})).as_deref(), Some("Blue/Green"));
        assert_eq!(told(json!({})), None);
    }
}
