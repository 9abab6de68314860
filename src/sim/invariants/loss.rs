//! S2 between the operator's writes: whoever takes pods away must have looked, and no loss lasts.

use std::collections::BTreeSet;
use std::time::Duration;

use super::super::cluster::Cluster;
use super::super::corner;
use super::super::pods::image;
use super::{Invariants, Violation, configs};
use crate::model::{Percent, Time};

/// From a pod's end to the route that no longer leads to it: endpoints, a watch and a round in between.
const LONGEST_LOSS: Duration = Duration::from_secs(5);

/// The longest that a faulty watch hides what has happened.
const LONGEST_LAG: Duration = Duration::from_secs(30);

impl Invariants {
    /// Judges the cluster after it moved by itself or by another hand.
    pub(in super::super) fn ticked(&mut self, cluster: &Cluster) {
        self.everybody_has_what_was_approved(cluster);
        self.primary = cluster.serving_template().map(|t| image(&t).to_owned());
        self.copy = configs::copy(cluster);
        self.missing = cluster.missing();
        let weight = cluster.routing().map_or(Percent::ZERO, |r| r.canary);
        let lost = cluster.lost();
        let serving: BTreeSet<_> =
            cluster.pods().iter().filter(|p| p.is_ready(cluster.now)).map(|p| p.owner.clone()).collect();
        let gone: Vec<_> = self.serving.difference(&serving).collect();
        // Pods that somebody else took away a moment ago are what whoever looked could not know.
        let known = !self.is_news(cluster.now) && gone.iter().all(|workload| cluster.is_parked(workload));
        let parked = gone.iter().find(|workload| cluster.is_parked(workload)).copied();
        self.rerouted |= weight != self.weight;
        // A person who routes to pods that are not there, or already on their way out, is not the operator's doing; whoever takes
        // pods away must have looked.
        // Where all was lost already, the pods that went served nobody.
        let outage = serving.is_empty() && self.lost < Percent::FULL && !cluster.is_abandoned() && known;
        if let Some(gone) = parked.filter(|_| outage || lost > self.lost && !self.rerouted) {
            let lost = if outage { Percent::FULL } else { lost };
            self.broken.get_or_insert(Violation {
                rule: "S2",
                sentence: format!("{lost} % of the requests are lost since the operator took the pods of {gone} away"),
            });
        }
        if lost.is_zero() || self.lost.is_zero() {
            self.lost_since = (!lost.is_zero()).then_some(cluster.now);
        }
        if !gone.is_empty() {
            self.emptied_at = Some(cluster.now);
        }
        (self.lost, self.weight, self.serving) = (lost, weight, serving);
        self.loss_ends(cluster);
    }

    /// Whether a side was lost so short a time ago that the operator cannot know yet, whatever it writes. Two that lead at once may
    /// route to it and away from it in turns.
    pub(super) fn is_news(&self, now: Time) -> bool {
        [self.lost_since, self.emptied_at].into_iter().flatten().any(|since| now.since(since) <= LONGEST_LAG)
    }

    /// S2 in time: without faults, no request is lost for long that the primary could answer.
    fn loss_ends(&mut self, cluster: &Cluster) {
        let primary = cluster.pods().iter().any(|p| p.owner == cluster.primary_key() && p.is_ready(cluster.now));
        // While the first deployment is judged, its own rollouts are its user's: the primary has taken nothing over.
        let theirs = corner::is_first_judged(&cluster.names, cluster.api.objects()) && !cluster.is_scaled_to_zero();
        if !self.calm || self.lost.is_zero() || !primary || theirs {
            self.losing = None;
            return;
        }
        let since = *self.losing.get_or_insert(cluster.now);
        if cluster.now.since(since) > LONGEST_LOSS {
            self.fail("S2", format!("{} % of the requests have been lost since {since}", self.lost));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::fixture;
    use super::super::super::random::Random;
    use super::*;
    use crate::object::Change;

    #[test]
    fn the_last_pods_taken_away_are_seen_though_nobody_is_left_to_answer() {
        let (names, mut invariants) = (fixture::names(), Invariants::default());
        let mut cluster = Cluster::new(names.clone(), None, Time::from_millis(0), Random::new(1));
        let key = cluster.target_key();
        cluster.api.put(&key, fixture::deployment(&names));
        let mut pass = |cluster: &mut Cluster, seconds: u64| {
            (0..seconds).for_each(|_| {
                cluster.advance(cluster.now.after(Duration::from_secs(1)));
                invariants.ticked(cluster);
            });
            invariants.broken.as_ref().map(|violation| violation.rule)
        };
        assert_eq!(pass(&mut cluster, 20), None);
        cluster.write(&Change::Merge(key, json!({"spec": {"replicas": 0}}))).expect("no other hand wrote");
        assert_eq!(pass(&mut cluster, 5), Some("S2"));
    }
}
