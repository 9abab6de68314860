//! `status` of a Canary: what a release has come to. It is the journal of the decisions, so what they need is all here.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Condition, Timestamp, number, weight::Weight, word::Word};
use crate::model::{Course, Moment, Phase, Stand, Verdict};

/// What a release has come to. The three counters are always written: other tools compute with them.
#[derive(Serialize, Deserialize, KubeSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct CanaryStatus {
    /// Where the release is.
    #[serde(default)]
    pub phase: Word<Phase>,

    /// Failed checks of this release; analysis.threshold of them roll it back.
    #[serde(default, deserialize_with = "number::whole")]
    pub failed_checks: i32,

    /// Weight of the canary, in percent.
    #[serde(default)]
    pub canary_weight: Weight,

    /// Checks passed in a blue/green release or an A/B test.
    #[serde(default, deserialize_with = "number::whole")]
    pub iterations: i32,

    /// Hash of the target's pod template that was seen last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_applied_spec: Option<String>,

    /// Hash of the pod template that the primary runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_promoted_spec: Option<String>,

    /// Hash of the pod template whose pre-rollout webhooks have passed; they are not called again for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_prepared_spec: Option<String>,

    /// Checksum of every ConfigMap and Secret that the target uses, by configmap/<name> or secret/<name>.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracked_configs: Option<BTreeMap<String, String>>,

    /// Cookie, as name=value, of the clients that stay on the canary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_affinity_cookie: Option<String>,

    /// Cookie of the release before, which is taken back from the clients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_session_affinity_cookie: Option<String>,

    /// Cookie, as name=value, of the clients that stay on the primary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary_session_affinity_cookie: Option<String>,

    /// Since when no other revision has had requests in the canary's place. A check waits until its KPIs look no further back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary_vacant_since: Option<Timestamp>,

    /// When this status was written last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<Timestamp>,

    /// Promoted (Flagger's, always the first), and Ready, Reconciling and Stalled as Flux and Argo CD read them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".to_owned()]))]
    pub conditions: Vec<Condition>,

    /// metadata.generation of the spec that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// Pods of the primary where canaryReplicas is set: one that is made anew has as many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub primary_replicas: Option<i64>,

    /// The step that the release is at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<Step>,

    /// Until when the new primary is watched after its promotion, at least. It stays where the release failed by that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baking_until: Option<Timestamp>,

    /// Since when a request holds the release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused_since: Option<Timestamp>,

    /// Another writer of the route's weights, as long as it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contest: Option<RouteContest>,

    /// The webhook that holds the release, or that is still to be called after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<Gate>,

    /// The gate without a url that a person opened, until the release has passed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened_gate: Option<OpenedGate>,

    /// What else the release waits for: its schedule, canaries that come first, or those of its group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Waiting>,

    /// Its part in what the canaries of spec.group promote together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupStatus>,

    /// Hash of the pod template whose release a request began in spite of schedule and dependsOn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exempt_spec: Option<String>,

    /// The KPIs of the last check.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 512))]
    pub metrics: Vec<MetricResult>,

    /// The Git revision that the target comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git: Option<GitRevision>,

    /// Releases that have ended, the latest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub history: Vec<Release>,

    /// The end of a release that not every receiver of alerts has been told yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<PendingAlert>,

    /// The last request by annotation that was carried out or refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_request: Option<HandledRequest>,
}

/// An alert that is on its way. A restart of the operator does not lose it.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct PendingAlert {
    /// How much it matters: info, warn or error.
    #[schemars(length(max = 16))]
    pub severity: String,

    /// The sentence.
    #[schemars(length(max = 1024))]
    pub message: String,
}

/// A step of a release.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Weight of the canary during this step, in percent.
    pub weight: Weight,

    /// When the step began.
    pub started_at: Timestamp,

    /// When the next check is due. A restart of the operator does not move it.
    pub next_check_at: Timestamp,

    /// Since when a side has not been ready, where it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_since: Option<Timestamp>,

    /// Since when checks are held by KPIs without a value, where they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_since: Option<Timestamp>,

    /// The strategy that the analysis goes by, once it has begun. Another one in the spec makes it begin again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Word<Course>")]
    pub strategy: Option<Word<Course>>,
}

