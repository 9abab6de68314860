//! What a release in place cannot do: the fields that mean nothing there, and why.

use kube::core::Rule;

use super::rules::rule;
use super::sentences::{self, Sentence, literal};

/// A field that means nothing where pods are replaced in place.
#[derive(Clone, Copy, Debug)]
pub struct Meaningless {
    /// Its path.
    pub field: &'static str,
    /// What is so in place.
    pub why: &'static str,
    /// What to write in its stead, after a comma.
    pub instead: &'static str,
    /// Whether it is set, in CEL.
    set: &'static str,
}

const fn unrouted(field: &'static str, set: &'static str) -> Meaningless {
    Meaningless { field, why: "no request is routed", instead: "", set }
}

/// Routes of the user's own.
pub const ROUTES: Meaningless = unrouted("spec.routeRefs", "has(self.routeRefs) && self.routeRefs.size() > 0");
/// Conditions.
pub const MATCH: Meaningless =
    unrouted("spec.analysis.match", "has(self.analysis.match) && self.analysis.match.size() > 0");
/// A preview.
pub const PREVIEW: Meaningless = unrouted("spec.analysis.preview", "has(self.analysis.preview)");
/// Copies of requests.
pub const MIRROR: Meaningless = unrouted("spec.analysis.mirror", "has(self.analysis.mirror) && self.analysis.mirror");
/// Cookies.
pub const AFFINITY: Meaningless = unrouted("spec.analysis.sessionAffinity", "has(self.analysis.sessionAffinity)");
/// The autoscaler of the target.
pub const SCALER: Meaningless = Meaningless {
    field: "spec.autoscalerRef",
    why: "the autoscaler goes on as it is and no copy of it is needed",
    instead: "",
    set: "has(self.autoscalerRef)",
};
/// Checks before the first request.
pub const ITERATIONS: Meaningless = Meaningless {
    field: "spec.analysis.iterations",
    why: "every pod that is ready gets requests",
    instead: ", and write stepWeight or stepWeights",
    set: "has(self.analysis.iterations)",
};
/// Pods that stay for a look.
pub const FREEZE: Meaningless = Meaningless {
    field: "spec.rollback.onFailure: freeze",
    why: "pods that stay for a look would go on answering users",
    instead: "",
    set: "has(self.rollback) && has(self.rollback.onFailure) && self.rollback.onFailure == 'freeze'",
};
/// A way back through older revisions.
pub const WINDOW: Meaningless = Meaningless {
    field: "spec.rollback.window",
    why: "the revision before is all there is to go back to",
    instead: "",
    set: "has(self.rollback) && has(self.rollback.window)",
};
/// Traffic that returns in steps.
pub const RETURN: Meaningless = Meaningless {
    field: "spec.analysis.stepWeightPromotion",
    why: "the remaining pods follow one by one",
    instead: "",
    set: "has(self.analysis.stepWeightPromotion)",
};

/// A promotion that is watched.
pub const BAKE: Meaningless = Meaningless {
    field: "spec.analysis.bake",
    why: "no pod is left of the revision before once every pod has the new one",
    instead: ", and let the last of stepWeights be the one that is watched longest",
    set: "has(self.analysis.bake)",
};
/// Old pods that stay.
pub const KEEP_WARM: Meaningless = Meaningless {
    field: "spec.rollback.keepWarm",
    why: "a pod is of one revision or the other",
    instead: "",
    set: "has(self.rollback) && has(self.rollback.keepWarm)",
};
/// A first deployment that is judged.
pub const FIRST: Meaningless = Meaningless {
    field: "spec.analysis.onInitialize",
    why: "nothing is made that a first revision could be judged for",
    instead: "",
    set: "has(self.analysis.onInitialize) && self.analysis.onInitialize",
};
/// The apex Service as a route.
pub const POD_ROUTING: Meaningless =
    unrouted("spec.service.podRouting", "has(self.service) && has(self.service.podRouting)");

const ALL: [Meaningless; 14] = [
    ROUTES,
    MATCH,
    PREVIEW,
    MIRROR,
    AFFINITY,
    SCALER,
    ITERATIONS,
    FREEZE,
    WINDOW,
    RETURN,
    BAKE,
    KEEP_WARM,
    FIRST,
    POD_ROUTING,
];

const ELSEWHERE: &str = "(self.targetRef.kind != 'StatefulSet' && !(self.targetRef.kind == 'DaemonSet' && \
                         has(self.targetRef.inPlace) && self.targetRef.inPlace))";

/// Only of a DaemonSet both are known.
pub(super) fn is_a_choice() -> Rule {
    let holds = "!has(self.targetRef.inPlace) || self.targetRef.kind == 'DaemonSet' || \
                 self.targetRef.inPlace == (self.targetRef.kind == 'StatefulSet')";
    let values = [
        ("value", "(self.targetRef.inPlace ? 'true' : 'false')"),
        ("how", "(self.targetRef.kind == 'StatefulSet' ? 'always' : 'never')"),
    ];
    in_place(holds.to_owned(), &sentences::CAN134, &values).field_path(".targetRef.inPlace")
}

pub(super) fn is_not_routed() -> Rule {
    let holds = format!("{ELSEWHERE} || !has(self.provider) || self.provider == 'kubernetes'");
    in_place(holds, &sentences::CAN130, &[("provider", "self.provider")]).field_path(".provider")
}

pub(super) fn means_something() -> Rule {
    let any = ALL.map(|field| format!("({})", field.set)).join(" || ");
    let first = |of: fn(&Meaningless) -> &'static str| {
        let [rest @ .., last] = &ALL;
        let others = rest.iter().map(|field| format!("({}) ? {} : ", field.set, literal(of(field))));
        format!("({}{})", others.collect::<String>(), literal(of(last)))
    };
    let values = [
        ("field", first(|field| field.field)),
        ("why", first(|field| field.why)),
        ("instead", first(|field| field.instead)),
    ];
    in_place(
        format!("{ELSEWHERE} || !({any})"),
        &sentences::CAN131,
        &values.each_ref().map(|(name, of)| (*name, of.as_str())),
    )
}

fn in_place(holds: String, sentence: &Sentence, values: &[(&str, &str)]) -> Rule {
    rule(holds, sentence, &[&[("kind", "self.targetRef.kind")], values].concat())
}
