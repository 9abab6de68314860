//! Effects into changes of objects.

use serde_json::{Value, json};

use super::Scene;
use super::corner::Corner;
use super::facts::FINALIZER;
use crate::model::{Complaint, Effect, PrimarySource, Revision, Routing};
use crate::object::{Change, kinds, value};
use crate::workload::{WorkloadError, budget, configs, primary, services, snapshot};

impl Scene {
    /// The writes that bring effects about, in their order; none where all is there already.
    ///
    /// # Errors
    /// What keeps one of them from being written, as a sentence for the user. Nothing is written then, and an intent that cannot come
    /// true is not recorded.
    pub fn changes(&self, effects: &[Effect]) -> Result<Vec<Change>, Complaint> {
        if effects.is_empty() {
            return Ok(Vec::new());
        }
        let corner = Corner::of(self);
        let changes: Result<Vec<_>, _> = effects.iter().map(|effect| corner.changes(effect)).collect();
        changes.map(|changes| changes.into_iter().flatten().collect())
    }
}

impl Corner<'_> {
    fn changes(&self, effect: &Effect) -> Result<Vec<Change>, Complaint> {
        let objects = &self.scene.objects;
        match effect {
            Effect::AddFinalizer => Ok(self.finalizers(|kept| kept.push(json!(FINALIZER)))),
            Effect::RemoveFinalizer => Ok(self.finalizers(|_| {})),
            Effect::Sides => Ok(self.sides()),
            Effect::Budgets => Ok(self.budgets()),
            Effect::Apex => Ok(self.services(services::apex)),
            Effect::Snapshot(revision) => self.snapshot(revision),
            Effect::Forget(revision) => Ok(self.forget(revision)),
            Effect::Primary(source) => self.primary_runs(source),
            Effect::Disown => {
                let patch = self.primary().and_then(primary::disown);
                Ok(patch.map(|patch| Change::Merge(self.names.primary(), patch)).into_iter().collect())
            }
            Effect::Route(routing) => self.route(routing),
            Effect::Scaler(hold) => Ok(self.scaler(*hold)),
            Effect::ScaleTarget(replicas) => Ok(self.scale_target(*replicas)),
            Effect::ReleaseApex => Ok(self.subject().map(|s| services::release_apex(&s, objects)).unwrap_or_default()),
            Effect::ReleaseRoute => Ok(self.release_route()),
            Effect::Discard => Ok(self.discard()),
        }
    }

    fn finalizers(&self, change: impl FnOnce(&mut Vec<Value>)) -> Vec<Change> {
        let meta = &self.scene.canary.metadata;
        let before: Vec<Value> = meta.finalizers.iter().flatten().map(|f| json!(f)).collect();
        let mut after: Vec<Value> = before.iter().filter(|f| **f != FINALIZER).cloned().collect();
        change(&mut after);
        if before == after {
            return Vec::new();
        }
        // The whole list is written, so it holds only for the version that was read.
        let patch = json!({"metadata": {"resourceVersion": meta.resource_version, "finalizers": after}});
        vec![Change::Merge(self.names.key(), patch)]
    }

    fn snapshot(&self, revision: &Revision) -> Result<Vec<Change>, Complaint> {
        let (Some(subject), Some(target)) = (self.subject(), self.target()) else { return Ok(Vec::new()) };
        if self.scene.objects.find(&snapshot::key(&subject, revision)).is_some() {
            return Ok(Vec::new());
        }
        snapshot::create(&subject, revision, target, &self.configs, &self.scene.objects)
            .map(|change| vec![change])
            .map_err(|error| complaint(&error))
    }

    /// The copies of configs that nothing else names go with the template.
    fn forget(&self, revision: &Revision) -> Vec<Change> {
        let Some(subject) = self.subject() else { return Vec::new() };
        let forgotten = self.all_configs_but(None);
        let still_named = self.all_configs_but(Some(revision));
        let unused = forgotten.iter().filter(|key| !still_named.contains(*key));
        // Order: the snapshot last, since it is what names the copies.
        let mut changes = configs::give_up(&self.names.canary, unused, &self.scene.objects);
        changes.push(Change::Delete(snapshot::key(&subject, revision)));
        changes
    }

    fn primary_runs(&self, source: &PrimarySource) -> Result<Vec<Change>, Complaint> {
        if let Some((whole, at)) = self.whole() {
            let (PrimarySource::Target(revision) | PrimarySource::Snapshot(revision)) = source;
            return whole.promote(&at, revision).map_err(|error| complaint(&error));
        }
        let (Some(subject), Some(target)) = (self.subject(), self.target()) else { return Ok(Vec::new()) };
        let (have, objects) = (self.primary(), &self.scene.objects);
        let (revision, source, configs, kept) = match source {
            PrimarySource::Target(revision) => {
                (revision, primary::Source::Target(target, &self.configs), self.configs.clone(), None)
            }
            PrimarySource::Snapshot(revision) => match objects.find(&snapshot::key(&subject, revision)) {
                Some(kept) => (revision, primary::Source::Snapshot(kept), snapshot::configs(kept), Some(kept)),
                None => return Ok(Vec::new()),
            },
        };
        let rollout = primary::changes(&subject, revision, source, have).map_err(|error| complaint(&error))?;
        // Order: what the new pods read before the new pods.
        let mut changes = configs::copies(&subject, &configs, kept, objects).map_err(|error| complaint(&error))?;
        changes.extend(rollout);
        Ok(changes)
    }

    fn route(&self, routing: &Routing) -> Result<Vec<Change>, Complaint> {
        let (Some(router), Some(target)) = (self.router, self.route_target()) else {
            return Ok(Vec::new());
        };
        router.render(&target, routing, &self.scene.objects).map_err(Into::into)
    }

    /// Whether the route needs the sides no more.
    pub(super) fn is_released(&self) -> bool {
        let routed = self.router.zip(self.route_target());
        routed.is_none_or(|(router, target)| router.release(&target, &self.scene.objects).is_empty())
    }

    /// The next step to the user's routing objects as they were.
    fn release_route(&self) -> Vec<Change> {
        let routed = self.router.zip(self.route_target());
        routed.map(|(router, target)| router.leave(&target, &self.scene.objects)).unwrap_or_default()
    }

    /// Only what was made for this canary goes; a Deployment or Service of somebody else under such a name stays.
    fn discard(&self) -> Vec<Change> {
        if let Some((whole, at)) = self.whole() {
            return whole.discard(&at);
        }
        let [_, primary, canary] = self.names.services();
        let made = |object: &Value| {
            value::text(object, &["metadata", "annotations", crate::workload::CANARY]) == Some(&self.names.canary)
                || self.subject().is_some_and(|subject| subject.made(object))
        };
        let ours = [self.names.primary(), primary, canary];
        let ours = ours.into_iter().filter(|key| self.scene.objects.find(key).is_some_and(made));
        let snapshots = self.scene.objects.of_kind(kinds::CONTROLLER_REVISION).map(|(key, _)| key.clone());
        let mut changes: Vec<Change> = ours.chain(snapshots).map(Change::Delete).collect();
        changes.extend(self.subject().iter().flat_map(|s| services::release_sides(s, &self.scene.objects)));
        changes.extend(self.scaler_back());
        changes.extend(self.subject().iter().flat_map(|subject| budget::discard(subject, &self.scene.objects)));
        let copied = self.all_configs();
        changes.extend(configs::give_up(&self.names.canary, copied.iter(), &self.scene.objects));
        changes
    }
}

fn complaint(error: &WorkloadError) -> Complaint {
    let reason = match error {
        WorkloadError::NoTemplate { .. } => "NoTemplate",
        WorkloadError::OtherRevision { .. } => "OtherRevision",
        WorkloadError::ConfigLost { .. } => "ConfigLost",
    };
    Complaint::blocks(reason, error.to_string())
}
