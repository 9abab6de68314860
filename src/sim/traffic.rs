//! The data plane: where requests to the apex go, read from the objects as a proxy reads them, and what becomes of them.

use std::collections::BTreeMap;
use std::time::Duration;

use super::app::App;
use super::endpoints;
use super::pods::Pod;
use crate::api;
use crate::model::{Affinity, Buckets, Mirror, Percent, Routing, Time};
use crate::object::kinds::{DAEMON_SET, SERVICE, STATEFUL_SET};
use crate::object::{Kind, Objects, daemon, value};

/// Of whom the traffic is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Names {
    pub(super) namespace: String,
    pub(super) canary: String,
    pub(super) target: String,
    pub(super) apex: String,
    /// Kind of the target.
    pub(super) kind: Kind,
}

impl Names {
    pub(super) fn primary(&self) -> String {
        format!("{}-primary", self.target)
    }

    /// Whether its pods are replaced in place.
    pub(super) fn is_in_place(&self) -> bool {
        [STATEFUL_SET, DAEMON_SET].contains(&self.kind)
    }

    pub(super) fn side(&self, side: Side) -> String {
        match side {
            Side::Primary => format!("{}-primary", self.apex),
            Side::Canary => format!("{}-canary", self.apex),
            Side::Apex => self.apex.clone(),
        }
    }
}

/// A Service that gets requests.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Side {
    Primary,
    Canary,
    /// The apex itself, as long as no route splits its traffic.
    Apex,
}

/// Share of the requests that match, where the Canary has conditions.
const MATCHING: f64 = 0.3;

/// Share of the users, in percent, who bring a cookie back however small their side is.
const WITH_COOKIE: f64 = 2.0;

/// Share of the requests, in percent, that see the canary whatever its share.
const PREVIEW: f64 = 1.0;

/// Which part of the requests the weights are about.
pub(super) fn matching(canary: &api::Canary) -> f64 {
    let conditions = canary.spec.analysis.match_.as_ref();
    if conditions.is_some_and(|list| !list.is_empty()) { MATCHING } else { 1.0 }
}

/// Who gets how many percent of the requests now.
pub(super) fn shares(routing: Option<&Routing>, matching: f64) -> Vec<(Side, f64)> {
    let Some(routing) = routing else { return vec![(Side::Apex, 100.0)] };
    let drawn = routing.canary.as_f64();
    let canary = match &routing.affinity {
        Affinity::Sticky { primary: None, .. } => drawn.max(WITH_COOKIE),
        Affinity::Sticky { primary: Some(_), .. } => drawn.clamp(WITH_COOKIE, 100.0 - WITH_COOKIE),
        Affinity::None | Affinity::Expire(_) => drawn,
    } * matching;
    let canary = if routing.preview { canary.max(PREVIEW) } else { canary };
    [(Side::Primary, 100.0 - canary), (Side::Canary, canary)].into_iter().filter(|(_, share)| *share > 0.0).collect()
}

/// Percent of the requests that go to a Service where nobody answers while pods elsewhere could have answered.
pub(super) fn lost(names: &Names, objects: &Objects, pods: &[Pod], shares: &[(Side, f64)], now: Time) -> Percent {
    let apex = SERVICE.named(&names.namespace, &names.apex);
    if matches!(shares, [(Side::Apex, _)]) && objects.find(&apex).is_none() {
        return Percent::ZERO; // Nobody can have known the name yet.
    }
    let somebody = pods.iter().any(|p| p.is_ready(now));
    let is_dead = |side: Side| endpoints::is_dead(objects, &names.namespace, &names.side(side), now);
    let dead = |side: Side| match side {
        // Its address is as new as it is, or its pods are those of a Service that is known.
        Side::Apex if names.is_in_place() || !is_dead(Side::Primary) => {
            endpoints::ready(objects, &names.namespace, &names.apex).unwrap_or(0) == 0
        }
        side => is_dead(side),
    };
    let lost: f64 = shares.iter().filter(|(side, _)| dead(*side)).map(|(_, share)| share).sum();
    let whole = (1..=100_u8).find(|percent| f64::from(*percent) >= lost).unwrap_or(100);
    if somebody && lost > 0.0 { Percent::clamped(whole.into()) } else { Percent::ZERO }
}

