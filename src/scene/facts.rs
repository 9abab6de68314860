//! Objects into facts.

use serde_json::{Value, json};

use super::corner::{Candidates, Corner};
use super::{Scene, filled, journal, kpis, policy, writers};
use crate::api::{CanarySpec, sentences};
use crate::model::{
    Complaint, Endpoints, Facts, PrimaryMatch, PrimarySeen, Revision, RouteSeen, Seen, Settings, Shape, TargetSeen,
};
use crate::object::{Change, FIELD_MANAGER, ObjectKey, kinds, value};
use crate::route::{Acceptance, Router};
use crate::settings;
use crate::workload::{budget, endpoints, pods, primary, services};

/// The finalizer that holds a deletion until the user's objects are given back; Flagger's, so that either can end it.
pub(super) const FINALIZER: &str = "finalizer.flagger.app";

impl Scene {
    /// What these objects mean.
    pub fn facts(&self) -> Facts {
        let corner = Corner::of(self);
        let mut complaints = Vec::new();
        let settings = corner.settings().map_err(|c| complaints.extend(c)).ok();
        let meta = &self.canary.metadata;
        let deleting = meta.deletion_timestamp.is_some();
        let target = corner.target_seen(&mut complaints);
        let primary = corner.primary_seen(&mut complaints);
        let route = corner.route_seen(&mut complaints);
        let scaling = corner.scaling(&mut complaints);
        let standings = corner.standings(&mut complaints);
        complaints.extend(corner.elder());
        complaints.extend(kpis::complaints(&corner, settings.as_ref()));
        complaints.sort();
        complaints.dedup();
        Facts {
            canary: corner.names.canary_ref(&self.canary),
            deleting,
            finalizer: meta.finalizers.iter().flatten().any(|f| f == FINALIZER),
            settings,
            complaints: if deleting { Vec::new() } else { complaints },
            journal: self.canary.status.as_ref().map(journal::read).unwrap_or_default(),
            request: writers::request(&self.canary.metadata),
            rival: writers::rival(&self.canary.metadata),
            target,
            primary,
            owned: corner.primary().is_some_and(primary::is_owned),
            sides: corner.shape(&corner.sides()),
            apex: corner.shape(&corner.services(services::apex)),
            endpoints: corner.endpoints(),
            route,
            released: deleting && corner.is_released(),
            writer: corner.route_writer(),
            snapshots: corner.snapshots(),
            lost: corner.lost(),
            configs: corner.tracked(),
            copies: corner.copies_shape(),
            budgets: corner.shape(&corner.budgets()),
            scaling,
            standings,
            peers: corner.peers(),
        }
    }
}

