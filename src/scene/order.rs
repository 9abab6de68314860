//! `spec.dependsOn`: the Canaries that come first, where they stand, and whether the order can hold.

use std::collections::BTreeMap;

use serde_json::Value;

use super::corner::Corner;
use crate::api::{self, sentences};
use crate::model::{Complaint, Phase, Stand, Standing, Truth};
use crate::object::{ObjectKey, Objects, kinds, value};
use crate::settings;

/// The Canaries that `canary` names.
pub(super) fn keys(canary: &api::Canary, namespace: &str) -> Vec<ObjectKey> {
    named(&canary.spec, namespace)
}

/// Those that they name in turn: a circle of up to three is told before anybody waits in it.
pub(super) fn further(objects: &Objects) -> Vec<ObjectKey> {
    objects.of_kind(kinds::CANARY).flat_map(|(key, canary)| of_object(key, canary)).collect()
}

impl Corner<'_> {
    /// Where the Canaries of `spec.dependsOn` stand.
    pub(super) fn standings(&self, complaints: &mut Vec<Complaint>) -> BTreeMap<String, Standing> {
        let (mut standings, peers) = (BTreeMap::new(), self.peers());
        // Who is promoted together with this one comes first with its analysis alone.
        let ready = |key: &ObjectKey| {
            let member = peers.get(&key.name).filter(|_| key.namespace == self.names.namespace);
            member.is_some_and(|member| matches!(member.stand, Stand::Ready | Stand::Agreed))
        };
        for key in keys(&self.scene.canary, &self.names.namespace) {
            let name = format!("{}/{}", key.namespace, key.name);
            let standing = self.scene.objects.find(&key).map_or(Standing::Missing, standing);
            let standing = if ready(&key) { Standing::Settled } else { standing };
            if key == self.names.key() || self.comes_before(&key, &self.names.key()) {
                complaints.push(told(&sentences::CAN095, &[("name", &name)]));
            } else if let Some(member) = self.member_before(&key) {
                let group = self.scene.canary.spec.group.as_deref().unwrap_or_default();
                let values = [("name", &*name), ("member", &*member.name), ("group", group)];
                complaints.push(told(&sentences::CAN097, &values));
            } else if standing == Standing::Missing {
                complaints.push(told(&sentences::CAN096, &[("name", &key.name), ("namespace", &key.namespace)]));
            }
            standings.insert(name, standing);
        }
        standings
    }

    /// Whether `key`, or one of the Canaries behind it, depends on `first`.
    fn comes_before(&self, key: &ObjectKey, first: &ObjectKey) -> bool {
        let behind =
            |key: &ObjectKey| self.scene.objects.find(key).map(|canary| of_object(key, canary)).unwrap_or_default();
        let next = behind(key);
        next.contains(first) || next.iter().any(|next| behind(next).contains(first))
    }

    /// Another of the own group after which `key`, which is not of the group, comes: the one waits for the other to be promoted.
    fn member_before(&self, key: &ObjectKey) -> Option<&ObjectKey> {
        let others = || self.others_of_group().map(|(member, _)| member);
        if others().any(|member| member == key) {
            return None;
        }
        others().find(|member| self.comes_before(key, member))
    }
}

fn told(sentence: &sentences::Sentence, values: &[(&str, &str)]) -> Complaint {
    Complaint::warns(sentence.reason, sentence.say(values))
}

fn of_object(key: &ObjectKey, canary: &Value) -> Vec<ObjectKey> {
    let spec = value::at(canary, &["spec"]).cloned().and_then(|spec| serde_json::from_value(spec).ok());
    spec.map(|spec: api::CanarySpec| named(&spec, &key.namespace)).unwrap_or_default()
}

fn named(spec: &api::CanarySpec, namespace: &str) -> Vec<ObjectKey> {
    settings::order(spec, namespace).into_iter().map(|[space, name]| kinds::CANARY.named(space, name)).collect()
}

