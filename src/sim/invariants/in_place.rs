//! S1 to S3 where a release runs in place: nobody but the controller brings a revision to every pod, and only an approved one; whoever
//! deletes a pod leaves one that answers.

use serde_json::Value;

use super::super::cluster::Cluster;
use super::super::corner;
use super::super::pods::image;
use super::Invariants;
use crate::object::kinds::POD;
use crate::object::{Change, value};

impl Invariants {
    /// S3: the revision of all pods changes only to one whose analysis passed.
    pub(super) fn everybody_has_what_was_approved(&mut self, cluster: &Cluster) {
        let canary = cluster.api.find(&corner::canary_key(&cluster.names));
        let phase = canary.and_then(|canary| value::text(canary, &["status", "phase"])).unwrap_or_default();
        let suspended =
            canary.is_some_and(|canary| value::at(canary, &["spec", "suspend"]) == Some(&Value::Bool(true)));
        // Until its partition is ours, and from when it is given back, it goes as its user has it; and so while nobody may act.
        if !cluster.names.is_in_place()
            || suspended
            || matches!(phase, "" | "Initializing" | "Terminating" | "Terminated")
        {
            return;
        }
        let serves = cluster.serving_template().map(|template| image(&template).to_owned());
        let (Some(before), Some(now)) = (&self.primary, &serves) else { return };
        let approved = self.approved.iter().any(|revision| self.images.get(revision) == Some(now));
        if before != now && !approved {
            self.fail("S3", format!("every pod went from {before} to {now}, which was not approved"));
        }
    }

    /// S2: no pod that answers is deleted beyond what its user lets be missing. Whose caches lag cannot know.
    pub(super) fn no_more_are_missing(&mut self, cluster: &Cluster) {
        let before = std::mem::replace(&mut self.missing, cluster.missing());
        if let (Some([before, _]), Some([now, most])) = (before, self.missing)
            && self.calm
            && now > before.max(most)
        {
            self.fail("S2", format!("{now} pods are missing, where {most} may be"));
        }
    }

    /// S2: of the pods that are deleted one at least leaves another that answers.
    pub(super) fn somebody_answers(&mut self, cluster: &Cluster, change: &Change) {
        // The only pod of all is missing for as long as it is replaced.
        let deletes = matches!(change, Change::DeleteThis(key, _) if key.kind == POD) && !cluster.is_single();
        let served = self.serving.contains(&cluster.target_key()) && !self.is_news(cluster.now);
        if deletes && served && !cluster.pods().iter().any(|pod| pod.is_ready(cluster.now)) {
            self.fail("S2", "the last pod that answered was deleted");
        }
    }
}
