//! The simulated webhooks: people and scripts that agree, refuse, fail, or keep everybody waiting.

use std::collections::BTreeMap;

use crate::model::{Moment, Reply, Time};

/// What the hooks of a moment do for a while.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mood {
    /// They say no; those of a rollback say yes.
    Against,
    /// They take their time.
    Silent,
    /// They break.
    Broken,
}

/// All hooks of the run. Without a mood they let a release go on.
#[derive(Clone, Debug, Default)]
pub(super) struct Hooks(BTreeMap<Moment, (Mood, Time)>);

impl Hooks {
    /// The hooks of these moments are in a mood until then.
    pub(super) fn turn(&mut self, moments: &[Moment], mood: Mood, until: Time) {
        self.0.extend(moments.iter().map(|moment| (*moment, (mood, until))));
    }

    /// What a hook of this moment says now.
    pub(super) fn reply(&self, moment: Moment, now: Time) -> Reply {
        let mood = self.0.get(&moment).filter(|(_, until)| now < *until).map(|(mood, _)| *mood);
        match (mood, moment) {
            (Some(Mood::Silent), _) => Reply::Pending,
            (Some(Mood::Broken), _) => Reply::No("answered 500: boom".to_owned()),
            (Some(Mood::Against), Moment::Rollback) => Reply::Yes,
            (Some(Mood::Against), _) | (None, Moment::Rollback) => Reply::No("answered 403: Forbidden".to_owned()),
            (None, _) => Reply::Yes,
        }
    }

    /// When the next mood after `now` ends: whoever was waited for answers then.
    pub(super) fn next(&self, now: Time) -> Option<Time> {
        self.0.values().map(|(_, until)| *until).filter(|until| *until > now).min()
    }

    /// Whether a mood ends at `now`.
    pub(super) fn turns_at(&self, now: Time) -> bool {
        self.0.values().any(|(_, until)| *until == now)
    }
}