/// A failed one whose target is back at what serves stands as well as before.
fn standing(canary: &Value) -> Standing {
    let status = value::at(canary, &["status"]).cloned().and_then(|status| serde_json::from_value(status).ok());
    let status: api::CanaryStatus = status.unwrap_or_default();
    let ready =
        status.conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status.0 == Truth::True);
    match status.phase.0 {
        Phase::Initialized | Phase::Succeeded => Standing::Settled,
        Phase::Failed if ready => Standing::Settled,
        Phase::Failed => Standing::Failed,
        _ => Standing::Releasing,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::{canary, scene_of, store};
    use super::*;
    use crate::model::Facts;

    /// A Canary that depends on others, and where its release is.
    fn named(name: &str, depends_on: &[&str], status: &Value) -> Value {
        let mut canary = canary();
        let depends_on: Vec<_> = depends_on.iter().map(|name| json!({"name": name})).collect();
        value::merge(&mut canary, &json!({"metadata": {"name": name}, "spec": {"dependsOn": depends_on}}));
        value::merge(&mut canary, &json!({"spec": {"targetRef": {"name": name}}, "status": status}));
        canary
    }

    /// What `podinfo`, which depends on `db`, knows in a cluster with these others.
    fn facts(others: &[Value]) -> Facts {
        let mut store = store();
        for other in others {
            let name = value::text(other, &["metadata", "name"]).unwrap().to_owned();
            store.put(kinds::CANARY.named("test", name), other.clone());
        }
        scene_of(named("podinfo", &["db"], &Value::Null), &store).facts()
    }

    fn standing_in(status: &Value) -> Option<Standing> {
        facts(&[named("db", &[], status)]).standings.get("test/db").copied()
    }

    #[test]
    fn a_canary_is_settled_when_what_git_asks_for_is_what_serves() {
        let mut failed = json!({"phase": "Failed", "conditions": [
            {"type": "Ready", "status": "False", "reason": "RolledBack", "message": "m"},
        ]});
        let seen = |status: &Value| standing_in(status).unwrap();
        assert_eq!(seen(&json!({"phase": "Succeeded"})), Standing::Settled);
        assert_eq!(seen(&json!({"phase": "Waiting"})), Standing::Releasing);
        assert_eq!(seen(&Value::Null), Standing::Releasing, "not initialized yet");
        assert_eq!(seen(&failed), Standing::Failed);
        failed["conditions"][0]["status"] = "True".into();
        assert_eq!(seen(&failed), Standing::Settled, "the failed revision was taken back in Git");
    }

    #[test]
    fn a_member_of_the_same_group_comes_first_with_its_analysis_and_not_with_its_promotion() {
        let standing = |group: &str, stand: &str| {
            let group = json!({"name": group, "round": 1, "stand": stand, "since": "1970-01-01T00:00:00Z"});
            let mut db = named("db", &[], &json!({"phase": "Progressing", "group": group}));
            db["spec"]["group"] = db["status"]["group"]["name"].clone();
            let mut own = named("podinfo", &["db"], &Value::Null);
            own["spec"]["group"] = "shop".into();
            let mut store = store();
            store.put(kinds::CANARY.named("test", "db"), db);
            scene_of(own, &store).facts().standings.get("test/db").copied()
        };
        assert_eq!(standing("shop", "in"), Some(Standing::Releasing));
        assert_eq!(standing("shop", "ready"), Some(Standing::Settled));
        assert_eq!(standing("bank", "ready"), Some(Standing::Releasing));
    }

    #[test]
    fn what_an_order_lacks_or_contradicts_is_told() {
        let told = |others: &[Value]| -> Vec<_> {
            let complaints = facts(others).complaints.into_iter();
            complaints.filter(|c| c.reason.starts_with("Dependency")).map(|c| c.sentence).collect()
        };
        assert_eq!(told(&[named("db", &[], &Value::Null)]), Vec::<String>::new());
        let missing = "spec.dependsOn names canary db, which is not in namespace test, so no new revision is released; apply it, or drop the entry";
        assert_eq!(told(&[]), [missing]);
        let two = [named("db", &["podinfo"], &Value::Null)];
        let three = [named("db", &["login"], &Value::Null), named("login", &["podinfo"], &Value::Null)];
        for circle in [&two[..], &three] {
            let [sentence] = &told(circle)[..] else { panic!("{circle:?}") };
            assert!(
                sentence.starts_with("spec.dependsOn names canary test/db, which depends on this one"),
                "{sentence}"
            );
        }
    }

    #[test]
    fn a_circle_through_a_canary_outside_of_the_group_is_told() {
        let told = |depends_on: &[&str]| {
            let mut store = store();
            let grouped = |name, depends_on: &[&str]| {
                let mut canary = named(name, depends_on, &Value::Null);
                canary["spec"]["group"] = "shop".into();
                canary
            };
            // The queue comes after the login, which is promoted together with podinfo.
            store.put(kinds::CANARY.named("test", "queue"), named("queue", &["login"], &Value::Null));
            store.put(kinds::CANARY.named("test", "login"), grouped("login", &[]));
            let complaints = scene_of(grouped("podinfo", depends_on), &store).facts().complaints;
            complaints.into_iter().find(|c| c.reason == "GroupDependencyCycle").map(|c| c.sentence)
        };
        assert_eq!(told(&["login"]), None, "whoever is of the group comes first with its analysis");
        let sentence = told(&["queue"]).unwrap();
        assert!(sentence.starts_with("spec.dependsOn names canary test/queue, which comes after login"), "{sentence}");
    }

    #[test]
    fn the_canaries_that_come_first_are_looked_at_and_those_that_they_name() {
        let (own, defaults) = (named("podinfo", &["db"], &Value::Null), crate::scene::Defaults::default());
        let own: api::Canary = serde_json::from_value(own).unwrap();
        let [db, login] = ["db", "login"].map(|name| kinds::CANARY.named("test", name));
        assert!(crate::scene::lookups(&own, &defaults).keys.contains(&db) && crate::scene::leads(db.kind));
        let mut store = store();
        store.put(db, named("db", &["login"], &Value::Null));
        assert!(crate::scene::further(&own, store.objects(), &defaults).contains(&login));
    }
}
