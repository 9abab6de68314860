//! The functions of a query: Flagger's, which read the scope, those that Go brings along, and one of our own.

use std::cmp::Ordering;

use super::value::Value;
use super::{Scope, printf};
use crate::metric::url::escape;

const OF_THE_SCOPE: [&str; 9] =
    ["name", "namespace", "target", "pods", "service", "ingress", "route", "interval", "variables"];
const GENERAL: [&str; 18] = [
    "and",
    "eq",
    "ge",
    "gt",
    "index",
    "le",
    "len",
    "lt",
    "ne",
    "not",
    "or",
    "print",
    "printf",
    "println",
    "slice",
    "underscored",
    "urlquery",
    "html",
];

/// The function of this name, or a sentence that tells which there are.
pub(super) fn find(name: &str) -> Result<&'static str, String> {
    let known = OF_THE_SCOPE.into_iter().chain(GENERAL).find(|known| *known == name);
    known.ok_or_else(|| {
        let functions = OF_THE_SCOPE.join(", ");
        format!("{name:?} is no function of a query; there are {functions}, and a templateVariable is written {{{{ variables.{name} }}}}")
    })
}

/// Whether `and` or `or` needs no further argument after `value`.
pub(super) fn decides(name: &str, value: &Value<'_>) -> bool {
    match name {
        "and" => !value.is_true(),
        "or" => value.is_true(),
        _ => false,
    }
}

/// Calls a function. The error is a sentence.
pub(super) fn call<'a>(name: &str, arguments: &[Value<'a>], scope: &'a Scope) -> Result<Value<'a>, String> {
    let texts = |texts: &[Value<'a>]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
    let value = match (name, arguments) {
        ("name", []) => Value::Text(scope.name.clone()),
        ("namespace", []) => Value::Text(scope.namespace.clone()),
        ("target", []) => Value::Text(scope.target.clone()),
        ("pods", []) => Value::Text(scope.pods.clone()),
        ("service", []) => Value::Text(scope.service.clone()),
        ("ingress", []) => Value::Text(scope.ingress.clone()),
        ("route", []) => Value::Text(scope.route.clone()),
        ("interval", []) => Value::Text(scope.interval.clone()),
        ("variables", []) => Value::Map(&scope.variables),
        ("and" | "or", [.., last]) => last.clone(),
        ("not", [value]) => Value::Bool(!value.is_true()),
        ("eq", [first, others @ ..]) if !others.is_empty() => equal(first, others)?,
        ("ne", [a, b]) => Value::Bool(!a.equals(b).ok_or_else(|| incomparable(a, b))?),
        ("lt", [a, b]) => Value::Bool(order(a, b)? == Ordering::Less),
        ("le", [a, b]) => Value::Bool(order(a, b)? != Ordering::Greater),
        ("gt", [a, b]) => Value::Bool(order(a, b)? == Ordering::Greater),
        ("ge", [a, b]) => Value::Bool(order(a, b)? != Ordering::Less),
        ("len", [value]) => length(value)?,
        ("index", [value, keys @ ..]) => keys.iter().try_fold(value.clone(), |value, key| index(&value, key))?,
        ("slice", [Value::Text(text), ends @ ..]) => slice(text, ends)?,
        ("print", values) => Value::Text(print(values)),
        ("println", values) => Value::Text(texts(values).join(" ") + "\n"),
        ("printf", [Value::Text(format), values @ ..]) => Value::Text(printf::printf(format, values)?),
        // As Skipper writes names into its labels.
        ("underscored", [Value::Text(text)]) => Value::Text(text.replace(|c: char| !c.is_ascii_alphanumeric(), "_")),
        ("urlquery", values) => Value::Text(escape(&print(values))),
        ("html", values) => Value::Text(escape_html(&print(values))),
        (name, arguments) => return Err(misuse(name, arguments)),
    };
    Ok(value)
}

/// The entry of a map of variables. The error is a sentence.
pub(super) fn field<'a>(value: &Value<'a>, name: &str) -> Result<Value<'a>, String> {
    match value {
        Value::Map(map) => map.get(name).map(|text| Value::Text(text.clone())).ok_or_else(|| {
            let set: Vec<&str> = map.keys().map(String::as_str).collect();
            let set = if set.is_empty() { "none is set".to_owned() } else { format!("set are {}", set.join(", ")) };
            format!(
                "variables has no {name:?} ({set}); set templateVariables.{name} beside the templateRef in the Canary"
            )
        }),
        Value::Nil => {
            Err(format!("there is no .{name} here; a templateVariable is written {{{{ variables.{name} }}}}"))
        }
        other => Err(format!("{} has no .{name}", other.describe())),
    }
}

