//! Names of what belongs to a canary, and the router that it asks for.

use crate::api;
use crate::model::CanaryRef;
use crate::object::{ObjectKey, kinds};
use crate::route::{self, Router};
use crate::settings;

use super::Defaults;

/// Names of a canary and of what is made for it.
#[derive(Clone, Debug)]
pub(super) struct Names {
    pub(super) namespace: String,
    pub(super) canary: String,
    pub(super) uid: String,
    pub(super) target: String,
    pub(super) apex: String,
}

impl Names {
    pub(super) fn of(canary: &api::Canary) -> Self {
        let meta = &canary.metadata;
        let target = canary.spec.target_ref.name.clone();
        let apex = canary.spec.service.as_ref().and_then(|s| s.name.clone()).filter(|name| !name.is_empty());
        Self {
            namespace: meta.namespace.clone().unwrap_or_default(),
            canary: meta.name.clone().unwrap_or_default(),
            uid: meta.uid.clone().unwrap_or_default(),
            apex: apex.unwrap_or_else(|| target.clone()),
            target,
        }
    }

    pub(super) fn key(&self) -> ObjectKey {
        kinds::CANARY.named(&self.namespace, &self.canary)
    }

    pub(super) fn target(&self) -> ObjectKey {
        kinds::DEPLOYMENT.named(&self.namespace, &self.target)
    }

    pub(super) fn primary(&self) -> ObjectKey {
        kinds::DEPLOYMENT.named(&self.namespace, format!("{}-primary", self.target))
    }

    /// Apex, primary and canary.
    pub(super) fn services(&self) -> [String; 3] {
        ["", "-primary", "-canary"].map(|side| format!("{}{side}", self.apex))
    }

    /// What a router may know; `None` without `spec.service`, which `settings` complains of.
    pub(super) fn route_target<'a>(&'a self, canary: &'a api::Canary) -> Option<route::Target<'a>> {
        let service = canary.spec.service.as_ref()?;
        let analysis = &canary.spec.analysis;
        Some(route::Target { namespace: &self.namespace, apex: &self.apex, service, analysis })
    }

    pub(super) fn canary_ref(&self, canary: &api::Canary) -> CanaryRef {
        CanaryRef {
            namespace: self.namespace.clone(),
            name: self.canary.clone(),
            uid: self.uid.clone(),
            generation: canary.metadata.generation.unwrap_or(0),
            kind: canary.spec.target_ref.kind.as_str().to_owned(),
            target: self.target.clone(),
        }
    }
}

/// The router of a canary; `None` where nobody serves its provider.
pub(super) fn router(canary: &api::Canary, defaults: &Defaults) -> Option<&'static dyn Router> {
    let name = settings::Defaults { provider: &defaults.provider, namespace: "" };
    route::find(settings::provider(&canary.spec, &name))
}
