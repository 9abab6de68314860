//! Who wrote what of a Canary, as its managedFields tell it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta};
use serde_json::{Map, Value, json};

use crate::model::{Request, Time};
use crate::object::{FIELD_MANAGER, value};

const FLAGGER: &str = "flagger";

/// Fields of the status that both operators set. Whoever changes one takes it from the other: unlike the times of two entries, which are
/// whole seconds, this tells who came later however close they are.
const SHARED: [&str; 6] =
    ["f:phase", "f:canaryWeight", "f:failedChecks", "f:iterations", "f:lastAppliedSpec", "f:lastTransitionTime"];

/// The annotation that asks something of a release.
const REQUEST: [&str; 3] = ["f:metadata", "f:annotations", "f:serin.dev/request"];

/// What is read of managedFields here: which of the shared fields of the status an entry owns, and whether it asks for something.
pub fn writers(entries: Vec<Value>) -> Vec<Value> {
    entries.into_iter().filter_map(writer).collect()
}

fn writer(mut entry: Value) -> Option<Value> {
    let fields = value::at(&entry, &["fieldsV1"])?;
    let mut kept = Map::new();
    if is_of_status(value::text(&entry, &["subresource"])) {
        let owned = SHARED.into_iter().filter(|field| value::at(fields, &["f:status", field]).is_some());
        kept.insert(
            "f:status".to_owned(),
            owned.map(|field| (field.to_owned(), json!({}))).collect::<Map<_, _>>().into(),
        );
    }
    if value::at(fields, &REQUEST).is_some() {
        kept.insert("f:metadata".to_owned(), json!({"f:annotations": {REQUEST[2]: {}}}));
    }
    let fields = entry.as_object_mut().filter(|_| !kept.is_empty())?;
    fields.retain(|key, _| matches!(key.as_str(), "manager" | "subresource" | "time"));
    fields.insert("fieldsV1".to_owned(), kept.into());
    Some(entry)
}

/// What a person or a pipeline asks of the release.
pub(super) fn request(meta: &ObjectMeta) -> Option<Request> {
    let text = meta.annotations.as_ref()?.get(Request::ANNOTATION)?;
    let entry = meta.managed_fields.iter().flatten().find(|entry| has(entry, &REQUEST));
    Request::new(text, entry.and_then(|entry| entry.manager.clone()))
}

/// When a Flagger wrote `status` after our last write: one without leader election (its default) knows nothing of our Lease.
pub(super) fn rival(meta: &ObjectMeta) -> Option<Time> {
    let by = |manager: &str| {
        let of_status = |entry: &&ManagedFieldsEntry| {
            entry.manager.as_deref() == Some(manager) && is_of_status(entry.subresource.as_deref())
        };
        meta.managed_fields.iter().flatten().filter(of_status).collect::<Vec<_>>()
    };
    let (ours, theirs) = (by(FIELD_MANAGER), by(FLAGGER));
    if ours.is_empty() {
        return None;
    }
    let took = |entry: &&&ManagedFieldsEntry| {
        SHARED.iter().any(|field| {
            let path = ["f:status", *field];
            has(entry, &path) && !ours.iter().any(|entry| has(entry, &path))
        })
    };
    let times = theirs.iter().filter(took).filter_map(|entry| entry.time.as_ref());
    times.map(|time| Time::from_millis(time.0.as_millisecond())).max()
}

fn is_of_status(subresource: Option<&str>) -> bool {
    subresource == Some("status")
}

fn has(entry: &ManagedFieldsEntry, path: &[&str]) -> bool {
    entry.fields_v1.as_ref().is_some_and(|fields| value::at(&fields.0, path).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: &str = "2026-01-01T00:00:00Z";

    fn entry(manager: &str, time: &str, fields: &[&str]) -> Value {
        let fields: Map<_, _> = fields.iter().map(|field| ((*field).to_owned(), json!({}))).collect();
        json!({"manager": manager, "operation": "Update", "subresource": "status", "time": time,
            "fieldsV1": {"f:status": fields}})
    }

    fn seen(entries: Vec<Value>) -> ObjectMeta {
        serde_json::from_value(json!({"managedFields": writers(entries)})).unwrap()
    }

    #[test]
    fn a_flagger_that_writes_in_the_same_second_as_we_is_another_operator() {
        let ours = entry("serin", AT, &["f:phase", "f:failedChecks", "f:iterations", "f:observedGeneration"]);
        let theirs = entry("flagger", AT, &["f:lastAppliedSpec", "f:canaryWeight", "f:conditions"]);
        assert_eq!(rival(&seen(vec![ours, theirs])), Time::parse(AT));
    }

    #[test]
    fn a_flagger_whose_status_we_have_taken_over_is_none() {
        let later = "2026-01-01T00:00:09Z";
        let ours = entry("serin", AT, &SHARED);
        // What both set to the same value they own together, and what only Flagger sets remains its own.
        let theirs = entry("flagger", later, &["f:phase", "f:iterations", "f:trackedConfigs"]);
        assert_eq!(rival(&seen(vec![ours, theirs.clone()])), None);
        assert_eq!(rival(&seen(vec![theirs])), None, "nothing of ours was there before it");
    }

    #[test]
    fn of_the_entries_that_nobody_asks_for_nothing_is_kept() {
        let spec = json!({"manager": "kubectl", "time": AT, "fieldsV1": {"f:spec": {"f:suspend": {}}}});
        assert_eq!(writers(vec![spec]), Vec::<Value>::new());
        let asks = json!({"manager": "kubectl", "time": AT, "operation": "Update",
            "fieldsV1": {"f:metadata": {"f:annotations": {"f:serin.dev/request": {}, "f:other": {}}}}});
        let kept = json!({"manager": "kubectl", "time": AT,
            "fieldsV1": {"f:metadata": {"f:annotations": {"f:serin.dev/request": {}}}}});
        assert_eq!(writers(vec![asks]), [kept]);
    }
}
