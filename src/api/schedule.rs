//! `spec.schedule`: when releases may start and advance.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rules;

/// When releases may start and advance. A rollback never waits, and a promotion that has begun is finished.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseSchedule {
    /// By whose clocks windows and dates go, for example Europe/Berlin. Default UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub time_zone: Option<String>,

    /// Releases start and advance within one of these alone. Default: always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub windows: Option<Vec<ReleaseWindow>>,

    /// When nothing starts or advances, whatever the windows say. Default: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub freezes: Option<Vec<ReleaseFreeze>>,
}

/// A span of time on some days of every week. A time that clocks skip is the first that they show after it; one that comes twice
/// counts from its first to its last.
#[derive(Serialize, Deserialize, KubeSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = rules::window_opens())]
pub struct ReleaseWindow {
    /// The days on which it begins. Default: every day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 7))]
    pub days: Option<Vec<Day>>,

    /// When it begins, as 09:00.
    #[x_kube(validation = rules::clock("spec.schedule.windows[].from", "23:59", rules::FROM))]
    #[schemars(length(max = 16))]
    pub from: String,

    /// When it ends, as 17:00, and up to 24:00; on the next day where it is before from.
    #[x_kube(validation = rules::clock("spec.schedule.windows[].to", "24:00", rules::TO))]
    #[schemars(length(max = 16))]
    pub to: String,
}

/// A day of the week.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Day {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

impl Day {
    /// Every day, in the order of the week.
    pub const ALL: [Self; 7] = [Self::Mon, Self::Tue, Self::Wed, Self::Thu, Self::Fri, Self::Sat, Self::Sun];
}

/// A span of time in which nothing starts or advances.
#[derive(Serialize, Deserialize, KubeSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = rules::freeze_in_order())]
pub struct ReleaseFreeze {
    /// Its beginning: a date, which is the whole day, or a moment as 2026-12-20T12:00:00Z.
    #[x_kube(validation = rules::date("spec.schedule.freezes[].from"))]
    #[schemars(length(max = 64))]
    pub from: String,

    /// Its end: a date, which is the whole day, or a moment.
    #[x_kube(validation = rules::date("spec.schedule.freezes[].to"))]
    #[schemars(length(max = 64))]
    pub to: String,

    /// Why, for whoever waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub reason: Option<String>,
}
