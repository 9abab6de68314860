//! Causes in words: what is so, and what to write or to do.

use crate::metric::Matcher;
use crate::metric::diagnosis::{Cause, Instead};
use crate::model::{CanaryRef, Facts};

/// What the words about one KPI name.
#[derive(Clone, Debug)]
pub(super) struct Words {
    /// Who is measured, for a sentence.
    pub(super) who: String,
    /// The workload that is measured.
    pub(super) workload: String,
    /// Whose KPI it is.
    pub(super) canary: CanaryRef,
    /// Where the query is written; `None` where it is builtin.
    pub(super) place: Option<String>,
    /// Of Prometheus, without a password.
    pub(super) address: String,
    /// Of the query.
    pub(super) window: String,
}

/// Why the query finds nothing.
pub(super) fn reason(cause: &Cause) -> String {
    match cause {
        Cause::MetricMissing(selector, similar) => {
            let metric = &selector.metric;
            match similar.is_empty() {
                true => format!("this Prometheus has no metric {metric}, nor one of a similar name"),
                false => format!("this Prometheus has no metric {metric}; it has {}", similar.join(", ")),
            }
        }
        Cause::Vanished(selector) => format!("{selector} was there within the last hour and is not now"),
        Cause::LabelMissing(selector, wrong, Instead::Label(right)) => {
            format!("{} exists, but never with {wrong}; it has {right}", selector.metric)
        }
        Cause::LabelMissing(selector, wrong, Instead::Labels(labels)) => {
            let has =
                if labels.is_empty() { "no labels".to_owned() } else { format!("the labels {}", labels.join(", ")) };
            format!("{} exists, but has no label {}; it has {has}", selector.metric, wrong.label)
        }
        Cause::ValueMissing(selector, _, values) if values.is_empty() => format!("no series has {selector}"),
        Cause::ValueMissing(selector, wrong, values) => {
            format!("{} exists, but never with {wrong}; it has {}", selector.metric, quoted(&wrong.label, values))
        }
        Cause::PartEmpty(selector, wrong, values) if wrong.excludes() => {
            format!("{wrong} leaves nothing of {}; it has only {}", selector.metric, quoted(&wrong.label, values))
        }
        Cause::PartEmpty(selector, wrong, values) => format!(
            "no series of {} has {wrong} (it has {}), and where a part of the query finds nothing, so does the whole",
            selector.metric,
            quoted(&wrong.label, values)
        ),
        Cause::WindowTooShort(selector, window) => {
            format!("[{window}] holds fewer than two samples of {}, and a rate needs two", selector.metric)
        }
        Cause::NothingCounted => "its series are there, but the result is no number: nothing was counted".to_owned(),
        Cause::NothingTogether => "each of its selectors finds something, but the whole does not: the two sides of an \
                                   operator have different labels, or a comparison drops the value"
            .to_owned(),
        Cause::NoSelector => "it names no metric".to_owned(),
        Cause::Unanswered(why) => why.clone(),
    }
}

impl Words {
    /// What to do about it.
    pub(super) fn hint(&self, cause: &Cause) -> String {
        match (cause, &self.place) {
            (Cause::LabelMissing(_, _, Instead::Label(right)), Some(place)) => {
                format!("write {} in {place}", self.templated(right))
            }
            (Cause::LabelMissing(_, wrong, Instead::Label(right)), None) => format!(
                "the builtin query cannot be changed: let Prometheus call the label {} {} when it scrapes, or measure with a \
                 MetricTemplate that says {}",
                right.label,
                wrong.label,
                self.templated(right)
            ),
            (Cause::LabelMissing(_, wrong, Instead::Labels(_)), place) => {
                format!("{}let Prometheus add the label {} when it scrapes", correct(place, "it"), wrong.label)
            }
            (Cause::ValueMissing(_, wrong, _), place) if self.is_own(wrong) => {
                let traffic = format!("send {} some traffic, and look whether its pods are scraped", self.workload);
                match place {
                    Some(place) => format!("{traffic}; where it has another name, correct {} in {place}", wrong.label),
                    None => traffic,
                }
            }
            (Cause::ValueMissing(_, wrong, _), Some(place)) => format!("correct {} in {place}", wrong.label),
            (Cause::ValueMissing(..), None) => format!(
                "let the Prometheus at {} get it so, or measure with a MetricTemplate of your own",
                self.address
            ),
            (Cause::PartEmpty(_, wrong, _), _) if wrong.excludes() => {
                format!("look at {} first: whatever it counts is left out", self.workload)
            }
            (Cause::PartEmpty(..), place) => format!(
                "write that part as (sum(…) or vector(0)){}, so that none counts as 0",
                place.as_ref().map(|place| format!(" in {place}")).unwrap_or_default()
            ),
            (Cause::MetricMissing(_, similar), Some(place)) if !similar.is_empty() => {
                format!("correct the name in {place}, or let the Prometheus at {} scrape what exports it", self.address)
            }
            (Cause::MetricMissing(..), _) => format!(
                "let the Prometheus at {} scrape what exports it, or write the address of the one that does",
                self.address
            ),
            (Cause::Vanished(_), _) => "look whether the pods that export it run and are scraped".to_owned(),
            (Cause::WindowTooShort(..), _) => {
                "write a longer interval for this metric: four times that at which Prometheus scrapes".to_owned()
            }
            (Cause::NothingCounted, _) => format!(
                "send {} some traffic in the last {}; a canary without any would fail this check too",
                self.workload, self.window
            ),
            (Cause::NothingTogether, place) => {
                format!("wrap each side in sum(…){}, and leave comparisons to thresholdRange", in_place(place))
            }
            (Cause::NoSelector | Cause::Unanswered(_), place) => format!("look at the query{}", in_place(place)),
        }
    }

    /// Where Prometheus may be reached, when it cannot from here.
    pub(super) fn elsewhere(&self) -> String {
        let address = match self.place {
            Some(_) => "spec.provider.address of the template, or spec.metricsServer",
            None => "spec.metricsServer, or --metrics-server",
        };
        let CanaryRef { name, namespace, .. } = &self.canary;
        format!("correct {address}; where it answers only inside of the cluster, {}", command(name, namespace))
    }

    fn is_own(&self, matcher: &Matcher) -> bool {
        matcher.value.contains(&self.workload)
    }

    /// A matcher with the variables of templates in place of this canary's names.
    fn templated(&self, matcher: &Matcher) -> Matcher {
        let value = if matcher.value == self.canary.namespace {
            "{{ namespace }}".to_owned()
        } else {
            matcher.value.replace(&self.workload, "{{ target }}")
        };
        Matcher { value, ..matcher.clone() }
    }
}

/// How to ask in the operator's name.
pub(super) fn from_the_pod(facts: &Facts) -> String {
    command(&facts.canary.name, &facts.canary.namespace)
}

fn command(name: &str, namespace: &str) -> String {
    format!(
        "run it in serin's pod: kubectl -n serin-system exec deploy/serin -- serin check canary {name} -n {namespace}"
    )
}

/// `label="a", "b"`
fn quoted(label: &str, values: &[String]) -> String {
    let values: Vec<_> = values.iter().map(|value| format!("{value:?}")).collect();
    format!("{label}={}", values.join(", "))
}

fn in_place(place: &Option<String>) -> String {
    place.as_ref().map(|place| format!(" in {place}")).unwrap_or_default()
}

fn correct(place: &Option<String>, what: &str) -> String {
    place.as_ref().map(|place| format!("correct {what} in {place}, or ")).unwrap_or_default()
}
