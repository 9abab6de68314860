use std::collections::VecDeque;
use std::sync::Arc;

use kube::runtime::watcher::Event;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{ProptestConfig, any, prop_assert, proptest};
use serde_json::{Value, json};
use tokio::runtime::Builder;
use tokio::time::{advance, timeout};

use super::super::cache::Item;
use super::*;
use crate::object::Objects;
use crate::object::kinds::DELIVERY_POLICY;
use crate::scene::{Defaults, Lookups};

/// A cluster with canaries in one namespace, of which a policy lets so many be released at once.
struct Stage {
    cache: Cache,
    queue: Queue,
    turns: Turns,
    most: u32,
}

impl Stage {
    fn new(most: u32) -> Self {
        let cache = Cache::new(Arc::new(|_: &_| Lookups::default()), Arc::new(|_: &_| Vec::new()));
        Self { cache, queue: Queue::default(), turns: Turns::default(), most }
    }

    /// What the watch shows of a canary.
    fn show(&self, name: &str, group: Option<&str>, version: u64, status: &Value) {
        let metadata = json!({"namespace": "test", "name": name, "resourceVersion": version.to_string()});
        let canary = json!({"metadata": metadata, "spec": {"group": group}, "status": status});
        self.cache.absorb(CANARY, Event::Apply(Item::new(canary)));
    }

    fn ask(&self, name: &str) -> Turn {
        let policy = json!({"metadata": {"name": "few"}, "spec": {"maxConcurrent": self.most}});
        let mut objects = Objects::default();
        objects.insert(DELIVERY_POLICY.named("", "few"), Arc::new(policy));
        let canary = json!({
            "metadata": {"namespace": "test", "name": name},
            "spec": {
                "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
                "analysis": {"interval": "1m", "threshold": 1},
            },
        });
        let canary = serde_json::from_value(canary).unwrap();
        let (defaults, unserved) = (Arc::new(Defaults::default()), BTreeSet::new());
        let scene = Scene { canary, objects, defaults, unserved };
        self.turns.ask(&self.cache, &self.queue, &place(name), &scene)
    }

    fn position(&self, name: &str) -> u32 {
        match self.ask(name) {
            Turn::Given => 0,
            Turn::After { position, .. } => position,
        }
    }

    /// What a round wrote; the version is that of the next `show`.
    fn settle(&self, name: &str, before: Phase, written: Option<(Phase, u64)>) {
        self.turns.settle(&self.queue, &place(name), before, written);
    }

    /// Whoever was woken.
    async fn woken(&self) -> Option<Place> {
        let turn = timeout(Duration::from_millis(1), self.queue.next()).await.ok()?;
        self.queue.done(&turn.place);
        Some(turn.place)
    }
}

fn place(name: &str) -> Place {
    Place::new("test", name)
}

fn waits(second: u32) -> Value {
    json!({"phase": "Waiting", "waiting": {"reason": "", "queuedSince": format!("1970-01-01T00:00:{second:02}Z")}})
}

