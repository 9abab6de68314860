//! Laws of groups: whatever the order of decisions, however old what each of them sees, and wherever the operator dies.
//!
//! The clusters here do at once what an effect asks for; what matters is who sees what of the others, and when.

use proptest::prelude::*;

use super::*;

/// One member and its corner of the cluster, as they are.
#[derive(Clone)]
struct Member {
    facts: Facts,
    /// Success rate that its revisions have as the canary.
    rate: f64,
    /// At which entry of the history its status was written last.
    version: usize,
}

/// A group, and all statuses as they stood side by side after each write.
#[derive(Clone)]
struct World {
    now: i64,
    members: Vec<Member>,
    history: Vec<Vec<Journal>>,
    /// Writes until the operator dies in the middle of a decision.
    left: Option<usize>,
    writes: usize,
    agreed: BTreeSet<u64>,
    failed: BTreeSet<u64>,
}

fn name(at: usize) -> String {
    format!("m{at:02}")
}

impl World {
    fn new(count: usize) -> Self {
        let facts = |at| {
            let mut facts = settled();
            facts.canary.name = name(at);
            facts.settings.as_mut().unwrap().group = Some("shop".to_owned());
            facts
        };
        let members: Vec<_> = (0..count).map(|at| Member { facts: facts(at), rate: 100.0, version: 0 }).collect();
        let history = vec![members.iter().map(|member| member.facts.journal.clone()).collect()];
        let (agreed, failed) = (BTreeSet::new(), BTreeSet::new());
        Self { now: 0, members, history, left: None, writes: 0, agreed, failed }
    }

    fn release(&mut self, at: usize, revision: &str, rate: f64) {
        self.members[at].rate = rate;
        target(&mut self.members[at].facts).revision = rev(revision);
    }

    fn suspend(&mut self, at: usize, suspend: bool) {
        self.members[at].facts.settings.as_mut().unwrap().suspend = suspend;
    }

    /// A decision of one member on what stood at an entry of the history.
    fn decide(&mut self, at: usize, seen: usize) {
        let statuses = &self.history[seen];
        let others = statuses.iter().enumerate().filter(|(other, _)| *other != at);
        let peers = others.filter_map(|(other, journal)| Some((name(other), journal.group.clone()?))).collect();
        let facts = Facts { journal: statuses[at].clone(), peers, ..self.members[at].facts.clone() };
        let (now, rate) = (t(self.now), self.members[at].rate);
        let mut answers = Vec::new();
        loop {
            let asked = questions(&facts, &answers, now);
            if asked.is_empty() {
                break;
            }
            answers.extend(asked.into_iter().flat_map(|_| success(rate)));
        }
        let plan = decide(&facts, &answers, now);
        let fresh = self.members[at].version <= seen;
        if plan.journal == facts.journal && plan.effects.is_empty() || !fresh || self.dies() {
            return;
        }
        self.record(at, &facts.journal, &plan.journal);
        for effect in &plan.effects {
            if self.dies() {
                return;
            }
            carry_out(&mut self.members[at].facts, effect);
        }
    }

    fn dies(&mut self) -> bool {
        self.writes += 1;
        match &mut self.left {
            Some(0) => {
                self.left = None;
                true
            }
            Some(left) => {
                *left -= 1;
                false
            }
            None => false,
        }
    }

    /// Writes a status, and holds the rounds against each other.
    fn record(&mut self, at: usize, before: &Journal, after: &Journal) {
        let own = after.group.as_ref();
        let round = own.map_or(0, |own| own.round);
        let turned = before.group.as_ref().map(|own| (own.round, own.stand)) != own.map(|own| (own.round, own.stand));
        match after.stand() {
            Stand::Agreed if turned => _ = self.agreed.insert(round),
            Stand::Failed if turned => _ = self.failed.insert(round),
            _ => {}
        }
        // One that is suspended takes part before it begins, and may have failed the time before.
        let fails = after.phase == Phase::Failed && before.phase != Phase::Failed;
        if let Some(took) = before.group.as_ref().filter(|own| own.is_open() && fails) {
            self.failed.insert(took.round);
        }
        assert!(self.agreed.is_disjoint(&self.failed), "round {round}: one is promoted, another one rolled back");
        let promotes = after.phase == Phase::Promoting && before.phase != Phase::Promoting;
        assert!(!promotes || after.stand() == Stand::Agreed, "promoted without the others");
        assert!(
            before.stand() != Stand::Ready || !matches!(after.stand(), Stand::Out | Stand::Joining | Stand::In),
            "a vote was taken back"
        );
        self.members[at].facts.journal = after.clone();
        let mut statuses = self.history.last().cloned().unwrap();
        statuses[at] = after.clone();
        self.members[at].version = self.history.len();
        self.history.push(statuses);
    }

    /// Everybody sees everything, until nothing changes any more.
    fn calm(&mut self) {
        self.left = None;
        (0..self.members.len()).for_each(|at| self.suspend(at, false));
        let mut quiet = 0;
        while quiet < 40 {
            let before = self.history.len();
            (0..self.members.len()).for_each(|at| self.decide(at, self.history.len() - 1));
            self.now += 5;
            quiet = if self.history.len() == before { quiet + 1 } else { 0 };
            assert!(self.now < 100_000, "it never gets quiet");
        }
        for (at, member) in self.members.iter().enumerate() {
            assert!(member.facts.journal.phase.is_settled(), "{} is stuck: {:?}", name(at), member.facts.journal);
        }
    }

