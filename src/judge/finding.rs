//! What a sequential test says at any moment, and how sure that is.

use serde::{Deserialize, Serialize};

/// What the data has shown so far.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
#[serde(rename_all = "camelCase")]
pub enum Finding {
    /// Neither yet.
    #[default]
    Open,
    /// Certainly not as bad as the limit that is unacceptable.
    Safe,
    /// Certainly worse than what is tolerated.
    Harm,
}

/// Two limits of one measure, in its unit. Between them nothing has to be found out.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Debug)]
pub struct Limits {
    /// Up to here a canary counts as good: harm is what lies above.
    pub tolerated: f64,
    /// From here on a canary is not to be promoted early: safe is what lies below.
    pub unacceptable: f64,
}

/// Probabilities of a wrong finding over a whole release, each between 0 and 1.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Risk {
    /// That harm is found in a canary within what is tolerated: a false rollback.
    pub harm: f64,
    /// That an unacceptable canary is found safe: a false promotion before its time.
    pub safe: f64,
}

impl Default for Risk {
    fn default() -> Self {
        Self { harm: 0.01, safe: 0.05 }
    }
}

/// Evidence as ln E: E is at most 1 on average while the opposite is true, at whatever moment one looks.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Debug, Default)]
pub struct Evidence {
    /// For harm.
    pub harm: f64,
    /// For safety.
    pub safe: f64,
}

impl Evidence {
    /// The most that there ever was: what was certain once stays so.
    #[must_use]
    pub fn peak(self, later: Self) -> Self {
        Self { harm: self.harm.max(later.harm), safe: self.safe.max(later.safe) }
    }

    /// What this much evidence proves. Harm goes first.
    pub fn finding(self, risk: Risk) -> Finding {
        if self.harm >= enough(risk.harm) {
            Finding::Harm
        } else if self.safe >= enough(risk.safe) {
            Finding::Safe
        } else {
            Finding::Open
        }
    }

    /// How many more observations prove something, at the speed of the `seen` ones; `None` where they prove nothing.
    pub(super) fn needs(self, risk: Risk, seen: f64) -> Option<f64> {
        let side = |evidence: f64, risk: f64| seen * (enough(risk) - evidence) / evidence.max(0.0);
        let needs = side(self.harm, risk.harm).min(side(self.safe, risk.safe));
        needs.is_finite().then_some(needs)
    }
}

/// The ln E that proves something at this risk (Ville's inequality).
pub(super) fn enough(risk: f64) -> f64 {
    -risk.ln()
}

/// A value and the interval that holds the true one at every moment, except with the risk of harm.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Estimate {
    /// In the unit of the test; infinite for a ratio to nothing.
    pub value: f64,
    /// `None` where the data sets no bound.
    pub low: Option<f64>,
    /// `None` where the data sets no bound.
    pub high: Option<f64>,
}

/// Everything that a test says at one moment.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Opinion {
    /// What is certain.
    pub finding: Finding,
    /// For how much there is evidence now.
    pub evidence: Evidence,
    /// `None` before there is anything to estimate from.
    pub estimate: Option<Estimate>,
    /// Observations of the test's unit until something is certain, if they go on as so far; `None` where no end is in sight.
    pub needs: Option<f64>,
}

impl Opinion {
    /// Nothing more is needed where something is certain.
    pub(super) fn new(finding: Finding, evidence: Evidence, estimate: Option<Estimate>, needs: Option<f64>) -> Self {
        let needs = needs.filter(|needs| finding == Finding::Open && *needs > 0.0).map(f64::ceil);
        Self { finding, evidence, estimate, needs }
    }
}
