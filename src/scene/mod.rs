//! Stub until the lead's room lands.
#![allow(missing_docs)]
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::api;
use crate::metric::Ask;
use crate::model::{Complaint, Effect, Facts, Journal, Measurement, Question};
use crate::object::{Change, Kind, ObjectKey, Objects};

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Lookups { pub keys: Vec<ObjectKey>, pub labelled: Vec<Labelled> }
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Labelled { pub kind: Kind, pub namespace: String, pub label: &'static str, pub value: String }
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Defaults { pub provider: String, pub metrics_server: String, pub selector_labels: Vec<String>, pub include_label_prefix: Vec<String> }
#[derive(Clone, Debug)]
pub struct Scene { pub canary: api::Canary, pub objects: Objects, pub defaults: Arc<Defaults>, pub unserved: BTreeSet<Kind> }
impl Scene {
    pub fn facts(&self) -> Facts { unimplemented!() }
    pub fn changes(&self, _: &Effect) -> Result<Vec<Change>, Complaint> { unimplemented!() }
    pub fn ask(&self, _: &Question) -> Result<Ask, Measurement> { unimplemented!() }
}
pub fn lookups(_: &api::Canary, _: &Defaults) -> Lookups { Lookups::default() }
pub fn status(_: &Journal, _: Option<&api::CanaryStatus>) -> api::CanaryStatus { unimplemented!() }
