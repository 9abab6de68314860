//! The words of the domain: what is seen, asked, decided and told about one canary.
//!
//! Plain values and their own arithmetic. Never a client, a clock, JSON, or a wire format: the other rooms translate.

mod answer;
mod comparison;
mod complaint;
pub(crate) mod duration;
mod effect;
mod endpoints;
mod facts;
mod group;
mod hook;
mod journal;
mod layout;
mod notice;
mod percent;
mod phase;
mod plan;
mod request;
mod revision;
mod routing;
mod schedule;
mod settings;
mod time;
mod turn;

pub use answer::{Answer, Measurement, Question};
pub use comparison::{Buckets, Compared, Comparison, Sample, Span, Tally, Test};
pub use complaint::{Complaint, Gravity};
pub use effect::{Effect, PrimarySource};
pub use endpoints::Endpoints;
pub(crate) use endpoints::SPREAD;
pub use facts::{CanaryRef, Facts, PrimaryMatch, PrimarySeen, RouteSeen, Seen, Shape, Standing, TargetSeen};
pub use facts::{Hold, Replacement, Rollout, ScalerSeen, Scaling, Unready};
pub use group::{Membership, Stand};
pub use hook::{Approval, Authority, Call, Deadline, Hook, HookKeys, Moment, Overdue, Reply, Shelf, Trust};
pub use journal::{Awaited, Condition, ConditionKind, Contest, Journal, Opened, Reading, Step, Truth, Verdict};
pub use layout::Layout;
pub use notice::{Notice, Tone};
pub use percent::{NotAPercentage, Percent};
pub use phase::Phase;
pub use plan::Plan;
pub use request::{Handled, Request, Verb};
pub use revision::Revision;
pub use routing::{Affinity, Cookie, Cookies, Mirror, Routing};
pub use schedule::{Calendar, Freeze, Schedule, Wait, Window};
pub use settings::{
    Audience, Builtin, CanarySize, CookieNames, Course, First, Kpi, KpiSource, Mode, Range, Recourse, Rollback, Rules,
    Settings, Steps, Strategy,
};
pub use time::Time;
pub use turn::{Entrant, Limit, Queued, Stands, Turn};
