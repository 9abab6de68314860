//! One KPI: its query is asked for what serves now and for the canary, and where nothing comes back it is asked why.

use super::words::{self, Place, Words};
use super::{Category, Check, Outcome};
use crate::judge;
use crate::metric::Ask;
use crate::metric::diagnosis::{self, Cause, Diagnosis, Heard, Reply};
use crate::model::{Facts, Kpi, KpiSource, Measurement, Phase, Range, Verdict};
use crate::scene::Scene;

/// What is being found out about one KPI.
#[derive(Clone, Debug)]
pub struct Inquiry {
    kpi: Kpi,
    serving: Ask,
    canary: Ask,
    /// Counts the requests of what serves, where the canary must have had some.
    counted: Option<Ask>,
    words: Words,
    /// The canary has traffic now, so its query has to find something too.
    releasing: bool,
    /// The canary has no pods now: what is found for it all the same is the past, or somebody else's.
    at_rest: bool,
}

/// How far an inquiry is.
#[derive(Clone, Debug)]
pub enum Next {
    /// These have to be asked first, side by side.
    Ask(Vec<Ask>),
    /// The end.
    Done(Check),
}

/// One for each KPI of the analysis, or the check that ends it before anybody was asked.
pub fn inquiries(scene: &Scene, facts: &Facts) -> Vec<Result<Inquiry, Check>> {
    let kpis = facts.settings.iter().flat_map(|settings| &settings.kpis);
    kpis.map(|kpi| Inquiry::new(scene, facts, kpi)).collect()
}

impl Inquiry {
    fn new(scene: &Scene, facts: &Facts, kpi: &Kpi) -> Result<Self, Check> {
        let target = &facts.canary.target;
        let (workload, who) = match facts.primary.found() {
            Some(_) => (format!("{target}-primary"), "the primary".to_owned()),
            None => (target.clone(), format!("deploy/{target}")),
        };
        let wrong = |sentence| Check::new(Category::Kpi, &kpi.name, Outcome::Wrong, sentence);
        let serving = scene.ask_of(&workload, kpi).map_err(|complaint| wrong(complaint.sentence))?;
        let canary = scene.ask_of(target, kpi).map_err(|complaint| wrong(complaint.sentence))?;
        // A comparison has the whole release for them.
        let wanted = kpi.rules.min_requests > 0 && kpi.comparison.is_none();
        let counted = wanted.then(|| scene.count_of(&workload, kpi)).transpose();
        let counted = counted.map_err(|complaint| wrong(complaint.sentence))?;
        let place = match &kpi.source {
            KpiSource::Builtin(_) => Place::Builtin,
            KpiSource::Inline(_) => Place::Canary(kpi.name.clone()),
            KpiSource::Template { namespace, name, .. } => Place::Template(format!("{namespace}/{name}")),
        };
        let words = Words {
            who,
            workload,
            canary: facts.canary.clone(),
            place,
            address: serving.shown_address(),
            window: kpi.interval.clone(),
        };
        let releasing = facts.journal.phase == Phase::Progressing && !facts.journal.weight.is_zero();
        let at_rest = facts.target.found().is_some_and(|target| target.rollout.total == 0);
        // A comparison has no limits of its own: it is enough that both sides can be measured.
        let range = if kpi.comparison.is_some() { Range::default() } else { kpi.range };
        Ok(Self { kpi: Kpi { range, ..kpi.clone() }, serving, canary, counted, words, releasing, at_rest })
    }

    /// What to ask next, or how the KPI is, as far as the replies tell. Ends after finitely many rounds.
    pub fn next(&self, heard: &Heard) -> Next {
        if let Some(count) = self.counted.as_ref().filter(|count| !heard.contains_key(&count.query)) {
            return Next::Ask(vec![count.clone()]);
        }
        let (serving, canary) =
            match (diagnosis::measured(&self.serving, heard), diagnosis::measured(&self.canary, heard)) {
                (Some(serving), Some(canary)) => (serving, canary),
                (serving, canary) => {
                    let missing = [(serving.is_none(), &self.serving), (canary.is_none(), &self.canary)];
                    return self.ask(missing.into_iter().filter(|(missing, _)| *missing).map(|(_, ask)| &ask.query));
                }
            };
        let found = match serving {
            Err(reply) => return Next::Done(self.unanswered(&reply)),
            Ok(Measurement::Error(why)) => return Next::Done(self.check(Outcome::Wrong, why)),
            Ok(Measurement::NoData(_) | Measurement::Few { .. }) => None,
            Ok(value) => Some(value),
        };
        match (found, canary) {
            (None, _) => self.explain(&self.serving, &self.words.who, Outcome::Wrong, heard),
            (Some(_), Ok(Measurement::NoData(_))) if self.releasing => {
                self.explain(&self.canary, "the canary, which has traffic", Outcome::Warning, heard)
            }
            (Some(_), Ok(Measurement::Error(why))) => {
                Next::Done(self.check(Outcome::Wrong, format!("the query of the canary fails: {why}")))
            }
            (Some(value), canary) => Next::Done(self.measured(&value, canary.ok(), heard)),
        }
    }

