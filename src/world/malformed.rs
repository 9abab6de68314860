//! What is wrong with an object that cannot be decoded: which field, and why.

use serde::de::DeserializeOwned;

use super::cache::Stored;

/// Decodes an object.
///
/// # Errors
/// A sentence that names the field by its path.
pub(crate) fn decode<T: DeserializeOwned>(stored: &Stored) -> Result<T, String> {
    serde_json::from_slice(&stored.json).map_err(|error| explain(&stored.json, &error))
}

fn explain(json: &[u8], error: &serde_json::Error) -> String {
    let text = error.to_string();
    let reason = text.split(" at line ").next().unwrap_or_default();
    let mut path = path_at(json, error.column());
    if reason.starts_with("missing field") || reason.starts_with("unknown field") {
        path.pop();
    }
    let path = path.concat();
    let field = if path.is_empty() { "the object" } else { path.trim_start_matches('.') };
    format!("{field}: {reason}; nothing is done for this object until it is mended")
}

/// The steps (`.spec`, `[1]`) to the value in which byte `end` of a one-line JSON text lies.
fn path_at(json: &[u8], end: usize) -> Vec<String> {
    let mut frames: Vec<Frame> = Vec::new();
    let mut closed = None;
    let mut bytes = json.iter().take(end).copied();
    while let Some(byte) = bytes.next() {
        closed = None;
        match byte {
            b'"' => {
                let text = string(&mut bytes);
                if let Some(Frame::Map { key, wants_key: wants_key @ true }) = frames.last_mut() {
                    (*key, *wants_key) = (text, false);
                }
            }
            b'{' => frames.push(Frame::Map { key: String::new(), wants_key: true }),
            b'[' => frames.push(Frame::List(0)),
            b'}' | b']' => closed = frames.pop(),
            b',' => match frames.last_mut() {
                Some(Frame::Map { wants_key, .. }) => *wants_key = true,
                Some(Frame::List(index)) => *index += 1,
                None => {}
            },
            _ => {}
        }
    }
    frames.iter().chain(&closed).map(Frame::step).filter(|step| step != ".").collect()
}

/// The rest of a string whose opening quote has been read.
fn string(bytes: &mut impl Iterator<Item = u8>) -> String {
    let mut text = Vec::new();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => break,
            b'\\' => text.extend(bytes.next()),
            other => text.push(other),
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}

enum Frame {
    Map { key: String, wants_key: bool },
    List(usize),
}

impl Frame {
    fn step(&self) -> String {
        match self {
            Self::Map { key, .. } => format!(".{key}"),
            Self::List(index) => format!("[{index}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Canary;
    use crate::object::value;
    use crate::world::cache::Item;
    use serde_json::{Value, json};

    fn complaint(patch: &Value) -> String {
        let mut canary = json!({
            "apiVersion": "flagger.app/v1beta1",
            "kind": "Canary",
            "metadata": {"name": "podinfo", "namespace": "test", "labels": {"a\"}": "{["}},
            "spec": {
                "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo"},
                "service": {"port": 80},
                "analysis": {"interval": "1m", "threshold": 5, "metrics": [{"name": "a"}, {"name": "b"}]}
            }
        });
        value::merge(&mut canary, patch);
        let sentence =
            decode::<Canary>(&Item::new(canary).store(crate::object::kinds::CANARY)).err().unwrap_or_default();
        sentence.split(';').next().unwrap_or_default().to_owned()
    }

    #[test]
    fn a_good_object_has_no_complaint() {
        assert_eq!(complaint(&json!({})), "");
    }

    #[test]
    fn a_value_of_the_wrong_kind_is_named_by_its_path() {
        let wrong = json!({"spec": {"service": {"portName": 7}}});
        assert_eq!(complaint(&wrong), "spec.service.portName: invalid type: integer `7`, expected a string");
        let wrong = json!({"spec": {"analysis": {"metrics": [{"name": "a"}, {"name": true}]}}});
        assert_eq!(complaint(&wrong), "spec.analysis.metrics[1].name: invalid type: boolean `true`, expected a string");
        let wrong = json!({"spec": {"analysis": {"metrics": {"name": "a"}}}});
        assert_eq!(complaint(&wrong), "spec.analysis.metrics: invalid type: map, expected a sequence");
    }

    #[test]
    fn a_field_that_is_missing_is_named_with_its_object() {
        let missing = json!({"spec": {"targetRef": {"name": null}}});
        assert_eq!(complaint(&missing), "spec.targetRef: missing field `name`");
    }
}
