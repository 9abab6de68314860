//! Our own stable hash of a pod template.

use ring::digest;
use serde_json::{Value, json};

use super::configs::Configs;
use super::{daemon_set, defaults};
use crate::model::Revision;

/// The revision of a pod template: the same for every spelling of the same pods.
///
/// Fields that say what the apiserver would fill in anyway, empty maps, empty lists, `null` and the order of keys do not count.
/// Everything else does, labels and annotations included, so that `kubectl rollout restart` makes a new revision.
/// Quantities are compared as written: the apiserver writes them in one form.
pub fn revision(template: &Value) -> Revision {
    let mut template = template.clone();
    daemon_set::unpark(&mut template);
    defaults::remove(&mut template);
    Revision::new(format!("{}{}", Revision::SCHEME, fingerprint(template)))
}

/// The revision of a pod template together with the ConfigMaps and Secrets that its pods read: a change of these is a change of what
/// runs. Without any it is that of the template alone.
pub fn revision_with(template: &Value, configs: &Configs) -> Revision {
    if configs.is_empty() {
        return revision(template);
    }
    let mut template = template.clone();
    daemon_set::unpark(&mut template);
    defaults::remove(&mut template);
    let whole = fingerprint(json!({"template": template, "configs": fingerprint_of(configs)}));
    Revision::new(format!("{}{whole}", Revision::SCHEME))
}

/// Ten characters that stand for the configs of a revision.
pub(super) fn fingerprint_of(configs: &Configs) -> String {
    let named = configs.iter().map(|(key, checksum)| (format!("{}/{}", key.kind.kind, key.name), json!(checksum)));
    fingerprint(Value::Object(named.collect()))
}

/// Ten characters that stand for a value, whatever the order of its keys.
pub(super) fn fingerprint(mut value: Value) -> String {
    value.sort_all_objects();
    let hash = digest::digest(&digest::SHA256, value.to_string().as_bytes());
    let number = hash.as_ref().iter().take(8).fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
    letters(number)
}

/// What Kubernetes itself uses in generated names: no vowels, so no words; no characters that look alike.
const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// 27^10 is below 2^48, so that the first eight bytes of the hash reach every text.
const LENGTH: usize = 10;

