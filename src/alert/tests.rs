//! When an alert comes, what it shows, and how each chat gets it.

use serde_json::{Value, json};

use super::*;
use crate::http::{Credentials, HttpResponse};
use crate::model::Percent;

fn around() -> Surroundings {
    Surroundings {
        cluster: Some("eu-1".to_owned()),
        threshold: "5".to_owned(),
        deadline_seconds: "60".to_owned(),
        routing: Some("Weight step: 10 max: 50".to_owned()),
    }
}

fn alert(notice: &Notice) -> Alert {
    of(notice, &CanaryRef::podinfo(), &around()).unwrap()
}

fn chat(kind: ChatKind, address: &str) -> Chat {
    Chat { kind, address: address.to_owned(), token: None, channel: None, username: None, proxy: None }
}

fn sent(chat: &Chat, alert: &Alert) -> (String, Value) {
    let request = chat.request(alert).unwrap();
    assert_eq!(request.headers, [("content-type".to_owned(), "application/json".to_owned())]);
    (request.url, serde_json::from_slice(&request.body).unwrap())
}

const UPDATING: Unready = Unready::Updating { updated: 0, desired: 1 };

#[test]
fn a_new_revision_shows_its_surroundings_and_an_end_only_the_cluster() {
    let fields = |notice: &Notice| alert(notice).fields.iter().map(|(t, v)| format!("{t}={v}")).collect::<Vec<_>>();
    let all = [
        "Cluster=eu-1",
        "Target=Deployment/podinfo.test",
        "Failed checks threshold=5",
        "Progress deadline=60s",
        "Traffic routing=Weight step: 10 max: 50",
    ];
    assert_eq!(fields(&Notice::NewRevision), all);
    assert_eq!(fields(&Notice::Initialized), all);
    assert_eq!(fields(&Notice::Promoted), ["Cluster=eu-1"]);
    let alone = of(&Notice::Promoted, &CanaryRef::podinfo(), &Surroundings::default()).unwrap();
    assert_eq!(alone.fields, []);
}

#[test]
fn every_end_of_a_release_alerts_with_its_severity() {
    let waits = "waiting for rollout to finish: 0 out of 1 new replicas have been updated";
    let deadline = format!("Progress deadline exceeded canary deployment podinfo.test not ready: {waits}");
    for (notice, severity, message) in [
        (Notice::Promoted, Severity::Info, "Canary analysis completed successfully, promotion finished."),
        (Notice::PromotedUnanalysed, Severity::Info, "Canary analysis was skipped, promotion finished."),
        (Notice::ThresholdReached(5), Severity::Error, "Failed checks threshold reached 5"),
        (Notice::HarmFound("errors".to_owned()), Severity::Error, "Rolled back: errors"),
        (Notice::DeadlineExceeded(UPDATING), Severity::Error, deadline.as_str()),
        (Notice::PromotionFailed(UPDATING), Severity::Error, &format!("Promotion failed, primary not ready: {waits}")),
        (
            Notice::Withdrawn,
            Severity::Info,
            "podinfo.test is back at the promoted revision, the release was withdrawn.",
        ),
    ] {
        let alert = alert(&notice);
        assert_eq!((alert.severity, alert.message.as_str(), alert.about.as_str()), (severity, message, "podinfo.test"));
        assert_eq!(alert.end, End::Yes, "{notice:?}");
    }
    assert_eq!([alert(&Notice::NewRevision).end, alert(&Notice::Initialized).end], [End::No, End::No]);
    assert_eq!(of(&Notice::Advanced(Percent::FULL), &CanaryRef::podinfo(), &around()), None);
}

#[test]
fn a_gate_that_waits_is_a_warning_and_one_that_is_overdue_an_end() {
    let closed = |moment| alert(&Notice::GateClosed(moment, "ask".to_owned(), "no".to_owned()));
    assert_eq!(closed(Moment::ConfirmRollout).message, "Canary is waiting for approval.");
    assert_eq!(closed(Moment::ConfirmPromotion).message, "Canary promotion is waiting for approval.");
    let increase = closed(Moment::ConfirmTrafficIncrease);
    assert_eq!(increase.message, "Canary traffic increase is waiting for approval.");
    assert_eq!((increase.severity, increase.end), (Severity::Warn, End::No));
    let overdue = |then| of(&Notice::GateOverdue("ask".to_owned(), then), &CanaryRef::podinfo(), &around());
    assert_eq!(overdue(Overdue::RollBack).map(|alert| alert.end), Some(End::Yes));
    assert_eq!(overdue(Overdue::GoOn), None);
    assert_eq!(alert(&Notice::RollbackRequested).message, "Rolling back manual webhook invoked");
}

#[test]
fn what_is_told_again_after_a_restart_is_the_same() {
    let told = alert(&Notice::ThresholdReached(5));
    assert_eq!(again(told.severity, &told.message, &CanaryRef::podinfo(), &around()), told);
}

