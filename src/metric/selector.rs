//! The selectors of a PromQL query: which series it reads. Whatever else stands in the query is passed over.

use std::fmt;

use super::shorten;

/// Longer ones are cut.
const LENGTH: usize = 200;

/// One `metric{label="value"}[window]` of a query.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Selector {
    /// Name of the metric; empty where only labels select.
    pub metric: String,
    /// What the labels must be, in the order of the query.
    pub matchers: Vec<Matcher>,
    /// The window, as it stands in the brackets.
    pub window: Option<String>,
}

/// What a label must be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Matcher {
    /// Name of the label.
    pub label: String,
    /// `=`, `!=`, `=~` or `!~`.
    pub operator: &'static str,
    /// The value or the pattern, without its quotes.
    pub value: String,
}

impl Matcher {
    /// Whether it names what is left out.
    pub fn excludes(&self) -> bool {
        self.operator.starts_with('!')
    }
}

/// Without the window.
impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let matchers: Vec<_> = self.matchers.iter().map(Matcher::to_string).collect();
        match (self.metric.as_str(), matchers.join(",")) {
            (metric, matchers) if matchers.is_empty() => f.write_str(metric),
            (metric, matchers) => write!(f, "{metric}{{{matchers}}}"),
        }
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.value.replace('\\', r"\\").replace('"', r#"\""#).replace('\n', r"\n");
        write!(f, "{}{}\"{value}\"", self.label, self.operator)
    }
}

/// The first selector of a query as it is written there, or the query itself where it has none.
pub(super) fn first(query: &str) -> String {
    let found = selectors(query).next().and_then(|(start, end, _)| query.get(start..end));
    shorten(found.unwrap_or(query), LENGTH)
}

/// The place of the only selector of a query, without its window; `None` where it has another number of them.
pub(super) fn only(query: &str) -> Option<(usize, usize)> {
    let mut found = selectors(query).map(|(start, end, _)| (start, end));
    found.next().filter(|_| found.next().is_none())
}

/// Every selector of a query, in its order; a query that cannot be read gives those before the error.
pub(super) fn all(query: &str) -> Vec<Selector> {
    selectors(query).map(|(.., selector)| selector).collect()
}

/// Selectors with the place of their text.
fn selectors(query: &str) -> impl Iterator<Item = (usize, usize, Selector)> {
    let mut reader = Reader { query, at: 0 };
    std::iter::from_fn(move || reader.next_selector())
}

/// Words that are followed by a list of labels.
const GROUPINGS: &[&str] = &["by", "without", "on", "ignoring", "group_left", "group_right"];
/// Words that are no metrics.
const KEYWORDS: &[&str] = &["and", "or", "unless", "atan2", "offset", "bool", "inf", "nan"];

