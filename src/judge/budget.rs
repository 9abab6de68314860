//! The risk of a whole release, shared by its metrics: not by looks and not by steps, which cost nothing.

use super::Risk;

impl Risk {
    /// What a metric of this weight may use up, where all weights sum to `all`: the shares never sum to more than the whole.
    #[must_use]
    pub fn share(self, weight: f64, all: f64) -> Self {
        let share = if weight > 0.0 && weight <= all { weight / all } else { 0.0 };
        // A release is found safe only where every metric is, so that risk is not shared.
        Self { harm: self.harm * share, safe: self.safe }
    }
}
