//! Everything that a Prometheus recorded of a Canary, piece by piece.

use std::io::{IsTerminal, Write, stderr};
use std::path::Path;
use std::time::Duration;

use tokio::runtime::Runtime;

use crate::backtest::{History, Track};
use crate::http::HttpResponse;
use crate::metric::recorded::{self, Stretch};
use crate::metric::{Ask, Growth, Sides};
use crate::model::{Kpi, Measurement, Settings, Test, Time};
use crate::scene::Scene;
use crate::world::Http;

/// For one piece: ten thousand moments of some twenty series are a few seconds of work.
const ANSWER_WITHIN: Duration = Duration::from_secs(120);
/// Ten thousand moments of a hundred series.
const LONGEST_ANSWER: usize = 64 << 20;

/// Whom to ask, and what about.
pub(super) struct Download<'a> {
    scene: &'a Scene,
    settings: &'a Settings,
    http: Http,
    runtime: Runtime,
    token: Option<String>,
}

/// What was recorded.
pub(super) struct Recorded {
    pub(super) history: History,
    /// The metrics of its tracks.
    pub(super) kpis: Vec<Kpi>,
    /// Why it has no others.
    pub(super) left_out: Vec<String>,
}

impl<'a> Download<'a> {
    pub(super) fn new(scene: &'a Scene, settings: &'a Settings, token: Option<&Path>) -> Result<Self, String> {
        let read = |file: &Path| {
            let text = std::fs::read_to_string(file);
            text.map(|text| text.trim().to_owned()).map_err(|e| format!("{} cannot be read: {e}", file.display()))
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        Ok(Self {
            scene,
            settings,
            http: Http::new()?.reading(LONGEST_ANSWER),
            runtime: runtime.map_err(|error| format!("cannot start: {error}"))?,
            token: token.map(read).transpose()?,
        })
    }

    /// `namespace/name` of what is released.
    pub(super) fn target(&self) -> String {
        let canary = &self.scene.canary;
        let namespace = canary.metadata.namespace.as_deref().unwrap_or_default();
        format!("{namespace}/{}", canary.spec.target_ref.name)
    }

    /// What was recorded.
    pub(super) fn recorded(&self, stretch: &Stretch) -> Result<Recorded, String> {
        let [weight, status] = self.of_the_operator();
        let weights = self.values("flagger_canary_weight", &weight, stretch)?;
        let statuses = self.values("flagger_canary_status", &status, stretch)?;
        let (mut tracks, mut kpis, mut left_out) = (Vec::new(), Vec::new(), Vec::new());
        for kpi in &self.settings.kpis {
            match self.sides(kpi) {
                Ok(sides) => {
                    tracks.push(self.track(kpi, &sides, stretch)?);
                    kpis.push(kpi.clone());
                }
                Err(why) => left_out.push(why),
            }
        }
        let history = History { from: stretch.from, step: stretch.step, weights, statuses, tracks };
        Ok(Recorded { history, kpis, left_out })
    }

    /// The queries of a metric for the canary and the primary: the same one where it names no target. An error tells why it is left
    /// out.
    fn sides(&self, kpi: &Kpi) -> Result<[Ask; 2], String> {
        let canary = self.scene.ask(kpi).map_err(|measured| match measured {
            Measurement::Error(why) | Measurement::NoData(why) => why,
            other => format!("metric {} has no query but {other:?}", kpi.name),
        })?;
        if !canary.provider.speaks_promql() {
            let (name, provider) = (&kpi.name, canary.provider);
            return Err(format!("metric {name} is asked of {provider:?}, and what that has recorded is not read"));
        }
        match self.scene.sides(kpi) {
            Err(complaint) if kpi.comparison.is_some() => Err(complaint.sentence),
            Err(_) => Ok([canary.clone(), canary]),
            Ok(sides) => Ok(sides),
        }
    }

    /// Flagger's gauges have the same names and labels. Where a scrape adds a namespace of its own, theirs is renamed.
    fn of_the_operator(&self) -> [Ask; 2] {
        let canary = &self.scene.canary;
        let (target, namespace) =
            (&canary.spec.target_ref.name, canary.metadata.namespace.as_deref().unwrap_or_default());
        let gauge = |name: &str, label: &str| {
            let of = |place: &str| format!("{name}{{{label}=\"{target}\",{place}=\"{namespace}\"}}");
            let query = format!("max({} or {})", of("namespace"), of("exported_namespace"));
            Ask::prometheus(&self.scene.defaults.metrics_server, query)
        };
        [gauge("flagger_canary_weight", "workload"), gauge("flagger_canary_status", "name")]
    }

    fn track(&self, kpi: &Kpi, [canary, primary]: &[Ask; 2], stretch: &Stretch) -> Result<Track, String> {
        let mut track = Track {
            canary: self.values(&kpi.name, canary, stretch)?,
            primary: self.values(&format!("{} of the primary", kpi.name), primary, stretch)?,
            ..Track::default()
        };
        if let Some(growth) = Growth::every(canary, primary, kpi.range.max, stretch.step) {
            track.counts = self.counted(kpi, &growth, stretch, Growth::tallies)?;
        }
        if kpi.comparison.is_some_and(|asked| asked.test == Test::Quantile)
            && let Some(growth) = Growth::every_by_bucket(canary, primary, stretch.step)
        {
            track.buckets = self.counted(kpi, &growth, stretch, Growth::histograms)?;
        }
        Ok(track.settled())
    }

    fn counted<T: Clone>(
        &self,
        kpi: &Kpi,
        growth: &Growth,
        stretch: &Stretch,
        read: impl Fn(&Growth, &HttpResponse) -> Result<Vec<(Time, Sides<T>)>, String>,
    ) -> Result<Vec<Sides<T>>, String> {
        let mut counted = vec![[None, None]; stretch.moments()];
        for answer in self.answers(&format!("{}, counted", kpi.name), &growth.grown, stretch)? {
            for (at, sides) in read(growth, &answer)? {
                if let Some(place) = counted.get_mut(stretch.number(at)) {
                    *place = sides;
                }
            }
        }
        Ok(counted)
    }

    fn values(&self, what: &str, ask: &Ask, stretch: &Stretch) -> Result<Vec<f64>, String> {
        let mut values = vec![f64::NAN; stretch.moments()];
        for answer in self.answers(what, ask, stretch)? {
            for (at, value) in recorded::values(ask, &answer).map_err(|why| format!("{what}: {why}"))? {
                if let Some(place) = values.get_mut(stretch.number(at)) {
                    *place = value;
                }
            }
        }
        Ok(values)
    }

    /// The answers about the pieces of a stretch.
    fn answers(&self, what: &str, ask: &Ask, stretch: &Stretch) -> Result<Vec<HttpResponse>, String> {
        let pieces: Vec<Stretch> = stretch.pieces().collect();
        let mut answers = Vec::with_capacity(pieces.len());
        for (number, piece) in pieces.iter().enumerate() {
            tell(&format!("{what}: {} of {}", number + 1, pieces.len()));
            let request = recorded::request(ask, piece, self.token.as_deref()).map_err(|error| error.to_string())?;
            let answer = self.runtime.block_on(self.http.call(request, ANSWER_WITHIN));
            let answer = answer.and_then(usable);
            answers.push(answer.map_err(|why| format!("{}: {why} ({what})", ask.shown_address()))?);
        }
        tell("");
        Ok(answers)
    }
}

/// An answer that flags of this command can mend is an error; what else it may lack is told where it is read.
fn usable(answer: HttpResponse) -> Result<HttpResponse, String> {
    let cure = match answer.status {
        401 | 403 => "it wants credentials: write http://USER:PASSWORD@HOST as --prometheus, or a --bearer-token-file",
        404 => "its query API is not there: write its base URL as --prometheus, without /graph or /api",
        422 | 503 | 504 => "the query is too much for it: write a longer --step, or a later --from",
        _ => return Ok(answer),
    };
    Err(format!("Prometheus answered {}; {cure}", answer.status))
}

/// One line that is written over; nobody reads it in a log.
fn tell(progress: &str) {
    if stderr().is_terminal() {
        let _ = write!(stderr(), "\r\x1b[K{progress}");
    }
}
