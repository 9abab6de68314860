//! What would keep a Canary from being released and measured, found before its first release: `serin check canary`; and
//! what one KPI is: `serin check metric`.
//!
//! Pure: questions and answers are data, and `world` asks them. Never a write, never a word about how a release goes.

mod kpi;
mod rights;
mod target;
mod template;
mod words;

#[cfg(test)]
mod tests;

pub use kpi::{Inquiry, Next, inquiries};
pub use rights::{Account, Right, rights, router};
pub use target::{spec, target};
pub use template::{Names, answer, query};

use serde::Serialize;

/// Everything that was looked at.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Report {
    /// Name of the Canary.
    pub canary: String,
    /// Its namespace.
    pub namespace: String,
    /// One after the other, in the order in which a person mends them.
    pub checks: Vec<Check>,
}

/// One thing that was looked at.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Check {
    /// What it belongs to.
    pub category: Category,
    /// Which one: `deploy/cart`, `istio`, the name of a KPI.
    pub name: String,
    /// How it is.
    pub outcome: Outcome,
    /// The same in words.
    pub sentence: String,
    /// Why, where it is not fine.
    pub reason: Option<String>,
    /// What to write or to do.
    pub hint: Option<String>,
}

/// What a check belongs to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Category {
    /// The workload and its pods.
    Target,
    /// The fields of the Canary.
    Spec,
    /// The routing objects.
    Router,
    /// What is measured.
    Kpi,
}

/// How a check ended, the worst last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// As it must be.
    Fine,
    /// It works, and somebody should look at it.
    Warning,
    /// It could not be found out.
    Unknown,
    /// It keeps releases from succeeding.
    Wrong,
}

impl Report {
    /// The worst outcome.
    pub fn outcome(&self) -> Outcome {
        self.checks.iter().map(|check| check.outcome).max().unwrap_or(Outcome::Fine)
    }
}

impl Check {
    fn new(category: Category, name: impl Into<String>, outcome: Outcome, sentence: impl Into<String>) -> Self {
        Self { category, name: name.into(), outcome, sentence: sentence.into(), reason: None, hint: None }
    }

    fn because(self, reason: impl Into<String>) -> Self {
        Self { reason: Some(reason.into()), ..self }
    }

    fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

impl Category {
    /// Its word, as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Target => "target",
            Self::Spec => "spec",
            Self::Router => "router",
            Self::Kpi => "kpi",
        }
    }
}
