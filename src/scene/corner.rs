//! A canary's names, its router and its label: what reading and writing its objects both need.

use std::cell::OnceCell;

use serde_json::Value;

use super::{Defaults, Scene, configs};
use crate::api::{self, TargetKind};
use crate::model::{CanaryRef, Complaint, Layout};
use crate::object::{Change, Kind, ObjectKey, Objects, kinds};
use crate::route::{self, Router};
use crate::settings;
use crate::workload::primary::Candidate;
use crate::workload::services::{self, Wanted};
use crate::workload::whole::{self, Place, Whole};
use crate::workload::{Configs, Replicas, Selector, Subject, pods, scaler, snapshot};

/// Names of a canary and of what is made for it.
#[derive(Clone, Debug)]
pub(super) struct Names {
    pub(super) namespace: String,
    pub(super) canary: String,
    pub(super) uid: String,
    /// Kind of the target.
    pub(super) kind: Kind,
    /// Where the pods of its releases run.
    pub(super) layout: Layout,
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
            layout: canary.spec.target_ref.layout(),
            kind: match canary.spec.target_ref.kind {
                TargetKind::Deployment => kinds::DEPLOYMENT,
                TargetKind::DaemonSet => kinds::DAEMON_SET,
                TargetKind::StatefulSet => kinds::STATEFUL_SET,
                TargetKind::Service if canary.spec.target_ref.is_knative() => kinds::KNATIVE_SERVICE,
                TargetKind::Service => kinds::SERVICE,
            },
            target,
        }
    }

    pub(super) fn key(&self) -> ObjectKey {
        kinds::CANARY.named(&self.namespace, &self.canary)
    }

    pub(super) fn target(&self) -> ObjectKey {
        self.kind.named(&self.namespace, &self.target)
    }

    pub(super) fn primary(&self) -> ObjectKey {
        self.kind.named(&self.namespace, format!("{}-primary", self.target))
    }

    /// Apex, primary and canary.
    pub(super) fn services(&self) -> [ObjectKey; 3] {
        ["", "-primary", "-canary"].map(|side| kinds::SERVICE.named(&self.namespace, format!("{}{side}", self.apex)))
    }

    /// The user's autoscaler.
    pub(super) fn scaler(&self, canary: &api::Canary) -> Option<ObjectKey> {
        canary.spec.autoscaler_ref.as_ref().map(|wanted| scaler::key(&self.namespace, wanted))
    }

    pub(super) fn canary_ref(&self, canary: &api::Canary) -> CanaryRef {
        CanaryRef {
            namespace: self.namespace.clone(),
            name: self.canary.clone(),
            uid: self.uid.clone(),
            generation: canary.metadata.generation.unwrap_or(0),
            kind: canary.spec.target_ref.kind.as_str().to_owned(),
            target: self.target.clone(),
            layout: self.layout,
        }
    }
}

/// A scene with everything that is worked out before its objects are read or written.
pub(super) struct Corner<'a> {
    pub(super) scene: &'a Scene,
    pub(super) names: Names,
    /// Who moves the traffic; `None` where nobody serves the provider.
    pub(super) router: Option<&'static dyn Router>,
    /// Whose counters tell of it: the provider's own router, also where the user brings the routes.
    pub(super) counters: Option<&'static dyn Router>,
    /// `None` where the target is missing.
    pub(super) selector: Option<Result<Selector, Complaint>>,
    /// ConfigMaps and Secrets of the target; none where they are not tracked.
    pub(super) configs: Configs,
    /// Those that its pods need and that are not there.
    pub(super) missing: Vec<Complaint>,
    candidates: OnceCell<Candidates<'a>>,
}

/// What the primary may run.
#[derive(Debug, Default)]
pub(super) struct Candidates<'a> {
    /// What the target asks for.
    pub(super) target: Option<Candidate<'a>>,
    /// What is kept, with its snapshot, oldest first.
    pub(super) kept: Vec<(&'a Value, Candidate<'a>)>,
}

impl<'a> Corner<'a> {
    pub(super) fn of(scene: &'a Scene) -> Self {
        let names = Names::of(&scene.canary);
        let target = scene.objects.find(&names.target());
        let with_pods = target.filter(|_| whole::of(names.kind, names.layout).is_none());
        let selector = with_pods.map(|target| Selector::of(target, &scene.defaults.selector_labels));
        let (configs, missing) = configs::of_target(scene, &names.namespace, with_pods);
        let provider = provider(&scene.canary, &scene.defaults.provider);
        let (router, counters) =
            (route::of(&scene.canary.spec, provider), route::counting(&scene.canary.spec, provider));
        Self { configs, missing, router, counters, names, selector, scene, candidates: OnceCell::new() }
    }

