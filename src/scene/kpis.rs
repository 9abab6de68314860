//! Questions into queries: which provider is asked, and what.

use super::Scene;
use super::corner::{Corner, Names};
use crate::api::sentences::{self, Sentence};
use crate::metric::{Ask, Growth, resolve};
use crate::model::{Builtin, Comparison, Complaint, Kpi, KpiSource, Layout, Measurement, Settings, Span, Test, Time};
use crate::object::divided;
use crate::object::kinds;
use crate::route::{self, BuiltinQuery};
use crate::workload;

impl Scene {
    /// The query that measures a KPI.
    ///
    /// # Errors
    /// The answer itself, where there is nothing to ask: a template is missing or does not render.
    pub fn ask(&self, kpi: &Kpi) -> Result<Ask, Measurement> {
        let corner = Corner::of(self);
        corner.ask(kpi, &corner.names.target).map_err(|complaint| Measurement::Error(complaint.sentence))
    }

    /// The query that counts the canary's requests within the window of a KPI, as the router's own success rate counts them.
    ///
    /// # Errors
    /// The answer itself, where there is nobody to ask.
    pub fn count(&self, kpi: &Kpi) -> Result<Ask, Measurement> {
        let corner = Corner::of(self);
        corner.count(kpi, &corner.names.target).map_err(|complaint| Measurement::Error(complaint.sentence))
    }

    /// The query that measures a KPI of the primary.
    ///
    /// # Errors
    /// The answer itself, where there is nothing to ask.
    pub fn watch(&self, kpi: &Kpi) -> Result<Ask, Measurement> {
        self.ask_of(&self.primary(), kpi).map_err(|complaint| Measurement::Error(complaint.sentence))
    }

    /// The query that counts the primary's requests within the window of a KPI.
    ///
    /// # Errors
    /// The answer itself, where there is nobody to ask.
    pub fn watch_requests(&self, kpi: &Kpi) -> Result<Ask, Measurement> {
        self.count_of(&self.primary(), kpi).map_err(|complaint| Measurement::Error(complaint.sentence))
    }

    fn primary(&self) -> String {
        format!("{}-primary", self.canary.spec.target_ref.name)
    }

    /// The questions of a comparison over a span of time.
    ///
    /// # Errors
    /// The answer itself, where there is nothing to compare.
    pub fn pair(&self, kpi: &Kpi, comparison: &Comparison, span: Span) -> Result<Pair, Measurement> {
        Corner::of(self).pair(kpi, comparison, span).map_err(|complaint| Measurement::Error(complaint.sentence))
    }

    /// The query of a KPI for the canary, and for the primary.
    ///
    /// # Errors
    /// What keeps it from being measured, or the sides from being told apart.
    pub fn sides(&self, kpi: &Kpi) -> Result<[Ask; 2], Complaint> {
        Corner::of(self).sides_of(kpi)
    }

    /// The query of a KPI for a workload in place of the canary: before a release, for what serves.
    ///
    /// # Errors
    /// What keeps the KPI from being measured.
    pub fn ask_of(&self, workload: &str, kpi: &Kpi) -> Result<Ask, Complaint> {
        let corner = Corner::of(self);
        Ok(corner.instead(workload, corner.ask(kpi, workload)?))
    }

    /// The query that counts the requests of a workload in place of the canary.
    ///
    /// # Errors
    /// What keeps them from being counted.
    pub fn count_of(&self, workload: &str, kpi: &Kpi) -> Result<Ask, Complaint> {
        let corner = Corner::of(self);
        Ok(corner.instead(workload, corner.count(kpi, workload)?))
    }
}

impl Corner<'_> {
    /// A query for a workload, whatever it calls the canary's side.
    fn instead(&self, workload: &str, mut ask: Ask) -> Ask {
        // Queries that add `-canary` to a name mean the Service or the copy of that side.
        let Names { apex, target, .. } = &self.names;
        let side = workload.strip_prefix(target.as_str()).unwrap_or_default();
        // In routes of the user's own the apex is what leads to the primary.
        let side = if self.scene.canary.spec.brings_routes() { side.trim_start_matches("-primary") } else { side };
        ask.query = ask.query.replace(&format!("{workload}-canary"), workload);
        ask.query = ask.query.replace(&format!("{apex}-canary"), &format!("{apex}{side}"));
        // ingress-nginx counts both sides under one name, and labels those of the canary.
        ask.query = ask.query.replace("canary!=\"\"", "canary=\"\"");
        ask
    }
}

/// What keeps a KPI from being measured, known before any release needs it.
pub(super) fn complaints(corner: &Corner<'_>, settings: Option<&Settings>) -> Vec<Complaint> {
    let some = Span { from: Time::from_millis(0), to: Time::from_millis(0), first: true };
    let kpis = settings.into_iter().flat_map(|settings| &settings.kpis);
    kpis.filter_map(|kpi| match &kpi.comparison {
        Some(comparison) => corner.pair(kpi, comparison, some).err(),
        None => corner.ask(kpi, &corner.names.target).err(),
    })
    .collect()
}