/// Requests that one image got in a span of time.
#[derive(Clone, Debug)]
struct Span {
    from: Time,
    to: Time,
    canary: bool,
    image: String,
    requests: f64,
    failed: f64,
    latency: f64,
}

/// What became of all requests so far.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    spans: Vec<Span>,
    totals: BTreeMap<String, Total>,
}

/// Requests of one image over the whole run.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(super) struct Total {
    pub(super) requests: f64,
    pub(super) failed: f64,
}

/// What a KPI query sees: the requests of the canary's workload in a window.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(super) struct Window {
    pub(super) requests: f64,
    pub(super) failed: f64,
    pub(super) latency: f64,
}

/// The state of the cluster during one span.
#[derive(Clone, Copy)]
pub(super) struct Scenery<'a> {
    pub(super) names: &'a Names,
    pub(super) objects: &'a Objects,
    pub(super) pods: &'a [Pod],
    pub(super) apps: &'a BTreeMap<String, App>,
    pub(super) routing: Option<&'a Routing>,
    /// Which part of the requests `routing` is about.
    pub(super) matching: f64,
    /// Requests a second to the apex.
    pub(super) rps: f64,
    /// Requests a second of a load test, to the canary's own Service.
    pub(super) load: f64,
}

/// Whether anybody reads the answers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Readers {
    Users,
    Nobody,
}

impl Span {
    fn of(pod: &Pod, app: &App, rps: f64, from: Time, to: Time, canary: bool) -> Self {
        let age = from.since(pod.born);
        let requests = rps * to.since(from).as_secs_f64();
        let failed = requests * app.errors_at(&pod.owner.name, age) / 100.0;
        Self { from, to, canary, image: pod.template.image.clone(), requests, failed, latency: app.latency_at(age) }
    }

    /// Which share of it lies between two moments.
    fn inside(&self, from: Time, to: Time) -> f64 {
        self.to.min(to).since(self.from.max(from)).as_secs_f64() / self.to.since(self.from).as_secs_f64().max(0.001)
    }
}

impl History {
    /// Sends the requests between two moments in which nothing changes but the age of the pods.
    pub(super) fn flow(&mut self, scenery: Scenery<'_>, from: Time, to: Time) {
        let Scenery { routing, matching, rps, load, .. } = scenery;
        for (side, share) in shares(routing, matching) {
            self.send(scenery, side, rps * share / 100.0, Readers::Users, from, to);
        }
        let copied = match routing.map_or(Mirror::Off, |r| r.mirror) {
            Mirror::Off => 0.0,
            Mirror::All => 1.0,
            Mirror::Share(share) => share.as_f64() / 100.0,
        };
        self.send(scenery, Side::Canary, rps * matching * copied + load, Readers::Nobody, from, to);
    }

