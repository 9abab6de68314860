//! The part of JSONPath that leads to one value: `$.name`, `['name']`, `[0]`, and `[-1]` from the end.

use serde_json::Value;

/// One step into a value.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Step {
    Name(String),
    Index(usize),
    FromEnd(usize),
}

/// A way to one value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Path(Vec<Step>);

impl Path {
    /// `None` where the text is no path of these forms.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut rest = text.trim().strip_prefix('$')?;
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let (step, after) = match rest.strip_prefix('.') {
                Some(after) => name(after)?,
                None => bracket(rest.strip_prefix('[')?)?,
            };
            steps.push(step);
            rest = after;
        }
        Some(Self(steps))
    }

    /// The value at the end of the way.
    pub(super) fn find<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        self.0.iter().try_fold(value, |value, step| match step {
            Step::Name(name) => value.get(name),
            Step::Index(index) => value.get(index),
            Step::FromEnd(back) => value.get(value.as_array()?.len().checked_sub(*back)?),
        })
    }
}

fn name(rest: &str) -> Option<(Step, &str)> {
    let end = rest.find(['.', '[']).unwrap_or(rest.len());
    let (name, after) = rest.split_at_checked(end)?;
    (!name.is_empty() && !name.contains([']', '*', ' ', '?'])).then(|| (Step::Name(name.to_owned()), after))
}

fn bracket(rest: &str) -> Option<(Step, &str)> {
    if let Some(quote) = rest.chars().next().filter(|first| matches!(first, '\'' | '"')) {
        let (name, after) = rest.get(1..)?.split_once(quote)?;
        return Some((Step::Name(name.to_owned()), after.strip_prefix(']')?));
    }
    let (number, after) = rest.split_once(']')?;
    let step = match number.trim().strip_prefix('-') {
        Some(back) => Step::FromEnd(back.parse().ok().filter(|back| *back > 0)?),
        None => Step::Index(number.trim().parse().ok()?),
    };
    Some((step, after))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_leads_to_one_value() {
        let value = json!({"a": {"b.c": [1, 2, {"d": 3}]}, "e": 4});
        for (path, found) in [
            ("$.e", Some(json!(4))),
            ("$.a['b.c'][0]", Some(json!(1))),
            ("$[\"a\"]['b.c'][-1].d", Some(json!(3))),
            ("$.a['b.c'][3]", None),
            ("$.a['b.c'][-4]", None),
            ("$.x.y", None),
        ] {
            assert_eq!(Path::parse(path).unwrap().find(&value).cloned(), found, "{path}");
        }
        assert_eq!(Path::parse("$").unwrap().find(&value), Some(&value));
    }

    #[test]
    fn paths_to_many_values_are_refused() {
        for path in ["", "a.b", "$..a", "$.a[*]", "$.*", "$[?(@.a)]", "$[a]", "$['a'", "$[-0]", "$.a b"] {
            assert_eq!(Path::parse(path), None, "{path}");
        }
    }
}
