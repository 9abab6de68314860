//! Whole numbers on the wire. Flagger's CRD calls them `number`, so an old object may hold `10.0`, which is 10, or
//! `2.5`, which is nothing: that one is refused with a sentence instead of a parser's complaint.

use serde::{Deserialize, Deserializer, de::Error};

use super::sentences::CAN009;

/// A whole number that must be there.
pub(super) fn whole<'de, D: Deserializer<'de>>(wire: D) -> Result<i32, D::Error> {
    f64::deserialize(wire).and_then(exact)
}

/// A whole number or nothing.
pub(super) fn option<'de, D: Deserializer<'de>>(wire: D) -> Result<Option<i32>, D::Error> {
    Option::<f64>::deserialize(wire)?.map(exact).transpose()
}

/// Every i32 is an f64 without loss, so nothing but a fraction or a number out of range is refused.
fn exact<E: Error>(number: f64) -> Result<i32, E> {
    let in_range = (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&number);
    if in_range && number.fract() == 0.0 {
        #[expect(clippy::cast_possible_truncation, reason = "whole and in range, as checked above")]
        return Ok(number as i32);
    }
    if number.fract() == 0.0 {
        return Err(E::custom(format_args!("{number} is out of range; write a whole number of at most {}", i32::MAX)));
    }
    Err(E::custom(CAN009.say(&[("value", &number.to_string())])))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn a_whole_number_with_a_fraction_part_of_zero_is_read() {
        assert_eq!(super::whole(json!(10.0)).unwrap(), 10);
    }

    #[test]
    fn a_fraction_is_refused_with_its_value() {
        let refusal = super::option(json!(2.5)).unwrap_err().to_string();
        assert!(refusal.starts_with("2.5 is no whole number"), "{refusal}");
    }

    #[test]
    fn a_number_beyond_32_bits_is_refused_as_such() {
        let refusal = super::whole(json!(3_000_000_000_u32)).unwrap_err().to_string();
        assert_eq!(refusal, "3000000000 is out of range; write a whole number of at most 2147483647");
    }
}
