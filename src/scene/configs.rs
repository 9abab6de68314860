//! The ConfigMaps and Secrets of a canary: which there are, and which are read.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::corner::Corner;
use super::{ConfigTracking, Scene};
use crate::model::{Complaint, Revision, Shape};
use crate::object::{ObjectKey, kinds};
use crate::workload::{Configs, configs, pods, snapshot};

/// The configs of the target, and what is missing among them.
pub(super) fn of_target(scene: &Scene, namespace: &str, target: Option<&Value>) -> (Configs, Vec<Complaint>) {
    match (scene.defaults.config_tracking, target.and_then(pods::template)) {
        (ConfigTracking::On, Some(template)) => configs::tracked(namespace, template, &scene.objects),
        (ConfigTracking::On | ConfigTracking::Off, _) => Default::default(),
    }
}

/// The ConfigMaps and Secrets that these objects of a canary lead to, and the primary's copies of them.
pub(super) fn led_to<'a>(namespace: &str, objects: impl Iterator<Item = (&'a ObjectKey, &'a Value)>) -> Vec<ObjectKey> {
    let mut keys = BTreeSet::new();
    for (key, object) in objects {
        if key.kind == kinds::CONTROLLER_REVISION {
            keys.extend(snapshot::configs(object).into_keys());
        } else if let Some(template) = pods::template(object) {
            keys.extend(configs::referenced(namespace, template));
        }
    }
    let copies: Vec<_> = keys.iter().map(configs::copy_of).collect();
    keys.extend(copies);
    keys.into_iter().collect()
}

impl Corner<'_> {
    /// What `status.trackedConfigs` says.
    pub(super) fn tracked(&self) -> Option<BTreeMap<String, String>> {
        let named = self.configs.iter().map(|(key, checksum)| (snapshot::name_of(key), checksum.clone()));
        (self.scene.defaults.config_tracking == ConfigTracking::On).then(|| named.collect())
    }

    /// Kept revisions whose configs are neither there nor kept.
    pub(super) fn lost(&self) -> BTreeSet<Revision> {
        let is_lost = |kept: &Value| !configs::can_be_copied(&snapshot::configs(kept), Some(kept), &self.scene.objects);
        let lost = self.candidates().kept.iter().filter(|(kept, _)| is_lost(kept));
        lost.map(|(_, candidate)| candidate.revision.clone()).collect()
    }

    /// Whether the copies that the primary names are there. What is in them may be another canary's doing, which shares them.
    pub(super) fn copies_shape(&self) -> Shape {
        let template = self.primary().and_then(pods::template);
        let named = template.map(|template| configs::referenced(&self.names.namespace, template)).unwrap_or_default();
        let copies: BTreeSet<_> = self.all_configs().iter().map(configs::copy_of).collect();
        let missing = named.iter().filter(|key| copies.contains(key)).any(|key| self.scene.objects.find(key).is_none());
        if missing { Shape::Missing } else { Shape::AsWanted }
    }

    /// Every config of the target and of the kept revisions.
    pub(super) fn all_configs(&self) -> BTreeSet<ObjectKey> {
        self.all_configs_but(None)
    }

    /// The same without those of one kept revision.
    pub(super) fn all_configs_but(&self, revision: Option<&Revision>) -> BTreeSet<ObjectKey> {
        let kept = self.candidates().kept.iter();
        let others = kept.filter(|(_, candidate)| Some(&candidate.revision) != revision);
        self.configs.keys().cloned().chain(others.flat_map(|(kept, _)| snapshot::configs(kept).into_keys())).collect()
    }
}
