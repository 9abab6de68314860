//! Words of the domain on the wire: an enum of `model` as one of a fixed set of strings.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::model::{Course, Moment, Phase, Stand, Truth, Verdict};

/// A value of `model` that is written as its word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Word<T>(pub T);

/// A closed set of words.
pub trait Vocabulary: Copy + 'static {
    /// What the words are for, as an error says it.
    const MEANING: &'static str;
    /// All values.
    const VALUES: &'static [Self];

    /// The word of this value.
    fn word(self) -> &'static str;

    /// All the words that may stand on the wire.
    fn words() -> Vec<&'static str> {
        Self::VALUES.iter().map(|value| value.word()).collect()
    }

    /// The value of a word.
    fn read(word: &str) -> Option<Self> {
        Self::VALUES.iter().copied().find(|value| value.word() == word)
    }
}

impl<T: Vocabulary> Serialize for Word<T> {
    fn serialize<S: Serializer>(&self, wire: S) -> Result<S::Ok, S::Error> {
        wire.serialize_str(self.0.word())
    }
}

impl<'de, T: Vocabulary> Deserialize<'de> for Word<T> {
    fn deserialize<D: Deserializer<'de>>(wire: D) -> Result<Self, D::Error> {
        let word = Cow::<'_, str>::deserialize(wire)?;
        T::read(&word).map(Self).ok_or_else(|| {
            D::Error::custom(format_args!("{word:?} is no {}; known are {}", T::MEANING, T::words().join(", ")))
        })
    }
}

impl<T: Vocabulary> JsonSchema for Word<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        T::MEANING.into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": T::words() })
    }
}

impl Vocabulary for Phase {
    const MEANING: &'static str = "phase";
    const VALUES: &'static [Self] = &Self::ALL;

    /// Flagger's schema admits an empty phase too.
    fn words() -> Vec<&'static str> {
        std::iter::once("").chain(Self::ALL.map(Self::as_str)).collect()
    }

    fn word(self) -> &'static str {
        self.as_str()
    }

    fn read(word: &str) -> Option<Self> {
        Self::parse(word)
    }
}

impl Vocabulary for Verdict {
    const MEANING: &'static str = "verdict";
    const VALUES: &'static [Self] = &Self::ALL;

    fn word(self) -> &'static str {
        self.as_str()
    }
}

impl Vocabulary for Course {
    const MEANING: &'static str = "strategy";
    const VALUES: &'static [Self] = &Self::ALL;

    fn word(self) -> &'static str {
        self.as_str()
    }
}

impl Vocabulary for Stand {
    const MEANING: &'static str = "stand in a group";
    const VALUES: &'static [Self] = &Self::ALL;

    fn word(self) -> &'static str {
        self.as_str()
    }
}

impl Vocabulary for Moment {
    const MEANING: &'static str = "type of a webhook";
    const VALUES: &'static [Self] = &Self::ALL;

    fn word(self) -> &'static str {
        self.as_str()
    }
}

impl Vocabulary for Truth {
    const MEANING: &'static str = "status of a condition";
    const VALUES: &'static [Self] = &Self::ALL;

    fn word(self) -> &'static str {
        self.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reads_back_as_itself() {
        for phase in Phase::ALL {
            let word = serde_json::to_value(Word(phase)).unwrap();
            assert_eq!(serde_json::from_value::<Word<Phase>>(word).unwrap(), Word(phase));
        }
    }

    #[test]
    fn an_empty_phase_means_that_nothing_has_begun() {
        assert_eq!(serde_json::from_str::<Word<Phase>>(r#""""#).unwrap(), Word(Phase::Initializing));
    }

    #[test]
    fn an_unknown_word_is_refused_with_the_known_ones() {
        let refusal = serde_json::from_str::<Word<Verdict>>(r#""perhaps""#).unwrap_err().to_string();
        assert!(refusal.contains(r#""perhaps" is no verdict; known are pass, fail"#), "{refusal}");
    }
}
