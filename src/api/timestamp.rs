//! A moment on the wire.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::model::Time;

/// A moment as RFC 3339 in UTC. Whole seconds are written without a fraction, as Kubernetes does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub Time);

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, wire: S) -> Result<S::Ok, S::Error> {
        wire.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(wire: D) -> Result<Self, D::Error> {
        let text = Cow::<'_, str>::deserialize(wire)?;
        Time::parse(&text)
            .map(Self)
            .ok_or_else(|| D::Error::custom(format_args!("{text} is no moment; write it as 2006-01-02T15:04:05Z")))
    }
}

impl JsonSchema for Timestamp {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Timestamp".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    fn round_trip(text: &str) -> String {
        let moment: Timestamp = serde_json::from_value(text.into()).unwrap();
        serde_json::from_value(serde_json::to_value(moment).unwrap()).unwrap()
    }

    #[test]
    fn whole_seconds_have_no_fraction() {
        assert_eq!(round_trip("2026-11-20T14:03:10Z"), "2026-11-20T14:03:10Z");
    }

    #[test]
    fn milliseconds_and_other_zones_are_kept_exactly() {
        assert_eq!(round_trip("2026-11-20T15:03:10.250+01:00"), "2026-11-20T14:03:10.250Z");
    }

    #[test]
    fn a_text_that_is_no_moment_is_refused() {
        assert!(serde_json::from_str::<Timestamp>(r#""yesterday""#).is_err());
    }
}
