//! A DaemonSet, released in place: a pod on every node, replaced where we delete the one before.
//!
//! Until its pods are taken out of its controller's hands, they are all the primary's.

use serde_json::Value;

use super::super::whole::{Place, Whole};
use super::super::{WorkloadError, daemon_set, hash, pods};
use super::{endpoints, rollout};
use crate::api::sentences::{self, Sentence};
use crate::model::{Complaint, Endpoints, PrimaryMatch, PrimarySeen, Replacement, Revision, Rollout, Seen, TargetSeen};
use crate::object::daemon::{self, Daemon, Kept, Note};
use crate::object::divided::{Divided, count};
use crate::object::kinds::DAEMON_SET;
use crate::object::{Change, ObjectKey};

#[derive(Debug)]
pub(crate) struct DaemonSet;

impl Whole for DaemonSet {
    fn check(&self, at: &Place<'_>) -> Result<(), Complaint> {
        let Some(set) = read(at) else { return Ok(()) };
        let own = crate::object::value::at(at.target, &["spec", "updateStrategy"]);
        let strategy = set.note().map(|note| &note.strategy).or(own).unwrap_or(&Value::Null);
        if set.note().is_none() {
            pods::rolls_by_itself(DAEMON_SET, at.target)?;
        }
        if set.replicas() == 0 {
            return Err(complaint(&sentences::CAN135, at, ("namespace", at.namespace)));
        }
        if daemon::most_unavailable(strategy, set.replicas()) == 0 {
            return Err(complaint(&sentences::CAN136, at, ("value", "0")));
        }
        Ok(())
    }

    fn target(&self, at: &Place<'_>) -> Result<TargetSeen, Complaint> {
        let template = daemon::asked(at.target).filter(Value::is_object);
        let template = template.ok_or_else(|| pods::no_template(DAEMON_SET, at.target))?;
        let (revision, grace) = (hash::revision(&template), pods::grace(&template));
        let Some(set) = read(at).filter(|set| set.note().is_some()) else {
            let (replicas, rollout) = (daemon_set::replicas(at.target), daemon_set::rollout(at.target));
            return Ok(TargetSeen { revision, replicas, rollout, grace, replacement: Replacement::OnDelete });
        };
        let theirs = rollout(&set, set.newer(), set.given());
        // Nobody is judged beside pods of a third revision, or beside more pods than were given.
        let elsewhere = set.staying().filter(|pod| Some(pod.revision) != set.current());
        let rollout = Rollout { total: count(elsewhere).max(theirs.updated), ..theirs };
        Ok(TargetSeen { revision, replicas: set.replicas(), rollout, grace, replacement: Replacement::OnDelete })
    }

    fn primary(&self, at: &Place<'_>) -> Seen<PrimarySeen> {
        let Some(set) = read(at) else { return Seen::Missing };
        let runs = |template: &Value| PrimaryMatch::Revision(hash::revision(template));
        Seen::Found(match set.note() {
            Some(note) => PrimarySeen {
                runs: runs(&note.current.template),
                replicas: set.replicas(),
                rollout: rollout(&set, set.current(), set.replicas()),
            },
            None => PrimarySeen {
                runs: runs(set.template()),
                replicas: set.replicas(),
                rollout: daemon_set::rollout(at.target),
            },
        })
    }

    fn endpoints(&self, at: &Place<'_>) -> Endpoints {
        match read(at) {
            Some(set) if set.note().is_some() => endpoints(&set),
            Some(set) => Endpoints { primary: set.answering(), ..Endpoints::default() },
            None => Endpoints::default(),
        }
    }

    fn kept(&self, at: &Place<'_>) -> Vec<Revision> {
        let note = daemon::note(at.target);
        note.map(|note| hash::revision(&note.current.template)).into_iter().collect()
    }

    fn sides(&self, _at: &Place<'_>) -> Vec<Change> {
        Vec::new()
    }

    /// A revision that every pod has becomes the current one: its controller would not say so.
    fn promote(&self, at: &Place<'_>, wanted: &Revision) -> Result<Vec<Change>, WorkloadError> {
        let Some(set) = read(at) else { return Ok(Vec::new()) };
        let (Some(note), Some(newer)) = (set.note(), set.newer()) else { return Ok(Vec::new()) };
        let theirs = count(set.staying().filter(|pod| pod.revision == newer));
        let everywhere = theirs == count(set.staying()) && theirs >= set.replicas();
        if !everywhere || set.held().is_some() || hash::revision(set.template()) != *wanted {
            return Ok(Vec::new());
        }
        let current = Kept { revision: newer.to_owned(), template: set.template().clone() };
        let note = Note { current, given: 0, held: None, newer: None, ..note.clone() };
        Ok(set.write(&key(at), &note, set.template()).into_iter().collect())
    }

    /// The strategy goes back with the route.
    fn discard(&self, _at: &Place<'_>) -> Vec<Change> {
        Vec::new()
    }
}

fn key(at: &Place<'_>) -> ObjectKey {
    DAEMON_SET.named(at.namespace, at.name)
}

fn read<'a>(at: &Place<'a>) -> Option<Daemon<'a>> {
    Daemon::find(&key(at), at.objects)
}

fn complaint(sentence: &Sentence, at: &Place<'_>, value: (&str, &str)) -> Complaint {
    Complaint::blocks(sentence.reason, sentence.say(&[("target", at.name), value]))
}

#[cfg(test)]
mod tests;
