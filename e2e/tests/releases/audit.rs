//! What the operator asked of the apiserver, from the audit log.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use serde::Deserialize;

use super::operator::state;
use crate::support::Outcome;

/// A place in the audit log. A request is in it before its answer is sent, so nothing is missed or counted early.
pub(super) struct Audit {
    from: u64,
    namespace: String,
}

impl Audit {
    /// Counts the requests in `namespace` from now on.
    pub(super) fn from_here(namespace: &str) -> Outcome<Self> {
        let from = std::fs::metadata(state("log/audit.log")?)?.len();
        Ok(Self { from, namespace: namespace.to_owned() })
    }

    pub(super) fn requests(&self) -> Outcome<Requests> {
        let mut log = File::open(state("log/audit.log")?)?;
        log.seek(SeekFrom::Start(self.from))?;
        let mut text = String::new();
        log.read_to_string(&mut text)?;
        let here = format!("\"namespace\":\"{}\"", self.namespace);
        let mut counts = BTreeMap::new();
        for line in text.lines().filter(|line| line.contains(r#""username":"serin""#) && line.contains(&here)) {
            let Ok(entry) = serde_json::from_str::<Entry>(line) else { continue };
            if entry.counts() {
                *counts.entry((entry.verb, entry.object.path())).or_default() += 1;
            }
        }
        Ok(Requests(counts))
    }
}

/// One line of the log; a line that is still being written is none.
#[derive(Deserialize)]
struct Entry {
    verb: String,
    stage: String,
    #[serde(rename = "objectRef")]
    object: Object,
}

#[derive(Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[derive(Default)]
struct Object {
    resource: String,
    api_group: String,
    subresource: String,
}

impl Entry {
    /// A watch counts when it begins, every other request when it ends.
    fn counts(&self) -> bool {
        if self.verb == "watch" { self.stage == "ResponseStarted" } else { self.stage == "ResponseComplete" }
    }
}

impl Object {
    fn path(&self) -> String {
        let part = |mark: &str, text: &str| if text.is_empty() { String::new() } else { format!("{mark}{text}") };
        format!("{}{}{}", self.resource, part(".", &self.api_group), part("/", &self.subresource))
    }
}

/// Requests by verb and resource.
#[derive(Default)]
pub(super) struct Requests(BTreeMap<(String, String), u64>);

impl Requests {
    /// All but what holds whether or not there is work: the Lease, and the beginnings of watches.
    pub(super) fn of_the_work(&self) -> Self {
        let idle = |verb: &str, resource: &str| verb == "watch" || resource == "leases.coordination.k8s.io";
        Self(
            self.0.iter().filter(|((verb, resource), _)| !idle(verb, resource)).map(|(k, v)| (k.clone(), *v)).collect(),
        )
    }

    /// Those that change an object of the user's or of the release: neither a status of a Canary nor an event.
    pub(super) fn writes(&self) -> Self {
        let writes = |verb: &str| ["create", "update", "patch", "delete"].contains(&verb);
        let tells = |resource: &str| resource == "canaries.flagger.app/status" || resource.starts_with("events");
        let counted = |(verb, resource): &(String, String)| writes(verb) && !tells(resource);
        Self(self.of_the_work().0.into_iter().filter(|(request, _)| counted(request)).collect())
    }

    /// How many there were of one verb on one resource.
    pub(super) fn of(&self, verb: &str, resource: &str) -> u64 {
        self.0.get(&(verb.to_owned(), resource.to_owned())).copied().unwrap_or_default()
    }

    pub(super) fn total(&self) -> u64 {
        self.0.values().sum()
    }
}

/// A table, the most frequent first.
impl fmt::Display for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows: Vec<_> = self.0.iter().collect();
        rows.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        for ((verb, resource), count) in rows {
            writeln!(f, "{count:>5}  {verb:<7} {resource}")?;
        }
        write!(f, "{:>5}  in all", self.total())
    }
}
