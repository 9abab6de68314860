//! The split that users see when they come back: two cookies keep it, one drains everybody to the canary.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Scene, canary_cookie, split, sticky};
use crate::model::{Affinity, Percent, Routing};
use crate::object::value;

const USERS: u64 = 1_000;
const VISITS: u64 = 20;

/// What share of the users, in percent, is on the canary after each has come back many times.
fn canary_users_at(want: &Routing) -> u64 {
    let mut scene = Scene::of(&json!({}));
    let rules = scene.route(want).http().as_array().cloned().unwrap_or_default();
    let on_canary = |user: &u64| {
        let mut jar = BTreeMap::new();
        let side = (0..VISITS).fold(String::new(), |_, visit| visit_once(&rules, &mut jar, dice(*user, visit)));
        side == "podinfo-canary"
    };
    (0..USERS).filter(on_canary).count() as u64 * 100 / USERS
}

/// One request through the rules as Envoy reads them: the first that matches, a destination by weight, its cookie kept.
fn visit_once(rules: &[Value], jar: &mut BTreeMap<String, String>, dice: u64) -> String {
    let header = jar.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
    let matches = |rule: &&Value| match value::text(rule, &["match", "0", "headers", "Cookie", "regex"]) {
        Some(regex) => regex.split(".*").all(|part| header.contains(part)),
        None => true,
    };
    let rule = rules.iter().find(matches).expect("the last rule matches everything");
    let weight = |i: usize| rule["route"][i]["weight"].as_u64().unwrap_or(0);
    let chosen = &rule["route"][usize::from(dice >= weight(0))];
    if let Some(text) = value::text(chosen, &["headers", "response", "add", "Set-Cookie"]) {
        let (name, value) = text.split(';').next().and_then(|cookie| cookie.split_once('=')).expect("a cookie");
        jar.insert(name.to_owned(), value.to_owned());
    }
    value::text(chosen, &["destination", "host"]).unwrap_or_default().to_owned()
}

/// A number below 100 that looks like chance and is the same each time (splitmix64).
fn dice(user: u64, visit: u64) -> u64 {
    let mut z = (user * VISITS + visit).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (z ^ (z >> 31)) % 100
}

#[test]
fn two_cookies_keep_the_split_for_users_who_come_back() {
    for weight in [10, 30, 50] {
        let seen = canary_users_at(&sticky(weight));
        assert!(seen.abs_diff(u64::try_from(weight).expect("it is positive")) <= 4, "{seen} % at {weight} %");
    }
}

#[test]
fn one_cookie_drains_users_to_the_canary() {
    let affinity = Affinity::Sticky { canary: canary_cookie(), primary: None };
    let seen = canary_users_at(&Routing { affinity, ..split(10) });
    assert!(seen > 80, "{seen} % at 10 %: if this has changed, one cookie is enough and the docs may say so");
}

#[test]
fn users_of_a_finished_release_all_reach_the_primary() {
    let want = Routing { canary: Percent::ZERO, affinity: Affinity::Expire(canary_cookie()), ..split(0) };
    assert_eq!(canary_users_at(&want), 0);
}