    fn measured(&self, value: &Measurement, canary: Option<Measurement>, heard: &Heard) -> Check {
        let said = |measured: &Measurement| {
            let reading = judge::reading(&self.kpi, Some(measured));
            let text = reading.explanation.strip_prefix(&format!("{} ", self.kpi.name)).unwrap_or(&reading.explanation);
            (text.to_owned(), reading.verdict)
        };
        let ((text, verdict), who) = (said(value), &self.words.who);
        let same = self.serving.query == self.canary.query;
        let beside = match canary {
            _ if same && self.words.workload == self.words.canary.target => "; there is no primary yet".to_owned(),
            _ if same => "; the query does not name {{ target }}, so both sides are judged by this value".to_owned(),
            Some(measured @ Measurement::Value(_)) => {
                let without = if self.at_rest { ", which has no pods" } else { "" };
                format!("; {} on the canary{without}", said(&measured).0)
            }
            _ => String::new(),
        };
        let sentence = format!("{text} on {who} now{beside}");
        if verdict == Verdict::Pass {
            return match self.few(heard) {
                Some(why) => self
                    .check(Outcome::Warning, sentence)
                    .because(why)
                    .hint("write a longer interval for the metric, or a smaller minRequests"),
                None => self.check(Outcome::Fine, sentence),
            };
        }
        self.check(Outcome::Warning, sentence)
            .because(
                "what serves now is outside of thresholdRange, so a canary that is just as good would be rolled back",
            )
            .hint("mend what serves, or write a wider thresholdRange")
    }

    /// Why a canary would not get as many requests as it must: it gets a share of those of what serves.
    fn few(&self, heard: &Heard) -> Option<String> {
        let (least, who, interval) = (self.kpi.rules.min_requests, &self.words.who, &self.kpi.interval);
        let requests = match diagnosis::measured(self.counted.as_ref()?, heard)? {
            Ok(Measurement::Value(requests)) => requests,
            Ok(Measurement::NoData(_) | Measurement::Few { .. } | Measurement::Both(_)) => 0.0,
            Ok(Measurement::Error(why)) => return Some(format!("requests cannot be counted for minRequests: {why}")),
            Err(_) => {
                return Some(
                    "requests cannot be counted for minRequests: the metrics server does not answer".to_owned(),
                );
            }
        };
        (requests < f64::from(least)).then(|| {
            format!("{who} had {requests:.0} requests within {interval}, and a canary must have had {least}: its checks would be held, or what onInconclusive says")
        })
    }

    fn explain(&self, ask: &Ask, who: &str, outcome: Outcome, heard: &Heard) -> Next {
        let Words { workload, canary, .. } = &self.words;
        match diagnosis::why(ask, &[workload, &canary.target, &canary.namespace], heard) {
            Diagnosis::Ask(queries) => self.ask(queries.iter()),
            Diagnosis::Cause(Cause::Unanswered(why)) => Next::Done(
                self.check(outcome, format!("the query finds nothing for {who}"))
                    .because(format!("what it should have found could not be asked: {why}")),
            ),
            Diagnosis::Cause(cause) => Next::Done(
                self.check(outcome, format!("the query finds nothing for {who}"))
                    .because(words::reason(&cause))
                    .hint(self.words.hint(&cause)),
            ),
        }
    }

    fn unanswered(&self, reply: &Reply) -> Check {
        match reply {
            Reply::NotAsked(why) => self.check(Outcome::Wrong, why),
            Reply::Hidden(why) => self
                .check(Outcome::Unknown, format!("the credentials for {} cannot be read from here", self.provider()))
                .because(why)
                .hint(words::from_the_pod(&self.words.canary)),
            Reply::Silent(why) => self
                .check(Outcome::Unknown, format!("{} at {} does not answer", self.provider(), self.words.address))
                .because(why)
                .hint(self.words.elsewhere()),
            // An answer is a measurement.
            Reply::Answered(_) | Reply::Measured(_) => self.check(Outcome::Unknown, "the answer cannot be read"),
        }
    }

    fn provider(&self) -> &'static str {
        if self.serving.provider.speaks_promql() { "Prometheus" } else { self.serving.provider.name() }
    }

    fn ask<'a>(&self, queries: impl Iterator<Item = &'a String>) -> Next {
        let mut asks: Vec<_> = queries.map(|query| Ask { query: query.clone(), ..self.serving.clone() }).collect();
        asks.dedup_by(|a, b| a.query == b.query);
        Next::Ask(asks)
    }

    fn check(&self, outcome: Outcome, sentence: impl Into<String>) -> Check {
        Check::new(Category::Kpi, &self.kpi.name, outcome, sentence)
    }
}
