//! What a decision asks of the world, and what comes back.

use super::{Call, Kpi, Reply};

/// A read that a decision needs. Which ones are due is itself a decision, so it is data.
#[derive(Clone, PartialEq, Debug)]
pub enum Question {
    /// The value of a KPI for the canary now.
    Measure(Kpi),
    /// What a hook says. It may take as long as its timeout, so its answer may be that there is none yet.
    Hook(Call),
}

/// The answer to one question, in the order of the questions. A failure is an answer, not an error.
#[derive(Clone, PartialEq, Debug)]
pub enum Answer {
    /// Of `Question::Measure`: the KPI's name and what was measured.
    Measured(String, Measurement),
    /// Of `Question::Hook`: the call and what came of it.
    Hook(Call, Reply),
}

/// What a provider said.
#[derive(Clone, PartialEq, Debug)]
pub enum Measurement {
    /// One number.
    Value(f64),
    /// The query ran and found nothing; the text says what was looked for.
    NoData(String),
    /// It did not run, or the answer is not one number; the text says why.
    Error(String),
}
