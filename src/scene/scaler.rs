//! The autoscalers of a canary.

use super::corner::Corner;
use crate::api::sentences;
use crate::model::{Complaint, Hold, Scaling};
use crate::object::{Change, value};
use crate::workload::scaler::{self, Pause};
use crate::workload::{CANARY, pods, whole};

impl Corner<'_> {
    /// What decides on the number of pods. A missing autoscaler is told, and heals by itself when it comes.
    pub(super) fn scaling(&self, complaints: &mut Vec<Complaint>) -> Scaling {
        if whole::of(self.names.kind, self.names.layout).is_some() {
            return Scaling::Foreign;
        }
        let left = self.primary().and_then(scaler::made_for);
        let Some(wanted) = &self.scene.canary.spec.autoscaler_ref else {
            return if left.is_some() { Scaling::Orphaned } else { Scaling::Fixed };
        };
        let Some(subject) = self.subject() else { return Scaling::Fixed };
        let seen = scaler::seen(&subject, wanted, self.primary(), &self.scene.objects);
        seen.map(Scaling::Auto).unwrap_or_else(|| {
            let key = scaler::key(&self.names.namespace, wanted);
            let values = [("kind", key.kind.kind), ("name", &*key.name), ("namespace", &*key.namespace)];
            complaints.push(Complaint::warns(sentences::CAN064.reason, sentences::CAN064.say(&values)));
            Scaling::Fixed
        })
    }

    pub(super) fn scaler(&self, hold: Option<Hold>) -> Vec<Change> {
        let (Some(subject), Some(primary)) = (self.subject(), self.primary()) else { return Vec::new() };
        let objects = &self.scene.objects;
        let Some(wanted) = &self.scene.canary.spec.autoscaler_ref else {
            return scaler::orphaned(&subject, primary, objects);
        };
        let mut changes = scaler::changes(&subject, wanted, hold, primary, objects);
        // The pods are there before the autoscaler gets round to it.
        let most = scaler::seen(&subject, wanted, Some(primary), objects).map_or(u32::MAX, |seen| seen.most);
        let pods = hold.map_or(0, |hold| hold.pods().min(most));
        if pods::replicas(self.names.kind, primary) < pods {
            changes.extend(pods::scale(&self.names.primary(), Some(primary), pods));
        }
        changes
    }

    /// Order: a pause begins before the pods go and ends before they come, so that the autoscaler never has another opinion.
    pub(super) fn scale_target(&self, replicas: u32) -> Vec<Change> {
        if whole::of(self.names.kind, self.names.layout).is_some() {
            return Vec::new();
        }
        let pause = if replicas == 0 { Pause::AtZero } else { Pause::Over };
        let users = self.names.scaler(&self.scene.canary);
        let mut changes = users.map(|users| scaler::pause(&users, &self.scene.objects, pause)).unwrap_or_default();
        changes.extend(pods::scale(&self.names.target(), self.target(), replicas));
        changes
    }

    /// The user's autoscaler scales again, and ours goes.
    pub(super) fn scaler_back(&self) -> Vec<Change> {
        let objects = &self.scene.objects;
        let users = self.names.scaler(&self.scene.canary);
        let mut changes = users.iter().flat_map(|users| scaler::pause(users, objects, Pause::Over)).collect::<Vec<_>>();
        let made = users.iter().map(scaler::copy_of).chain(self.primary().and_then(scaler::made_for));
        let is_ours = |key: &crate::object::ObjectKey| {
            objects.find(key).is_some_and(|copy| {
                value::text(copy, &["metadata", "annotations", CANARY]) == Some(&self.names.canary)
                    || self.subject().is_some_and(|subject| subject.made(copy))
            })
        };
        let mut gone: Vec<_> = made.filter(is_ours).collect();
        gone.sort();
        gone.dedup();
        changes.extend(gone.into_iter().map(Change::Delete));
        changes
    }
}