fn letters(number: u64) -> String {
    let digits =
        std::iter::successors(Some(number), |n| Some(n / 27)).map(|n| usize::try_from(n % 27).unwrap_or_default());
    digits.take(LENGTH).filter_map(|digit| ALPHABET.get(digit).copied().map(char::from)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, json};

    use super::super::samples;
    use super::*;

    #[test]
    fn the_scheme_is_fixed() {
        // Another text would make every canary of every user release anew: that needs a new scheme, not a new text here.
        let template =
            json!({"metadata": {"labels": {"app": "cart"}}, "spec": {"containers": [{"name": "a", "image": "b:1"}]}});
        assert_eq!(revision(&template).as_str(), "s1-74f2957d5f");
    }

    #[test]
    fn what_the_apiserver_fills_in_never_makes_a_new_revision() {
        assert_eq!(revision(&samples::template()), revision(&samples::template_as_served()));
    }

    #[test]
    fn replicas_and_status_never_make_a_new_revision() {
        let mut scaled = samples::deployment();
        scaled["spec"]["replicas"] = json!(7);
        scaled["status"]["observedGeneration"] = json!(12);
        assert_eq!(revision(&scaled["spec"]["template"]), revision(&samples::template()));
    }

    #[test]
    fn a_restart_by_annotation_makes_a_new_revision() {
        let mut restarted = samples::template();
        restarted["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"] = json!("2026-11-20T14:03:10Z");
        assert_ne!(revision(&restarted), revision(&samples::template()));
    }

    #[test]
    fn a_policy_that_fits_the_image_is_a_default_and_another_is_not() {
        let with = |image: &str, policy: Option<&str>| {
            let mut container = json!({"name": "a", "image": image});
            if let Some(policy) = policy {
                container["imagePullPolicy"] = json!(policy);
            }
            revision(&json!({"spec": {"containers": [container]}}))
        };
        for (image, policy) in [
            ("cart", "Always"),
            ("cart:latest", "Always"),
            ("registry:5000/cart", "Always"),
            ("registry:5000/cart:1.0", "IfNotPresent"),
            ("cart@sha256:0123", "IfNotPresent"),
            ("cart:latest@sha256:0123", "Always"),
        ] {
            assert_eq!(with(image, None), with(image, Some(policy)), "{image}");
            assert_ne!(with(image, None), with(image, Some("Never")), "{image}");
        }
    }

    #[test]
    fn an_empty_selector_matches_everything_and_is_not_the_same_as_none() {
        let term = |term: Value| {
            revision(
                &json!({"spec": {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}}}),
            )
        };
        assert_ne!(term(json!({"topologyKey": "zone", "labelSelector": {}})), term(json!({"topologyKey": "zone"})));
        let spelled = json!({"topologyKey": "zone", "labelSelector": {"matchLabels": {}}, "namespaces": []});
        assert_eq!(term(json!({"topologyKey": "zone", "labelSelector": {}})), term(spelled));
    }

    #[test]
    fn a_label_that_is_named_like_a_defaulted_field_still_counts() {
        let labelled = |labels: Value| revision(&json!({"metadata": {"labels": labels}, "spec": {}}));
        assert_ne!(labelled(json!({"restartPolicy": "Always"})), labelled(json!({})));
    }

    /// The same value with the keys of every map rotated by a number that depends on `seed`.
    fn shuffled(value: &Value, seed: usize) -> Value {
        match value {
            Value::Object(map) => {
                let mut entries: Vec<_> = map.iter().map(|(k, v)| (k.clone(), shuffled(v, seed / 2 + 1))).collect();
                let turn = seed.checked_rem(entries.len()).unwrap_or_default();
                entries.rotate_left(turn);
                Value::Object(entries.into_iter().collect::<Map<_, _>>())
            }
            Value::Array(list) => Value::Array(list.iter().map(|v| shuffled(v, seed)).collect()),
            _ => value.clone(),
        }
    }

    /// `plain` with some of the fields that only `served` has, chosen by the bits of `choice`.
    fn partly(plain: &Value, served: &Value, choice: &mut impl Iterator<Item = bool>) -> Value {
        match (plain, served) {
            (Value::Object(plain), Value::Object(served)) => {
                let fields = served.iter().filter_map(|(key, served)| match plain.get(key) {
                    Some(plain) => Some((key.clone(), partly(plain, served, choice))),
                    None => choice.next().unwrap_or_default().then(|| (key.clone(), served.clone())),
                });
                Value::Object(fields.collect())
            }
            (Value::Array(plain), Value::Array(served)) => {
                Value::Array(plain.iter().zip(served).map(|(p, s)| partly(p, s, choice)).collect())
            }
            _ => plain.clone(),
        }
    }

    proptest! {
        #[test]
        fn any_defaults_in_any_order_never_make_a_new_revision(choice: [bool; 64], seed in 0_usize..1000) {
            let some = partly(&samples::template(), &samples::template_as_served(), &mut choice.into_iter());
            prop_assert_eq!(revision(&shuffled(&some, seed)), revision(&samples::template()));
        }

        #[test]
        fn another_text_in_any_field_that_users_write_always_makes_a_new_revision(
            place in 0_usize..samples::WRITTEN.len(),
            text in "[a-z0-9]{1,12}",
        ) {
            let mut changed = samples::template();
            let Some(field) = changed.pointer_mut(samples::WRITTEN[place]) else {
                return Err(TestCaseError::fail(samples::WRITTEN[place]));
            };
            prop_assume!(*field != json!(text));
            *field = json!(text);
            prop_assert_ne!(revision(&changed), revision(&samples::template()));
        }
    }
}