/// What is asked for a comparison.
#[derive(Clone, Debug)]
pub enum Pair {
    /// Requests of both sides.
    Counted(Box<Growth>),
    /// A value of each side.
    Valued {
        /// Of the canary.
        canary: Box<Ask>,
        /// Of the primary.
        primary: Box<Ask>,
        /// What counts the canary's requests, where there must be some.
        counted: Option<Box<Ask>>,
    },
}

impl Corner<'_> {
    fn sides_of(&self, kpi: &Kpi) -> Result<[Ask; 2], Complaint> {
        let target = &self.names.target;
        let primary = format!("{target}-primary");
        let canary = self.ask(kpi, target)?;
        let primary = self.instead(&primary, self.ask(kpi, &primary)?);
        if canary.query == primary.query { Err(self.complain(kpi, &sentences::CAN080)) } else { Ok([canary, primary]) }
    }

    fn complain(&self, kpi: &Kpi, sentence: &Sentence) -> Complaint {
        let provider = self.counters.and_then(|r| r.providers().first().copied()).unwrap_or_default();
        Complaint::warns(sentence.reason, sentence.say(&[("metric", kpi.name.as_str()), ("provider", provider)]))
    }

    fn pair(&self, kpi: &Kpi, comparison: &Comparison, span: Span) -> Result<Pair, Complaint> {
        let [canary, primary] = self.sides_of(kpi)?;
        if !comparison.test.counts() {
            let counted = (kpi.rules.min_requests > 0).then(|| self.count(kpi, &self.names.target)).transpose()?;
            let (canary, primary) = (Box::new(canary), Box::new(primary));
            return Ok(Pair::Valued { canary, primary, counted: counted.map(Box::new) });
        }
        let growth = match comparison.test {
            Test::Quantile if !canary.provider.speaks_promql() => None,
            Test::Quantile => Growth::by_bucket(&canary, &primary, span),
            _ => Growth::new(&canary, &primary, kpi.range.max, span),
        };
        let missing = match kpi.source {
            KpiSource::Builtin(_) => &sentences::CAN081,
            KpiSource::Inline(_) | KpiSource::Template { .. } => &sentences::CAN085,
        };
        growth.map(|growth| Pair::Counted(Box::new(growth))).ok_or_else(|| self.complain(kpi, missing))
    }

    fn ask(&self, kpi: &Kpi, measured: &str) -> Result<Ask, Complaint> {
        self.as_subject(measured, |subject| match &kpi.source {
            KpiSource::Builtin(builtin) => {
                let BuiltinQuery { query, scale } = self.query(*builtin)?;
                resolve::builtin(kpi, query, scale, subject)
            }
            KpiSource::Inline(query) => resolve::inline(kpi, query, subject),
            KpiSource::Template { namespace, name, variables } => {
                let key = kinds::METRIC_TEMPLATE.named(namespace, name);
                resolve::template(kpi, variables, &key, self.scene.objects.find(&key), subject)
            }
        })
    }

    fn count(&self, kpi: &Kpi, measured: &str) -> Result<Ask, Complaint> {
        let a_second = self.query(Builtin::SuccessRate)?.requests().unwrap_or_default();
        let window = kpi.window.as_secs_f64();
        self.as_subject(measured, |subject| resolve::builtin(kpi, a_second, window, subject))
    }

    fn query(&self, builtin: Builtin) -> Result<BuiltinQuery, Complaint> {
        let query = self.counters.map(|router| router.query(builtin));
        query.ok_or_else(|| route::unknown("").into())
    }

    /// The workload that is measured, and its pods, where these are a part of it.
    fn part_of<'m>(&'m self, measured: &'m str) -> (&'m str, Option<String>) {
        if self.scene.canary.spec.target_ref.layout() == Layout::Beside {
            return (measured, None);
        }
        let (target, canary) = (&self.names.target, measured == self.names.target);
        let Some(set) = divided::find(&self.names.target(), &self.scene.objects) else { return (target, None) };
        let [primary, newer] = set.sides();
        let measured = if canary { newer } else { primary };
        // No pod is called so, and no expression at all would mean every series without this label.
        let nobody = || format!("{target}-()");
        (target, Some(if measured.is_empty() { nobody() } else { measured.join("|") }))
    }

    fn as_subject<T>(&self, measured: &str, resolve: impl FnOnce(&resolve::Subject<'_>) -> T) -> T {
        let canary = self.names.canary_ref(&self.scene.canary);
        let router = self.counters.and_then(|r| r.providers().first().copied()).unwrap_or_default();
        let metrics_server = &self.scene.defaults.metrics_server;
        let spec = &self.scene.canary.spec;
        let metrics_secret = self.scene.defaults.metrics_secret.as_ref();
        let target = Some(self.names.target()).filter(|target| target.kind == kinds::KNATIVE_SERVICE);
        let revision = target.and_then(|target| workload::newest_knative_revision(self.scene.objects.find(&target)?));
        let (measured, pods) = self.part_of(measured);
        let pods = pods.as_deref();
        resolve(&resolve::Subject {
            canary: &canary,
            measured,
            pods,
            revision,
            spec,
            router,
            metrics_server,
            metrics_secret,
        })
    }
}

#[cfg(test)]
mod tests;
