//! The one table of sentences about an object: CEL rules, the condition Stalled, events and lint all speak from it.
//!
//! Each sentence names the field and its value, says the consequence, and tells what to write instead. It has a check
//! number that documents can point to and a reason that conditions and events carry; neither ever changes its meaning.

use kube::core::Message;

/// Something to say about an object. `{name}` in the text stands for a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sentence {
    /// Check number, for example CAN006.
    pub id: &'static str,
    /// CamelCase reason of the condition and the event.
    pub reason: &'static str,
    /// The text with its placeholders.
    pub text: &'static str,
}

impl Sentence {
    /// The sentence with its values.
    pub fn say(&self, values: &[(&str, &str)]) -> String {
        pieces(self.text)
            .map(|piece| match piece {
                Piece::Words(words) => words,
                Piece::Value(name) => value(name, values),
            })
            .collect()
    }

    /// The sentence as the message of a CEL rule; the values are CEL expressions.
    ///
    /// One call of `format`, because the apiserver prices a sum of strings by their largest sizes and takes a number
    /// that became a string for unbounded.
    pub fn cel(&self, values: &[(&str, &str)]) -> Message {
        if values.is_empty() {
            return Message::Message(self.text.to_owned());
        }
        let mut template = String::new();
        let mut arguments = Vec::new();
        for piece in pieces(self.text) {
            match piece {
                Piece::Words(words) => template.push_str(&words.replace('%', "%%")),
                Piece::Value(name) => {
                    template.push_str("%s");
                    arguments.push(value(name, values));
                }
            }
        }
        Message::Expression(format!("{}.format([{}])", literal(&template), arguments.join(", ")))
    }
}

/// A CEL string with these words.
pub(super) fn literal(words: &str) -> String {
    format!("'{}'", words.replace('\\', r"\\").replace('\'', r"\'"))
}

enum Piece<'a> {
    Words(&'a str),
    Value(&'a str),
}

fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    text.split('{')
        .enumerate()
        .flat_map(|(index, part)| match part.split_once('}') {
            Some((name, words)) if index > 0 => [Piece::Value(name), Piece::Words(words)],
            _ => [Piece::Words(part), Piece::Words("")],
        })
        .filter(|piece| !matches!(piece, Piece::Words("")))
}

