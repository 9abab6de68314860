//! Why a PromQL query finds nothing: asks Prometheus more, one question after the other, until one cause is left.
//!
//! It is written as if every answer were at hand; the first that is not ends the attempt with the question, and the next
//! attempt has its answer. So the reasoning stands in one piece and needs no socket.

use std::collections::{BTreeMap, BTreeSet};

use super::prometheus::{self, Series};
use super::selector::{self, Matcher, Selector};
use super::{Ask, HttpResponse};
use crate::model::Measurement;

/// What became of a question.
#[derive(Clone, PartialEq, Debug)]
pub enum Reply {
    /// The provider answered.
    Answered(HttpResponse),
    /// A provider of which nothing more can be asked gave this.
    Measured(Measurement),
    /// It was not asked: a credential is missing. A person has to mend something.
    NotAsked(String),
    /// It was not asked: its credentials cannot be read from here.
    Hidden(String),
    /// It did not answer, or cannot be reached from here.
    Silent(String),
}

/// Replies by query.
pub type Heard = BTreeMap<String, Reply>;

/// How far a diagnosis is.
#[derive(Clone, PartialEq, Debug)]
pub enum Diagnosis {
    /// These queries have to be asked first.
    Ask(Vec<String>),
    /// This is why.
    Cause(Cause),
}

/// Why a query finds nothing.
#[derive(Clone, PartialEq, Debug)]
pub enum Cause {
    /// There is no metric of this name; those that are named most like it.
    MetricMissing(Selector, Vec<String>),
    /// The series were there within the last hour.
    Vanished(Selector),
    /// No series has the label; the matcher that would find them, or else the labels that there are.
    LabelMissing(Selector, Matcher, Instead),
    /// The label has other values, those most like the wanted one first.
    ValueMissing(Selector, Matcher, Vec<String>),
    /// Everything else is there, so nothing is wrong but that a part of the whole is empty: no request failed, say.
    PartEmpty(Selector, Matcher, Vec<String>),
    /// The window holds fewer than the two samples that a rate needs.
    WindowTooShort(Selector, String),
    /// All series are there, but the result is no number: nothing was counted in the window.
    NothingCounted,
    /// Each selector finds something, but the whole does not.
    NothingTogether,
    /// The query names no series at all.
    NoSelector,
    /// The questions were not answered.
    Unanswered(String),
}

/// What is there in place of a label that is not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Instead {
    /// The same value under another name.
    Label(Matcher),
    /// These labels; none has the value.
    Labels(Vec<String>),
}

/// How many names or values a person reads at most.
const SHOWN: usize = 5;
/// How many labels are tried for a value at most.
const TRIED: usize = 30;

/// Why the query of `ask` finds nothing, as far as the replies tell. `names` are the canary's own: where either of two
/// matchers could be the wrong one, the one that holds none of them is.
pub fn why(ask: &Ask, names: &[&str], heard: &Heard) -> Diagnosis {
    if !ask.provider.speaks_promql() {
        let why = format!("only queries of prometheus can be looked into, not those of {}", ask.provider.name());
        return Diagnosis::Cause(Cause::Unanswered(why));
    }
    match (Attempt { names, heard }).cause(&ask.query) {
        Ok(cause) => Diagnosis::Cause(cause),
        Err(Undecided::Ask(queries)) => Diagnosis::Ask(queries),
        Err(Undecided::Unanswered(why)) => Diagnosis::Cause(Cause::Unanswered(why)),
    }
}

/// What the reply says of the KPI, in its unit; `None` where the query was not asked yet.
pub fn measured(ask: &Ask, heard: &Heard) -> Option<Result<Measurement, Reply>> {
    Some(match heard.get(&ask.query)? {
        Reply::Answered(answer) => Ok(ask.measure(answer)),
        Reply::Measured(measured) => Ok(measured.clone()),
        other => Err(other.clone()),
    })
}

/// Why an attempt ends before its cause.
enum Undecided {
    /// These queries were not asked yet.
    Ask(Vec<String>),
    /// A question was not answered.
    Unanswered(String),
}

struct Attempt<'a> {
    names: &'a [&'a str],
    heard: &'a Heard,
}

