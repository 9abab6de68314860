//! What is asked of a data plane that cannot do it, and which ones can.

use super::{ALL, Capabilities, RouteError, Router, Target};
use crate::api;
use crate::model::{Affinity, Mirror, Percent, Routing};

/// An error for the first thing in `want` that the router cannot do: left out, it would never come true.
pub(super) fn refuse_what_it_cannot(
    router: &dyn Router,
    target: &Target<'_>,
    want: &Routing,
) -> Result<(), RouteError> {
    router.check(target)?;
    let can = router.capabilities(target.service);
    let asked = [
        (!target.conditions().is_empty(), MATCHES),
        (want.mirror != Mirror::Off, MIRROR),
        (want.affinity != Affinity::None, AFFINITY),
        (want.preview, PREVIEW),
        (!want.canary.is_zero(), WEIGHTS),
        (!want.canary.is_whole(), FINE),
        (can.weights && !target.service.further_ports().is_empty(), PORTS),
        (!target.conditions().is_empty() && is_shared(want.canary), MATCH_SHARES),
    ];
    let lacking = asked.into_iter().find(|(asked, ability)| *asked && !(ability.of)(&can));
    lacking.map_or(Ok(()), |(_, ability)| Err(ability.refused(router, target.service)))
}

fn is_shared(canary: Percent) -> bool {
    !canary.is_zero() && canary != Percent::FULL
}

/// Something that not every data plane can do.
#[derive(Clone, Copy)]
pub(crate) struct Ability {
    /// What asks for it.
    pub(crate) field: &'static str,
    /// What it is, behind "cannot".
    pub(crate) what: &'static str,
    /// Who can.
    pub(crate) of: fn(&Capabilities) -> bool,
}

pub(crate) const MATCHES: Ability =
    Ability { field: "spec.analysis.match", what: "share requests by a condition", of: |can| can.matches };
pub(crate) const MIRROR: Ability =
    Ability { field: "spec.analysis.mirror", what: "copy requests", of: |can| can.mirror };
pub(crate) const AFFINITY: Ability =
    Ability { field: "spec.analysis.sessionAffinity", what: "keep users on a side by cookies", of: |can| can.affinity };
pub(crate) const PREVIEW: Ability = Ability {
    field: "spec.analysis.preview",
    what: "show the canary to requests that match, beside its weight",
    of: |can| can.preview,
};
const WEIGHTS: Ability =
    Ability { field: "spec.analysis.stepWeight", what: "share requests by weight", of: |can| can.weights };
pub(crate) const FINE: Ability =
    Ability { field: "a weight finer than 1 %", what: "share requests in fractions of a percent", of: |can| can.fine };
pub(crate) const PORTS: Ability =
    Ability { field: "spec.service.ports", what: "route several ports", of: |can| can.ports && can.weights };

pub(crate) const MATCH_SHARES: Ability = Ability {
    field: "spec.analysis.match",
    what: "share matching requests by weight (it routes all of them with spec.analysis.iterations)",
    of: |can| can.matches && !can.whole_matches,
};

impl Ability {
    fn refused(self, router: &dyn Router, service: &api::CanaryService) -> RouteError {
        let provider = router.providers().first().copied().unwrap_or_default();
        let protocol = service.app_protocol.as_ref().map(|p| format!(" with appProtocol {p}")).unwrap_or_default();
        let able: Vec<_> = ALL
            .iter()
            .filter(|other| (self.of)(&other.capabilities(service)))
            .filter_map(|other| other.providers().first().copied())
            .collect();
        let cure = if able.is_empty() { String::new() } else { format!(", or use one of: {}", able.join(", ")) };
        RouteError {
            reason: "UnsupportedRouting",
            sentence: format!(
                "{} is set, but provider {provider}{protocol} cannot {}, so the route stays as it is; remove the field{cure}",
                self.field, self.what
            ),
        }
    }
}