/// Another writer sets the weights of the route, and they are set back: at once at first, then ever more rarely.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct RouteContest {
    /// When it began.
    pub since: Timestamp,

    /// How often the weights were set back.
    #[schemars(range(min = 0))]
    pub restored: i64,

    /// When they were set back last.
    pub last_restored_at: Timestamp,
}

/// A webhook that a release waits for.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Gate {
    /// Name of the webhook.
    #[schemars(length(max = 253))]
    pub name: String,

    /// Its type.
    #[serde(rename = "type")]
    #[schemars(with = "Word<Moment>")]
    pub moment: Word<Moment>,

    /// Since when it is waited for.
    pub since: Timestamp,
}

/// A gate that a person opened.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct OpenedGate {
    /// Its type.
    #[serde(rename = "type")]
    #[schemars(with = "Word<Moment>")]
    pub moment: Word<Moment>,

    /// Hash of the pod template that may pass; no other.
    #[schemars(length(max = 253))]
    pub revision: String,
}

/// What a release waits for that is no webhook.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Waiting {
    /// What holds it, in a sentence.
    #[schemars(length(max = 1024))]
    pub reason: String,

    /// When it goes on by itself, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,

    /// Its place in the queue of a DeliveryPolicy, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<i64>,

    /// Since when it has been in that queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queued_since: Option<Timestamp>,
}

/// A canary's part in what its group promotes together.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct GroupStatus {
    /// Name of the group.
    #[schemars(length(max = 253))]
    pub name: String,

    /// The round of the group that it took part in last.
    #[schemars(range(min = 0))]
    pub round: i64,

    /// How far it is in that round: out, joining, in, ready (it has voted for the promotion), agreed (all have) or failed.
    pub stand: Word<Stand>,

    /// Since when.
    pub since: Timestamp,

    /// The member that ended the round, where it was another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub by: Option<String>,
}

/// A KPI as the last check found it.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct MetricResult {
    /// Name of the KPI.
    #[schemars(length(max = 253))]
    pub name: String,

    /// The value that was judged, in the unit of the KPI's limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,

    /// Requests to the canary that a comparison rests on; minRequests is held against it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<f64>,

    /// The canary's value, where both sides are compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<f64>,

    /// The primary's value, where both sides are compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary: Option<f64>,

    /// Lower end of the interval that the true value lies in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,

    /// Upper end of the interval that the true value lies in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,

    /// Evidence against the canary: 100 means that a healthy one would look this bad in at most 1 of 100 releases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub e_value: Option<f64>,

    /// What the value means.
    pub verdict: Word<Verdict>,

    /// The value, its limit and what follows, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<String>,

    /// The window of time that the KPI looked back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub interval: Option<String>,

    /// When it was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured_at: Option<Timestamp>,

    /// Requests that are still missing for a verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub needs: Option<i64>,

    /// The sequential test behind the verdict, where both sides are compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<TestState>,
}

/// A sequential test between two checks. A restart goes on from here.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct TestState {
    /// End of the last span of time that was counted; the next one begins here.
    pub until: Timestamp,

    /// What was counted, for the operator alone.
    #[schemars(length(max = 8192))]
    pub state: String,
}

/// Where in Git a revision comes from.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct GitRevision {
    /// Branch or tag and commit, for example main@sha1:9f2c1ab.
    pub revision: String,

    /// The object that brought it, for example Kustomization/apps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// A release that has ended.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Release {
    /// Hash of the pod template.
    pub revision: String,

    /// Where in Git it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git: Option<GitRevision>,

    /// Images of its containers, with digests where they are known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub images: Vec<String>,

    /// How it ended.
    pub verdict: ReleaseVerdict,

    /// Why it ended so, in one word.
    pub reason: String,

    /// Who asked for it: a GitOps object or a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,

    /// When it began.
    pub started_at: Timestamp,

    /// When it ended.
    pub ended_at: Timestamp,
}

/// How a release ended.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum ReleaseVerdict {
    /// Everybody has it.
    Promoted,
    /// Nobody has it: its checks failed.
    RolledBack,
    /// Nobody has it: a person asked for that.
    Aborted,
    /// A newer revision took its place.
    Superseded,
}

/// A request by annotation that was carried out or refused.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct HandledRequest {
    /// The request as it was written: verb/id.
    pub request: String,

    /// Who asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,

    /// When it was carried out or refused.
    pub handled_at: Timestamp,

    /// What came of it, in a sentence.
    pub outcome: String,
}
