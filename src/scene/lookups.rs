//! Which objects a canary's decisions read.

use serde_json::Value;

use super::corner::{self, Names};
use super::{ConfigTracking, Defaults, configs, order, policy, receivers};
use crate::api;
use crate::model::{Layout, Revision};
use crate::object::{Kind, ObjectKey, Objects, kinds, value};
use crate::workload;

/// Label of an EndpointSlice: the Service it belongs to.
pub(super) const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// Stands for a label whose empty value every object has: what a canary looks at is then told by the objects themselves.
pub const EVERY: &str = "";

/// Stands for a label whose value is what a Canary has in `spec.group`.
pub const GROUP: &str = "spec.group";

/// The value of a label, or of what stands for one.
pub fn label<'a>(object: &'a Value, label: &str) -> Option<&'a str> {
    match label {
        EVERY => Some(""),
        GROUP => value::text(object, &["spec", "group"]),
        label => value::text(object, &["metadata", "labels", label]),
    }
}

/// What to read for one canary. A change to any of it wakes the canary.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Lookups {
    /// Single objects.
    pub keys: Vec<ObjectKey>,
    /// Groups of objects that share a label.
    pub labelled: Vec<Labelled>,
}

/// Objects of a kind in a namespace that carry this label; [`EVERY`] is on all of them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Labelled {
    /// Their kind.
    pub kind: Kind,
    /// Their namespace.
    pub namespace: String,
    /// The label.
    pub label: &'static str,
    /// Its value.
    pub value: String,
}

/// What to read for `canary`.
pub fn lookups(canary: &api::Canary, defaults: &Defaults) -> Lookups {
    let names = Names::of(canary);
    let namespace = &names.namespace;
    let mut keys = vec![names.target(), names.primary()];
    keys.extend(names.services());
    let target = corner::route_target(&names, canary, defaults);
    if let (Some(router), Some(target)) = (corner::router(canary, &defaults.provider), target) {
        keys.extend(router.objects(&target));
    }
    keys.extend(names.scaler(canary).into_iter().flat_map(|users| [workload::scaler::copy_of(&users), users]));
    keys.extend(templates(canary, namespace));
    keys.extend(order::keys(canary, namespace));
    keys.push(policy::namespace(namespace));
    keys.extend(receivers::keys(canary, namespace));
    let group =
        |kind, label, value: &str| Labelled { kind, namespace: namespace.clone(), label, value: value.to_owned() };
    let [_, primary, side] = names.services();
    let mut labelled = vec![
        group(kinds::BUDGET, EVERY, ""),
        group(kinds::ENDPOINT_SLICE, SERVICE_NAME, &primary.name),
        group(kinds::ENDPOINT_SLICE, SERVICE_NAME, &side.name),
        group(kinds::CONTROLLER_REVISION, workload::CANARY, &names.canary),
        policy::every(),
    ];
    labelled.extend(canary.spec.group.as_deref().map(|name| group(kinds::CANARY, GROUP, name)));
    if names.kind == kinds::DAEMON_SET && names.layout == Layout::InPlace {
        // Their names are random, and no label says whose they are.
        labelled.push(group(kinds::POD, EVERY, ""));
    }
    Lookups { keys, labelled }
}

/// Whether objects of a kind tell what else to read.
pub fn leads(kind: Kind) -> bool {
    let leading = [
        kinds::DEPLOYMENT,
        kinds::DAEMON_SET,
        kinds::STATEFUL_SET,
        kinds::KNATIVE_SERVICE,
        kinds::CONTROLLER_REVISION,
        kinds::CANARY,
    ];
    leading.contains(&kind)
}

/// What else to read for a canary, which only what `lookups` brought can tell: the ConfigMaps and Secrets that its pods read,
/// and the Canaries that those name which come first.
pub fn further(canary: &api::Canary, objects: &Objects, defaults: &Defaults) -> Vec<ObjectKey> {
    let names = Names::of(canary);
    let mut keys = match defaults.config_tracking {
        ConfigTracking::On => configs::led_to(&names.namespace, objects.iter()),
        ConfigTracking::Off => Vec::new(),
    };
    keys.extend(objects.find(&names.primary()).and_then(workload::scaler::made_for));
    keys.extend(order::further(objects));
    let promoted = canary.status.as_ref().and_then(|status| status.last_promoted_spec.as_deref()).map(Revision::new);
    keys.extend(workload::whole::belongings(&names.target(), objects.find(&names.target()), promoted.as_ref()));
    keys
}

/// The MetricTemplates that the analysis names.
pub(super) fn templates(canary: &api::Canary, namespace: &str) -> Vec<ObjectKey> {
    let metrics = canary.spec.analysis.metrics.iter().flatten();
    let mut keys: Vec<_> = metrics
        .filter_map(|metric| metric.template_ref.as_ref())
        .map(|r| kinds::METRIC_TEMPLATE.named(r.namespace.clone().unwrap_or_else(|| namespace.to_owned()), &r.name))
        .collect();
    keys.sort();
    keys.dedup();
    keys
}