impl Attempt<'_> {
    fn cause(&self, query: &str) -> Result<Cause, Undecided> {
        let selectors = selector::all(query);
        if selectors.is_empty() {
            return Ok(Cause::NoSelector);
        }
        let counts: Vec<_> = selectors.iter().map(count).collect();
        let found = self.all(&counts)?;
        if let Some((empty, _)) = selectors.iter().zip(&found).find(|(_, found)| found.is_empty()) {
            return self.empty(empty, &selectors);
        }
        for selector in &selectors {
            if let Some(short) = self.short(selector)? {
                return Ok(short);
            }
        }
        let result = self.series(query)?;
        let counted = result.iter().all(|series| series.value.is_finite());
        Ok(if counted { Cause::NothingTogether } else { Cause::NothingCounted })
    }

    /// Why a selector finds no series now.
    fn empty(&self, empty: &Selector, all: &[Selector]) -> Result<Cause, Undecided> {
        if !self.series(&format!("count(count_over_time({empty}[1h]))"))?.is_empty() {
            return Ok(Cause::Vanished(empty.clone()));
        }
        let metric = Selector { metric: empty.metric.clone(), ..Selector::default() };
        if metric.metric.is_empty() {
            let unnamed = Matcher { label: "__name__".to_owned(), operator: "=", value: String::new() };
            let wrong = empty.matchers.first().cloned().unwrap_or(unnamed);
            return Ok(Cause::ValueMissing(empty.clone(), wrong, Vec::new()));
        }
        if self.series(&count(&metric))?.is_empty() {
            return Ok(Cause::MetricMissing(empty.clone(), self.similar(&metric.metric)?));
        }
        let (wrong, others) = self.wrong_matcher(empty)?;
        let values = self.values(&wrong.label, &others)?;
        if values.is_empty() {
            let instead = self.instead(&wrong, &others)?;
            return Ok(Cause::LabelMissing(empty.clone(), wrong, instead));
        }
        let values = nearest(values, &wrong.value);
        let is_part = all.iter().any(|other| is_whole_of(other, empty, &wrong)) || wrong.excludes();
        let cause = if is_part { Cause::PartEmpty } else { Cause::ValueMissing };
        Ok(cause(empty.clone(), wrong, values))
    }

    /// The first matcher without which something is found, and the selector without it. Where it takes more than one,
    /// the first that empties those before it.
    fn wrong_matcher(&self, empty: &Selector) -> Result<(Matcher, Selector), Undecided> {
        let without: Vec<_> = (0..empty.matchers.len()).map(|index| drop_one(empty, index)).collect();
        let counts: Vec<_> = without.iter().map(|(_, others)| count(others)).collect();
        let found = self.all(&counts)?;
        let mut culprits: Vec<_> =
            without.into_iter().zip(found).filter(|(_, found)| !found.is_empty()).map(|(one, _)| one).collect();
        culprits.sort_by_key(|(matcher, _)| self.names.iter().any(|name| matcher.value.contains(name)));
        if let Some(culprit) = culprits.into_iter().next() {
            return Ok(culprit);
        }
        let mut before = Selector { metric: empty.metric.clone(), ..Selector::default() };
        let mut last = Matcher { label: "__name__".to_owned(), operator: "=", value: empty.metric.clone() };
        for matcher in &empty.matchers {
            let mut with = before.clone();
            with.matchers.push(matcher.clone());
            last = matcher.clone();
            if self.series(&count(&with))?.is_empty() {
                break;
            }
            before = with;
        }
        Ok((last, before))
    }

    /// The values of a label among series; none where no series has it.
    fn values(&self, label: &str, series: &Selector) -> Result<Vec<String>, Undecided> {
        let found = self.series(&format!("count by ({label}) ({series})"))?;
        Ok(found.iter().filter_map(|series| series.labels.get(label)).filter(|v| !v.is_empty()).cloned().collect())
    }

    /// Under which other label the series have the wanted value.
    fn instead(&self, wrong: &Matcher, others: &Selector) -> Result<Instead, Undecided> {
        let sample = self.series(&format!("topk({SHOWN}, {others})"))?;
        let labels: BTreeSet<String> = sample.iter().flat_map(|series| series.labels.keys().cloned()).collect();
        let labels: Vec<_> = labels.into_iter().filter(|label| !matches!(label.as_str(), "__name__" | "le")).collect();
        let renamed: Vec<_> =
            labels.iter().take(TRIED).map(|l| Matcher { label: l.clone(), ..wrong.clone() }).collect();
        let with = |matcher: &Matcher| {
            let mut with = others.clone();
            with.matchers.push(matcher.clone());
            count(&with)
        };
        let found = self.all(&renamed.iter().map(with).collect::<Vec<_>>())?;
        let there = renamed.into_iter().zip(found).find(|(_, found)| !found.is_empty());
        Ok(there.map_or(Instead::Labels(labels), |(matcher, _)| Instead::Label(matcher)))
    }

    /// Metrics whose names share the most telling word.
    fn similar(&self, metric: &str) -> Result<Vec<String>, Undecided> {
        let common = |word: &&str| !["total", "bucket", "count", "sum", "seconds", "milliseconds"].contains(word);
        let words = metric.split(['_', ':']).filter(common);
        let Some(word) = words.max_by_key(|word| word.len()).filter(|word| word.len() > 2) else {
            return Ok(Vec::new());
        };
        let word = word.strip_suffix('s').unwrap_or(word);
        let found = self.series(&format!("count by (__name__) ({{__name__=~\".*{word}.*\"}})"))?;
        let names = found.iter().filter_map(|series| series.labels.get("__name__"));
        let similar = names.filter(|name| distance(name, metric) * 2 <= metric.len()).cloned().collect();
        Ok(nearest(similar, metric))
    }

    /// Whether the window of a selector is too short for its series.
    fn short(&self, selector: &Selector) -> Result<Option<Cause>, Undecided> {
        let Some(window) = &selector.window else { return Ok(None) };
        let samples = self.series(&format!("max(count_over_time({selector}[{window}]))"))?;
        let enough = samples.iter().any(|series| series.value >= 2.0);
        Ok((!enough).then(|| Cause::WindowTooShort(selector.clone(), window.clone())))
    }

    fn series(&self, query: &str) -> Result<Vec<Series>, Undecided> {
        Ok(self.all(&[query.to_owned()])?.into_iter().flatten().collect())
    }

    /// The series of several queries, all asked at once.
    fn all(&self, queries: &[String]) -> Result<Vec<Vec<Series>>, Undecided> {
        let unheard: Vec<_> = queries.iter().filter(|query| !self.heard.contains_key(*query)).cloned().collect();
        if !unheard.is_empty() {
            return Err(Undecided::Ask(unheard));
        }
        let replies = queries.iter().filter_map(|query| self.heard.get(query));
        replies
            .map(|reply| match reply {
                Reply::Answered(answer) => prometheus::series(answer).map_err(Undecided::Unanswered),
                Reply::Measured(_) => Err(Undecided::Unanswered("the provider does not speak PromQL".to_owned())),
                Reply::NotAsked(why) | Reply::Hidden(why) | Reply::Silent(why) => {
                    Err(Undecided::Unanswered(why.clone()))
                }
            })
            .collect()
    }
}