#[test]
fn slack_gets_an_attachment_by_webhook_or_by_a_bots_token() {
    let (url, body) = sent(&chat(ChatKind::Slack, "https://hooks.slack.com/services/x"), &alert(&Notice::Promoted));
    assert_eq!(url, "https://hooks.slack.com/services/x");
    let attachment = json!({"color": "good", "author_name": "podinfo.test",
        "text": "Canary analysis completed successfully, promotion finished.", "mrkdwn_in": ["text"],
        "fields": [{"title": "Cluster", "value": "eu-1", "short": false}]});
    let expected = json!({"channel": "general", "username": "flagger", "icon_url": "", "icon_emoji": ":rocket:",
        "attachments": [attachment]});
    assert_eq!(body, expected);
    let bot = Chat {
        token: Some("xoxb".to_owned()),
        channel: Some("dev".to_owned()),
        ..chat(ChatKind::Slack, "https://s/api")
    };
    let request = bot.request(&alert(&Notice::ThresholdReached(1))).unwrap();
    assert_eq!(request.credentials, Credentials::Bearer("xoxb".to_owned()));
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!((&body["channel"], &body["attachments"][0]["color"]), (&json!("dev"), &json!("danger")));
}

#[test]
fn discord_takes_slacks_message_below_its_own_path() {
    for (address, url) in [
        ("https://discord.com/api/webhooks/1/x", "https://discord.com/api/webhooks/1/x/slack"),
        ("https://discord.com/api/webhooks/1/x/slack", "https://discord.com/api/webhooks/1/x/slack"),
        ("https://discord.com/api/webhooks/1/x/?wait=true", "https://discord.com/api/webhooks/1/x/slack?wait=true"),
    ] {
        assert_eq!(sent(&chat(ChatKind::Discord, address), &alert(&Notice::Promoted)).0, url);
    }
}

#[test]
fn rocket_has_colours_of_its_own() {
    let colour = |notice: &Notice| {
        sent(&chat(ChatKind::Rocket, "https://r/hooks/x"), &alert(notice)).1["attachments"][0]["color"].clone()
    };
    assert_eq!((colour(&Notice::Promoted), colour(&Notice::ThresholdReached(1))), (json!("#0076D7"), json!("#FF0000")));
}

#[test]
fn teams_gets_a_card_with_facts() {
    let (_, body) = sent(&chat(ChatKind::MsTeams, "https://t/webhook"), &alert(&Notice::ThresholdReached(5)));
    let section = json!({"activityTitle": "Failed checks threshold reached 5", "activitySubtitle": "podinfo.test",
        "facts": [{"name": "Cluster", "value": "eu-1"}]});
    let expected = json!({"@type": "MessageCard", "@context": "http://schema.org/extensions", "themeColor": "FF0000",
        "summary": "podinfo.test", "sections": [section]});
    assert_eq!(body, expected);
}

#[test]
fn google_chat_gets_text_that_is_no_html() {
    let odd = Alert { message: "a < b & c".to_owned(), ..alert(&Notice::Promoted) };
    let (_, body) = sent(&chat(ChatKind::GChat, "https://chat.googleapis.com/v1/spaces/x?key=k"), &odd);
    let widgets = &body["cards"][0]["sections"][0]["widgets"];
    let text = "<font color=#848484><strong>a &lt; b &amp; c</strong></font>";
    assert_eq!(widgets[0]["textParagraph"]["text"], text);
    assert_eq!(widgets[1]["textParagraph"]["text"], "Cluster<br><font color=#848484><strong>eu-1</strong></font>");
    assert_eq!(body["cards"][0]["header"]["subtitle"], "podinfo.test");
}

#[test]
fn a_secret_brings_the_address_and_the_token() {
    let secret = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), v.as_bytes().to_vec())).collect::<SecretData>()
    };
    let from =
        chat(ChatKind::Slack, "https://old").with(&secret(&[("address", "https://new\n"), ("token", "t")])).unwrap();
    assert_eq!((from.address.as_str(), from.token.as_deref()), ("https://new", Some("t")));
    let why = chat(ChatKind::Slack, "https://old").with(&secret(&[("url", "x")])).unwrap_err();
    assert_eq!(why, "the Secret has no address; write the chat's URL under this key");
}

#[test]
fn a_chat_that_refuses_is_found_out_even_where_it_answers_200() {
    let chat = chat(ChatKind::Slack, "https://s");
    let taken = |status, body: &str| chat.taken(&HttpResponse::new(status, body.as_bytes().to_vec()));
    assert_eq!(taken(200, "ok"), Ok(()));
    assert_eq!(taken(204, ""), Ok(()));
    assert_eq!(taken(200, "{\"ok\":true}"), Ok(()));
    assert!(taken(200, "{\"ok\":false,\"error\":\"channel_not_found\"}").unwrap_err().contains("channel_not_found"));
    assert_eq!(taken(404, "no_service"), Err("it answered 404: no_service".to_owned()));
}

#[test]
fn neither_a_wrong_address_nor_a_log_shows_the_url() {
    let hidden = Chat { token: Some("planted-token".to_owned()), ..chat(ChatKind::Slack, "planted.example/path") };
    let why = hidden.request(&alert(&Notice::Promoted)).unwrap_err();
    assert!(!format!("{why} {hidden:?}").contains("planted"), "{why} {hidden:?}");
}