fn misuse(name: &str, arguments: &[Value<'_>]) -> String {
    if OF_THE_SCOPE.contains(&name) {
        return format!("{name} takes no arguments");
    }
    let got: Vec<String> = arguments.iter().map(Value::describe).collect();
    format!("{name} cannot be used with {}", if got.is_empty() { "no arguments".to_owned() } else { got.join(", ") })
}

fn incomparable(a: &Value<'_>, b: &Value<'_>) -> String {
    format!("{} and {} cannot be compared; templateVariables are always text", a.describe(), b.describe())
}

fn order(a: &Value<'_>, b: &Value<'_>) -> Result<Ordering, String> {
    a.compare(b).ok_or_else(|| incomparable(a, b))
}

/// Whether the first equals one of the others; all are compared, as in Go.
fn equal<'a>(first: &Value<'_>, others: &[Value<'_>]) -> Result<Value<'a>, String> {
    let mut found = false;
    for other in others {
        found |= first.equals(other).ok_or_else(|| incomparable(first, other))?;
    }
    Ok(Value::Bool(found))
}

fn length<'a>(value: &Value<'_>) -> Result<Value<'a>, String> {
    let length = match value {
        Value::Text(text) => text.len(),
        Value::Map(map) => map.len(),
        other => return Err(format!("{} has no length", other.describe())),
    };
    Ok(Value::Whole(i64::try_from(length).unwrap_or(i64::MAX)))
}

/// An entry of a map (empty where it has none, as in Go) or a byte of a text.
fn index<'a>(value: &Value<'_>, key: &Value<'_>) -> Result<Value<'a>, String> {
    match (value, key) {
        (Value::Map(map), Value::Text(key)) => Ok(Value::Text(map.get(key).cloned().unwrap_or_default())),
        (Value::Text(text), Value::Whole(at)) => {
            let byte = usize::try_from(*at).ok().and_then(|at| text.as_bytes().get(at).copied());
            byte.map(|b| Value::Whole(i64::from(b))).ok_or_else(|| format!("{text:?} has no byte {at}"))
        }
        (value, key) => Err(format!("{} cannot be indexed with {}", value.describe(), key.describe())),
    }
}

fn slice<'a>(text: &str, ends: &[Value<'_>]) -> Result<Value<'a>, String> {
    let end = |value: &Value<'_>| match value {
        Value::Whole(n) => usize::try_from(*n).ok(),
        _ => None,
    };
    let cut = match ends {
        [] => Some(text),
        [from] => end(from).and_then(|from| text.get(from..)),
        [from, to] => end(from).zip(end(to)).and_then(|(from, to)| text.get(from..to)),
        _ => None,
    };
    cut.map(|cut| Value::Text(cut.to_owned())).ok_or_else(|| format!("{text:?} cannot be cut there"))
}

/// Go's Sprint: a space between two values of which neither is text.
fn print(values: &[Value<'_>]) -> String {
    let mut out = String::new();
    let mut before_text = true;
    for value in values {
        let is_text = matches!(value, Value::Text(_));
        if !before_text && !is_text {
            out.push(' ');
        }
        out.push_str(&value.to_string());
        before_text = is_text;
    }
    out
}

fn escape_html(text: &str) -> String {
    let escaped = |c| match c {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '"' => "&#34;".to_owned(),
        '\'' => "&#39;".to_owned(),
        c => String::from(c),
    };
    text.chars().map(escaped).collect()
}