    fn send(&mut self, scenery: Scenery<'_>, side: Side, rps: f64, readers: Readers, from: Time, to: Time) {
        let Scenery { names, objects, pods, apps, .. } = scenery;
        let service = SERVICE.named(&names.namespace, names.side(side));
        let Some(selector) = objects.find(&service).and_then(|s| value::at(s, &["spec", "selector"])) else { return };
        let ready: Vec<_> = pods.iter().filter(|p| p.is_ready(from) && p.matches(selector)).collect();
        let each = rps / f64::from(u32::try_from(ready.len()).unwrap_or(1).max(1));
        // In place the canary's are the pods that are not of the revision which all had last.
        let target = objects.find(&names.kind.named(&names.namespace, &names.target));
        let noted = target.and_then(daemon::note).map(|note| note.current.revision);
        let current = target.and_then(|target| value::text(target, &["status", "currentRevision"]));
        let current = noted.as_deref().or(current);
        for pod in ready.into_iter().filter(|_| each > 0.0) {
            let canary = match &pod.member {
                // Of a DaemonSet that nobody has taken all are the primary's.
                Some(member) => {
                    Some(member.revision.as_str()) != current && (current.is_some() || names.kind == STATEFUL_SET)
                }
                None => pod.owner.name == names.target,
            };
            let app = apps.get(&pod.template.image).cloned().unwrap_or_default();
            let mut start = from;
            while start < to {
                let end = if app.ages() { start.after(GRAIN).min(to) } else { to };
                let span = Span::of(pod, &app, each, start, end, canary);
                if readers == Readers::Users {
                    let total = self.totals.entry(span.image.clone()).or_default();
                    total.requests += span.requests;
                    total.failed += span.failed;
                }
                self.spans.push(span);
                start = end;
            }
        }
    }

    /// Forgets spans that no window reaches any more.
    pub(super) fn forget(&mut self, before: Time) {
        self.spans.retain(|s| s.to >= before);
    }

    /// The requests of both by how long they took: half of them half as long as their 99th percentile.
    pub(super) fn buckets(&self, from: Time, to: Time) -> [Buckets; 2] {
        [true, false].map(|canary| {
            let requests = |fits: &dyn Fn(f64) -> f64| {
                let of = |s: &Span| s.requests * s.inside(from, to) * fits(s.latency);
                self.spans_of(canary, from, to).map(of).sum::<f64>().round()
            };
            let share = |bound: f64, latency: f64| {
                if latency <= bound {
                    1.0
                } else if latency / 2.0 <= bound {
                    0.5
                } else {
                    0.0
                }
            };
            let within = BOUNDS.map(|bound| (bound, requests(&|latency| share(bound, latency))));
            Buckets { within: within.to_vec(), total: requests(&|_| 1.0) }
        })
    }

    fn spans_of(&self, canary: bool, from: Time, to: Time) -> impl Iterator<Item = &Span> {
        self.spans.iter().filter(move |s| s.canary == canary && s.from < to && s.to > from && s.requests > 0.0)
    }

    /// What the pods of a side answered between two moments; `None` where they got no request.
    pub(super) fn side(&self, canary: bool, from: Time, to: Time) -> Option<Window> {
        let seen = self.spans_of(canary, from, to).fold(Window { requests: 0.0, failed: 0.0, latency: 0.0 }, |w, s| {
            let inside = s.inside(from, to);
            Window {
                requests: w.requests + s.requests * inside,
                failed: w.failed + s.failed * inside,
                latency: w.latency.max(s.latency),
            }
        });
        (seen.requests > 0.0).then_some(seen)
    }

    /// The image whose pods answered last as a side between two moments.
    pub(super) fn latest(&self, canary: bool, from: Time, to: Time) -> Option<&str> {
        self.spans_of(canary, from, to).last().map(|span| span.image.as_str())
    }

    /// Images whose pods answered as the canary between two moments.
    pub(super) fn images(&self, from: Time, to: Time) -> Vec<&str> {
        let mut images: Vec<_> = self.spans_of(true, from, to).map(|s| s.image.as_str()).collect();
        images.sort_unstable();
        images.dedup();
        images
    }

    /// Requests of one image.
    pub(super) fn total(&self, image: &str) -> Total {
        self.totals.get(image).copied().unwrap_or_default()
    }

    /// Requests of all images.
    pub(super) fn requests(&self) -> f64 {
        self.totals.values().map(|t| t.requests).sum()
    }
}

/// Bounds of the simulated histogram in milliseconds.
const BOUNDS: [f64; 6] = [50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0];

/// Longest span for which the behaviour of a pod that changes with its age is held constant.
const GRAIN: Duration = Duration::from_secs(5);

/// Windows reach no further back.
pub(super) const MEMORY: Duration = Duration::from_secs(900);
