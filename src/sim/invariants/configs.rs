//! S3 and S5 for what pods read: the ConfigMap of the seeded runs and the primary's copy of it.

use super::super::cluster::Cluster;
use super::super::corner;
use super::super::fixture;
use super::super::pods::Pod;
use super::Invariants;
use crate::model::{Journal, Phase, Revision};
use crate::object::content;
use crate::object::kinds::{CONFIG_MAP, DEPLOYMENT};

impl Invariants {
    /// S3 for what the pods read: the primary's copy changes only to that of the approved revision, or back to the promoted one's.
    pub(super) fn primary_reads_what_was_approved(&mut self, cluster: &Cluster, journal: &Journal) {
        let copy = copy(cluster);
        if copy == self.copy {
            return;
        }
        let is = |revision: &Option<Revision>| revision.as_ref().and_then(|r| self.configs.get(r)) == copy.as_ref();
        let approved = journal.last_applied.as_ref().is_some_and(|r| self.approved.contains(r));
        let promoted = journal.phase == Phase::Promoting && is(&journal.last_applied) && approved;
        // Before a primary serves, or where what it ran is not kept, anything beats nothing.
        let made = self.copy.is_none() || journal.last_promoted.is_none();
        if copy.is_some() && !(promoted || made || is(&journal.last_promoted)) && keeps_promoted(cluster, journal) {
            let phase = journal.phase;
            self.fail("S3", format!("what the primary reads went from {:?} to {copy:?} in phase {phase}", self.copy));
        }
        self.copy = copy;
    }

    /// S5: no pod that is judged read something else when it started than what this revision is about. Content that came back in time is
    /// the same content.
    pub(super) fn pods_read_this_revision(&mut self, cluster: &Cluster, before: &Journal) {
        let key = CONFIG_MAP.named(&cluster.names.namespace, fixture::CONFIG);
        let now = cluster.api.find(&key).map(content::checksum);
        let is_meant = before.last_applied.as_ref().and_then(|r| self.configs.get(r)) == now.as_ref();
        let target = cluster.target_key();
        let read = |pod: &Pod| self.configured.range(..=pod.born).next_back().map(|(_, content)| content);
        let is_older =
            |pod: &Pod| pod.owner == target && read(pod).is_some_and(|content| Some(content) != now.as_ref());
        // In place nothing follows from a change of configs alone.
        let follows = cluster.names.kind == DEPLOYMENT;
        if follows && is_meant && cluster.pods().iter().any(is_older) {
            self.fail("S5", "pods are judged that started before their ConfigMap changed".to_owned());
        }
    }
}

/// Whether the primary can be made again as it was promoted.
fn keeps_promoted(cluster: &Cluster, journal: &Journal) -> bool {
    let facts = corner::scene(&cluster.names, cluster.api.objects()).map(|scene| scene.facts());
    let kept = |revision: &Revision| {
        facts.is_none_or(|facts| facts.snapshots.contains(revision) && !facts.lost.contains(revision))
    };
    journal.last_promoted.as_ref().is_some_and(kept)
}

pub(super) fn copy(cluster: &Cluster) -> Option<String> {
    let key = CONFIG_MAP.named(&cluster.names.namespace, format!("{}-primary", fixture::CONFIG));
    cluster.api.find(&key).map(content::checksum)
}
