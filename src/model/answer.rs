//! What a decision asks of the world, and what comes back.

use super::{Call, Kpi, Reply, Sample, Span, Turn};

/// A read that a decision needs. Which ones are due is itself a decision, so it is data.
#[derive(Clone, PartialEq, Debug)]
pub enum Question {
    /// The value of a KPI for the canary now.
    Measure(Kpi),
    /// The value of a KPI for the primary now.
    Watch(Kpi),
    /// What the canary and the primary had in a span of time, for a KPI that compares them.
    Compare(Kpi, Span),
    /// What a hook says. It may take as long as its timeout, so its answer may be that there is none yet.
    Hook(Call),
    /// Whether a release may begin beside those that run, where a limit holds.
    Turn,
}

/// The answer to one question, in the order of the questions. A failure is an answer, not an error.
#[derive(Clone, PartialEq, Debug)]
pub enum Answer {
    /// Of `Question::Measure`, `Watch` and `Compare`: the KPI's name and what was measured.
    Measured(String, Measurement),
    /// Of `Question::Hook`: the call and what came of it.
    Hook(Call, Reply),
    /// Of `Question::Turn`.
    Turn(Turn),
}

/// What a provider said.
#[derive(Clone, PartialEq, Debug)]
pub enum Measurement {
    /// One number.
    Value(f64),
    /// What both sides had.
    Both(Sample),
    /// The query ran and found nothing; the text says what was looked for.
    NoData(String),
    /// The canary had too few requests for anything to follow from the value, if there is one.
    Few {
        /// What was measured of them.
        value: Option<f64>,
        /// How many there were within the window.
        requests: f64,
    },
    /// It did not run, or the answer is not one number; the text says why.
    Error(String),
}

impl Measurement {
    /// The canary's value beside that of the primary.
    pub fn beside(self, primary: Self) -> Self {
        match (self, primary) {
            (Self::Value(canary), Self::Value(primary)) => {
                Self::Both(Sample::Valued { canary, primary, requests: None })
            }
            (Self::Value(_), Self::NoData(why)) => Self::NoData(format!("the primary: {why}")),
            (Self::Value(_), Self::Error(why)) => Self::Error(format!("the primary: {why}")),
            (Self::Value(_), other @ (Self::Both(_) | Self::Few { .. })) | (other, _) => other,
        }
    }

    /// Both values beside the requests that the canary had meanwhile.
    #[must_use]
    pub fn of_requests(self, counted: Self) -> Self {
        let Self::Both(Sample::Valued { canary, primary, .. }) = self else { return self };
        let with = |requests| Self::Both(Sample::Valued { canary, primary, requests: Some(requests) });
        match counted {
            Self::Value(requests) => with(requests),
            Self::Error(why) => uncounted(&why),
            Self::NoData(_) | Self::Few { .. } | Self::Both(_) => with(0.0),
        }
    }

    /// What is left of a measurement where it must rest on `least` requests, of which `counted` were found. Where neither query
    /// finds anything, that is no data: a wrong label looks the same as no traffic.
    pub fn resting_on(self, counted: Self, least: u32) -> Self {
        let requests = match (&self, counted) {
            (Self::Error(_), _) | (Self::NoData(_), Self::NoData(_)) => return self,
            (_, Self::Error(why)) => return uncounted(&why),
            (_, Self::Value(requests)) => requests,
            (_, Self::NoData(_) | Self::Few { .. } | Self::Both(_)) => 0.0,
        };
        match self {
            enough if requests >= f64::from(least) => enough,
            Self::Value(value) => Self::Few { value: Some(value), requests },
            _ => Self::Few { value: None, requests },
        }
    }
}

fn uncounted(why: &str) -> Measurement {
    Measurement::Error(format!("the canary's requests could not be counted for minRequests: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Measurement::{Error, Few, NoData, Value};

    #[test]
    fn a_value_of_too_few_requests_is_told_apart_from_none_and_from_an_outage() {
        let nothing = || NoData("empty".to_owned());
        let down = || Error("refused".to_owned());
        assert_eq!(Value(98.0).resting_on(Value(100.0), 100), Value(98.0), "just enough");
        assert_eq!(Value(98.0).resting_on(Value(99.9), 100), Few { value: Some(98.0), requests: 99.9 });
        assert_eq!(Value(98.0).resting_on(nothing(), 100), Few { value: Some(98.0), requests: 0.0 });
        assert_eq!(nothing().resting_on(Value(0.0), 100), Few { value: None, requests: 0.0 }, "0 / 0");
        assert_eq!(nothing().resting_on(nothing(), 100), nothing());
        assert_eq!(nothing().resting_on(Value(500.0), 100), nothing(), "requests enough, but not of this KPI");
        assert_eq!(down().resting_on(Value(500.0), 100), down());
        let uncounted = "the canary's requests could not be counted for minRequests: refused";
        assert_eq!(Value(98.0).resting_on(down(), 100), Error(uncounted.to_owned()));
    }

    #[test]
    fn requests_stand_beside_both_values_and_what_could_not_be_counted_is_an_error() {
        let both = |requests| Measurement::Both(Sample::Valued { canary: 1.0, primary: 2.0, requests });
        assert_eq!(Value(1.0).beside(Value(2.0)), both(None));
        assert_eq!(both(None).of_requests(Value(7.0)), both(Some(7.0)));
        assert_eq!(both(None).of_requests(NoData("empty".to_owned())), both(Some(0.0)));
        assert!(matches!(both(None).of_requests(Error("refused".to_owned())), Error(why) if why.ends_with("refused")));
        assert_eq!(NoData("empty".to_owned()).of_requests(Value(7.0)), NoData("empty".to_owned()));
    }
}