fn value<'a>(name: &'a str, values: &[(&str, &'a str)]) -> &'a str {
    values.iter().find(|(known, _)| *known == name).map_or(name, |(_, value)| value)
}

macro_rules! sentences {
    ($($id:ident $reason:ident $text:literal)*) => {
        $(
            #[doc = $text]
            pub const $id: Sentence = Sentence { id: stringify!($id), reason: stringify!($reason), text: $text };
        )*

        /// Every sentence, by check number.
        pub const ALL: &[&Sentence] = &[$(&$id),*];
    };
}

sentences! {
    ALT006 NoAlertAddress
    "neither spec.address nor spec.secretRef is set, so no message could be sent; write secretRef with the name of a Secret that has the key address"

    CAN003 TwoStepForms
    "spec.analysis has {forms} together and they contradict each other; keep one of them"

    CAN004 NoStepForm
    "spec.analysis has none of iterations, stepWeight and stepWeights, so a release would never advance; write one of them, for example stepWeight: 10"

    CAN005 WeightOutOfBounds
    "spec.analysis.{field} is {value} and a release would hang there; write {range}"

    CAN006 StepsDoNotRise
    "spec.analysis.stepWeights is {value}, which does not rise at every step, and a release would stop there for ever; write rising weights, for example [10, 20, 50]"

    CAN009 NoWholeNumber
    "{value} is no whole number, and weights, counts, seconds and ports are whole; drop the fraction"

    CAN010 NoDuration
    "{field} is {value}, which is no length of time, so nothing would ever be due; write a number with h, m or s, for example 30s, 5m or 1h"

    CAN011 WeightTooFine
    "{value} is finer than 0.01, and no weight is; write a number of percent with at most two decimals"

    CAN015 ProviderCannotMirror
    "spec.analysis.mirror is true, but the provider {provider} cannot copy requests, so a release would never start; drop mirror, or use one of: apisix, contour, gatewayapi:v1, gatewayapi:v1beta1, gloo, istio, traefik"

    CAN017 CookiesAreTheSame
    "sessionAffinity.cookieName and primaryCookieName are both {value}, so clients of the two sides could not be told apart; give them different names"

    CAN020 NameTooLong
    "the Service {name}-primary would have a name of {length} characters and 63 are allowed, so it could not be made; write a spec.service.name of at most 55 characters"

    CAN026 ReferenceMissing
    "the provider {provider} needs {field}, which is missing, so there is no route whose traffic could be shifted; write {field} with {what}"

    CAN027 DelegateIsNotBare
    "spec.service.delegation is true, but {fields} is set and a delegate VirtualService has neither hosts nor gateways, so no route could be written; drop {fields}, or drop delegation"

    CAN029 TargetMissing
    "{kind}/{name} is not in namespace {namespace}, so there is nothing to release; apply it, or correct spec.targetRef.name"

    CAN030 NoSelectorLabel
    "{kind}/{target} has none of the labels {labels} in spec.selector.matchLabels (it has {has}), so its pods could not be told from those of {target}-primary and nothing is released; {cure}"

    CAN032 TargetIsTaken
    "{kind}/{name} is released by canary {other} already, which is older, and two would fight over it, so this one does nothing; delete one of them, or write another spec.targetRef.name"

    CAN038 MetricWithoutSource
    "metric {name} has no templateRef and no query and is not builtin, so each check would fail and every release would be rolled back; write templateRef, or use request-success-rate or request-duration"

    CAN039 RangeIsEmpty
    "thresholdRange has min {min} above max {max}, so no value could pass and every release would be rolled back; swap them"

    CAN045 NoIterations
    "spec.analysis.iterations is {value}, so a release would never advance; write 1 or more, or write stepWeight instead"

    CAN046 ServiceMissing
    "spec.service is missing, so there would be no Service to route to; write spec.service with the port of the {kind}"

    CAN047 KnativeMismatch
    "spec.provider is {provider} and the target is a {kind} of {apiVersion}, but the provider knative and a Knative Service (kind Service, apiVersion serving.knative.dev/v1) only go together; change one of them"

    CAN048 KnativeScalesItself
    "spec.autoscalerRef is set, but a Knative Service scales itself and no copy could be made; drop autoscalerRef"

    CAN049 TwoForms
    "only one of {forms} can hold here; keep one of them"

    CAN050 NotOneForm
    "exactly one of {forms} must be set here; without it no request would match"

    CAN051 BackendPortMissing
    "backendRef names the Service {name} without a port, so the route would be refused; write port"

    CAN053 InlineQueryDoesNotRender
    "the query of metric {metric} does not render, so each check of it fails: {error}"

    CAN054 NoMetricsServer
    "metric {metric} asks Prometheus, and neither spec.metricsServer nor the flag --metrics-server gives its address, so each check of it fails; write spec.metricsServer, for example http://prometheus.monitoring:9090"

    CAN055 MetricsServerIsNoUrl
    "metric {metric} asks Prometheus at spec.metricsServer or else --metrics-server, so each check of it fails: {error}"

    CAN057 HookUrlUnusable
    "webhook {name} has the url {value}, which is no http or https URL, so no call could be made and no release would start; write one, for example http://loadtester.test/gate/check"

    CAN058 GatePassedBesideOthers
    "webhook {name} has onDeadline: pass and is not the only one of type {type}, so it could carry a release past the others; give each of them a type of its own, or write onDeadline: fail"

    CAN060 LabelTooLong
    "{field} is {value}, which makes the label value {label} of {length} characters where 63 are allowed, so nothing can be made for it; write at most {limit} characters"

    CAN061 NoPodTemplate
    "{kind}/{target} has no spec.template, so there is nothing to release; write one, or name another target in spec.targetRef"

    CAN062 ForeignPrimary
    "{kind}/{primary} selects {found} where it must select {wanted}, and the selector of a {kind} cannot be changed, so no release can be promoted; delete {kind}/{primary} or rename it, and it is made anew"

    CAN063 ConfigMissing
    "{kind}/{name} is not in namespace {namespace}, and the pods of the target cannot start without it, so no release can start; apply it, correct its name in the pod template, or write optional: true there"

    CAN064 ScalerMissing
    "spec.autoscalerRef names {kind}/{name}, which is not in namespace {namespace}, so the primary keeps the pods that it has whatever its load; apply it, or drop autoscalerRef"

    CAN065 PodsAreNotReplaced
    "{kind}/{target} has spec.updateStrategy.type {value}, so its pods would keep the old revision and no release could be rolled out; write RollingUpdate"

    CAN066 NoKnativeRevision
    "the Knative Service {name} in namespace {namespace} has made no revision yet, so there is nothing to release; its status says why, and this goes on by itself"

    CAN070 RouterKindMissing
    "provider {provider} needs {resource}, which this cluster lacks, so no traffic can be moved; install its CRDs, or write another spec.provider"

    CAN071 ProviderCannot
    "{field} is set, but provider {provider} cannot {what}, so it would never come true; drop {field}, or use {able}"

    CAN080 SidesNotToldApart
    "metric {metric} has a comparison, and its query is the same for canary and primary, so each check of it fails; name the target in the query by its placeholder, or drop comparison"

    CAN081 RequestsNotCounted
    "metric {metric} has a comparison that counts requests, and {provider} brings no counters of them along, so each check of it fails; write comparison.type sign, or use a MetricTemplate"

    CAN082 ComparisonNotOfABuiltin
    "metric {metric} has comparison.type {type}, which counts the requests of request-success-rate and request-duration only; write sign or difference"

    CAN083 ComparisonWithoutLimit
    "metric {metric} has a comparison that needs thresholdRange.{end} to tell which requests are good; write it, for example {example}"

    CAN084 TrafficNotVerifiable
    "spec.analysis.verifyTraffic is set, and with {what} the weight does not say what share of the requests the canary gets; drop one of the two"

    CAN085 DurationsNotCounted
    "metric {metric} has comparison.type quantile, and its query is not read as one of a histogram, so each check of it fails; write histogram_quantile(0.99, sum(rate(NAME_bucket[1m])) by (le)) for Prometheus, or comparison.type sign"

    CAN086 QuantileOfShares
    "metric {metric} has comparison.type quantile, which compares how long requests take; write rateRatio, or name the metric request-duration"

    CAN090 NoTimeOfDay
    "{field} is {value}, which is no time of the day, so no window would open; write it with two digits each from 00:00 to {last}, for example 09:00"

    CAN091 WindowNeverOpens
    "a window of spec.schedule goes from {value} to {value} and would never open; write another end, or from 00:00 to 24:00 for the whole day"

    CAN092 NoDate
    "{field} is {value}, which is no date and no moment, so nothing would be frozen; write for example 2026-12-20 or 2026-12-20T12:00:00Z"

    CAN093 FreezeEndsBeforeItBegins
    "a freeze of spec.schedule goes from {from} to {to}, which is before it begins, so nothing would be frozen; swap them"

    CAN094 UnknownTimeZone
    "spec.schedule.timeZone is {value}, which is no time zone, so nobody knows when its windows open; write a name of the IANA database{similar}"

    CAN095 DependencyCycle
    "spec.dependsOn names canary {name}, which depends on this one, so neither could begin while both have a new revision; drop one of the two entries"

    CAN096 DependencyMissing
    "spec.dependsOn names canary {name}, which is not in namespace {namespace}, so no new revision is released; apply it, or drop the entry"

    CAN097 GroupDependencyCycle
    "spec.dependsOn names canary {name}, which comes after {member}, and that is promoted together with this one (group {group}), so none of them could be promoted while all have a new revision; drop one of the entries, or take one of the two out of the group"

    CAN110 PortTwice
    "spec.service.ports has a number or a name twice (service.port and portName, http by default, count too), and no Service can have that, so none is made; give each port its own number and name"

    CAN111 PortMatchedTwice
    "spec.service.match[].port is set beside spec.service.ports, where each port has a rule of its own, so the route stays as it is; drop one of the two"

    CAN120 HookUrlMissing
    "webhook {name} of type {type} has no url, and only a gate can wait for a person, so nothing could be called; write url, or one of the types confirm-rollout, confirm-traffic-increase and confirm-promotion"

    CAN121 KeysOfNoCall
    "webhook {name} has {field} but no url, so a person opens it and nobody is called; write url, or drop {field}"

    CAN122 AuthorityNotAsked
    "webhook {name} has caRef and {what}, so the server's certificate would not be verified; write an https URL without disableTLS, or drop caRef"

    CAN123 CanarySizeUnclear
    "spec.canaryReplicas has not exactly one of count, percent and followWeight, so the size of the canary is not known; write one of them, or drop canaryReplicas"

    CAN124 CanaryNotCounted
    "spec.canaryReplicas is set, and a target of kind {kind} has no number of pods to set, so it would never come true; drop it, or name a Deployment in spec.targetRef"

    CAN125 CanarySizeContested
    "spec.canaryReplicas is set, and the autoscaler {name} of spec.autoscalerRef decides on the canary's pods too, so each would undo what the other writes; drop one of the two"

    CAN130 InPlaceIsNotRouted
    "spec.provider is {provider}, and the pods of a {kind} are replaced in place, so there are no two sides to route to and no weight would come true; write provider: kubernetes"

    CAN131 NotInPlace
    "{field} is set, and the pods of a {kind} are replaced in place, where {why}, so it would never come true; drop it{instead}"

    CAN132 TooFewToShare
    "StatefulSet/{target} has spec.replicas {replicas}, so its first step would replace every pod and leave nothing to go back to; write 2 or more"

    CAN133 NoRevisionYet
    "StatefulSet/{target} in namespace {namespace} has no revision in its status yet, so there is nothing to release; this goes on by itself once its controller has seen it"

    CAN134 InPlaceIsNoChoice
    "spec.targetRef.inPlace is {value}, and a {kind} is {how} released in place, so it would never come true; drop it"

    CAN135 NoPodsToShare
    "DaemonSet/{target} in namespace {namespace} has no pods that could be shared, because its controller has counted no node for it, so nothing can be released; this goes on by itself once it has; if it does not, correct spec.template.spec.nodeSelector or tolerations"

    CAN136 NoPodMayGo
    "DaemonSet/{target} has spec.updateStrategy.rollingUpdate.maxUnavailable {value}, and in place an old pod goes before the new one of its node comes, so no pod could ever be replaced; write 1 or more"

    CAN150 NoPodsToWatch
    "{field} is set, and a target of kind Service has no pods that could be watched or judged, so it would never come true; drop it, or name a workload in spec.targetRef"

    CAN151 NothingToWatch
    "{field} is set, but spec.analysis.metrics has no KPI with a limit of its own (what only compares two sides has none), so nothing could ever fail; add one with thresholdRange, or drop the field"

    CAN152 NothingKeptWarm
    "spec.rollback.keepWarm is set beside {what}, where the canary never has everybody's requests, so no old pods would be kept for a way back; drop one of the two"

    CAN153 PodRoutingElsewhere
    "spec.service.podRouting is set, and provider {provider} has routes of its own, so the apex Service leads to the primary alone; drop it, or write spec.provider: kubernetes without routeRefs"

    CAN154 SharedLabelNeeded
    "spec.analysis.{field} is set, and without spec.service.podRouting.sharedLabel the apex Service leads to one side or the other, so no share would ever be routed; name a label there that the target's pods have, or write iterations"

    CAN155 PodShareContested
    "spec.service.podRouting makes the canary's share from the number of its pods, which {field} decides on too, so each would undo what the other does; drop one of the two, or write iterations"

    CAN156 SharedLabelMissing
    "the pod template of {target} has no label {label} besides the one that tells the sides apart, so the apex Service could not select both sides as spec.service.podRouting asks, and no share is routed; add it, with a value that no other pods have"

    CAN157 PrimaryLacksLabel
    "the pods of {primary} have not the label {label} that {target} has, so the apex Service could not select both sides as spec.service.podRouting asks, and no share is routed; promote this revision by the annotation serin.dev/request: promote/<id>, and the next one is shared"

    CAN160 NoGroupName
    "spec.group is {value}, which cannot name a group, so nothing is released; write up to 63 lower-case letters, digits and dashes, for example shop"

    MET002 QueryDoesNotRender
    "Metric template {template} query render error: {error}; until then each check of metric {metric} fails"

    MET009 ProviderAddressMissing
    "spec.provider.address is missing and the provider {type} has no address of its own, so each check would fail; write its base URL, for example http://prometheus.monitoring:9090"

    MET010 ProviderRegionMissing
    "spec.provider.region is missing and cloudwatch is asked region by region, so each check would fail; write it, for example eu-west-1"

    MET012 TemplateMissing
    "Metric template {template} error: it is not there, so each check of metric {metric} fails; apply it, or correct templateRef"

    MET013 TemplateUnreadable
    "Metric template {template} error: {error}, so each check of metric {metric} fails; correct the template"

    MET015 ProviderUnknown
    "Metric template {template} provider {type} error: there is no such provider, so each check of metric {metric} fails; write one of: {served}"

    MET016 TemplateAddressMissing
    "Metric template {template} provider {type} error: spec.provider.address is missing, so each check of metric {metric} fails; write its base URL, for example http://prometheus.monitoring:9090"

    MET017 TemplateAddressIsNoUrl
    "Metric template {template} error: spec.provider.address {error}; until then each check of metric {metric} fails"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_says_its_values() {
        assert_eq!(CAN051.say(&[("name", "shadow")]), CAN051.text.replace("{name}", "shadow"));
    }

    #[test]
    fn a_sentence_without_values_is_a_plain_message() {
        assert_eq!(CAN004.cel(&[]), Message::Message(CAN004.text.to_owned()));
    }

    #[test]
    fn a_sentence_with_values_is_a_template_and_its_arguments() {
        let sentence = Sentence { id: "X", reason: "X", text: "it's {a}, then {b} %" };
        let message = Message::Expression(r"'it\'s %s, then %s %%'.format([self.a, size(self.b)])".to_owned());
        assert_eq!(sentence.cel(&[("a", "self.a"), ("b", "size(self.b)")]), message);
    }

    #[test]
    fn check_numbers_and_reasons_are_unique_and_sorted() {
        assert!(ALL.is_sorted_by(|a, b| a.id < b.id));
        let reasons: std::collections::BTreeSet<_> = ALL.iter().map(|sentence| sentence.reason).collect();
        assert_eq!(reasons.len(), ALL.len());
    }

    #[test]
    fn a_sentence_fits_on_one_line_and_has_no_full_stop() {
        for sentence in ALL {
            assert!(!sentence.text.contains('\n') && !sentence.text.ends_with('.'), "{}", sentence.id);
        }
    }
}
