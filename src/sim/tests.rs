//! Many seeds, side by side, and what they must have reached to count.

use std::thread;

use super::*;

/// Seeds of one test run; more by building with `SERIN_SEEDS=10000`, or with `serin simulate --seed 0 --count 10000`.
const SEEDS: u64 = 150;
/// Those besides that release a StatefulSet in place, and as many that release a DaemonSet so.
const IN_PLACE: u64 = 40;
/// Those of whole groups.
const GROUPS: usize = 16;
const THREADS: usize = 2;

#[test]
fn every_invariant_holds_for_every_seed_and_all_is_reached() {
    let seeds = option_env!("SERIN_SEEDS").and_then(|n| n.parse().ok()).unwrap_or(SEEDS);
    let mut summary = Summary::default();
    thread::scope(|scope| {
        let in_place = usize::try_from(seeds.min(IN_PLACE)).unwrap();
        let all =
            move || (0..seeds).chain((trial::IN_PLACE..).take(in_place)).chain((trial::ON_NODES..).take(in_place));
        let share = |thread| move || all().skip(thread).step_by(THREADS).map(run).collect::<Vec<_>>();
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(share(thread))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).for_each(|report| summary.add(report));
    });
    println!("{summary}");
    assert!(summary.broken.is_empty(), "{summary}");
    assert_eq!(summary.missed(), Vec::<&str>::new());
}

#[test]
fn no_round_of_a_group_ends_in_two_ways_whatever_befalls_its_members() {
    let seeds = option_env!("SERIN_SEEDS").and_then(|n| n.parse().ok()).unwrap_or(GROUPS);
    let mut summary = Summary::default();
    thread::scope(|scope| {
        let share = |thread| move || (group::GROUPS..).take(seeds).skip(thread).step_by(THREADS).map(run).collect();
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(share(thread))).collect();
        threads
            .into_iter()
            .flat_map(|thread: thread::ScopedJoinHandle<'_, Vec<_>>| thread.join().unwrap())
            .for_each(|report| summary.add(report));
    });
    println!("{summary}");
    assert!(summary.broken.is_empty(), "{summary}");
    let reached = |name: &str| summary.reached.contains_key(name);
    assert!(reached("GroupFailed") && reached("Promoted") && reached("Crash") && reached("TwoLeaders"));
}

#[test]
fn a_seed_plays_the_same_run_each_time() {
    let (first, second) = (run(7), run(7));
    assert_eq!((first.rounds, first.took, first.plans), (second.rounds, second.took, second.plans));
}

#[test]
fn the_outcome_of_each_example_is_the_one_that_its_name_promises() {
    let canary = include_str!("../../examples/istio/canary.yaml");
    for (story, verdict) in [
        (include_str!("../../examples/scenarios/good.yaml"), Verdict::Promoted),
        (include_str!("../../examples/scenarios/bad.yaml"), Verdict::RolledBack),
        (include_str!("../../examples/scenarios/slow-leak.yaml"), Verdict::RolledBack),
        (include_str!("../../examples/scenarios/no-traffic.yaml"), Verdict::RolledBack),
    ] {
        let manifests = serde_saphyr::from_multiple(canary).unwrap();
        let outcome = play(&manifests, &serde_saphyr::from_str(story).unwrap()).unwrap();
        assert_eq!((outcome.verdict, outcome.broken), (verdict, None), "{story}");
    }
}

#[test]
fn a_file_without_a_canary_is_told_so() {
    let scenario = serde_saphyr::from_str("events: []").unwrap();
    assert_eq!(play(&[], &scenario), Err(StoryError::Canaries(0)));
}

/// A healthy revision, or one of which five requests in a hundred fail, of a Canary that stands alone in its file.
fn alone(canary: &str, errors: f64) -> Result<Outcome, StoryError> {
    let story = format!("events: [{{at: 0s, revision: {{name: B, errors: {errors}}}}}]");
    play(&serde_saphyr::from_multiple(canary).unwrap(), &serde_saphyr::from_str(&story).unwrap())
}

/// A Canary with these fields of its spec, and the usual ones.
fn canary(fields: &str) -> String {
    let target = "targetRef: {apiVersion: apps/v1, kind: Deployment, name: shop}, service: {port: 80}";
    format!("{{apiVersion: flagger.app/v1beta1, kind: Canary, metadata: {{name: shop}}, spec: {{{target}, {fields}}}}}")
}