fn count(selector: &Selector) -> String {
    format!("count({selector})")
}

fn drop_one(selector: &Selector, index: usize) -> (Matcher, Selector) {
    let mut others = selector.clone();
    let dropped = others.matchers.remove(index);
    (dropped, others)
}

/// Whether `other` is `part` without its matcher `narrower`.
fn is_whole_of(other: &Selector, part: &Selector, narrower: &Matcher) -> bool {
    let rest: Vec<_> = part.matchers.iter().filter(|matcher| *matcher != narrower).collect();
    other.metric == part.metric && other.matchers.iter().collect::<Vec<_>>() == rest
}

/// The few that are written most like `wanted`, the best first.
fn nearest(mut names: Vec<String>, wanted: &str) -> Vec<String> {
    names.sort_by_cached_key(|name| (distance(name, wanted), name.clone()));
    names.dedup();
    names.truncate(SHOWN);
    names
}

/// How many letters must be changed, added or taken away to get from one text to the other (Levenshtein).
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (index, a) in from.chars().enumerate() {
        let mut next = vec![index + 1];
        for (b, pair) in to.iter().zip(row.windows(2)) {
            let [diagonal, above] = pair else { continue };
            let left = next.last().copied().unwrap_or_default();
            next.push((diagonal + usize::from(a != *b)).min(above + 1).min(left + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests;
