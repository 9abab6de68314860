//! A workload whose pods are of two revisions at a time, and its pods as they were read: which revision each is of, and which answer.

use super::daemon::Daemon;
use super::kinds::{DAEMON_SET, STATEFUL_SET};
use super::stateful::Stateful;
use super::{ObjectKey, Objects, value};
use serde_json::Value;

/// A workload whose pods are divided between the revision that all had last and a newer one.
pub trait Divided {
    /// Its pods that are there.
    fn pods(&self) -> &[Member<'_>];
    /// Pods wanted.
    fn replicas(&self) -> u32;
    /// The revision that all pods had last; `None` before there was one.
    fn current(&self) -> Option<&str>;
    /// The newest revision, while it is another one than the current and its name is known.
    fn newer(&self) -> Option<&str>;
    /// Pods that may be of a newer revision than the current.
    fn given(&self) -> u32;
    /// Whether its controller has seen the newest spec.
    fn is_observed(&self) -> bool;
    /// Names of the pods of the current revision, and of those of the newer one.
    fn sides(&self) -> [Vec<String>; 2];

    /// Pods of this revision that answer.
    fn ready(&self, revision: Option<&str>) -> u32 {
        count(self.pods().iter().filter(|pod| pod.standing == Standing::Ready && Some(pod.revision) == revision))
    }
}

/// The workload under this key, divided as those of its kind are; `None` where it is not there, and for every other kind.
pub fn find<'a>(key: &ObjectKey, have: &'a Objects) -> Option<Box<dyn Divided + 'a>> {
    match key.kind {
        STATEFUL_SET => Stateful::find(key, have).map(|set| Box::new(set) as Box<dyn Divided>),
        DAEMON_SET => Daemon::find(key, have).map(|set| Box::new(set) as Box<dyn Divided>),
        _ => None,
    }
}

/// How many there are.
pub fn count<T>(some: impl Iterator<Item = T>) -> u32 {
    u32::try_from(some.count()).unwrap_or(u32::MAX)
}

/// A pod of such a workload.
#[derive(Clone, Debug)]
pub struct Member<'a> {
    /// Its place among all of them.
    pub index: u32,
    /// The pod.
    pub key: ObjectKey,
    /// Its uid: the next pod may have the same name.
    pub uid: &'a str,
    /// Name of the revision that it was made of.
    pub revision: &'a str,
    /// Whether it answers.
    pub standing: Standing,
}

/// Whether a pod answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// It does.
    Ready,
    /// Not yet, or not any more.
    Unready,
    /// It is deleted, and finishes its requests.
    Leaving,
}

impl<'a> Member<'a> {
    /// The pod under this key; `None` where it is not there.
    pub fn read(index: u32, key: ObjectKey, have: &'a Objects) -> Option<Self> {
        let pod = have.find(&key)?;
        let text = |path: &[&str]| value::text(pod, path);
        let conditions = value::at(pod, &["status", "conditions"]).and_then(Value::as_array).into_iter().flatten();
        let ready = conditions.into_iter().any(|condition| {
            value::text(condition, &["type"]) == Some("Ready") && value::text(condition, &["status"]) == Some("True")
        });
        let standing = match text(&["metadata", "deletionTimestamp"]) {
            Some(_) => Standing::Leaving,
            None if ready => Standing::Ready,
            None => Standing::Unready,
        };
        let revision = text(&["metadata", "labels", "controller-revision-hash"]).unwrap_or_default();
        Some(Self { index, key, uid: text(&["metadata", "uid"]).unwrap_or_default(), revision, standing })
    }
}
