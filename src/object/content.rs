//! What ConfigMaps and Secrets hold, and the checksum that stands for it where the content itself must not be.

use std::fmt::Write as _;

use ring::digest;
use serde_json::{Map, Value, json};

use super::kinds::{CONFIG_MAP, SECRET};
use super::{Kind, ObjectKey, value};

/// The fields of a ConfigMap or Secret that are its content.
const FIELDS: [&str; 4] = ["data", "binaryData", "type", "immutable"];

/// Those that may be large or secret.
const DATA: [&str; 2] = ["data", "binaryData"];

/// Field of an object without its data: what the data was.
const DIGEST: &str = "digest";

/// The content of a ConfigMap or Secret, to be copied to another object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Content {
    /// The object that holds it.
    pub source: ObjectKey,
    /// Where in it; empty for the object itself.
    pub from: Vec<String>,
    /// What it must be.
    pub checksum: String,
    /// Where in the written object; empty for the object itself.
    pub into: Vec<String>,
}

impl Content {
    /// The content, if it is still the one that is meant.
    pub fn read(&self, source: &Value) -> Option<Map<String, Value>> {
        let from: Vec<&str> = self.from.iter().map(String::as_str).collect();
        let holder = value::at(source, &from)?.as_object()?;
        let fields = FIELDS.iter().filter_map(|field| Some(((*field).to_owned(), holder.get(*field)?.clone())));
        let fields: Map<String, Value> = fields.collect();
        (of(&fields) == self.checksum).then_some(fields)
    }

    /// Writes the content into an object.
    pub fn fill(&self, object: &mut Value, fields: Map<String, Value>) {
        let mut patch = Value::Object(fields);
        for step in self.into.iter().rev() {
            patch = json!({ step: patch });
        }
        value::merge(object, &patch);
    }
}

/// Whether objects of a kind hold contents.
pub fn is_held_by(kind: Kind) -> bool {
    kind == CONFIG_MAP || kind == SECRET
}

/// The checksum of a ConfigMap's or Secret's content: the one that Flagger writes into `status.trackedConfigs`, unless there is
/// `binaryData`, of which Flagger's knows nothing.
pub fn checksum(object: &Value) -> String {
    let known = value::text(object, &[DIGEST, "checksum"]).map(str::to_owned);
    known.unwrap_or_else(|| object.as_object().map(of).unwrap_or_default())
}

/// Bytes of the content, about.
pub fn size(object: &Value) -> usize {
    let known = value::at(object, &[DIGEST, "size"]).and_then(Value::as_u64);
    known.and_then(|size| usize::try_from(size).ok()).unwrap_or_else(|| bytes(object))
}

/// Takes the data out of a ConfigMap or Secret and leaves its checksum.
pub fn seal(object: &mut Value) {
    let digest = json!({"checksum": checksum(object), "size": size(object)});
    if let Some(fields) = object.as_object_mut() {
        fields.retain(|field, _| !DATA.contains(&field.as_str()));
        fields.insert(DIGEST.to_owned(), digest);
    }
}

fn bytes(object: &Value) -> usize {
    let fields = DATA.iter().filter_map(|field| object.get(*field)?.as_object()).flatten();
    fields.map(|(key, value)| key.len() + value.as_str().map_or(0, str::len)).sum()
}

/// First 8 bytes of SHA-256 over the data as Go writes it in JSON.
fn of(fields: &Map<String, Value>) -> String {
    let mut text = go_json(fields.get("data"));
    if fields.get("binaryData").is_some_and(|data| !value::is_unset(data)) {
        text.push_str(&go_json(fields.get("binaryData")));
    }
    let hash = digest::digest(&digest::SHA256, text.as_bytes());
    hash.as_ref().iter().take(8).fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Keys sorted, and what could end a script in HTML escaped.
fn go_json(data: Option<&Value>) -> String {
    let Some(data) = data.filter(|data| !value::is_unset(data)) else { return "null".to_owned() };
    let mut data = data.clone();
    data.sort_all_objects();
    let escapes =
        [('<', "\\u003c"), ('>', "\\u003e"), ('&', "\\u0026"), ('\u{2028}', "\\u2028"), ('\u{2029}', "\\u2029")];
    escapes.iter().fold(data.to_string(), |text, (sign, escape)| text.replace(*sign, escape))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::kinds::CONFIG_MAP;

    #[test]
    fn the_checksum_is_the_one_that_flagger_writes() {
        // Computed with Go's encoding/json and crypto/sha256.
        let of = |data: Value| checksum(&json!({"data": data}));
        assert_eq!(of(json!({"color": "red", "a": "<b> & \"c\"\n\t\u{2028}\u{1}\u{8}é"})), "c04432075b3cc8e2");
        assert_eq!(of(json!({"password": "c2VjcmV0Cg=="})), "67d59701df255960");
        assert_eq!(checksum(&json!({})), "74234e98afe7498f");
        assert_eq!(of(json!({})), "74234e98afe7498f");
    }

    #[test]
    fn binary_data_counts_and_other_fields_do_not() {
        let plain = json!({"data": {"a": "1"}});
        let binary = json!({"data": {"a": "1"}, "binaryData": {"b": "AA=="}});
        assert_ne!(checksum(&plain), checksum(&binary));
        assert_eq!(
            checksum(&plain),
            checksum(&json!({"data": {"a": "1"}, "metadata": {"name": "x"}, "binaryData": {}}))
        );
    }

    #[test]
    fn a_sealed_object_says_the_same_without_its_data() {
        let open = json!({"metadata": {"name": "a"}, "type": "Opaque", "data": {"password": "c2VjcmV0"}});
        let mut sealed = open.clone();
        seal(&mut sealed);
        assert!(!sealed.to_string().contains("c2VjcmV0"), "{sealed}");
        assert_eq!((checksum(&sealed), size(&sealed)), (checksum(&open), size(&open)));
        let mut twice = sealed.clone();
        seal(&mut twice);
        assert_eq!(twice, sealed);
    }

    #[test]
    fn content_is_copied_only_while_it_is_the_one_that_is_meant() {
        let source = json!({"data": {"a": "1"}, "immutable": true, "metadata": {"name": "cart"}});
        let content = Content {
            source: CONFIG_MAP.named("shop", "cart"),
            from: vec![],
            checksum: checksum(&source),
            into: vec!["kept".to_owned()],
        };
        let mut written = json!({"kept": {"checksum": "x"}});
        content.fill(&mut written, content.read(&source).expect("it is still the same"));
        assert_eq!(written, json!({"kept": {"checksum": "x", "data": {"a": "1"}, "immutable": true}}));
        assert_eq!(content.read(&json!({"data": {"a": "2"}})), None);
    }
}
