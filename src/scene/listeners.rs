//! Who hears the events of a canary.

use super::Scene;
use crate::model::{Hook, Moment};
use crate::settings;

impl Scene {
    /// The event hooks of the Canary; the operator's, where it has none. A spec that cannot be worked on has them too: that
    /// is what they want to hear.
    pub fn listeners(&self) -> Vec<Hook> {
        let mut own = settings::hooks(&self.canary.spec);
        own.retain(|hook| hook.moment == Moment::Event);
        if own.is_empty() {
            own.extend(self.defaults.event_webhook.as_deref().map(settings::listener));
        }
        own
    }
}
