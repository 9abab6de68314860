//! The wire: the kinds of `flagger.app/v1beta1` as Rust types, and the CRDs that are made from them.
//!
//! A type here says what may be written in an object and nothing else. This room never fills in a default that the
//! apiserver does not fill in too, never decides, and never talks to anybody; `settings` gives the fields their meaning.
//!
//! Every doc comment on a field is what `kubectl explain` prints, so it gives the meaning, the unit and the default.

#![expect(unreachable_pub, reason = "KubeSchema copies each public struct into a function")]

mod alert_provider;
mod analysis;
mod canary;
mod canary_replicas;
mod check;
mod condition;
mod delivery_policy;
#[cfg(test)]
pub(crate) mod fixtures;
mod gateway;
pub mod in_place;
mod metric_template;
mod number;
mod port;
mod provider;
mod reference;
mod rollback;
mod rules;
mod schedule;
mod schema;
pub mod sentences;
mod service;
mod session;
mod status;
mod timestamp;
mod traffic;
mod traffic_policy;
mod webhook;
mod weight;
mod word;

pub use alert_provider::{AlertProvider, AlertProviderSpec, AlertProviderType};
pub use analysis::{AlertRef, CanaryAnalysis, HeaderMatch, MatchCondition, Preview, Severity};
pub use canary::{Canary, CanarySpec};
pub use canary_replicas::CanaryReplicas;
pub use check::{Comparison, ComparisonType, Metric, MetricMode, Recourse, ThresholdRange, VerifyTraffic};
pub use condition::Condition;
pub use delivery_policy::{
    AnalysisDefaults, CanaryDefaults, DeliveryPolicy, DeliveryPolicySpec, LabelOperator, LabelRule, NamespaceSelector,
};
pub use gateway::{BackendRef, Mirror, ParentRef};
pub use metric_template::{MetricProvider, MetricProviderType, MetricTemplate, MetricTemplateSpec};
pub use port::TargetPort;
pub use provider::Provider;
pub use reference::{
    AutoscalerKind, AutoscalerRef, IngressKind, IngressRef, NamespacedRef, OwnRoute, RouteKind, RouteRef,
    ScalerReplicas, SecretRef, TargetKind, TargetRef, UpstreamKind, UpstreamRef,
};
pub use rollback::{OnFailure, RollbackPolicy, RollbackWindow};
pub use schedule::{Day, ReleaseFreeze, ReleaseSchedule, ReleaseWindow};
pub use schema::{crds, yaml};
pub use service::{CanaryService, Metadata, ServicePort, TrafficDistribution, UnmanagedMetadata};
pub use session::{SameSite, SessionAffinity};
pub use status::{
    CanaryStatus, Gate, GitRevision, GroupStatus, HandledRequest, MetricResult, OpenedGate, PendingAlert, Release,
    ReleaseVerdict, RouteContest, Step, TestState, Waiting,
};
pub use timestamp::Timestamp;
pub use traffic::{CorsPolicy, HeaderOperations, Headers, HttpMatch, Retries, Rewrite, StringMatch};
pub use traffic_policy::{
    ConnectionPool, ConsistentHash, H2UpgradePolicy, HttpCookie, HttpPool, LoadBalancer, LocalityDistribution,
    LocalityFailover, LocalityLoadBalancing, OutlierDetection, SimpleLoadBalancer, TlsMode, TlsSettings, TrafficPolicy,
};
pub use webhook::{AuthorityKind, AuthorityRef, OnDeadline, Webhook, WebhookType};
pub use weight::Weight;
pub use word::{Vocabulary, Word};

#[cfg(test)]
mod tests;