    pub(super) fn target(&self) -> Option<&'a Value> {
        self.scene.objects.find(&self.names.target())
    }

    pub(super) fn primary(&self) -> Option<&'a Value> {
        self.scene.objects.find(&self.names.primary())
    }

    /// Worked out once, when somebody asks: it takes a fingerprint of each template.
    pub(super) fn candidates(&self) -> &Candidates<'a> {
        self.candidates.get_or_init(|| {
            let template = self.target().and_then(pods::template);
            let objects: &'a Objects = &self.scene.objects;
            let kept = self.subject().map(|subject| snapshot::all(&subject, objects)).unwrap_or_default();
            Candidates {
                target: template.map(|template| Candidate::of(template, self.configs.clone())),
                kept: kept.into_iter().filter_map(|kept| Some((kept, snapshot::candidate(kept)?))).collect(),
            }
        })
    }

    /// How the target is released, where that is as a whole; `None` where it runs pods, and where it is missing.
    pub(super) fn whole(&self) -> Option<(&'static dyn Whole, Place<'_>)> {
        let Names { namespace, canary, kind, layout, target: name, apex, .. } = &self.names;
        let (whole, target, objects) = (whole::of(*kind, *layout)?, self.target()?, &self.scene.objects);
        Some((whole, Place { namespace, canary, name, apex, target, objects }))
    }

    /// `None` where the target is missing or has no label of its own.
    pub(super) fn subject(&self) -> Option<Subject<'_>> {
        let selector = self.selector.as_ref()?.as_ref().ok()?;
        let Names { namespace, canary, uid, kind, target, apex, .. } = &self.names;
        let label_prefixes = &self.scene.defaults.include_label_prefix;
        let scaler = self.scene.canary.spec.autoscaler_ref.as_ref();
        let full = self.scene.canary.status.as_ref().and_then(|status| status.primary_replicas);
        let full = full.and_then(|pods| u32::try_from(pods).ok());
        let sized = self.scene.canary.spec.canary_replicas.is_some() || self.scene.canary.spec.shares_by_pods();
        let replicas = match scaler {
            Some(_) => Replicas::OfScaler,
            None if sized || full.is_some() => Replicas::OfPrimary(full),
            None => Replicas::OfTarget,
        };
        let apex_pods = self.router.zip(self.route_target());
        let apex_pods = apex_pods.and_then(|(router, target)| router.apex_pods(&target, &self.scene.objects));
        let kind = *kind;
        Some(Subject { namespace, canary, uid, kind, target, apex, selector, label_prefixes, replicas, apex_pods })
    }
}

impl Corner<'_> {
    /// What the router may know; `None` without `spec.service`, which `settings` complains of.
    pub(super) fn route_target(&self) -> Option<route::Target<'_>> {
        let pods = self.selector.as_ref().and_then(|s| s.as_ref().ok()).map(|s| (s.label.as_str(), s.value.as_str()));
        let target = route_target(&self.names, &self.scene.canary, &self.scene.defaults)?;
        Some(route::Target { pods, ..target })
    }

    /// What is still to be written before pods of the sides start: their Services, and what a mesh must know of them.
    pub(super) fn sides(&self) -> Vec<Change> {
        if let Some((whole, at)) = self.whole() {
            return whole.sides(&at);
        }
        let services = self.services(services::sides);
        let (Some(router), Some(target), Some(_)) = (self.router, self.route_target(), self.subject()) else {
            return services;
        };
        // What stands in the way of a route is told where the whole of it is read.
        let mesh = router.before_pods(&target, &self.scene.objects).unwrap_or_default();
        services.into_iter().chain(mesh).collect()
    }

    /// What is still to be written to some of the Services; nothing where it cannot be told yet.
    pub(super) fn services(&self, wanted: Wanted) -> Vec<Change> {
        match (self.subject(), &self.scene.canary.spec.service, self.target()) {
            (Some(subject), Some(service), Some(target)) => wanted(&subject, service, target, &self.scene.objects),
            _ => Vec::new(),
        }
    }
}

/// What a router may know before any object was read.
pub(super) fn route_target<'a>(
    names: &'a Names,
    canary: &'a api::Canary,
    defaults: &'a Defaults,
) -> Option<route::Target<'a>> {
    let spec = &canary.spec;
    Some(route::Target {
        namespace: &names.namespace,
        apex: &names.apex,
        provider: provider(canary, &defaults.provider),
        pods: None,
        annotations: canary.metadata.annotations.as_ref().unwrap_or(route::NO_ANNOTATIONS),
        ingress_prefix: &defaults.ingress_annotations_prefix,
        service: spec.service.as_ref()?,
        spec,
    })
}

/// The router of a canary; `None` where nobody serves its provider.
pub(super) fn router(canary: &api::Canary, default: &str) -> Option<&'static dyn Router> {
    route::of(&canary.spec, provider(canary, default))
}

fn provider<'a>(canary: &api::Canary, default: &'a str) -> &'a str {
    settings::provider(&canary.spec, &settings::Defaults { provider: default, namespace: "" })
}