impl Corner<'_> {
    fn settings(&self) -> Result<Settings, Vec<Complaint>> {
        let defaults = settings::Defaults { provider: &self.scene.defaults.provider, namespace: &self.names.namespace };
        let (namespace, objects) = (&self.names.namespace, &self.scene.objects);
        let resolve = |spec: &CanarySpec| settings::resolve(spec, &defaults);
        let mut settings = filled::settings(&self.scene.canary.spec, &policy::defaults(namespace, objects), resolve)?;
        settings.calendars.extend(policy::calendars(namespace, objects));
        settings.limits.extend(policy::rations(namespace, objects).into_iter().map(|ration| ration.limit));
        Ok(settings)
    }

    /// Another Canary of the same target, made before this one, or at the same time under a name that comes first.
    fn elder(&self) -> Option<Complaint> {
        let text = |object: &Value, path: &[&str]| value::text(object, path).unwrap_or_default().to_owned();
        let rank = |canary: &Value| ["creationTimestamp", "name"].map(|field| text(canary, &["metadata", field]));
        let target = |canary: &Value| ["kind", "name"].map(|field| text(canary, &["spec", "targetRef", field]));
        let own = [self.scene.canary.spec.target_ref.kind.as_str(), &self.names.target];
        let here = |key: &ObjectKey| *key != self.names.key() && key.namespace == self.names.namespace;
        let others = self.scene.objects.of_kind(kinds::CANARY).filter(|(key, _)| here(key));
        let mut same = others.filter(|(_, other)| target(other) == own).peekable();
        same.peek()?;
        let own = rank(&json!({ "metadata": self.scene.canary.metadata }));
        let same = same.filter(|(_, other)| rank(other) < own);
        let (key, _) = same.min_by_key(|(_, other)| rank(other))?;
        let values = [("kind", self.names.kind.kind), ("name", &*self.names.target), ("other", &*key.name)];
        Some(Complaint::blocks(sentences::CAN032.reason, sentences::CAN032.say(&values)))
    }

    fn target_seen(&self, complaints: &mut Vec<Complaint>) -> Seen<TargetSeen> {
        let Some(object) = self.target() else {
            let values =
                [("kind", self.names.kind.kind), ("name", &*self.names.target), ("namespace", &*self.names.namespace)];
            complaints.push(Complaint::blocks(sentences::CAN029.reason, sentences::CAN029.say(&values)));
            return Seen::Missing;
        };
        if let Some((whole, at)) = self.whole() {
            complaints.extend(whole.check(&at).err());
            return whole.target(&at).map_or_else(
                |complaint| {
                    complaints.push(complaint);
                    Seen::Missing
                },
                Seen::Found,
            );
        }
        if let Some(Err(complaint)) = &self.selector {
            complaints.push(complaint.clone());
        }
        complaints.extend(self.subject().iter().flat_map(|subject| subject.overlong()));
        complaints.extend(self.missing.iter().cloned());
        complaints.extend(pods::check(self.names.kind, object).err());
        let revision = self.candidates().target.as_ref().map(|candidate| &candidate.revision);
        match pods::target(self.names.kind, object, revision) {
            Ok(target) => Seen::Found(target),
            Err(complaint) => {
                complaints.push(complaint);
                Seen::Missing
            }
        }
    }

    fn primary_seen(&self, complaints: &mut Vec<Complaint>) -> Seen<PrimarySeen> {
        if let Some((whole, at)) = self.whole() {
            return whole.primary(&at);
        }
        let Some(object) = self.primary() else { return Seen::Missing };
        let unknown = PrimarySeen {
            runs: PrimaryMatch::Unknown,
            replicas: pods::replicas(self.names.kind, object),
            rollout: pods::rollout(self.names.kind, object),
        };
        // Without the target there is nothing to compare with; what serves is still there.
        let Some(subject) = self.subject() else { return Seen::Found(unknown) };
        let Candidates { target, kept } = self.candidates();
        let candidates: Vec<_> = target.iter().chain(kept.iter().map(|(_, candidate)| candidate)).collect();
        Seen::Found(primary::seen(&subject, object, &candidates, &self.scene.objects).unwrap_or_else(|complaint| {
            complaints.push(complaint);
            unknown
        }))
    }

    fn route_seen(&self, complaints: &mut Vec<Complaint>) -> RouteSeen {
        let (Some(router), Some(target)) = (self.router, self.route_target()) else {
            return RouteSeen::Missing;
        };
        for kind in router.kinds().iter().filter(|kind| self.scene.unserved.contains(kind)) {
            let provider = router.providers().first().copied().unwrap_or_default();
            let values = [("provider", provider), ("resource", &*format!("{}.{}", kind.plural, kind.group))];
            complaints.push(Complaint::blocks(sentences::CAN070.reason, sentences::CAN070.say(&values)));
        }
        complaints.extend(router.check(&target).err().map(Complaint::from));
        if router.kinds().is_empty() {
            return RouteSeen::Unrouted;
        }
        let have = &self.scene.objects;
        let accepted = match router.acceptance(&target, have) {
            Acceptance::Accepted => true,
            Acceptance::Pending => false,
            Acceptance::Refused(error) => {
                complaints.push(Complaint::warns(error.reason, error.sentence));
                false
            }
        };
        let seen = router.read(&target, have).and_then(|routing| {
            let Some(routing) = routing else { return Ok(RouteSeen::Missing) };
            let shape = shape(&router.render(&target, &routing, have)?, |key| have.find(key).is_some());
            // What the data plane has not taken over is not routed yet.
            let shape = if shape == Shape::AsWanted && !accepted { Shape::Differs } else { shape };
            Ok(RouteSeen::Seen { routing, shape })
        });
        seen.unwrap_or_else(|error| {
            complaints.push(error.into());
            RouteSeen::Missing
        })
    }

    /// Whoever else wrote the routing objects last.
    fn route_writer(&self) -> Option<String> {
        let kinds = self.router.map(Router::kinds).unwrap_or_default();
        let objects = kinds.iter().flat_map(|kind| self.scene.objects.of_kind(*kind));
        let entries = objects.filter_map(|(_, object)| value::at(object, &["metadata", "managedFields"])?.as_array());
        let foreign = entries.flatten().filter(|entry| value::text(entry, &["manager"]) != Some(FIELD_MANAGER));
        let last = foreign.max_by_key(|entry| value::text(entry, &["time"]).map(str::to_owned))?;
        value::text(last, &["manager"]).map(str::to_owned)
    }

    /// What is still to be written to the budgets of the primary's pods.
    pub(super) fn budgets(&self) -> Vec<Change> {
        let pods = self.target().and_then(|target| value::at(target, &["spec", "template", "metadata", "labels"]));
        let changes =
            self.subject().zip(pods).map(|(subject, pods)| budget::changes(&subject, pods, &self.scene.objects));
        changes.unwrap_or_default()
    }

    fn shape(&self, changes: &[Change]) -> Shape {
        shape(changes, |key| self.scene.objects.find(key).is_some())
    }

    fn endpoints(&self) -> Endpoints {
        if let Some((whole, at)) = self.whole() {
            return whole.endpoints(&at);
        }
        let [_, primary, canary] = self.names.services();
        let slices: Vec<_> = self.scene.objects.of_kind(kinds::ENDPOINT_SLICE).map(|(_, slice)| slice).collect();
        let ready = |service: &ObjectKey| endpoints::ready(&slices, &service.name);
        let since = |service: &ObjectKey| endpoints::since(&slices, &service.name);
        Endpoints {
            primary: ready(&primary),
            canary: ready(&canary),
            primary_since: since(&primary),
            canary_since: since(&canary),
        }
    }

    fn snapshots(&self) -> Vec<Revision> {
        if let Some((whole, at)) = self.whole() {
            return whole.kept(&at);
        }
        self.candidates().kept.iter().map(|(_, candidate)| candidate.revision.clone()).collect()
    }
}

/// What the changes that are still to be written say of an object's shape.
fn shape(changes: &[Change], there: impl Fn(&ObjectKey) -> bool) -> Shape {
    if changes.is_empty() {
        return Shape::AsWanted;
    }
    let missing = changes.iter().filter_map(Change::key).any(|key| !there(&key));
    if missing { Shape::Missing } else { Shape::Differs }
}
