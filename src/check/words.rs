//! Causes in words: what is so, and what to write or to do.

use crate::metric::Matcher;
use crate::metric::diagnosis::{Cause, Instead};
use crate::model::CanaryRef;

/// What the words about one KPI name.
#[derive(Clone, Debug)]
pub(super) struct Words {
    /// Who is measured, for a sentence.
    pub(super) who: String,
    /// The workload that is measured.
    pub(super) workload: String,
    /// Whose KPI it is.
    pub(super) canary: CanaryRef,
    /// Where the query is written.
    pub(super) place: Place,
    /// Of Prometheus, without a password.
    pub(super) address: String,
    /// Of the query.
    pub(super) window: String,
}

/// Where a query is written.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// In the router: nobody can change it.
    Builtin,
    /// In the Canary, as that of this metric.
    Canary(String),
    /// In this MetricTemplate.
    Template(String),
}

impl Place {
    /// ` in MetricTemplate shop/errors`, or nothing.
    fn within(&self) -> String {
        match self {
            Self::Builtin => String::new(),
            Self::Canary(metric) => format!(" in the query of metric {metric}"),
            Self::Template(name) => format!(" in MetricTemplate {name}"),
        }
    }

    /// The field that says whom to ask.
    const fn address(&self) -> &'static str {
        match self {
            Self::Builtin | Self::Canary(_) => "spec.metricsServer, or --metrics-server",
            Self::Template(_) => "spec.provider.address of the template",
        }
    }
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
        let Self { workload, address, window, place, .. } = self;
        let within = place.within();
        match cause {
            Cause::LabelMissing(_, wrong, Instead::Label(right)) => self.renamed(wrong, right),
            Cause::LabelMissing(_, wrong, Instead::Labels(_)) => match place {
                Place::Builtin => format!("let Prometheus add the label {} when it scrapes", wrong.label),
                _ => format!("correct it{within}, or let Prometheus add the label {} when it scrapes", wrong.label),
            },
            Cause::ValueMissing(_, wrong, _) if wrong.value.contains(workload) => {
                let traffic = format!("send {workload} some traffic, and look whether its pods are scraped");
                match place {
                    Place::Builtin => traffic,
                    _ => format!("{traffic}; where it has another name, correct {}{within}", wrong.label),
                }
            }
            Cause::ValueMissing(_, wrong, _) => match place {
                Place::Builtin => {
                    format!(
                        "send {workload} some traffic; if it has some, let the Prometheus at {address} get it so, or measure with a MetricTemplate"
                    )
                }
                _ => format!("correct {}{within}", wrong.label),
            },
            Cause::PartEmpty(_, wrong, _) if wrong.excludes() => {
                format!("look at {workload} first: whatever it counts is left out")
            }
            Cause::PartEmpty(..) => {
                format!("write that part as (sum(…) or vector(0)){within}, so that none counts as 0")
            }
            Cause::MetricMissing(_, similar) => {
                let scrape = format!("let the Prometheus at {address} scrape what exports it");
                match place {
                    Place::Builtin => {
                        format!("{scrape}, or write the address of the one that does in {}", place.address())
                    }
                    _ if similar.is_empty() => format!("{scrape}, or correct {}", place.address()),
                    _ => format!("correct the name{within}, or {scrape}"),
                }
            }
            Cause::Vanished(_) => "look whether the pods that export it run and are scraped".to_owned(),
            Cause::WindowTooShort(_, written) => {
                let longer =
                    if written == window { "interval for this metric".to_owned() } else { format!("window{within}") };
                format!("write a longer {longer}: four times that at which Prometheus scrapes")
            }
            Cause::NothingCounted => {
                format!("send {workload} some traffic within {window}; a canary without any would fail this check too")
            }
            Cause::NothingTogether => {
                format!("wrap each side in sum(…){within}, and leave comparisons to thresholdRange")
            }
            Cause::NoSelector | Cause::Unanswered(_) => format!("look at the query{within}"),
        }
    }

    /// Where Prometheus may be reached, when it cannot from here.
    pub(super) fn elsewhere(&self) -> String {
        let address = self.place.address();
        format!("correct {address}; where it answers only inside of the cluster, {}", from_the_pod(&self.canary))
    }

    /// The value is there under another label.
    fn renamed(&self, wrong: &Matcher, right: &Matcher) -> String {
        let write = self.templated(right);
        match self.place {
            Place::Builtin => format!(
                "let Prometheus call the label {} {} when it scrapes, or measure with a MetricTemplate that says {write}",
                right.label, wrong.label
            ),
            Place::Canary(_) | Place::Template(_) => format!("write {write}{}", self.place.within()),
        }
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
pub(super) fn from_the_pod(canary: &CanaryRef) -> String {
    let CanaryRef { name, namespace, .. } = canary;
    format!(
        "run it in serin's pod: kubectl -n serin-system exec deploy/serin -- serin check canary {name} -n {namespace}"
    )
}

/// `label="a", "b"`
fn quoted(label: &str, values: &[String]) -> String {
    let values: Vec<_> = values.iter().map(|value| format!("{value:?}")).collect();
    format!("{label}={}", values.join(", "))
}