#[tokio::test(start_paused = true)]
async fn the_last_turn_is_given_once_however_late_the_cache_is() {
    let stage = Stage::new(1);
    for name in ["a", "b"] {
        stage.show(name, None, 1, &json!({"phase": "Succeeded"}));
    }
    assert_eq!((stage.position("a"), stage.position("b")), (0, 1));
    // Its status was refused: it has not begun.
    stage.settle("a", Phase::Succeeded, None);
    assert_eq!(stage.woken().await, Some(place("b")));
    assert_eq!(stage.position("b"), 0);
    stage.settle("b", Phase::Succeeded, Some((Phase::Progressing, 2)));
    assert_eq!(stage.position("a"), 1, "it has begun, whatever the cache shows");
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_release_wakes_those_that_wait_and_is_known_before_the_cache_shows_it() {
    let stage = Stage::new(1);
    stage.show("a", None, 1, &json!({"phase": "Finalising"}));
    stage.show("b", None, 1, &waits(1));
    assert_eq!(stage.position("b"), 1);
    stage.settle("a", Phase::Finalising, Some((Phase::Succeeded, 2)));
    assert_eq!(stage.woken().await, Some(place("b")));
    assert_eq!(stage.position("b"), 0);
}

#[tokio::test(start_paused = true)]
async fn whoever_does_not_take_its_turn_is_woken_and_then_passed() {
    let stage = Stage::new(1);
    // Suspended, or malformed by now: it never asks.
    stage.show("a", None, 1, &waits(1));
    stage.show("b", None, 1, &waits(2));
    assert_eq!(stage.position("b"), 2);
    assert_eq!(stage.woken().await, Some(place("a")));
    assert_eq!(stage.position("b"), 2);
    advance(PATIENCE).await;
    assert_eq!(stage.position("b"), 0);
}

#[tokio::test(start_paused = true)]
async fn the_votes_of_a_group_take_no_turn_from_those_that_they_wait_for() {
    let stage = Stage::new(1);
    stage.show("a", Some("shop"), 1, &json!({"phase": "Progressing", "group": {"name": "shop", "stand": "ready"}}));
    // A member of the group comes after this one by its dependsOn.
    stage.show("c", None, 1, &waits(1));
    assert_eq!(stage.position("c"), 0);
}

const CANARIES: usize = 10;

/// Ten canaries, some of them in groups, each released once.
struct Play {
    stage: Stage,
    names: Vec<String>,
    groups: Vec<Option<String>>,
    phases: Vec<Phase>,
    since: Vec<Option<u32>>,
    /// What the watch has yet to show.
    unseen: VecDeque<(usize, u64, Value)>,
    version: u64,
}

impl Play {
    fn new(most: u32, groups: &[Option<u8>]) -> Self {
        let names: Vec<_> = (0..CANARIES).map(|n| format!("c{n}")).collect();
        let groups: Vec<_> = groups.iter().map(|group| group.map(|n| format!("g{n}"))).collect();
        let stage = Stage::new(most);
        for (name, group) in names.iter().zip(&groups) {
            stage.show(name, group.as_deref(), 1, &json!({"phase": "Initialized"}));
        }
        let (phases, since) = (vec![Phase::Initialized; CANARIES], vec![None; CANARIES]);
        Self { stage, names, groups, phases, since, unseen: VecDeque::new(), version: 1 }
    }

    fn is_over(&self) -> bool {
        self.phases.iter().all(|phase| *phase == Phase::Succeeded)
    }

    fn show_one(&mut self) {
        if let Some((at, version, status)) = self.unseen.pop_front() {
            self.stage.show(&self.names[at], self.groups[at].as_deref(), version, &status);
        }
    }

    /// A round of one of them.
    fn round(&mut self, at: usize, second: u32) {
        let before = self.phases[at];
        let after = match before {
            Phase::Succeeded => return,
            Phase::Progressing => Phase::Succeeded,
            _ if self.stage.position(&self.names[at]) == 0 => Phase::Progressing,
            _ => Phase::Waiting,
        };
        self.version += 1;
        self.stage.settle(&self.names[at], before, Some((after, self.version)));
        self.phases[at] = after;
        let status = match after {
            Phase::Waiting => waits(*self.since[at].get_or_insert(second % 60)),
            after => json!({"phase": after.as_str()}),
        };
        self.unseen.push_back((at, self.version, status));
    }

    fn running(&self) -> usize {
        let running = (0..CANARIES).filter(|at| self.phases[*at] == Phase::Progressing);
        running.map(|at| self.groups[at].as_ref().unwrap_or(&self.names[at])).collect::<BTreeSet<_>>().len()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_more_than_the_limit_run_however_late_the_cache_is_and_everybody_gets_a_turn(
        most in 1_u32..4,
        groups in vec(option::weighted(0.3, 0_u8..2), CANARIES),
        moves in vec((0..CANARIES, any::<bool>()), 0..400),
    ) {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let mut play = Play::new(most, &groups);
            // When chance has had its say, each has its round and is seen, in turn.
            let fair = (0..CANARIES * CANARIES * 6).map(|step| (step % CANARIES, step % 2 == 0));
            for (second, (at, seen)) in (0_u32..).zip(moves.into_iter().chain(fair)) {
                if seen {
                    play.show_one();
                }
                play.round(at, second);
                prop_assert!(play.running() <= most as usize, "{:?}", play.phases);
                advance(Duration::from_millis(500)).await;
            }
            prop_assert!(play.is_over(), "{:?}", play.phases);
            Ok(())
        })?;
    }
}
