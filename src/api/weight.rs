//! Weights on the wire: percent, finer than Flagger has them.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use super::sentences::CAN011;

/// A number of percent with at most two decimals. Also one that no traffic can have, such as -5 or 120.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Weight {
    hundredths: i64,
}

impl Weight {
    /// So many whole percent.
    pub const fn percent(whole: i32) -> Self {
        Self { hundredths: 100 * whole as i64 }
    }

    /// So many hundredths of a percent.
    pub const fn hundredths(hundredths: i64) -> Self {
        Self { hundredths }
    }

    /// In hundredths of a percent.
    pub const fn as_hundredths(self) -> i64 {
        self.hundredths
    }

    /// Neither nothing nor less.
    pub const fn is_positive(self) -> bool {
        self.hundredths > 0
    }

    /// Whether it is a number of whole percent.
    pub const fn is_whole(self) -> bool {
        self.hundredths % 100 == 0
    }
}

impl From<i32> for Weight {
    fn from(whole: i32) -> Self {
        Self::percent(whole)
    }
}

impl PartialEq<i32> for Weight {
    fn eq(&self, whole: &i32) -> bool {
        *self == Self::percent(*whole)
    }
}

impl PartialOrd<i32> for Weight {
    fn partial_cmp(&self, whole: &i32) -> Option<Ordering> {
        self.partial_cmp(&Self::percent(*whole))
    }
}

impl<'de> Deserialize<'de> for Weight {
    fn deserialize<D: Deserializer<'de>>(wire: D) -> Result<Self, D::Error> {
        let number = f64::deserialize(wire)?;
        let hundredths = (number * 100.0).round();
        // No two decimals are exact in binary, so what was written is the decimal that is nearest.
        if !number.is_finite() || number.abs() > f64::from(i32::MAX) {
            return Err(D::Error::custom(format_args!("{number} is out of range; write a weight of at most 100")));
        }
        #[expect(clippy::float_cmp, reason = "the nearest f64 of a decimal is one number")]
        if hundredths / 100.0 != number {
            return Err(D::Error::custom(CAN011.say(&[("value", &number.to_string())])));
        }
        #[expect(clippy::cast_possible_truncation, reason = "whole and in range, as checked above")]
        Ok(Self { hundredths: hundredths as i64 })
    }
}

impl Serialize for Weight {
    fn serialize<S: Serializer>(&self, wire: S) -> Result<S::Ok, S::Error> {
        if self.is_whole() { (self.hundredths / 100).serialize(wire) } else { self.as_f64().serialize(wire) }
    }
}

impl Weight {
    fn as_f64(self) -> f64 {
        // Far below 2^53 by the check of what is read.
        #[expect(clippy::cast_precision_loss, reason = "at most 100 times an i32")]
        let hundredths = self.hundredths as f64;
        hundredths / 100.0
    }
}

impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_f64().fmt(f)
    }
}

impl fmt::Debug for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl JsonSchema for Weight {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Weight".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "number"})
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_weight_is_read_and_written_as_it_was() {
        for wire in [json!(10), json!(0.5), json!(0.01), json!(33.33), json!(99.99), json!(-5), json!(120)] {
            let weight: Weight = serde_json::from_value(wire.clone()).unwrap();
            assert_eq!(serde_json::to_value(weight).unwrap(), wire);
        }
        assert_eq!(serde_json::from_value::<Weight>(json!(10.0)).unwrap(), Weight::percent(10));
    }

    #[test]
    fn every_hundredth_of_a_percent_can_be_written() {
        for hundredths in 0..=10_000 {
            let text = format!("{}.{:02}", hundredths / 100, hundredths % 100);
            assert_eq!(serde_json::from_str::<Weight>(&text).unwrap(), Weight::hundredths(hundredths));
        }
    }

    #[test]
    fn a_weight_finer_than_a_hundredth_is_refused_with_its_value() {
        let refusal = serde_json::from_value::<Weight>(json!(0.125)).unwrap_err().to_string();
        assert!(refusal.starts_with("0.125 is finer than 0.01"), "{refusal}");
    }

    #[test]
    fn a_weight_beyond_all_bounds_is_refused_as_such() {
        let refusal = serde_json::from_value::<Weight>(json!(1e12)).unwrap_err().to_string();
        assert!(refusal.contains("out of range"), "{refusal}");
    }
}
