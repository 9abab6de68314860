//! What an expression of a template can be, and how it is shown and compared.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;

use super::printf;
use crate::metric::shorten;

#[derive(Clone, PartialEq, Debug)]
pub(super) enum Value<'a> {
    Nil,
    Bool(bool),
    Whole(i64),
    Real(f64),
    Text(String),
    Map(&'a BTreeMap<String, String>),
}

impl Value<'_> {
    /// Go's truth: everything but nil, false, zero and what is empty.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Nil => false,
            Self::Bool(b) => *b,
            Self::Whole(n) => *n != 0,
            Self::Real(x) => *x != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::Map(map) => !map.is_empty(),
        }
    }

    /// For sentences: what it is.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Nil => "nothing".to_owned(),
            Self::Bool(b) => format!("the truth value {b}"),
            Self::Whole(n) => format!("the whole number {n}"),
            Self::Real(x) => format!("the number {x}"),
            Self::Text(text) => format!("the text {:?}", shorten(text, 40)),
            Self::Map(_) => "the map of variables".to_owned(),
        }
    }

    /// Order or equality of two values of one kind; `None` where they have none.
    pub(super) fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => Some(a.cmp(b)),
            (Self::Real(a), Self::Real(b)) => a.partial_cmp(b),
            (Self::Text(a), Self::Text(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }

    /// Whether two values are equal; `None` where they cannot be compared.
    pub(super) fn equals(&self, other: &Self) -> Option<bool> {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => Some(a == b),
            (Self::Nil, Self::Nil) => Some(true),
            (Self::Nil, _) | (_, Self::Nil) => Some(false),
            _ => self.compare(other).map(Ordering::is_eq),
        }
    }
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nil => f.write_str("<nil>"),
            Self::Bool(b) => b.fmt(f),
            Self::Whole(n) => n.fmt(f),
            Self::Real(x) => f.write_str(&printf::shortest(*x)),
            Self::Text(text) => f.write_str(text),
            Self::Map(map) => {
                let pairs: Vec<String> = map.iter().map(|(key, value)| format!("{key}:{value}")).collect();
                write!(f, "map[{}]", pairs.join(" "))
            }
        }
    }
}
