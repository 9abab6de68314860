//! `spec.group`: the other Canaries of the group, and where each of them stands.

use std::collections::BTreeMap;

use serde_json::Value;

use super::corner::Corner;
use super::{GROUP, journal, label};
use crate::api;
use crate::model::{Membership, Stand};
use crate::object::{ObjectKey, kinds, value};

impl Corner<'_> {
    /// The other members of the group that have ever taken part. One that is being deleted counts no more, except as the one that failed.
    pub(super) fn peers(&self) -> BTreeMap<String, Membership> {
        let Some(group) = self.scene.canary.spec.group.as_deref() else { return BTreeMap::new() };
        let member = |other| membership(other).filter(|member| member.group == group && counts(other, member));
        self.others_of_group().filter_map(|(key, other)| Some((key.name.clone(), member(other)?))).collect()
    }

    /// The other Canaries of the group.
    pub(super) fn others_of_group(&self) -> impl Iterator<Item = (&ObjectKey, &Value)> {
        let group = self.scene.canary.spec.group.as_deref();
        let (own, namespace) = (self.names.key(), &self.names.namespace);
        let canaries = self.scene.objects.of_kind(kinds::CANARY).filter(move |_| group.is_some());
        canaries.filter(move |(key, other)| **key != own && key.namespace == *namespace && label(other, GROUP) == group)
    }
}

fn membership(canary: &Value) -> Option<Membership> {
    let status = value::at(canary, &["status", "group"])?;
    let status: api::GroupStatus = serde_json::from_value(status.clone()).ok()?;
    Some(journal::membership(&status))
}

fn counts(canary: &Value, member: &Membership) -> bool {
    let leaves = value::at(canary, &["metadata", "deletionTimestamp"]).is_some();
    !leaves || member.stand == Stand::Failed
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::{canary, scene_of, store};
    use super::*;
    use crate::model::Time;

    fn member(name: &str, group: Option<&str>, status: &Value) -> Value {
        let mut canary = canary();
        value::merge(&mut canary, &json!({"metadata": {"name": name}, "spec": {"targetRef": {"name": name}}}));
        value::merge(&mut canary, &json!({"spec": {"group": group}, "status": {"group": status}}));
        canary
    }

    fn peers(others: &[Value]) -> BTreeMap<String, Membership> {
        let mut store = store();
        for other in others {
            let name = value::text(other, &["metadata", "name"]).unwrap().to_owned();
            store.put(kinds::CANARY.named("test", name), other.clone());
        }
        scene_of(member("podinfo", Some("shop"), &Value::Null), &store).facts().peers
    }

    #[test]
    fn the_peers_of_a_canary_are_the_other_members_of_its_group_that_say_where_they_stand() {
        let ready = |group| json!({"name": group, "round": 3, "stand": "ready", "since": "1970-01-01T00:00:07Z"});
        let mut leaving = member("leaving", Some("shop"), &ready("shop"));
        leaving["metadata"]["deletionTimestamp"] = "1970-01-01T00:00:08Z".into();
        let others = [
            member("login", Some("shop"), &ready("shop")),
            member("moved", Some("shop"), &ready("bank")),
            member("other", Some("bank"), &ready("bank")),
            member("silent", Some("shop"), &Value::Null),
            member("alone", None, &Value::Null),
            leaving,
        ];
        let since = Time::from_millis(7_000);
        let login = Membership { round: 3, stand: Stand::Ready, ..Membership::new("shop", since) };
        assert_eq!(peers(&others), [("login".to_owned(), login)].into());
    }
}