struct Reader<'a> {
    query: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn next_selector(&mut self) -> Option<(usize, usize, Selector)> {
        loop {
            let next = self.peek()?;
            let start = self.at;
            if is_word(next) && !next.is_ascii_digit() {
                let word = self.take_while(is_word);
                let lower = word.to_lowercase();
                if GROUPINGS.contains(&lower.as_str()) {
                    self.skip_list();
                } else if !KEYWORDS.contains(&lower.as_str()) && !self.is_function() {
                    return self.selector(start, word);
                }
            } else if next == '{' {
                return self.selector(start, "");
            } else if matches!(next, '"' | '\'' | '`') {
                self.string()?;
            } else if next == '[' {
                self.take_while(|c| c != ']');
            } else if next.is_ascii_digit() {
                self.take_while(|c| is_word(c) || c == '.');
            } else {
                self.bump();
            }
        }
    }

    /// What follows the name of a metric; `None` where its braces cannot be read.
    fn selector(&mut self, start: usize, metric: &str) -> Option<(usize, usize, Selector)> {
        let mut selector = Selector { metric: metric.to_owned(), ..Selector::default() };
        let mut end = self.at;
        if self.eat('{') {
            while !self.eat('}') {
                self.matcher(&mut selector)?;
                self.eat(',');
            }
            end = self.at;
        }
        if self.eat('[') {
            // A subquery has its resolution after the colon.
            let window = self.take_while(|c| c != ']').split(':').next().unwrap_or_default();
            selector.window = Some(window.trim().to_owned());
        }
        Some((start, end, selector))
    }

    /// One matcher, or the name of the metric in quotes.
    fn matcher(&mut self, selector: &mut Selector) -> Option<()> {
        let label = match self.peek()? {
            '"' | '\'' | '`' => self.string()?,
            _ => self.take_while(is_word).to_owned(),
        };
        if matches!(self.peek()?, ',' | '}') && !label.is_empty() {
            selector.metric = label;
            return Some(());
        }
        let rest = self.query.get(self.at..)?;
        let operator = ["=~", "!~", "!=", "="].into_iter().find(|operator| rest.starts_with(operator))?;
        self.at += operator.len();
        self.peek()?;
        let value = self.string()?;
        match (label.as_str(), operator) {
            ("__name__", "=") => selector.metric = value,
            _ => selector.matchers.push(Matcher { label, operator, value }),
        }
        Some(())
    }

    /// A string in any of the three quotes, without them.
    fn string(&mut self) -> Option<String> {
        let quote = self.bump().filter(|c| matches!(c, '"' | '\'' | '`'))?;
        let mut text = String::new();
        loop {
            match self.bump()? {
                c if c == quote => return Some(text),
                '\\' if quote != '`' => text.push(match self.bump()? {
                    'n' => '\n',
                    't' => '\t',
                    other => other,
                }),
                other => text.push(other),
            }
        }
    }

    /// Whether the word before was a function or an aggregation: `rate(…)`, `sum by (…) (…)`.
    fn is_function(&mut self) -> bool {
        let next = self.peek();
        let rest = self.query.get(self.at..).unwrap_or_default();
        let word = rest.split(|c| !is_word(c)).next().unwrap_or_default().to_lowercase();
        next == Some('(') || matches!(word.as_str(), "by" | "without")
    }

    fn skip_list(&mut self) {
        if self.eat('(') {
            self.take_while(|c| c != ')');
        }
    }

    fn eat(&mut self, wanted: char) -> bool {
        let there = self.peek() == Some(wanted);
        if there {
            self.bump();
        }
        there
    }

    /// The next character that is neither white space nor comment; it is not taken.
    fn peek(&mut self) -> Option<char> {
        loop {
            match self.query.get(self.at..)?.chars().next()? {
                c if c.is_whitespace() => drop(self.bump()),
                '#' => drop(self.take_while(|c| c != '\n')),
                c => return Some(c),
            }
        }
    }

    fn bump(&mut self) -> Option<char> {
        let next = self.query.get(self.at..)?.chars().next()?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let rest = self.query.get(self.at..).unwrap_or_default();
        let taken = rest.find(|c| !wanted(c)).and_then(|end| rest.get(..end)).unwrap_or(rest);
        self.at += taken.len();
        taken
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | ':')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(query: &str) -> Vec<String> {
        let window = |s: &Selector| s.window.as_ref().map(|w| format!("[{w}]")).unwrap_or_default();
        all(query).iter().map(|s| format!("{s}{}", window(s))).collect()
    }

    #[test]
    fn the_first_selector_is_found_whatever_stands_in_its_quotes() {
        let istio = r#"sum(rate(istio_requests_total{app=~"a}b",x="\"}"}[1m])) / sum(rate(other{}[1m]))"#;
        assert_eq!(first(istio), r#"istio_requests_total{app=~"a}b",x="\"}"}"#);
        assert_eq!(first(r#"{__name__="up"}"#), r#"{__name__="up"}"#);
        assert_eq!(first("job:errors:rate5m { a='b' }"), "job:errors:rate5m { a='b' }");
        assert_eq!(first("sum(up)"), "up");
    }

    #[test]
    fn a_query_without_selectors_stands_for_itself_and_is_cut() {
        assert_eq!(first("vector(1)"), "vector(1)");
        assert_eq!(first(&format!("vector({})", "1".repeat(300))).chars().count(), LENGTH + 1);
        assert_eq!(first("a\n  {x='1'"), "a {x='1'");
    }

    #[test]
    fn every_selector_is_read_and_nothing_else() {
        let query = "100 - sum by (pod, job) (rate(errors{a=\"b\", c!~'5..' ,}[1m] offset 5m)) # up\n \
                     / on(pod) group_left(job) sum(max_over_time(total[5m:1m])) > bool 1e3 or vector(0)";
        assert_eq!(shown(query), [r#"errors{a="b",c!~"5.."}[1m]"#, "total[5m]"]);
    }

    #[test]
    fn a_metric_may_be_named_by_a_label_or_in_quotes() {
        assert_eq!(shown(r#"{__name__="up",job="a"}"#), [r#"up{job="a"}"#]);
        assert_eq!(shown(r#"{"http.requests","app.kubernetes.io/name"="a"}"#).len(), 1);
        assert_eq!(all(r#"{"http.requests"}"#)[0].metric, "http.requests");
        assert_eq!(shown(r#"{job=~"a\\.b"}"#), [r#"{job=~"a\\.b"}"#]);
    }

    #[test]
    fn what_cannot_be_read_ends_the_reading() {
        assert_eq!(shown("up + down{a=}"), ["up"]);
        assert_eq!(shown("down{a=\"b"), [""; 0]);
        assert_eq!(shown("\"unclosed"), [""; 0]);
    }
}
