//! What is seen of one canary, from the cache. Reads by name only what nobody needed before.

use tokio::time::Instant;

use super::World;
use super::cache::{Look, Sight};
use super::failure::Failure;
use super::malformed;
use super::place::Place;
use crate::api::MetricTemplate;
use crate::object::Objects;
use crate::object::kinds::METRIC_TEMPLATE;
use crate::scene::Scene;

/// Reason of the event on an object that cannot be decoded.
const UNREADABLE: &str = "Unreadable";

/// Whether a decision is possible.
pub(crate) enum Observed {
    /// Yes, on this.
    Scene(Box<Scene>),
    /// The canary is gone.
    Gone,
    /// Not before a first list has come through; that wakes the canary.
    NotListed,
    /// Not before the watches show our own writes, or this moment comes.
    Behind(Instant),
}

/// Sees a canary, no older than our own last writes.
pub(crate) async fn observe(world: &World, canary: &Place) -> Result<Observed, Failure> {
    if let Some(until) = world.writes.unseen(canary, |kind| world.cache.seen(kind), Instant::now()) {
        return Ok(Observed::Behind(until));
    }
    loop {
        let look = world.cache.look(canary);
        for kind in world.cache.unstarted() {
            // The receiver lives as long as the process.
            let _ = world.start.send(kind);
        }
        match look {
            Look::Gone => return Ok(Observed::Gone),
            Look::Waiting(kind) => {
                tracing::debug!(%canary, "waits for the first list of {}", kind.plural);
                return Ok(Observed::NotListed);
            }
            Look::Forbidden(sentence) => return Err(Failure::Blocked { reason: "Forbidden", sentence }),
            Look::Unread(keys) => {
                for key in keys {
                    let found = world.cluster.fetch(&key).await?;
                    world.cache.fill(&key, found);
                }
            }
            Look::Seen(sight) => {
                check_templates(world, &sight).await;
                return scene(world, sight);
            }
        }
    }
}

/// A MetricTemplate that cannot be read is told on itself; the canaries that name it say so in their own words.
async fn check_templates(world: &World, sight: &Sight) {
    for (key, seen) in sight.objects.iter().filter(|(key, _)| key.kind == METRIC_TEMPLATE) {
        let place = Place::new(&key.namespace, &key.name);
        match malformed::decode::<MetricTemplate>(&seen.stored) {
            Ok(_) => world.troubles.over(METRIC_TEMPLATE, &place),
            Err(sentence) => world.troubles.tell(world, METRIC_TEMPLATE, &place, UNREADABLE, &sentence).await,
        }
    }
}

fn scene(world: &World, sight: Sight) -> Result<Observed, Failure> {
    let unreadable = |sentence| Failure::Blocked { reason: UNREADABLE, sentence };
    let canary = sight.canary.into_read().map_err(unreadable)?;
    let mut objects = Objects::default();
    for (key, seen) in sight.objects {
        objects.insert(key, seen.value());
    }
    let defaults = world.defaults.clone();
    Ok(Observed::Scene(Box::new(Scene { canary, objects, defaults, unserved: sight.unserved })))
}
