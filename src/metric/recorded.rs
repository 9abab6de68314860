//! What Prometheus recorded: a query over a stretch of time, in place of its value now.

use std::time::Duration;

use super::prometheus::{self, FORM, LONG, Line};
use super::url::{Base, escape};
use super::{Ask, Credentials, HttpRequest, HttpResponse, QueryError};
use crate::model::Time;

/// Prometheus refuses more points of a series in one answer.
const MOST_POINTS: u32 = 10_000;

/// Moments from `from` to `to`, both included, at equal steps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stretch {
    /// The first moment.
    pub from: Time,
    /// No moment is after it.
    pub to: Time,
    /// Between two moments; above 0.
    pub step: Duration,
}

impl Stretch {
    /// How many moments there are.
    pub fn moments(&self) -> usize {
        usize::try_from(self.to.since(self.from).as_millis() / self.step.as_millis().max(1)).unwrap_or(0) + 1
    }

    /// The number of the moment that is nearest to `time`.
    pub fn number(&self, time: Time) -> usize {
        let step = self.step.as_millis().max(1);
        usize::try_from((time.since(self.from).as_millis() + step / 2) / step).unwrap_or(usize::MAX)
    }

    /// The same moments in stretches that are short enough to be asked for.
    pub fn pieces(&self) -> impl Iterator<Item = Self> + use<> {
        let Self { from, to, step } = *self;
        let begins = (0..u32::MAX).map(move |piece| from.after(step.saturating_mul(piece.saturating_mul(MOST_POINTS))));
        begins.take_while(move |begin| *begin <= to).map(move |begin| {
            let end = begin.after(step.saturating_mul(MOST_POINTS - 1));
            Self { from: begin, to: end.min(to), step }
        })
    }
}

/// The request for the values of a query in a stretch.
///
/// # Errors
/// The address is no URL.
pub fn request(ask: &Ask, stretch: &Stretch, token: Option<&str>) -> Result<HttpRequest, QueryError> {
    let base = Base::read(&ask.address)?;
    let credentials = token.map_or(Credentials::None, |token| Credentials::Bearer(token.to_owned()));
    let seconds = |time: Time| prometheus::moment(time);
    let step = format!("{}", stretch.step.as_secs_f64());
    let (from, to) = (seconds(stretch.from), seconds(stretch.to));
    let values = [("query", ask.query.as_str()), ("start", &from), ("end", &to), ("step", &step)];
    if ask.query.len() <= LONG {
        return Ok(HttpRequest::get(base.below("/api/v1/query_range", &values), credentials, ask.trust));
    }
    let body = values.map(|(name, value)| format!("{name}={}", escape(value))).join("&");
    Ok(HttpRequest::post(base.below("/api/v1/query_range", &[]), FORM, body, credentials, ask.trust))
}

/// The values of a query of one series, in the unit of the KPI. Nothing where nothing was found.
///
/// # Errors
/// Why the answer holds no values; a part of a sentence.
pub fn values(ask: &Ask, answer: &HttpResponse) -> Result<Vec<(Time, f64)>, String> {
    match prometheus::lines(answer)?.as_slice() {
        [] => Ok(Vec::new()),
        [Line { samples, .. }] => Ok(samples.iter().map(|(at, value)| (*at, value * ask.scale)).collect()),
        many => Err(format!("the query gives {} series and a KPI is one; wrap it in sum(…)", many.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn stretch(moments: i64, step: u64) -> Stretch {
        let to = Time::from_millis((moments - 1) * 1000 * step as i64);
        Stretch { from: Time::from_millis(0), to, step: Duration::from_secs(step) }
    }

    #[test]
    fn a_long_stretch_is_asked_for_in_pieces_that_neither_overlap_nor_leave_a_gap() {
        let month = stretch(172_800, 15);
        let pieces: Vec<_> = month.pieces().collect();
        assert_eq!(pieces.len(), 18);
        assert!(pieces.iter().all(|piece| piece.moments() <= 10_000));
        assert_eq!(pieces.iter().map(Stretch::moments).sum::<usize>(), month.moments());
        assert!(pieces.windows(2).all(|two| two[1].from == two[0].to.after(month.step)));
        assert_eq!(stretch(1, 15).pieces().collect::<Vec<_>>(), [stretch(1, 15)]);
    }

    fn answered(result: &str) -> HttpResponse {
        let body = format!(r#"{{"status":"success","data":{{"resultType":"matrix","result":{result}}}}}"#);
        HttpResponse::new(200, body.into_bytes())
    }

    #[test]
    fn a_stretch_is_asked_for_by_its_ends_and_its_step_and_the_token_is_no_part_of_the_url() {
        let ask = Ask::prometheus("http://prom:9090/", "up{a=\"b\"}".to_owned());
        let request = request(&ask, &stretch(3, 15), Some("secret")).unwrap();
        assert_eq!(
            request.url,
            "http://prom:9090/api/v1/query_range?query=up%7Ba%3D%22b%22%7D&start=0.000&end=30.000&step=15"
        );
        assert_eq!(request.credentials, Credentials::Bearer("secret".to_owned()));
        let long = Ask::prometheus("http://prom:9090", "up or ".repeat(500));
        let request = super::request(&long, &stretch(3, 15), None).unwrap();
        assert_eq!(request.url, "http://prom:9090/api/v1/query_range");
        assert!(request.body.ends_with(b"&start=0.000&end=30.000&step=15"));
    }

    #[test]
    fn one_series_has_values_and_several_say_what_to_write() {
        let ask = Ask { scale: 1000.0, ..Ask::prometheus("http://prom", "up".to_owned()) };
        let one = r#"{"metric":{},"values":[[15,"0.25"],[30,"NaN"]]}"#;
        let found = values(&ask, &answered(&format!("[{one}]"))).unwrap();
        assert_eq!(found.first(), Some(&(Time::from_millis(15_000), 250.0)));
        assert!(found.last().is_some_and(|(_, value)| value.is_nan()));
        assert_eq!(values(&ask, &answered("[]")), Ok(Vec::new()));
        assert!(values(&ask, &answered(&format!("[{one},{one}]"))).unwrap_err().contains("wrap it in sum"));
        assert!(values(&ask, &HttpResponse::new(503, Vec::new())).is_err());
    }

    #[test]
    fn a_moment_has_the_number_of_the_nearest_one() {
        let stretch = stretch(100, 15);
        assert_eq!([0, 15_000, 14_999, 22_499].map(|at| stretch.number(Time::from_millis(at))), [0, 1, 1, 1]);
    }
}