    fn serves(&self, at: usize) -> &Revision {
        match self.members[at].facts.primary.found().map(|primary| &primary.runs) {
            Some(PrimaryMatch::Revision(revision)) => revision,
            other => panic!("{other:?}"),
        }
    }
}

fn carry_out(facts: &mut Facts, effect: &Effect) {
    match effect {
        Effect::ScaleTarget(replicas) => {
            let seen = target(facts);
            (seen.replicas, seen.rollout) = (*replicas, pods(*replicas));
            facts.endpoints.canary = *replicas;
        }
        Effect::Route(routing) => {
            facts.route = RouteSeen::Seen { routing: routing.clone(), shape: Shape::AsWanted };
        }
        Effect::Primary(PrimarySource::Target(revision) | PrimarySource::Snapshot(revision)) => {
            let runs = PrimaryMatch::Revision(revision.clone());
            facts.primary = Seen::Found(PrimarySeen { runs, replicas: 2, rollout: pods(2) });
        }
        Effect::Snapshot(revision) => facts.snapshots.push(revision.clone()),
        Effect::Forget(revision) => facts.snapshots.retain(|kept| kept != revision),
        other => panic!("{other:?} is not expected here"),
    }
}

/// Small, and good enough to choose with.
struct Choice(u64);

impl Choice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % u64::try_from(end.max(1)).unwrap()).unwrap()
    }
}

/// What the members and their users do in some order, on views of any age.
fn play(seed: u64) -> World {
    let mut choice = Choice(seed);
    let mut world = World::new(2 + choice.below(4));
    let count = world.members.len();
    for member in world.members.iter_mut().filter(|_| choice.below(2) == 0) {
        // Ready in no time, when others have hardly noticed that there is something new.
        member.facts.settings.as_mut().unwrap().strategy = crate::model::Strategy::Skip;
    }
    for step in 0..500 {
        let at = choice.below(count);
        match choice.below(60) {
            0 => world.release(at, &format!("r{step}"), if choice.below(3) == 0 { 0.0 } else { 100.0 }),
            1 => (0..count).for_each(|at| world.release(at, &format!("s{step}"), 100.0)),
            2 if choice.below(3) == 0 => {
                let promoted = world.members[at].facts.journal.last_promoted.clone();
                promoted.into_iter().for_each(|good| target(&mut world.members[at].facts).revision = good);
            }
            3 => world.suspend(at, choice.below(2) == 0),
            4 => world.left = Some(choice.below(4)),
            _ => {
                // The oldest view on which a write still succeeds is that of its own last one.
                let (own, newest) = (world.members[at].version, world.history.len() - 1);
                let seen = [own, own + choice.below(newest - own + 1), newest, newest][choice.below(4)];
                world.decide(at, seen);
            }
        }
        world.now += [0, 0, 1, 3, 10, 40][choice.below(6)];
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_round_ends_in_two_ways_and_none_is_stuck(seed in any::<u64>()) {
        let mut world = play(seed);
        world.calm();
    }
}

#[test]
fn who_fails_and_comes_again_at_once_is_not_forgotten_by_those_that_joined_before() {
    play(18_189_657_751_680_496_314).calm();
}

#[test]
fn the_laws_have_seen_rounds_of_every_kind() {
    let mut worlds = (0..40).map(play);
    assert!(worlds.by_ref().any(|world| world.agreed.len() > 1 && world.failed.len() > 1));
    let voted = |world: &World| world.history.iter().flatten().any(|journal| journal.stand() == Stand::Ready);
    assert!(worlds.any(|world| voted(&world)));
}

/// A sync changes all of them, and one is bad.
fn sync(count: usize, bad: Option<usize>) -> World {
    let mut world = World::new(count);
    (0..count).for_each(|at| world.release(at, "b", if bad == Some(at) { 0.0 } else { 100.0 }));
    world
}

#[test]
fn a_group_of_twenty_with_one_failing_member_ends_on_the_old_revision_wherever_the_operator_dies() {
    let mut undisturbed = sync(20, Some(7));
    undisturbed.calm();
    for left in (0..undisturbed.writes).step_by(3) {
        let mut world = sync(20, Some(7));
        world.left = Some(left);
        while world.left.is_some() && world.now < 1_000 {
            (0..20).for_each(|at| world.decide(at, world.history.len() - 1));
            world.now += 5;
        }
        world.calm();
        for at in 0..20 {
            assert_eq!((world.serves(at), world.members[at].facts.journal.phase), (&rev("a"), Phase::Failed), "{left}");
        }
    }
}

#[test]
fn the_fix_of_the_one_that_failed_brings_all_of_the_group_to_the_new_revision() {
    let mut world = sync(5, Some(3));
    world.calm();
    world.release(3, "c", 100.0);
    world.calm();
    let serve: Vec<_> = (0..5).map(|at| world.serves(at).clone()).collect();
    assert_eq!(serve, ["b", "b", "b", "c", "b"].map(rev));
}

#[test]
fn a_group_whose_members_are_all_good_ends_on_the_new_revision_wherever_the_operator_dies() {
    let mut undisturbed = sync(6, None);
    undisturbed.calm();
    for left in 0..undisturbed.writes {
        let mut world = sync(6, None);
        world.left = Some(left);
        while world.left.is_some() && world.now < 1_000 {
            (0..6).for_each(|at| world.decide(at, world.history.len() - 1));
            world.now += 5;
        }
        world.calm();
        assert!((0..6).all(|at| *world.serves(at) == rev("b")), "{left}");
    }
}
