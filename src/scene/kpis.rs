//! Questions into queries: which provider is asked, and what.

use super::Scene;
use super::corner::Corner;
use crate::metric::{Ask, resolve};
use crate::model::{Complaint, Kpi, KpiSource, Measurement, Question, Settings};
use crate::object::kinds;
use crate::route;

impl Scene {
    /// The query that answers a question.
    ///
    /// # Errors
    /// The answer itself, where there is nothing to ask: a template is missing or does not render.
    pub fn ask(&self, question: &Question) -> Result<Ask, Measurement> {
        let Question::Measure(kpi) = question;
        Corner::of(self).ask(kpi).map_err(|complaint| Measurement::Error(complaint.sentence))
    }
}

/// What keeps a KPI from being measured, known before any release needs it.
pub(super) fn complaints(corner: &Corner<'_>, settings: Option<&Settings>) -> Vec<Complaint> {
    let kpis = settings.into_iter().flat_map(|settings| &settings.kpis);
    kpis.filter_map(|kpi| corner.ask(kpi).err()).collect()
}

impl Corner<'_> {
    fn ask(&self, kpi: &Kpi) -> Result<Ask, Complaint> {
        let canary = self.names.canary_ref(&self.scene.canary);
        let router = self.router.and_then(|r| r.providers().first().copied()).unwrap_or_default();
        let metrics_server = &self.scene.defaults.metrics_server;
        let subject = resolve::Subject { canary: &canary, spec: &self.scene.canary.spec, router, metrics_server };
        match &kpi.source {
            KpiSource::Builtin(builtin) => {
                let query = self.router.map(|router| router.query(*builtin));
                let query = query.ok_or_else(|| Complaint::from(route::unknown(router)))?;
                resolve::builtin(kpi, query.query, query.scale, &subject)
            }
            KpiSource::Inline(query) => resolve::inline(kpi, query, &subject),
            KpiSource::Template { namespace, name, variables } => {
                let key = kinds::METRIC_TEMPLATE.named(namespace, name);
                resolve::template(kpi, variables, &key, self.scene.objects.find(&key), &subject)
            }
        }
    }
}