#[test]
fn a_canary_alone_in_its_file_is_played_with_the_route_and_the_autoscaler_that_it_names() {
    let steps = "analysis: {interval: 10s, threshold: 2, stepWeights: [20, 40]}";
    let scaler =
        |version: &str, kind: &str| format!("autoscalerRef: {{apiVersion: {version}, kind: {kind}, name: shop}}");
    for named in [
        "provider: nginx, ingressRef: {apiVersion: networking.k8s.io/v1, kind: Ingress, name: shop}".to_owned(),
        "provider: skipper, ingressRef: {apiVersion: networking.k8s.io/v1, kind: Ingress, name: shop}".to_owned(),
        "provider: apisix, routeRef: {apiVersion: apisix.apache.org/v2, kind: ApisixRoute, name: shop}".to_owned(),
        "provider: gloo, upstreamRef: {apiVersion: gloo.solo.io/v1, kind: Upstream, name: shop}".to_owned(),
        scaler("autoscaling/v2", "HorizontalPodAutoscaler"),
        scaler("keda.sh/v1alpha1", "ScaledObject"),
    ] {
        let outcome = alone(&canary(&format!("{named}, {steps}")), 0.0).unwrap_or_else(|e| panic!("{named}: {e}"));
        assert_eq!((outcome.verdict, outcome.broken), (Verdict::Promoted, None), "{named}");
    }
}

#[test]
fn blue_green_with_a_load_test_has_requests_to_judge() {
    let hook = "{name: load, url: \"http://load.test\", metadata: {cmd: hey}}";
    let file = |hooks: &str| {
        let metrics = "[{name: request-success-rate, thresholdRange: {min: 99}}]";
        canary(&format!(
            "analysis: {{interval: 10s, threshold: 2, iterations: 3, webhooks: [{hooks}], metrics: {metrics}}}"
        ))
    };
    let verdict = |hooks: &str, errors: f64| alone(&file(hooks), errors).unwrap().verdict;
    assert_eq!(verdict(hook, 0.0), Verdict::Promoted);
    assert_eq!(verdict(hook, 5.0), Verdict::RolledBack);
    assert_eq!(verdict("", 0.0), Verdict::RolledBack, "nobody sends requests to it");
    let assumed = alone(&file(hook), 0.0).unwrap().assumed;
    assert_eq!(assumed, ["a load test sends 10 requests a second to the canary (loadTest in the scenario)"]);
}

#[test]
fn a_query_of_the_users_own_goes_as_the_requests_go_unless_the_scenario_tells_it() {
    let file = |range: &str| {
        let metric = format!("{{name: queue, query: \"sum(queue)\", thresholdRange: {range}}}");
        canary(&format!("analysis: {{interval: 10s, threshold: 2, stepWeights: [20, 40], metrics: [{metric}]}}"))
    };
    for range in ["{min: 99}", "{max: 0.5}", "{min: 2, max: 100}", "{max: 0}", "{min: 0}", "{max: -5}"] {
        assert_eq!(alone(&file(range), 0.0).unwrap().verdict, Verdict::Promoted, "{range}");
        assert_eq!(alone(&file(range), 5.0).unwrap().verdict, Verdict::RolledBack, "{range}");
    }
    let told = "events: [{at: 0s, revision: {name: B, kpis: {queue: 101}}}]";
    let manifests = serde_saphyr::from_multiple(&file("{min: 2, max: 100}")).unwrap();
    let outcome = play(&manifests, &serde_saphyr::from_str(told).unwrap()).unwrap();
    assert_eq!((outcome.verdict, outcome.assumed), (Verdict::RolledBack, Vec::<String>::new()));
}

#[test]
fn what_cannot_be_played_is_said_with_its_reason() {
    let steps = "analysis: {interval: 10s, threshold: 2, stepWeights: [20]}";
    let reference = |kind: &str| canary(steps).replace("kind: Deployment", kind);
    let sentence = |file: &str| alone(file, 0.0).unwrap_err().to_string();
    assert!(sentence(&reference("kind: DaemonSet")).starts_with("DaemonSet/shop beside its primary cannot be played"));
    assert!(sentence(&reference("kind: Service")).starts_with("Service/shop cannot be played"));
    let unknown = sentence(&canary(&format!("provider: ngnix, {steps}")));
    assert!(unknown.contains("ngnix"), "{unknown}");
}
